package process

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/metrics"
)

// The metrics of what is asked of the API server. client-go knows one place for them in a process.
var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kube_remedy_client_requests_total", Help: "Requests to the API server, by method and status code.",
	}, []string{"method", "code"})
	requestTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "kube_remedy_client_request_duration_seconds", Help: "Time until the API server answered, by verb.",
		Buckets: []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60},
	}, []string{"verb"})
	limited = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "kube_remedy_client_rate_limiter_duration_seconds", Help: "Time that requests waited for the client's own rate limit, by verb.",
		Buckets: []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60},
	}, []string{"verb"})
	countRequests = sync.OnceFunc(func() {
		metrics.Register(metrics.RegisterOpts{RequestLatency: latency{requestTime}, RateLimiterLatency: latency{limited}, RequestResult: results{}})
	})
)

type latency struct{ of *prometheus.HistogramVec }

// Observe counts one request.
func (l latency) Observe(_ context.Context, verb string, _ url.URL, took time.Duration) {
	l.of.WithLabelValues(verb).Observe(took.Seconds())
}

type results struct{}

// Increment counts one answer.
func (results) Increment(_ context.Context, code, method, _ string) {
	requests.WithLabelValues(method, code).Inc()
}
