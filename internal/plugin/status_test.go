package plugin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// certificate gives one in PEM and base64 that ends at a time.
func certificate(t *testing.T, ends time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: ends}
	raw, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}

// installed gives an installation whose certificates end at a time.
func installed(t *testing.T, ends time.Time, ready int, policy string) string {
	t.Helper()
	authority := certificate(t, ends)
	return fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: remediations.kube-remedy.io}
spec: {versions: [{name: v1alpha1, served: true}]}
status: {conditions: [{type: Established, status: "True"}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: kube-remedy}
webhooks:
- name: mutate.kube-remedy.io
  failurePolicy: %[3]s
  timeoutSeconds: 2
  clientConfig: {caBundle: %[1]s, service: {namespace: kube-remedy-system, name: webhook}}
- name: other.example.com
  clientConfig: {url: "https://other"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: kube-remedy}
webhooks:
- {name: validate.kube-remedy.io, failurePolicy: Fail, timeoutSeconds: 5, clientConfig: {caBundle: %[1]s, url: "https://10.0.0.1/remediations/validate"}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: webhook-1, namespace: kube-remedy-system, labels: {kubernetes.io/service-name: webhook}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kube-remedy, namespace: kube-remedy-system, labels: {app.kubernetes.io/name: kube-remedy}}
spec: {replicas: 2, template: {spec: {containers: [{name: webhook, image: "kube-remedy-webhook:1"}, {name: eventwatcher, image: "kube-remedy-eventwatcher:1"}]}}}
status: {readyReplicas: %[2]d}
---
apiVersion: v1
kind: Secret
metadata: {name: kube-remedy-webhook-certificate, namespace: kube-remedy-system}
data: {tls.crt: %[1]s}
`, authority, ready, policy)
}

func TestStatusOfWhatIsHealthy(t *testing.T) {
	s := serve(t, installed(t, noon.AddDate(0, 2, 0), 2, "Ignore"), verified, suggested, uncured)
	out, errs, err := s.on("status")
	require.NoError(t, err)
	require.Empty(t, errs)
	golden(t, "status.txt", out)
}

func TestStatusSaysWhatIsWrong(t *testing.T) {
	s := serve(t, installed(t, noon.AddDate(0, 0, 3), 1, "Fail"))
	s.put(strings.ReplaceAll(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: webhook-1, namespace: kube-remedy-system, labels: {kubernetes.io/service-name: webhook}}
addressType: IPv4
endpoints: []
`, "\t", ""))
	out, _, err := s.on("status", "-o", "json")
	require.Equal(t, plugin.Exit{Status: 2}, err)
	var status struct {
		Healthy  bool
		Problems []string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &status))
	require.False(t, status.Healthy)
	all := strings.Join(status.Problems, "\n")
	require.Contains(t, all, "nobody answers for webhook mutate.kube-remedy.io")
	require.Contains(t, all, "webhook mutate.kube-remedy.io has failurePolicy Fail")
	require.Contains(t, all, "the caBundle of webhook mutate.kube-remedy.io ends at 2026-03-04T12:00:00Z: it was not renewed")
	require.Contains(t, all, "has 1 of 2 replicas ready")
	require.Contains(t, all, "the certificate in secret kube-remedy-system/kube-remedy-webhook-certificate ends at")
}

func TestStatusOfNothing(t *testing.T) {
	s := serve(t)
	s.absent["remediations"] = true
	out, _, err := s.on("status")
	require.Equal(t, plugin.Exit{Status: 2}, err)
	require.Contains(t, out, "problem: custom resource remediations.kube-remedy.io is not installed")
}

func TestStatusSaysWhatMayNotBeRead(t *testing.T) {
	s := serve(t, installed(t, noon.AddDate(0, 2, 0), 2, "Ignore"))
	for _, resource := range []string{"customresourcedefinitions", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "deployments"} {
		s.forbidden[resource] = true
	}
	out, _, err := s.on("status")
	require.NoError(t, err)
	require.Contains(t, out, "note: you may not read customresourcedefinitions\n")
	require.Contains(t, out, "note: you may not read mutatingwebhookconfigurations\n")
	require.Contains(t, out, "note: you may not read deployments\n")
	s.forbidden["remediations"] = true
	out, _, err = s.on("status")
	require.Equal(t, plugin.Exit{Status: 2}, err, "what nobody saw is not healthy")
	require.Contains(t, out, "note: you may not read remediations\n")
	require.Contains(t, out, "problem: nothing of it may be read")
}

func TestStatsTellHowOftenCuresHeld(t *testing.T) {
	second := strings.NewReplacer("deployment-web-oomkilled-app", "b", "name: web}", "name: b}", "attempt: 1", "attempt: 2").Replace(verified)
	failed := strings.NewReplacer("deployment-web-oomkilled-app", "c", "name: web}", "name: c}", "phase: Verified", "phase: Failed", "attempt: 1", "attempt: 3").Replace(verified)
	s := serve(t, verified, second, failed, suggested, uncured)
	out, _, err := s.on("stats", "-A")
	require.NoError(t, err)
	golden(t, "stats.txt", out)
	out, _, err = s.on("stats", "-A", "-o", "json")
	require.NoError(t, err)
	golden(t, "stats.json", out)
}
