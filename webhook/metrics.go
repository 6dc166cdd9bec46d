package webhook

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the webhook counts. Every label value comes from a closed set in this package.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_admission_requests_total",
			Help: "Admission reviews by outcome (allowed, patched, suggested, error, rejected) and reason.",
		}, []string{"outcome", "reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "kube_remedy_admission_duration_seconds",
			Help:    "Time from reading a review to having answered it.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 14), // 50 µs to 0.4 s; the API server gives up after 2 s
		}),
	}
	registry.MustRegister(m.requests, m.seconds)
	return m
}
