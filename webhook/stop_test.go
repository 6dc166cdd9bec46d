package webhook

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

func TestCallersAreSentElsewhereWhileStopping(t *testing.T) {
	server := &Server{}
	handler := server.leaving(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	connection := func() string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/mutate", nil))
		return recorder.Header().Get("Connection")
	}
	require.Empty(t, connection())
	server.stopping.Store(true)
	require.Equal(t, "close", connection())
}

func TestBeforeTheRemediationsAreReadNothingIsDecided(t *testing.T) {
	server, err := New(Options{
		Config: &rest.Config{Host: "http://127.0.0.1:1"}, Names: certs.Names{DNS: []string{"a"}},
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	require.NoError(t, err)
	given, err := healer{remediations: synced{server.informer}}.heal(creation(deployment("128Mi", ours, marked)))
	require.ErrorIs(t, err, errNotSynced)
	require.Equal(t, failed("lookup"), given)
}
