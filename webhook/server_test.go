package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// pipes is a listener whose connections are made of memory, so that time can be that of a bubble.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{made: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.made:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	return p.hand(near, buffer(far))
}

// hand gives the server its end of a connection, and the caller the other one.
func (p *pipes) hand(near, network net.Conn) (net.Conn, error) {
	select {
	case p.made <- network:
		return near, nil
	case <-p.closed:
		return nil, errors.Join(errors.New("connection refused"), network.Close())
	}
}

// buffered is an end of a pipe that takes what is written before it is read, as a network does: otherwise two ends that
// say goodbye at the same time wait for each other.
type buffered struct {
	net.Conn
	mu     sync.Mutex
	text   chan []byte
	closed bool
}

func buffer(connection net.Conn) net.Conn {
	b := &buffered{Conn: connection, text: make(chan []byte, 1024)}
	go func() {
		defer connection.Close()
		for text := range b.text {
			_, _ = connection.Write(text)
		}
	}()
	return b
}

func (b *buffered) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	b.text <- bytes.Clone(text)
	return len(text), nil
}

// Deadlines for writing are for what a network has no room for; what is on its way arrives.
func (b *buffered) SetWriteDeadline(time.Time) error     { return nil }
func (b *buffered) SetDeadline(deadline time.Time) error { return b.SetReadDeadline(deadline) }

func (b *buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.text)
	}
	return nil
}

// api is an API server that has one Remediation, and tells of it when it is up.
type api struct {
	up chan struct{}
}

func (a api) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-a.up:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	known, end := learned(), &v1alpha1.Remediation{}
	events := []any{known, end}
	switch {
	case r.URL.Query().Get("sendInitialEvents") != "true":
		return nil, errors.New("unexpected request " + r.URL.String())
	case r.URL.Path == "/apis/kube-remedy.io/v1alpha1/remediations":
		known.TypeMeta = metav1.TypeMeta{APIVersion: "kube-remedy.io/v1alpha1", Kind: "Remediation"}
		known.ResourceVersion, end.TypeMeta = "1", known.TypeMeta
		end.ResourceVersion, end.Annotations = "1", map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	case r.URL.Path == "/api/v1/namespaces":
		events = []any{&metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
		}}
	default:
		return nil, errors.New("unexpected request " + r.URL.String())
	}
	body, written := io.Pipe()
	go func() {
		for i, object := range events {
			kind := "ADDED"
			if i == len(events)-1 {
				kind = "BOOKMARK"
			}
			_ = json.NewEncoder(written).Encode(map[string]any{"type": kind, "object": object})
		}
		<-r.Context().Done()
		written.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
}

const (
	serviceName   = "kube-remedy-webhook.kube-remedy-system.svc"
	shutdownDelay = 7 * time.Second
)

func options(transport http.RoundTripper, clients *fake.Clientset) Options {
	log := slog.New(slog.DiscardHandler)
	settings, _ := config.Open("", clock.RealClock{}, log) // without a file nothing can go wrong
	return Options{
		Config: &rest.Config{Host: "https://api.example", Transport: transport}, Clients: clients, Configuration: "kube-remedy",
		Certificate: &certs.SelfManaged{
			Client: clients, Namespace: "kube-remedy-system", Secret: "certificate", Configuration: "kube-remedy",
			Names: certs.Names{DNS: []string{serviceName}}, Clock: clock.RealClock{}, Log: log,
		},
		Settings: settings, WatcherUser: "watcher", ShutdownDelay: shutdownDelay,
		Log: log, Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	}
}

// running is a server that serves, and the cluster it serves for.
type running struct {
	*Server
	api             api
	clients         *fake.Clientset
	reviews, health *pipes
	deaf            atomic.Bool // the server cannot connect to itself
	stop            context.CancelFunc
	ended           chan error
}

// start serves for a cluster that is not up yet, in which react answers first what it wants to. It is for use in
// a bubble.
func start(t *testing.T, react ...clienttesting.ReactionFunc) *running {
	t.Helper()
	r := &running{
		api: api{make(chan struct{})}, reviews: newPipes(), health: newPipes(), ended: make(chan error, 1),
		clients: fake.NewClientset(&admissionregistrationv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy"}, Webhooks: []admissionregistrationv1.MutatingWebhook{{
				Name: "mutate.kube-remedy.io", ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: new("https://" + serviceName + "/mutate")},
			}},
		}),
	}
	for _, reaction := range react {
		r.clients.PrependReactor("*", "*", reaction)
	}
	var err error
	r.Server, err = New(options(r.api, r.clients))
	require.NoError(t, err)
	r.trust.Dial = func(ctx context.Context) (net.Conn, error) {
		if r.deaf.Load() {
			return nil, errors.New("nobody listens")
		}
		return r.reviews.dial(ctx, "", "")
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		r.stop()
		time.Sleep(time.Minute) // a bubble must be empty in the end, also that of a test that fails
	})
	go func() { r.ended <- r.serve(ctx, r.reviews, r.health) }()
	return r
}

