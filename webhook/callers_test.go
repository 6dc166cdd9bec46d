package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-remedy/kube-remedy/internal/process"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// sign gives a certificate with a common name that ends after some time.
func (a authority) sign(t *testing.T, name string, usage x509.ExtKeyUsage, lasts time.Duration) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOnlyTheAPIServerMayCall(t *testing.T) {
	serving, callers, strangers := newAuthority(t, "serving"), newAuthority(t, "callers"), newAuthority(t, "callers")
	good := callers.sign(t, "kube-apiserver", x509.ExtKeyUsageClientAuth, time.Hour)
	server, err := New(options(nil, fake.NewClientset()))
	require.NoError(t, err)
	for _, test := range []struct {
		name    string
		cas     *x509.CertPool
		names   []string
		shows   *tls.Certificate
		answers bool
	}{
		{name: "nobody is asked for a certificate", answers: true},
		{name: "nobody is asked, and a certificate does no harm", shows: good, answers: true},
		{name: "no certificate", cas: callers.pool()},
		{name: "the right one", cas: callers.pool(), names: []string{"other", "kube-apiserver"}, shows: good, answers: true},
		{name: "any name of the authority where no name is asked for", cas: callers.pool(), shows: callers.sign(t, "somebody", x509.ExtKeyUsageClientAuth, time.Hour), answers: true},
		{name: "another name", cas: callers.pool(), names: []string{"kube-apiserver"}, shows: callers.sign(t, "somebody", x509.ExtKeyUsageClientAuth, time.Hour)},
		{name: "a name that only begins so", cas: callers.pool(), names: []string{"kube-apiserver"}, shows: callers.sign(t, "kube-apiserver.evil", x509.ExtKeyUsageClientAuth, time.Hour)},
		{name: "another authority of the same name", cas: callers.pool(), names: []string{"kube-apiserver"}, shows: strangers.sign(t, "kube-apiserver", x509.ExtKeyUsageClientAuth, time.Hour)},
		{name: "a certificate for servers", cas: callers.pool(), names: []string{"kube-apiserver"}, shows: callers.sign(t, "kube-apiserver", x509.ExtKeyUsageServerAuth, time.Hour)},
		{name: "a certificate that has ended", cas: callers.pool(), names: []string{"kube-apiserver"}, shows: callers.sign(t, "kube-apiserver", x509.ExtKeyUsageClientAuth, -time.Minute)},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(test.name+", "+tls.VersionName(version), func(t *testing.T) {
				served := &Server{options: server.options, handler: handlerOf(known{learned()})}
				served.options.ClientCAs, served.options.ClientNames = test.cas, test.names
				settings := served.tls()
				certificate := serving.sign(t, "webhook", x509.ExtKeyUsageServerAuth, time.Hour)
				settings.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }
				http1 := served.reviewServer()
				http1.TLSConfig = settings
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				go func() { _ = process.Serve(t.Context(), http1, listener, time.Second) }()
				client := &tls.Config{RootCAs: serving.pool(), ServerName: "webhook", MaxVersion: version}
				if test.shows != nil {
					client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return test.shows, nil }
				}
				transport := &http.Transport{TLSClientConfig: client}
				defer transport.CloseIdleConnections()
				response, err := (&http.Client{Transport: transport}).Post("https://"+listener.Addr().String()+"/mutate", "application/json",
					strings.NewReader(webRequest(deployment("128Mi", "", ""))))
				if !test.answers {
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				defer response.Body.Close()
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Contains(t, string(text), `"patch"`)
			})
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server, err := New(options(nil, fake.NewClientset()))
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS12, server.tls().MinVersion)
	require.Nil(t, server.tls().VerifyConnection)
	require.Equal(t, tls.NoClientCert, server.tls().ClientAuth)
}
