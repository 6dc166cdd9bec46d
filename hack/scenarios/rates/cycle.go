package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
)

// cycle is how long kube-remedy itself takes, without waiting for Kubernetes to fail or to start anything.
type cycle struct {
	// stored are the times from the last answer that the watcher read to the Remediation being stored, by the audit log
	// of the API server: diagnosis, prescription and two writes.
	stored []time.Duration
	// median and p99 are the webhook's, from a review received to its answer sent; reviews is of how many.
	median, p99 time.Duration
	reviews     int
}

func (c cycle) String() string {
	var out strings.Builder
	out.WriteString("| kube-remedy's own part | measured | median | goal | p99 |\n|---|---|---|---|---|\n")
	if len(c.stored) > 0 {
		sorted := slices.Sorted(slices.Values(c.stored))
		fmt.Fprintf(&out, "| evidence complete → Remediation stored, two writes to the API server among it | %d | %.1f ms | ≤ 50 ms | %.1f ms |\n",
			len(sorted), milliseconds(sorted[len(sorted)/2]), milliseconds(sorted[len(sorted)*99/100]))
	}
	if c.reviews > 0 {
		fmt.Fprintf(&out, "| admission review received → answered | %d | %.2f ms | ≤ 1 ms | %.2f ms |\n", c.reviews, milliseconds(c.median), milliseconds(c.p99))
	}
	out.WriteString("\nBoth while the node ran the scenarios beside each other, and what is asked of registries and containers among it.\n")
	return out.String()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cycleOf reads what the API server and the webhook noted during a run.
func cycleOf(ctx context.Context, cluster *devcluster.Cluster, pair *install.Pair, measured *report) (cycle, error) {
	var found cycle
	text, err := pair.Metrics(ctx)
	if err != nil {
		return found, err
	}
	found.median, found.p99, found.reviews = quantiles(text)
	found.stored, err = storedIn(cluster.AuditLog(), measured.began)
	return found, err
}

// request is what is read of an event of the audit log.
type request struct {
	Verb      string `json:"verb"`
	User      struct{ Username string }
	ObjectRef struct{ Resource, Subresource, Namespace, Name string }
	Stage     string    `json:"stage"`
	Began     time.Time `json:"requestReceivedTimestamp"`
	Ended     time.Time `json:"stageTimestamp"`
}

// storedIn measures from the audit log how long the first Remediation of each namespace took to be stored.
func storedIn(path string, since time.Time) ([]time.Duration, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer file.Close()
	read, begun, done := map[string]time.Time{}, map[string]bool{}, map[string]bool{}
	var times []time.Duration
	reader := bufio.NewReaderSize(file, 1<<20)
	for {
		text, err := reader.ReadBytes('\n')
		if err != nil {
			return times, nil // its end; a line that is still being written is not read
		}
		if !strings.Contains(string(text), "kube-remedy-eventwatcher") {
			continue
		}
		var r request
		if err := json.Unmarshal(text, &r); err != nil || r.Stage != "ResponseComplete" || r.Began.Before(since) || !strings.HasSuffix(r.User.Username, ":kube-remedy-eventwatcher") {
			continue
		}
		namespace := r.ObjectRef.Namespace
		switch {
		case namespace == "" || done[namespace]:
		case r.ObjectRef.Resource == "remediations" && r.Verb != "get" && r.Verb != "list":
			if begun[namespace] = true; r.ObjectRef.Subresource == "status" && !read[namespace].IsZero() {
				times = append(times, r.Ended.Sub(read[namespace]))
				done[namespace] = true
			}
		case (r.Verb == "get" || r.Verb == "list") && !begun[namespace]:
			read[namespace] = r.Ended
		}
	}
}

// quantiles reads median and 99th percentile out of the webhook's histogram of full reviews.
func quantiles(metrics string) (median, p99 time.Duration, count int) {
	type bucket struct{ bound, count float64 }
	var buckets []bucket
	for line := range strings.Lines(metrics) {
		labels, ok := strings.CutPrefix(line, "kube_remedy_admission_duration_seconds_bucket{")
		if !ok || !strings.Contains(labels, `path="full"`) {
			continue
		}
		_, rest, _ := strings.Cut(labels, `le="`)
		bound, rest, _ := strings.Cut(rest, `"`)
		_, value, _ := strings.Cut(rest, "} ")
		upTo, errBound := strconv.ParseFloat(bound, 64)
		number, errValue := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if errBound == nil && errValue == nil {
			buckets = append(buckets, bucket{upTo, number})
		}
	}
	if len(buckets) == 0 {
		return 0, 0, 0
	}
	total := buckets[len(buckets)-1].count
	at := func(part float64) time.Duration {
		low, before := 0.0, 0.0
		for _, b := range buckets {
			if b.count >= part*total && b.count > before {
				return time.Duration((low + (b.bound-low)*(part*total-before)/(b.count-before)) * float64(time.Second))
			}
			low, before = b.bound, b.count
		}
		return 0
	}
	return at(0.5), at(0.99), int(total)
}
