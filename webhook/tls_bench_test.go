//go:build unix

package webhook

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

// serveVariable makes TestServeForBenchmarks the server that it names.
const serveVariable = "KUBE_REMEDY_BENCH_SERVE"

// BenchmarkTLS is a review's way over a kept connection with TLS: to our server, and to one that reads the body and
// writes a fixed answer. Requests go to one and the other in turn, and each is a process of its own, so that neither
// pays for the other's garbage.
func BenchmarkTLS(b *testing.B) {
	echo := dialChild(b, "echo")
	for _, c := range cases {
		ours := dialChild(b, c.name)
		for _, sample := range samples(b) {
			b.Run(c.name+"/"+sample.name, func(b *testing.B) {
				took := [2][]time.Duration{}
				for i := range 2 * b.N {
					took[i%2] = append(took[i%2], [2]*caller{ours, echo}[i%2].call(b, sample.text))
				}
				for i, name := range []string{"ours", "echo"} {
					slices.Sort(took[i])
					for _, percent := range []int{50, 99} {
						b.ReportMetric(float64(took[i][(len(took[i])-1)*percent/100]), fmt.Sprintf("%s-p%d-ns", name, percent))
					}
				}
			})
		}
	}
}

// caller keeps one connection. It does as little as a client can, so that its own cost does not hide a difference.
type caller struct {
	net.Conn
	answers *bufio.Reader
	request []byte
}

// call sends a review and gives how long the answer took.
func (c *caller) call(b *testing.B, body []byte) time.Duration {
	c.request = fmt.Appendf(c.request[:0], "POST %s HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", MutatePath, len(body))
	c.request = append(c.request, body...)
	begun := time.Now()
	_, err := c.Write(c.request)
	require.NoError(b, err)
	answer, err := http.ReadResponse(c.answers, nil)
	require.NoError(b, err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	took := time.Since(begun)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.StatusCode)
	return took
}

// dialChild starts a server in a process of its own and connects to it.
func dialChild(b *testing.B, serves string) *caller {
	child := exec.Command(os.Args[0], "-test.run=^TestServeForBenchmarks$")
	child.Env, child.Stderr = append(os.Environ(), serveVariable+"="+serves), os.Stderr
	stdin, err := child.StdinPipe() // which ends with this process at the latest, and ends the child
	require.NoError(b, err)
	stdout, err := child.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, child.Start())
	b.Cleanup(func() { _ = stdin.Close(); _ = child.Wait() })
	address, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b, err)
	connection, err := tls.Dial("tcp", strings.TrimSpace(address), &tls.Config{InsecureSkipVerify: true}) // loopback, and the key is thrown away
	require.NoError(b, err)
	return &caller{Conn: connection, answers: bufio.NewReader(connection)}
}

// TestServeForBenchmarks is no test: it is the process of dialChild. It prints its address and serves until its input
// ends.
func TestServeForBenchmarks(t *testing.T) {
	serves := os.Getenv(serveVariable)
	if serves == "" {
		t.Skip("serves for BenchmarkTLS alone")
	}
	server := benchServer(t, serves)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	require.ErrorIs(t, server.ServeTLS(listener, "", ""), http.ErrServerClosed)
}

// benchServer is our server for one of the cases, or with another handler the one that ours is compared with.
func benchServer(t *testing.T, serves string) *http.Server {
	s := &Server{healer: sampled(serves == "patched").healer(), options: Options{
		Clients: fake.NewClientset(), Certificate: fixed{certificate: certificate(t)}, WatcherUser: "watcher",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	}}
	s.handler = s.leaving(s.routes())
	server := s.reviewServer()
	if serves == "echo" {
		server.Handler = http.HandlerFunc(echo)
	}
	return server
}

// echo reads a body and answers what a review is answered that nothing was learned for.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = allow("").write(w, []byte(`"046c0214-cdd2-4b18-8dc7-92559751a5bd"`))
}

// fixed is a certificate that never changes; a server asks for nothing else.
type fixed struct {
	certs.Source
	certificate *tls.Certificate
}

func (f fixed) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.certificate, nil
}

func certificate(t *testing.T) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}
