package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/internal/config"
)

// warmReviews is how many reviews are answered before the first real one: so many fill the pools and bring the code
// into the caches.
const warmReviews = 100

// warmReview is an apply of an object that carries something of ours, so that all of it is read.
const warmReview = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"warm-up",` +
	`"kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"warm-up","name":"warm-up","operation":"CREATE",` +
	`"userInfo":{"username":"warm-up"},"object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"warm-up",` +
	`"annotations":{"kube-remedy.io/remediations":"warm-up@1"}},"spec":{"template":{"spec":{"containers":[{"name":"app",` +
	`"resources":{"limits":{"memory":"128Mi"}}}]}}}},"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}`

// warmUp answers reviews of its own once the caches are filled. They reach neither the metrics nor the log.
func (s *Server) warmUp(ctx context.Context) error {
	if !cache.WaitFor(ctx, "", s.indexed.HasSyncedChecker(), s.namespaces.HasSyncedChecker()) {
		return nil // ctx ended
	}
	healer := &healer{
		index: NewIndex(), synced: func() bool { return true }, namespaces: func(string) map[string]string { return nil },
	}
	healer.use(config.Default())
	handler := newHandler(healer, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), s.options.Clock)
	for range warmReviews {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, MutatePath, strings.NewReader(warmReview))
		if err != nil {
			return fmt.Errorf("make the warm-up review: %w", err)
		}
		request.Header["Content-Type"] = jsonType
		answered := &discard{header: http.Header{}}
		handler.ServeHTTP(answered, request)
		if answered.status != 0 {
			return errors.New("the warm-up review was refused")
		}
	}
	s.warm.Store(true)
	return nil
}

// discard takes an answer that nobody reads.
type discard struct {
	header http.Header
	status int // 0 when the answer was an ordinary one
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(text []byte) (int, error) { return io.Discard.Write(text) }
func (d *discard) WriteHeader(status int)         { d.status = status }
