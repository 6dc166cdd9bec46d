package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
)

// callers send requests without a pause to servers, some on kept connections and some each on a new one, as API
// servers do that trust what they last read of the registration.
type callers struct {
	now    *clocktesting.FakeClock
	bundle atomic.Pointer[[]byte]
	sent   []*atomic.Int64 // by each
	failed chan error
}

// read is the moment at which API servers read the registration.
func (c *callers) read(bundle []byte) { c.bundle.Store(&bundle) }

// transport trusts what was read last, at each handshake.
func (c *callers) transport(keep bool) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: !keep,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(*c.bundle.Load())
			dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: called.DNS[0], Time: c.now.Now}}
			return dialer.DialContext(ctx, network, address)
		},
	}
}

// call sends requests to a server until ctx ends.
func (c *callers) call(ctx context.Context, url string, keep bool, sent *atomic.Int64) {
	transport := c.transport(keep)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for ctx.Err() == nil {
		if err := send(client, url); err != nil {
			select {
			case c.failed <- err:
			default:
			}
		}
		sent.Add(1)
	}
}

func send(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// under calls a server for each source all the while that rotate runs, and wants no request to fail. Between its
// steps rotate lets each caller send two requests: none is still shaking hands with what it knew before.
func under(t *testing.T, c *callers, sources []Source, rotate func(let func(step string))) {
	t.Helper()
	c.failed = make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	defer calling.Wait()
	defer stop()
	for _, source := range sources {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
		// Its Certificates stay empty, so httptest leaves GetCertificate the only one asked for these names.
		server.Listener = tls.NewListener(server.Listener, &tls.Config{GetCertificate: source.GetCertificate, Time: c.now.Now, MinVersion: tls.VersionTLS12})
		server.Start()
		defer server.Close()
		for _, keep := range []bool{true, false} {
			sent := new(atomic.Int64)
			c.sent = append(c.sent, sent)
			calling.Go(func() { c.call(ctx, "https://"+server.Listener.Addr().String(), keep, sent) })
		}
	}
	rotate(func(step string) {
		t.Helper()
		for _, sent := range c.sent {
			before := sent.Load()
			require.Eventually(t, func() bool { return sent.Load() >= before+2 }, 10*time.Second, time.Millisecond, step)
		}
		select {
		case err := <-c.failed:
			require.NoError(t, err, step)
		default:
		}
	})
}

func TestNoRequestFailsWhileSelfManagedCertificatesRotate(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	clients := cluster(kept(issued(t, called, noon.Add(-2400*day)))) // its authority is due after 2433 days
	first, _ := replica(clients, now)
	second, _ := replica(clients, now)
	replicas := []*SelfManaged{first, second}
	for _, each := range replicas {
		require.NoError(t, each.reconcile(t.Context()))
	}
	c := &callers{now: now}
	reads := func() { c.read([]byte(trusted(t, clients, "kube-remedy")[0])) }
	reads()
	authorities, leaves := map[string]bool{}, map[string]bool{}
	under(t, c, []Source{first, second}, func(let func(string)) {
		round := func(step string) {
			for i, each := range replicas {
				require.NoError(t, each.reconcile(t.Context()))
				let(fmt.Sprintf("%s: replica %d has looked, the API servers have not read the registration", step, i))
			}
			reads()
			let(step + ": the API servers have read the registration")
			now.Step(settling)
			for i, each := range replicas {
				require.NoError(t, each.reconcile(t.Context()))
				let(fmt.Sprintf("%s: replica %d has looked again", step, i))
			}
			data := stored(t, clients)
			leaves[string(data[certKey])], authorities[string(data[caCertKey])] = true, true
			requireServes(t, first, data)
			requireServes(t, second, data)
		}
		for range 2 {
			for range 4 { // no more days at once than a certificate has left, for who is just shaking hands
				now.Step(20 * day)
				round("some days went by")
			}
			require.NoError(t, clients.Tracker().Delete(secretsResource, "kube-remedy-system", "certificate"))
			round("the secret was deleted")
		}
	})
	require.Len(t, authorities, 4, "the first, a renewal and two losses")
	require.GreaterOrEqual(t, len(leaves), 5)
}

func TestNoRequestFailsWhileFilesRotate(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	data := issued(t, called, noon)
	m, f, _ := mounted(t, data, now)
	f.look()
	c := &callers{now: now}
	c.read(data[caCertKey])
	under(t, c, []Source{f}, func(let func(string)) {
		let("at first")
		for range 5 {
			renewal, _, err := renewed(data, called, now.Now().Add(61*day))
			require.NoError(t, err)
			now.Step(61 * day)
			m.swap(t, renewal)
			let("a renewal is in the files")
			f.look()
			let("a renewal is served")

			other := issued(t, called, now.Now())
			c.read(append(append([]byte{}, data[caCertKey]...), other[caCertKey]...))
			let("another authority is trusted too")
			m.swap(t, map[string][]byte{certKey: other[certKey], keyKey: renewal[keyKey]})
			f.look()
			let("a pair does not fit together")
			m.swap(t, other)
			f.look()
			requireServing(t, f, other)
			let("a certificate of it is served")
			c.read(other[caCertKey])
			let("the old authority is no longer trusted")
			data = other
		}
	})
	require.NoError(t, f.Ready())
}
