package process

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestRequestsToTheAPIServerAreCounted(t *testing.T) {
	registry := NewRegistry()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	clients, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	_, err = clients.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	require.Error(t, err)
	counted, err := registry.Gather()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, family := range counted {
		seen[family.GetName()] = len(family.GetMetric()) > 0
	}
	for _, name := range []string{"kube_remedy_client_requests_total", "kube_remedy_client_request_duration_seconds", "kube_remedy_client_rate_limiter_duration_seconds"} {
		require.True(t, seen[name], name)
	}
}
