package process

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestRequestsToTheAPIServerAreCounted(t *testing.T) {
	NewRegistry()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	clients, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	before := testutil.ToFloat64(requests.WithLabelValues(http.MethodGet, "404"))
	_, err = clients.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
	require.Error(t, err)
	require.InEpsilon(t, before+1, testutil.ToFloat64(requests.WithLabelValues(http.MethodGet, "404")), 1e-9)
	require.Positive(t, testutil.CollectAndCount(requestTime))
	require.Positive(t, testutil.CollectAndCount(limited))
}
