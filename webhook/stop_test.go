package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// TestTheServerGoesOnServingAfterItIsToldToStop follows one life: not ready, ready, not ready but serving, gone.
func TestTheServerGoesOnServingAfterItIsToldToStop(t *testing.T) {
	listed := make(chan struct{}) // closed when the API server may answer
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-listed:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") != "" {
			_, _ = io.WriteString(w, `{"type":"BOOKMARK","object":{"apiVersion":"kube-remedy.io/v1alpha1","kind":"Remediation",`+
				`"metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, `{"apiVersion":"kube-remedy.io/v1alpha1","kind":"RemediationList","metadata":{"resourceVersion":"1"},"items":[]}`)
	}))
	defer func() { api.CloseClientConnections(); api.Close() }()
	server, err := New(Options{
		Config: &rest.Config{Host: api.URL}, Namespace: "system", Secret: "cert", Configuration: "kube-remedy",
		Names: certs.Names{IP: []net.IP{net.IPv4(127, 0, 0, 1)}}, WatcherUser: "watcher", ShutdownDelay: 2 * time.Second,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	require.NoError(t, err)
	cluster := fake.NewClientset(&admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy"}, Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "a.kube-remedy.io"}},
	})
	server.certs.Client = cluster

	reviews, health := listenLocally(t), listenLocally(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.serve(ctx, reviews, health) }()
	ready := func() int {
		answer, err := http.Get("http://" + health.Addr().String() + "/readyz")
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	require.Eventually(t, func() bool { return server.certs.Ready() == nil }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusServiceUnavailable, ready(), "the remediations are not read yet")
	close(listed)
	require.Eventually(t, func() bool { return ready() == http.StatusOK }, 10*time.Second, 10*time.Millisecond)

	registration, err := cluster.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, "kube-remedy", metav1.GetOptions{})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(registration.Webhooks[0].ClientConfig.CABundle))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	mutate := func() *http.Response {
		answer, err := client.Post("https://"+reviews.Addr().String()+"/mutate", "application/json", strings.NewReader(webRequest(deployment("128Mi", "", ""))))
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		return answer
	}
	require.False(t, mutate().Close)
	stop()
	require.Eventually(t, func() bool { return ready() == http.StatusServiceUnavailable }, time.Second, 10*time.Millisecond)
	require.True(t, mutate().Close, "callers are sent elsewhere")
	require.NoError(t, <-ended)
	require.Zero(t, ready())
}

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
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
