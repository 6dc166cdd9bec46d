package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// connect gives a connection as an API server has it.
func (r *running) connect(t *testing.T) *tls.Conn {
	t.Helper()
	synctest.Wait()
	configuration, err := r.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), "kube-remedy", metav1.GetOptions{})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(configuration.Webhooks[0].ClientConfig.CABundle))
	// Unlike a network, this takes nothing that is not read at the other end.
	connection, err := r.reviews.hand(net.Pipe())
	require.NoError(t, err)
	client := tls.Client(connection, &tls.Config{RootCAs: roots, ServerName: serviceName})
	require.NoError(t, client.Handshake())
	t.Cleanup(func() { _ = connection.Close() })
	return client
}

// TestWhoeverDripsIsCutOff sends a byte a second, each time in another part of a request.
func TestWhoeverDripsIsCutOff(t *testing.T) {
	const head = "POST /mutate HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n"
	for _, test := range []struct {
		name, sent, drip string
		within           time.Duration
	}{
		{"nothing but a connection", "", "", 6 * time.Second},
		{"a header that never ends", "POST /mutate HTTP/1.1\r\nX: ", "x", 7 * time.Second},
		{"a body that is announced and comes byte by byte", head + "Content-Length: 100000\r\n\r\n", " ", 12 * time.Second},
		{"a chunked body, byte by byte", head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 12 * time.Second},
		{"a chunk extension, byte by byte", head + "Transfer-Encoding: chunked\r\n\r\n1;", "x", 12 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				close(r.api.up)
				client := r.connect(t)
				begun := time.Now()
				read := make(chan struct{})
				go func() {
					defer close(read)
					text, _ := io.ReadAll(client) // an answer, or none
					if len(text) > 0 && !strings.HasPrefix(string(text), "HTTP/1.1 4") {
						t.Errorf("answered %.80q", text)
					}
				}()
				if test.sent != "" {
					_, err := io.WriteString(client, test.sent)
					require.NoError(t, err)
				}
				if test.drip != "" {
					go func() {
						for {
							time.Sleep(time.Second)
							if _, err := io.WriteString(client, test.drip); err != nil {
								return
							}
						}
					}()
				}
				<-read
				require.LessOrEqual(t, time.Since(begun), test.within)
				r.requireHeals(t, failing())
				client.NetConn().Close()
			})
		})
	}
}

// TestWhoeverDoesNotReadIsCutOff asks and takes no answer.
func TestWhoeverDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		close(r.api.up)
		client := r.connect(t)
		body := webRequest(deployment("128Mi", "", ""))
		_, err := io.WriteString(client, "POST /mutate HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		require.NoError(t, err)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		_, err = client.Write([]byte("x"))
		require.Error(t, err, "the connection is gone")
		r.requireHeals(t, failing())
	})
}
