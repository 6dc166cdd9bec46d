package webhook

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// How much was read of a review: only its head, or all of it.
const (
	pathGlance = "glance"
	pathFull   = "full"
)

// answersToSee are the answers, with their reasons, of which the first matters; that one is allowed as it is does not.
var answersToSee = map[outcome][]string{
	patched:   {"annotations", "author", "healed"},
	suggested: {"suggested"},
	denied:    {"known_failure", "remediation"},
	failure:   {"annotations", "annotations_full", "lookup", "object", "overloaded", "panic", "patch", "too_deep"},
	rejected: {
		"body", "content_encoding", "content_type", "empty", "json", "kind", "method", "no_request", "no_uid", "overloaded", "too_large",
	},
}

// rejected is the outcome of a request that is no review that could be answered.
const rejected outcome = "rejected"

// metrics are what the webhook counts. Every label value comes from a closed set in this package.
type metrics struct {
	requests *prometheus.CounterVec
	patches  *prometheus.CounterVec
	opens    *prometheus.CounterVec
	seconds  map[string]prometheus.Observer
}

func newMetrics(registry prometheus.Registerer) *metrics {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "kube_remedy_admission_duration_seconds",
		Help:    "Time from receiving a review to having answered it, by how much of it was read (glance, full).",
		Buckets: prometheus.ExponentialBuckets(0.00001, 2, 16), // 10 µs to 0.3 s; the API server gives up after 2 s
	}, []string{"path"})
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_admission_requests_total",
			Help: "Admission reviews by outcome (allowed, patched, suggested, denied, error, rejected) and reason.",
		}, []string{"outcome", "reason"}),
		patches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_admission_patches_total",
			Help: "Cures that were put into objects, by failure type. Not counted are dry runs, and applies of what carries the cure already; an update that the API server asks several replicas about counts in each.",
		}, []string{"failure_type"}),
		opens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_admission_fail_open_total",
			Help: "Requests that went on unpatched because something was wrong, by reason.",
		}, []string{"reason"}),
		seconds: map[string]prometheus.Observer{
			pathGlance: seconds.WithLabelValues(pathGlance), pathFull: seconds.WithLabelValues(pathFull),
		},
	}
	// Prometheus takes what a series begins with for no increase, so the first of each kind is seen only if it begins with 0.
	for outcome, reasons := range answersToSee {
		for _, reason := range reasons {
			m.requests.WithLabelValues(string(outcome), reason)
			if outcome == failure || outcome == rejected {
				m.opens.WithLabelValues(reason)
			}
		}
	}
	for _, failure := range v1alpha1.FailureTypes() {
		m.patches.WithLabelValues(string(failure))
	}
	registry.MustRegister(m.requests, m.patches, m.opens, seconds)
	return m
}

// answered counts an answer.
func (m *metrics) answered(given answer) {
	m.requests.WithLabelValues(string(given.outcome), given.reason).Inc()
	if given.outcome == failure {
		m.opens.WithLabelValues(given.reason).Inc()
	}
}

// rejected counts a request that could not be read: the API server goes on without us.
func (m *metrics) rejected(reason string) {
	m.requests.WithLabelValues(string(rejected), reason).Inc()
	m.opens.WithLabelValues(reason).Inc()
}
