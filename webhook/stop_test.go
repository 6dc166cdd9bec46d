package webhook

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes/fake"
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
	server, err := New(options(nil, fake.NewClientset()))
	require.NoError(t, err)
	given, err := server.healer.ask(t, creation(deployment("128Mi", ours, marked)))
	require.NoError(t, err)
	require.Equal(t, failed("lookup"), given)
}
