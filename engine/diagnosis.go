package engine

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Diagnosis is why a container of a workload failed, or the workload as a whole.
type Diagnosis struct {
	// Workload and Container say what failed; Container is empty when it is the pod or the workload as a whole.
	Workload  evidence.Workload
	Container string
	// FailureType says how.
	FailureType v1alpha1.FailureType
	// Severity says how much of the workload it takes.
	Severity Severity
	// Finding is the cause with its evidence, as the Remediation stores it.
	Finding v1alpha1.Diagnosis
	// Failures are when the failure happened, the oldest first, each run of a container once.
	Failures []Failure
	// MemoryLimit is the limit, in bytes, under which the newest failure happened; zero when there was none.
	MemoryLimit resource.Quantity
	// MemoryRequest is the request that stood beside MemoryLimit; nil when there was none.
	MemoryRequest *resource.Quantity
	// generic is set when the cause says what happened and not why.
	generic bool
	// logged is set when it rests on lines of logs alone.
	logged bool
	// seen are the hits of the scope in which the cause was found, its own and those that only tell more.
	seen []*catalog.Hit
}

// Severity says how much of a workload a failure takes.
type Severity string

// The severities.
const (
	// SeverityCritical: no pod of the workload is ready.
	SeverityCritical Severity = "critical"
	// SeverityMajor: some pods are ready and some are not.
	SeverityMajor Severity = "major"
	// SeverityMinor: every pod is ready again.
	SeverityMinor Severity = "minor"
)

// Failure is one end of one run of a container, or one moment at which something was seen to fail.
type Failure struct {
	// Pod it happened in, and the remediations that pod carried.
	Pod   string
	Marks []string
	// Time is when the run ended, to the second.
	Time time.Time
	// Ran is how long the run had lasted, to the second; zero when nobody knows, or no run ended.
	Ran time.Duration
}

// Latest is the newest failure. A diagnosis always has one.
func (d Diagnosis) Latest() Failure { return d.Failures[len(d.Failures)-1] }

// risk is how urgent each failure type is.
var risk = map[v1alpha1.FailureType]v1alpha1.RiskLevel{
	v1alpha1.OOMKilled:        v1alpha1.RiskCritical,
	v1alpha1.ImagePullBackOff: v1alpha1.RiskCritical,
	v1alpha1.CrashLoopBackOff: v1alpha1.RiskHigh,
	v1alpha1.Pending:          v1alpha1.RiskHigh,
	v1alpha1.NodeNotReady:     v1alpha1.RiskHigh,
	v1alpha1.ProbeFailure:     v1alpha1.RiskMedium,
}

// Bounds of a stored diagnosis (api/v1alpha1).
const (
	maxCitations   = 8
	maxSource      = 512
	maxText        = 1024
	maxDescription = 512
)

var priorities = [...]string{"PRIMARY", "SECONDARY", "TERTIARY"}

// diagnosis gives a candidate its final form.
func (c candidate) diagnosis(h *history) Diagnosis {
	diagnosis := Diagnosis{
		Workload: h.observed.Workload, Container: c.container, FailureType: c.Cause.FailureType, Severity: h.severity(),
		Failures: c.failures(h), generic: c.Cause.Generic, logged: c.logged(), seen: c.scope.hits,
		Finding: v1alpha1.Diagnosis{
			RootCauseID: c.Cause.ID,
			RootCause:   Shorten(c.Sentence(), maxText),
			Confidence:  percent(c.Confidence),
			RiskLevel:   risk[c.Cause.FailureType],
			Evidence:    c.citations(),
		},
	}
	texts := c.Fixes()
	for i, fix := range c.Cause.Fixes {
		diagnosis.Finding.SuggestedFixes = append(diagnosis.Finding.SuggestedFixes, v1alpha1.SuggestedFix{
			Priority: priorities[min(i, len(priorities)-1)], Action: fix.Action, Description: Shorten(texts[i], maxDescription),
		})
	}
	if limit, ok := c.scope.container.Resources.Limits[corev1.ResourceMemory]; ok && limit.Sign() > 0 {
		diagnosis.MemoryLimit = limit
		if request, ok := c.scope.container.Resources.Requests[corev1.ResourceMemory]; ok {
			diagnosis.MemoryRequest = &request
		}
	}
	return diagnosis
}

// logged reports whether a cause rests on lines of logs alone.
func (c candidate) logged() bool {
	return !slices.ContainsFunc(c.hits, func(hit *catalog.Hit) bool { return hit.Fact.Place != catalog.Log })
}

// citations quotes what the cause rests on, the strongest first, each text once.
func (c candidate) citations() []v1alpha1.Citation {
	var cited []v1alpha1.Citation
	for _, hit := range c.hits {
		text := Shorten(describe(*hit.Fact), maxText)
		if len(cited) == maxCitations || slices.ContainsFunc(cited, func(known v1alpha1.Citation) bool { return known.Text == text }) {
			continue
		}
		citation := v1alpha1.Citation{Source: Shorten(hit.Fact.Source, maxSource), Text: text}
		if !hit.Fact.Time.IsZero() {
			at := metav1.NewTime(hit.Fact.Time.UTC())
			citation.Time = &at
		}
		cited = append(cited, citation)
	}
	return cited
}

// failures are the runs that ended as the cause says, in all pods; else the newest moment at which it was seen.
func (c candidate) failures(h *history) []Failure {
	type run struct {
		pod string
		end int64
	}
	var failures []Failure
	latest := &catalog.Fact{}
	known := map[run]bool{}
	for _, hit := range c.hits {
		if hit.Fact.Time.After(latest.Time) || latest.Pod == "" && latest.Time.IsZero() {
			latest = hit.Fact
		}
		if hit.Fact.ExitCode == nil {
			continue
		}
		if own := (run{hit.Fact.Pod, hit.Fact.Time.UnixNano()}); known[own] {
			continue
		} else {
			known[own] = true
		}
		failures = append(failures, Failure{Pod: hit.Fact.Pod, Marks: h.marks(hit.Fact.Pod), Time: hit.Fact.Time, Ran: hit.Fact.Ran})
	}
	if len(failures) == 0 {
		at := latest.Time
		if at.IsZero() {
			at = h.now
		}
		failures = append(failures, Failure{Pod: latest.Pod, Marks: h.marks(latest.Pod), Time: at})
	}
	slices.SortStableFunc(failures, func(a, b Failure) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Pod, b.Pod)) })
	return failures
}

// marks gives the remediations that a pod carried.
func (h *history) marks(pod string) []string {
	if own := h.containersOf(pod); len(own) > 0 {
		return own[0].Marks
	}
	return nil
}

// severity says how much of the workload is not ready.
func (h *history) severity() Severity {
	if h.lookup.severity != "" {
		return h.lookup.severity
	}
	ready, unready := 0, 0
	for _, pod := range h.observed.Pods {
		waits := slices.ContainsFunc(h.containersOf(pod.Name), func(container *evidence.Container) bool {
			return container.Kind == evidence.App && !container.Ready
		})
		if !waits && len(h.observed.Containers) > 0 {
			ready++
		} else {
			unready++
		}
	}
	switch {
	case ready == 0:
		h.lookup.severity = SeverityCritical
	case unready > 0:
		h.lookup.severity = SeverityMajor
	default:
		h.lookup.severity = SeverityMinor
	}
	return h.lookup.severity
}
