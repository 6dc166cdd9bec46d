package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mutator is a webhook of somebody else.
type mutator struct{ calls atomic.Int64 }

// startMutator registers a webhook, for one namespace, that wants memory limits of 192Mi and runs after ours.
func startMutator(t *testing.T, namespace string) *mutator {
	t.Helper()
	m := &mutator{}
	server := httptest.NewUnstartedServer(m)
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", cluster.HostIP()+":0")
	require.NoError(t, err)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	certificate, authority := selfSigned(t, cluster.HostIP())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	name := "zz-" + namespace // the API server asks webhooks in the order of their configurations' names
	_, err = pair.Kubectl(t.Context(), fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: lower.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  reinvocationPolicy: Never
  clientConfig: {url: "https://%s/", caBundle: %s}
  rules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
`, name, listener.Addr(), base64.StdEncoding.EncodeToString(authority), namespace), "apply", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _, err := kubectl(t, "delete", "mutatingwebhookconfiguration", name)
		require.NoError(t, err)
	})
	time.Sleep(2 * time.Second) // until the API server has heard of it
	return m
}

// ServeHTTP lowers the limit and request of the first container.
func (m *mutator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.calls.Add(1)
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	_ = json.NewDecoder(r.Body).Decode(&review)
	patch := `[{"op":"replace","path":"/spec/template/spec/containers/0/resources/limits/memory","value":"192Mi"},` +
		`{"op":"replace","path":"/spec/template/spec/containers/0/resources/requests/memory","value":"128Mi"}]`
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": map[string]any{"uid": review.Request.UID, "allowed": true, "patchType": "JSONPatch", "patch": []byte(patch)},
	})
}

// selfSigned makes a certificate for an IP address.
func selfSigned(t *testing.T, address string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
