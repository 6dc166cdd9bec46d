package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"
)

// fixed is a Source with a certificate that a test sets.
type fixed struct{ served }

func (f *fixed) Ready() error                  { return f.valid(time.Now()) }
func (f *fixed) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (f *fixed) set(t *testing.T, data map[string][]byte) {
	t.Helper()
	pair, err := tls.X509KeyPair(data[certKey], data[keyKey])
	require.NoError(t, err)
	f.current.Store(&pair)
}

// reached is a registration that is called as a service and under a url.
func reached(bundles ...[]byte) *admissionregistrationv1.MutatingWebhookConfiguration {
	object := registration("kube-remedy")
	url := "https://127.0.0.1:8443/mutate"
	object.Webhooks[0].ClientConfig.Service = &admissionregistrationv1.ServiceReference{Namespace: "kube-remedy-system", Name: "kube-remedy-webhook"}
	object.Webhooks[1].ClientConfig.URL = &url
	for i, bundle := range bundles {
		object.Webhooks[i].ClientConfig.CABundle = bundle
	}
	return object
}

// trusting runs a Trust in a bubble, for a server behind pipes.
type trusting struct {
	*Trust
	source  *fixed
	clients *fake.Clientset
	calls   atomic.Int64
	lines   bytes.Buffer
	refused atomic.Bool
}

func newTrusting(t *testing.T, object *admissionregistrationv1.MutatingWebhookConfiguration) *trusting {
	t.Helper()
	r := &trusting{source: new(fixed), clients: fake.NewClientset(object)}
	r.Trust = &Trust{
		Client: r.clients, Configuration: "kube-remedy", Source: r.source, Clock: clock.RealClock{},
		Log: slog.New(slog.NewTextHandler(&r.lines, nil)), Dial: r.dial,
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(t.Context()) }()
	t.Cleanup(func() { require.NoError(t, <-ended) })
	return r
}

func (r *trusting) dial(context.Context) (net.Conn, error) {
	if r.refused.Load() {
		return nil, errors.New("connection refused")
	}
	r.calls.Add(1)
	mine, theirs := net.Pipe()
	toRead := &buffered{Conn: theirs, text: make(chan []byte, 16)}
	go toRead.pump()
	go func() {
		defer close(toRead.text)
		server := tls.Server(toRead, &tls.Config{GetCertificate: r.source.GetCertificate, MinVersion: tls.VersionTLS12})
		_ = server.Handshake()
		_, _ = server.Read(make([]byte, 1)) // until the other end closes
	}()
	return mine, nil
}

// buffered is an end of a pipe that takes what is written before it is read, as a network does: an alert that
// crosses the rest of a handshake would block both ends.
type buffered struct {
	net.Conn
	text chan []byte
}

func (b *buffered) Write(text []byte) (int, error) {
	b.text <- bytes.Clone(text)
	return len(text), nil
}

func (b *buffered) pump() {
	defer b.Conn.Close()
	for text := range b.text {
		_, _ = b.Conn.Write(text)
	}
}

// settle lets some seconds go by.
func (r *trusting) settle() {
	time.Sleep(2 * retryAfter)
	synctest.Wait()
}

func (r *trusting) update(t *testing.T, object *admissionregistrationv1.MutatingWebhookConfiguration) {
	t.Helper()
	require.NoError(t, r.clients.Tracker().Update(configurationsResource, object, ""))
}