// send sends a request on a connection of its own and gives status and body.
func send(t *testing.T, transport *http.Transport, request *http.Request) (int, string) {
	t.Helper()
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// get asks the health server.
func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	synctest.Wait()
	request, err := http.NewRequest(http.MethodGet, "http://health"+path, nil)
	require.NoError(t, err)
	return send(t, &http.Transport{DialContext: r.health.dial}, request)
}

// mutate sends a review as the API server does: over TLS, and trusting what the registration says.
func (r *running) mutate(t *testing.T, body io.Reader) (int, string) {
	t.Helper()
	configuration, err := r.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), "kube-remedy", metav1.GetOptions{})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(configuration.Webhooks[0].ClientConfig.CABundle))
	request, err := http.NewRequest(http.MethodPost, "https://"+serviceName+"/mutate", body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	return send(t, &http.Transport{DialContext: r.reviews.dial, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, request)
}

// requireHeals wants a review to be answered with what the cluster's Remediation says.
func (r *running) requireHeals(t *testing.T, body io.Reader) {
	t.Helper()
	status, text := r.mutate(t, body)
	require.Equal(t, http.StatusOK, status, text)
	var given admissionv1.AdmissionReview
	require.NoError(t, json.Unmarshal([]byte(text), &given))
	require.Contains(t, string(given.Response.Patch), "256Mi", text)
}

func failing() io.Reader { return strings.NewReader(webRequest(deployment("128Mi", "", ""))) }

// requireEnds wants serve to have ended after some time, without an error.
func (r *running) requireEnds(t *testing.T, within time.Duration) {
	t.Helper()
	time.Sleep(within)
	synctest.Wait()
	require.Len(t, r.ended, 1)
	require.NoError(t, <-r.ended)
	for _, listener := range []*pipes{r.reviews, r.health} {
		_, err := listener.dial(context.Background(), "", "")
		require.Error(t, err)
	}
}

func TestServerIsReadyOnceItKnowsAndStopsBeingReadyFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		status, text := r.get(t, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, "the remediations and namespaces are not read yet\n", text)
		status, _ = r.get(t, "/healthz")
		require.Equal(t, http.StatusOK, status, "it is not to be restarted for that")

		close(r.api.up)
		time.Sleep(5 * time.Second) // whether what is served is trusted is looked at every 2 s
		status, text = r.get(t, "/readyz")
		require.Equal(t, http.StatusOK, status, text)
		r.requireHeals(t, failing())

		time.Sleep(time.Minute)
		r.stop()
		status, text = r.get(t, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, "stopping\n", text)
		r.requireHeals(t, failing())
		time.Sleep(shutdownDelay - 1)
		synctest.Wait()
		require.Empty(t, r.ended)
		r.requireHeals(t, failing())
		status, _ = r.get(t, "/healthz")
		require.Equal(t, http.StatusOK, status)
		r.requireEnds(t, drain)
	})
}

func TestServerWithoutACertificateIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allowed atomic.Bool
		r := start(t, func(action clienttesting.Action) (bool, runtime.Object, error) {
			return action.Matches("get", "secrets") && !allowed.Load(), nil, errors.New("not allowed")
		})
		close(r.api.up)
		status, text := r.get(t, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, "no serving certificate is loaded yet: read secret kube-remedy-system/certificate: not allowed\n", text)
		_, text = r.get(t, "/metrics")
		require.Contains(t, text, "kube_remedy_certificate_not_after_seconds 0\n")

		allowed.Store(true)
		time.Sleep(time.Minute) // it tries again
		status, _ = r.get(t, "/readyz")
		require.Equal(t, http.StatusOK, status)
		_, text = r.get(t, "/metrics")
		// 90 days after the start of a bubble's time.
		require.Regexp(t, `kube_remedy_certificate_not_after_seconds 9\.5446\d+e\+08\n`, text)
		r.stop()
		r.requireEnds(t, shutdownDelay+time.Second)
	})
}

// A container that was started again is called before the cluster knows that it is not ready.
func TestWhoCallsBeforeTheServerCanDecideWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		time.Sleep(time.Second) // it has a certificate by now
		time.AfterFunc(time.Second, func() { close(r.api.up) })
		r.requireHeals(t, failing())
		r.stop()
		r.requireEnds(t, shutdownDelay+drain)
	})
}

func TestWhoCallsBeforeThereIsACertificateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Now()
		r := start(t, func(action clienttesting.Action) (bool, runtime.Object, error) {
			return action.Matches("get", "secrets") && time.Since(since) < time.Second, nil, errors.New("not yet")
		})
		close(r.api.up)
		connection, err := r.reviews.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer connection.Close()
		require.NoError(t, tls.Client(connection, &tls.Config{InsecureSkipVerify: true}).Handshake())
		require.GreaterOrEqual(t, time.Since(since), time.Second)
		r.stop()
		r.requireEnds(t, shutdownDelay+drain)
	})
}

func TestNobodyWaitsForAServerThatCannotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		time.Sleep(patience)
		status, text := r.mutate(t, failing())
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, text, `"allowed":true`)
		require.NotContains(t, text, `"patch"`)
		r.stop()
		r.requireEnds(t, shutdownDelay+drain)
	})
}

func TestServerThatItsRegistrationDoesNotTrustIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.deaf.Store(true)
		close(r.api.up)
		time.Sleep(time.Minute) // the certificate may come after the first look, and what was checked before is looked at again
		status, text := r.get(t, "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Contains(t, text, "connect to what is served: nobody listens")
		r.stop()
		r.requireEnds(t, shutdownDelay+time.Second)
	})
}

// onceRead tells when it is read from for the first time.
type onceRead struct {
	io.Reader
	read func()
}

func (o *onceRead) Read(into []byte) (int, error) {
	o.read()
	return o.Reader.Read(into)
}

func TestReviewUnderWayIsAnsweredAfterTheListenerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		close(r.api.up)
		synctest.Wait()
		body, rest := io.Pipe()
		begun := make(chan struct{})
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			r.requireHeals(t, &onceRead{body, sync.OnceFunc(func() { close(begun) })})
		}()
		<-begun
		r.stop()
		time.Sleep(shutdownDelay + time.Second)
		synctest.Wait()
		require.Empty(t, r.ended)
		_, err := r.reviews.dial(t.Context(), "", "")
		require.Error(t, err, "new connections are refused")
		_, err = io.Copy(rest, failing())
		require.NoError(t, err)
		require.NoError(t, rest.Close())
		<-answered
		r.requireEnds(t, drain) // each end of a pipe may wait for the other to read that it closes
	})
}

// A client may have a connection at hand that it has not used yet.
func TestUnusedConnectionsDoNotFailTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		close(r.api.up)
		synctest.Wait()
		r.stop()
		time.Sleep(shutdownDelay - 1)
		for _, listener := range []*pipes{r.reviews, r.health} {
			connection, err := listener.dial(t.Context(), "", "")
			require.NoError(t, err)
			defer connection.Close()
		}
		r.requireEnds(t, drain)
	})
}

func TestServerThatStopsBeforeItWasReadyEndsInTheSameWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		synctest.Wait()
		r.stop()
		time.Sleep(shutdownDelay - 1)
		synctest.Wait()
		require.Empty(t, r.ended)
		r.requireEnds(t, time.Second)
	})
}

func TestListenerThatFailsEndsEverything(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(r *running) error
	}{
		{"reviews", func(r *running) error { return r.reviews.Close() }},
		{"health", func(r *running) error { return r.health.Close() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				close(r.api.up)
				synctest.Wait()
				require.NoError(t, test.fail(r))
				err := <-r.ended
				require.ErrorIs(t, err, net.ErrClosed)
				require.ErrorContains(t, err, "serve on pipes: ")
			})
		})
	}
}

func TestAddressInUseIsAnErrorThatNamesIt(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, test := range []struct{ name, listen, health, err string }{
		{"for reviews", taken.Addr().String(), "127.0.0.1:0", "listen for reviews: "},
		{"for health", "127.0.0.1:0", taken.Addr().String(), "listen for health: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := options(nil, fake.NewClientset())
			with.Listen, with.HealthListen = test.listen, test.health
			server, err := New(with)
			require.NoError(t, err)
			err = server.Run(t.Context())
			require.ErrorContains(t, err, test.err)
			require.ErrorContains(t, err, taken.Addr().String()+": bind: address already in use")
		})
	}
}

func TestRunServesOnItsAddressesUntilItsContextEnds(t *testing.T) {
	with := options(api{make(chan struct{})}, fake.NewClientset())
	with.Listen, with.HealthListen, with.ShutdownDelay = "127.0.0.1:0", "127.0.0.1:0", 0
	server, err := New(with)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stop() // a signal may come as early as this
	require.NoError(t, server.Run(ctx))
}

func TestNewRefusesWhatItCanNotUse(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(options *Options)
		err   string
	}{
		{"a connection without its certificate", func(options *Options) { options.Config.CAFile = "missing" }, "open missing: no such file or directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := options(nil, fake.NewClientset())
			test.spoil(&with)
			_, err := New(with)
			require.ErrorContains(t, err, test.err)
		})
	}
}
