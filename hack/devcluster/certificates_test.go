package devcluster

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

func testLayout(t *testing.T) layout {
	t.Helper()
	l := layout{dir: t.TempDir(), hostIP: "10.245.0.1", base: 21000}
	require.NoError(t, l.makeDirs())
	return l
}

func TestEveryCertificateIsSignedForWhatItIsUsedFor(t *testing.T) {
	l, now := testLayout(t), time.Now()
	require.NoError(t, makeCertificates(l, now))
	ca, _, err := readPair(l, "ca")
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, one := range leaves(l) {
		cert, _, err := readPair(l, one.name)
		require.NoError(t, err, one.name)
		use := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: use, CurrentTime: now})
		require.NoError(t, err, one.name)
		for _, ip := range one.ips {
			require.NoError(t, cert.VerifyHostname(ip), one.name)
		}
	}
	_, err = tls.LoadX509KeyPair(l.pki("apiserver.crt"), l.pki("apiserver.key"))
	require.NoError(t, err)
}

func TestCertificatesAreKeptUntilTheyMustChange(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, l *layout, now *time.Time)
		same   bool
	}{
		{"a second start keeps them", func(*testing.T, *layout, *time.Time) {}, true},
		{"a certificate that ends within a month is replaced", func(_ *testing.T, _ *layout, now *time.Time) { *now = now.Add(leafLife - renewBefore + time.Hour) }, false},
		{"another address needs another certificate", func(_ *testing.T, l *layout, _ *time.Time) { l.hostIP = "127.0.0.1" }, false},
		{"a half-written pair is replaced", func(t *testing.T, l *layout, _ *time.Time) {
			require.NoError(t, os.Remove(l.pki("kubelet.key")))
		}, false},
		{"a lost authority signs everything anew", func(t *testing.T, l *layout, _ *time.Time) {
			require.NoError(t, os.Remove(l.pki("ca.crt")))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, now := testLayout(t), time.Now()
			require.NoError(t, makeCertificates(l, now))
			before, err := os.ReadFile(l.pki("kubelet.crt"))
			require.NoError(t, err)
			test.change(t, &l, &now)
			require.NoError(t, makeCertificates(l, now))
			after, err := os.ReadFile(l.pki("kubelet.crt"))
			require.NoError(t, err)
			require.Equal(t, test.same, string(before) == string(after))
		})
	}
}

func TestKubeconfigsCarryTheirOwnCertificates(t *testing.T) {
	l := testLayout(t)
	require.NoError(t, makeCertificates(l, time.Now()))
	require.NoError(t, makeKubeconfigs(l))
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig("kubelet"))
	require.NoError(t, err)
	require.Equal(t, "https://10.245.0.1:21000", config.Host)
	want, err := os.ReadFile(l.pki("kubelet.crt"))
	require.NoError(t, err)
	require.Equal(t, want, config.CertData)
	info, err := os.Stat(l.adminKubeconfig())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "a kubeconfig is a secret")
}