func TestTrustSaysWhatIsNotTrusted(t *testing.T) {
	const first = "mutatingwebhookconfiguration kube-remedy, webhook apply.kube-remedy: "
	const second = "mutatingwebhookconfiguration kube-remedy, webhook scale.kube-remedy: "
	synctest.Test(t, func(t *testing.T) {
		data, other := issued(t, called, time.Now()), issued(t, called, time.Now())
		good, bad := data[caCertKey], other[caCertKey]
		elsewhere := reached(good, good)
		elsewhere.Webhooks[0].ClientConfig.Service.Name = "elsewhere"
		nowhere := reached(good, good)
		nowhere.Webhooks[1].ClientConfig.URL = nil
		r := newTrusting(t, reached(good, good))
		r.settle()
		require.EqualError(t, r.Ready(), "it is not checked yet whether the registration trusts what is served")
		r.source.set(t, data)
		for _, test := range []struct {
			name   string
			object *admissionregistrationv1.MutatingWebhookConfiguration
			why    []string
		}{
			{"all of it", reached(good, good), nil},
			{"a bundle with more in it", reached(append(append([]byte{}, bad...), good...), good), nil},
			{"another authority", reached(good, bad), []string{second + "its caBundle does not verify the certificate that is served: x509: certificate signed by unknown authority"}},
			{"both are wrong", reached(bad, nil), []string{first + "its caBundle does not verify the certificate that is served: x509: ", second + "its caBundle is empty"}},
			{"no caBundle", reached(nil, good), []string{first + "its caBundle is empty"}},
			{"no PEM", reached([]byte("a"), good), []string{first + "its caBundle has no certificate in it"}},
			{"another name", elsewhere, []string{first + "its caBundle does not verify the certificate that is served: x509: certificate is valid for kube-remedy-webhook.kube-remedy-system.svc, not elsewhere.kube-remedy-system.svc"}},
			{"no address", nowhere, []string{second + "it has neither a service nor a url"}},
		} {
			r.update(t, test.object)
			r.settle()
			if test.why == nil {
				require.NoError(t, r.Ready(), test.name)
			}
			for _, why := range test.why {
				require.ErrorContains(t, r.Ready(), why, test.name)
			}
		}
		require.NoError(t, r.clients.Tracker().Delete(configurationsResource, "", "kube-remedy"))
		r.settle()
		require.ErrorContains(t, r.Ready(), "read mutatingwebhookconfiguration kube-remedy: ")
	})
}

func TestTrustChecksTheConfigurationThatValidatesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := issued(t, called, time.Now())
		r := newTrusting(t, reached(data[caCertKey], data[caCertKey]))
		r.source.set(t, data)
		r.settle()
		require.NoError(t, r.Ready())
		object := validatingRegistration("kube-remedy")
		object.Webhooks[0].ClientConfig = reached().Webhooks[0].ClientConfig
		require.NoError(t, r.clients.Tracker().Create(validatingResource, object, ""))
		r.settle()
		require.EqualError(t, r.Ready(), "validatingwebhookconfiguration kube-remedy, webhook check.kube-remedy: its caBundle is empty")
	})
}

func TestTrustChecksAgainWhenSomethingChangesAndEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data, other := issued(t, called, time.Now()), issued(t, called, time.Now())
		r := newTrusting(t, reached(data[caCertKey], data[caCertKey]))
		r.source.set(t, data)
		r.settle()
		require.NoError(t, r.Ready())
		require.EqualValues(t, 2, r.calls.Load())
		time.Sleep(trustEvery - 10*time.Second)
		require.EqualValues(t, 2, r.calls.Load())
		time.Sleep(10 * time.Second)
		require.EqualValues(t, 4, r.calls.Load())

		r.source.set(t, other)
		r.settle()
		require.Error(t, r.Ready())
		r.lines.Reset()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, r.lines.String(), "it was said already")
		r.update(t, reached(other[caCertKey], other[caCertKey]))
		r.settle()
		require.NoError(t, r.Ready())

		r.refused.Store(true)
		time.Sleep(trustEvery)
		r.settle()
		require.ErrorContains(t, r.Ready(), "connect to what is served: connection refused")
		require.Equal(t, 1, strings.Count(r.lines.String(), "does not trust what is served"))
		r.refused.Store(false)
		r.settle()
		require.NoError(t, r.Ready(), "a trouble is looked at soon")
	})
}
