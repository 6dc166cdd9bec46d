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
	// when says what else the node did.
	when string
	// stored is how long Remediations took to be stored.
	stored []storing
	// reviews are the webhook's, from a review received to its answer sent.
	reviews histogram
}

// storing is the way from the last answer that a decision waits for to the Remediation being stored, by the audit log of the
// API server: prescription, the Remediation's spec, two Events at once, and its status. took is all of it, server what
// the API server took to carry out the writes.
type storing struct{ took, server time.Duration }

// cycles are those of one scenario at a time and of many.
type cycles []cycle

func (all cycles) String() string {
	var out strings.Builder
	out.WriteString("| kube-remedy's own part | while the node ran | measured | median | goal | p99 | median in the API server |\n|---|---|---|---|---|---|---|\n")
	for i, c := range all {
		if len(c.stored) == 0 {
			continue
		}
		took := quantiles(c.stored, func(s storing) time.Duration { return s.took })
		server := quantiles(c.stored, func(s storing) time.Duration { return s.server })
		fmt.Fprintf(&out, "| evidence complete → Remediation stored | %s | %d | %.1f ms | %s | %.1f ms | %.1f ms |\n",
			c.when, len(c.stored), milliseconds(took(0.5)), goalOf(i, "≤ 50 ms"), milliseconds(took(0.99)), milliseconds(server(0.5)))
	}
	for i, c := range all {
		if count := c.reviews.count(); count > 0 {
			fmt.Fprintf(&out, "| admission review received → answered | %s | %d | %.2f ms | %s | %.2f ms | – |\n",
				c.when, count, milliseconds(c.reviews.quantile(0.5)), goalOf(i, "≤ 1 ms"), milliseconds(c.reviews.quantile(0.99)))
		}
	}
	out.WriteString(`
The first begins with the last answer of the API server that the decision waits for, and ends when the status is written. In
between are the prescription and three writes one after the other, of the spec, of two Events at once and of the status: a
watcher that is killed in between comes to the same end, and tells it once. What registries and containers are asked comes
before it. While many scenarios run, the node's processors are what all of this waits for.
`)
	return out.String()
}

// goalOf gives the goal where it is to be reached: a node that is busy with failing beside it takes what it takes.
func goalOf(row int, goal string) string {
	if row > 0 {
		return "–"
	}
	return goal
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantiles gives a function for the quantiles of something.
func quantiles(of []storing, what func(storing) time.Duration) func(part float64) time.Duration {
	sorted := make([]time.Duration, 0, len(of))
	for _, one := range of {
		sorted = append(sorted, what(one))
	}
	slices.Sort(sorted)
	return func(part float64) time.Duration { return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)] }
}

// cycleOf reads what the API server and the webhook noted since a moment; before are the webhook's figures at that moment.
func cycleOf(ctx context.Context, cluster *devcluster.Cluster, pair *install.Pair, when string, since time.Time, before histogram) (cycle, error) {
	found := cycle{when: when}
	now, err := reviewsOf(ctx, pair)
	if err != nil {
		return found, err
	}
	found.reviews = now.since(before)
	found.stored, err = storedIn(cluster.AuditLog(), since)
	return found, err
}

func reviewsOf(ctx context.Context, pair *install.Pair) (histogram, error) {
	text, err := pair.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	return histogramOf(text), nil
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
func storedIn(path string, since time.Time) ([]storing, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer file.Close()
	read, begun, done := map[string]time.Time{}, map[string]*busy{}, map[string]bool{}
	var times []storing
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
		if namespace == "" || done[namespace] {
			continue
		}
		reads := r.Verb == "get" || r.Verb == "list"
		if r.ObjectRef.Resource == "remediations" && !reads && begun[namespace] == nil {
			begun[namespace] = &busy{}
		}
		switch writes := begun[namespace]; {
		case reads && writes == nil:
			read[namespace] = r.Ended
		case !reads && writes != nil:
			writes.add(r.Began, r.Ended)
			if r.ObjectRef.Subresource == "status" && !read[namespace].IsZero() {
				times = append(times, storing{r.Ended.Sub(read[namespace]), writes.sum})
				done[namespace] = true
			}
		}
	}
}

// busy sums up times of which some are at the same time.
type busy struct {
	until time.Time
	sum   time.Duration
}

func (b *busy) add(from, to time.Time) {
	if from.Before(b.until) {
		from = b.until
	}
	if to.After(from) {
		b.sum, b.until = b.sum+to.Sub(from), to
	}
}

// histogram is one of Prometheus: how many were at most so many seconds, in the order of the bounds.
type histogram []struct{ bound, count float64 }

// histogramOf reads that of the webhook's full reviews.
func histogramOf(metrics string) histogram {
	var found histogram
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
			found = append(found, struct{ bound, count float64 }{upTo, number})
		}
	}
	return found
}

// since takes away what was counted before.
func (h histogram) since(before histogram) histogram {
	left := slices.Clone(h)
	for i := range left {
		if i < len(before) && before[i].bound == left[i].bound {
			left[i].count -= before[i].count
		}
	}
	return left
}

func (h histogram) count() int {
	if len(h) == 0 {
		return 0
	}
	return int(h[len(h)-1].count)
}

// quantile gives what a part of all was at most, as if they lay evenly between the bounds.
func (h histogram) quantile(part float64) time.Duration {
	low, before, total := 0.0, 0.0, float64(h.count())
	for _, b := range h {
		if b.count >= part*total && b.count > before {
			return time.Duration((low + (b.bound-low)*(part*total-before)/(b.count-before)) * float64(time.Second))
		}
		low, before = b.bound, b.count
	}
	return 0
}
