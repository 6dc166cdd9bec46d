package certs

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// certManaged is a CertManager, its cluster, and where its lines go.
type certManaged struct {
	*CertManager
	clients *fake.Clientset
	objects *dynamicfake.FakeDynamicClient
	lines   bytes.Buffer
	refusal error // of what is applied
}

func newCertManaged(t *testing.T, now clock.WithTicker) *certManaged {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, certmanagerv1.AddToScheme(scheme))
	m := &certManaged{
		clients: cluster(validatingRegistration("kube-remedy"), validatingRegistration("somebody-else")),
		objects: dynamicfake.NewSimpleDynamicClient(scheme),
	}
	m.clients.Resources = []*metav1.APIResourceList{{GroupVersion: "cert-manager.io/v1"}}
	m.objects.PrependReactor("patch", "*", m.apply)
	m.CertManager = &CertManager{
		Client: m.clients, Dynamic: m.objects, Namespace: "kube-remedy-system", Certificate: "kube-remedy-webhook",
		Secret: "certificate", Configuration: "kube-remedy", Names: called, Clock: now, Log: slog.New(slog.NewTextHandler(&m.lines, nil)),
	}
	return m
}

// apply is server-side apply as far as it is needed here: what is applied takes the place of all but the status.
func (m *certManaged) apply(action clienttesting.Action) (bool, runtime.Object, error) {
	patch := action.(clienttesting.PatchAction)
	if patch.GetPatchType() != types.ApplyPatchType || m.refusal != nil {
		return m.refusal != nil, nil, m.refusal
	}
	applied := &unstructured.Unstructured{}
	if err := json.Unmarshal(patch.GetPatch(), &applied.Object); err != nil {
		return true, nil, err
	}
	resource, namespace := action.GetResource(), action.GetNamespace()
	had, err := m.objects.Tracker().Get(resource, namespace, patch.GetName())
	if apierrors.IsNotFound(err) {
		return true, applied, m.objects.Tracker().Create(resource, applied, namespace)
	}
	if status, ok := had.(*unstructured.Unstructured).Object["status"]; ok {
		applied.Object["status"] = status
	}
	if reflect.DeepEqual(had, applied) {
		return true, applied, nil // nobody hears of it
	}
	return true, applied, m.objects.Tracker().Update(resource, applied, namespace)
}

// object is one of cert-manager's, as it was applied.
func object[T any](t *testing.T, m *certManaged, resource, name string) T {
	t.Helper()
	found, err := m.objects.Tracker().Get(certmanagerv1.SchemeGroupVersion.WithResource(resource), "kube-remedy-system", name)
	require.NoError(t, err)
	var typed T
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(found.(*unstructured.Unstructured).Object, &typed))
	return typed
}

// condition is what cert-manager says of the serving Certificate.
func (m *certManaged) condition(t *testing.T, conditions ...certmanagerv1.CertificateCondition) {
	t.Helper()
	certificate := object[certmanagerv1.Certificate](t, m, "certificates", "kube-remedy-webhook")
	certificate.Status.Conditions = conditions
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&certificate)
	require.NoError(t, err)
	require.NoError(t, m.objects.Tracker().Update(certificatesResource, &unstructured.Unstructured{Object: content}, "kube-remedy-system"))
}

// inject writes the caBundles as cainjector does.
func (m *certManaged) inject(t *testing.T, bundle []byte) {
	t.Helper()
	found, err := configurations(t.Context(), m.clients, "kube-remedy")
	require.NoError(t, err)
	for _, each := range found {
		require.NoError(t, each.patch(t.Context(), m.clients, types.JSONPatchType, each.trusting(bundle)))
	}
}

func TestCertManagerIsAskedForAnAuthorityAndACertificate(t *testing.T) {
	m := newCertManaged(t, clocktesting.NewFakeClock(noon))
	require.Error(t, m.reconcile(t.Context()))
	require.NotNil(t, object[certmanagerv1.Issuer](t, m, "issuers", "kube-remedy-webhook-selfsigned").Spec.SelfSigned)

	authority := object[certmanagerv1.Certificate](t, m, "certificates", "kube-remedy-webhook-ca").Spec
	require.True(t, authority.IsCA)
	require.Equal(t, cmmeta.IssuerReference{Name: "kube-remedy-webhook-selfsigned", Kind: "Issuer", Group: "cert-manager.io"}, authority.IssuerRef)
	require.Equal(t, certmanagerv1.RotationPolicyNever, authority.PrivateKey.RotationPolicy, "what it has signed stays verifiable when it is renewed")
	require.Equal(t, authority.SecretName, object[certmanagerv1.Issuer](t, m, "issuers", "kube-remedy-webhook-ca").Spec.CA.SecretName)

	leaf := object[certmanagerv1.Certificate](t, m, "certificates", "kube-remedy-webhook").Spec
	require.Equal(t, cmmeta.IssuerReference{Name: "kube-remedy-webhook-ca", Kind: "Issuer", Group: "cert-manager.io"}, leaf.IssuerRef)
	require.Equal(t, called.DNS, leaf.DNSNames)
	require.Equal(t, []string{"127.0.0.1"}, leaf.IPAddresses)
	require.Equal(t, "certificate", leaf.SecretName)
	require.False(t, leaf.IsCA)

	for _, action := range m.objects.Actions() {
		if patch, ok := action.(clienttesting.PatchActionImpl); ok {
			require.Equal(t, "kube-remedy-webhook", patch.PatchOptions.FieldManager)
			require.True(t, *patch.PatchOptions.Force)
			require.NotContains(t, string(patch.GetPatch()), `"status"`)
		}
	}
}

func TestCertManagerUsesAnIssuerThatIsThereAlready(t *testing.T) {
	m := newCertManaged(t, clocktesting.NewFakeClock(noon))
	m.Issuer = cmmeta.IssuerReference{Name: "company", Kind: "ClusterIssuer"}
	require.Error(t, m.reconcile(t.Context()))
	require.Equal(t, m.Issuer, object[certmanagerv1.Certificate](t, m, "certificates", "kube-remedy-webhook").Spec.IssuerRef)
	require.Len(t, m.objects.Actions(), 1, "nothing else is applied")
}

func TestCertManagerAnnotatesBothConfigurationsOnce(t *testing.T) {
	m := newCertManaged(t, clocktesting.NewFakeClock(noon))
	require.Error(t, m.reconcile(t.Context()))
	found, err := configurations(t.Context(), m.clients, "kube-remedy")
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, each := range found {
		require.Equal(t, map[string]string{"cert-manager.io/inject-ca-from": "kube-remedy-system/kube-remedy-webhook"}, each.meta.Annotations)
	}
	require.Equal(t, []string{"patch mutatingwebhookconfigurations", "patch validatingwebhookconfigurations"}, writes(m.clients))
	require.Error(t, m.reconcile(t.Context()))
	require.Empty(t, writes(m.clients))
	others, err := configurations(t.Context(), m.clients, "somebody-else")
	require.NoError(t, err)
	require.Empty(t, others[0].meta.Annotations)
	require.Empty(t, others[1].meta.Annotations)
}

func TestCertManagerSaysWhyNothingIsServed(t *testing.T) {
	notFound := apierrors.NewNotFound(certificatesResource.GroupResource(), "kube-remedy-webhook")
	for _, test := range []struct {
		name string
		make func(t *testing.T, m *certManaged)
		why  string
	}{
		{"it does nothing", func(*testing.T, *certManaged) {}, "no serving certificate is loaded yet: nothing is issued into secret kube-remedy-system/certificate (certificate kube-remedy-system/kube-remedy-webhook has no conditions yet: is cert-manager running?)"},
		{"it is not ready", func(t *testing.T, m *certManaged) {
			require.Error(t, m.look(t.Context()))
			m.condition(t, certmanagerv1.CertificateCondition{
				Type: certmanagerv1.CertificateConditionReady, Status: cmmeta.ConditionFalse, Reason: "DoesNotExist", Message: "Issuing certificate as Secret does not exist",
			})
		}, "(certificate kube-remedy-system/kube-remedy-webhook has Ready False, DoesNotExist: Issuing certificate as Secret does not exist)"},
		{"it is not installed", func(_ *testing.T, m *certManaged) { m.clients.Resources, m.refusal = nil, notFound }, "certificates.cert-manager.io is not served: is cert-manager installed?"},
		{"there is no namespace", func(_ *testing.T, m *certManaged) { m.refusal = notFound }, "apply issuers.cert-manager.io kube-remedy-system/kube-remedy-webhook-selfsigned: "},
		{"its webhook does not answer", func(_ *testing.T, m *certManaged) {
			m.refusal = apierrors.NewInternalError(errors.New(`failed calling webhook "webhook.cert-manager.io"`))
		}, `failed calling webhook "webhook.cert-manager.io"`},
		{"what it issued is cut off", func(t *testing.T, m *certManaged) { store(t, m.clients, map[string][]byte{certKey: []byte("x")}) }, "load the serving certificate of secret kube-remedy-system/certificate: "},
		{"what it issued has expired", func(t *testing.T, m *certManaged) { store(t, m.clients, issued(t, called, noon.Add(-91*day))) }, "it has expired at "},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newCertManaged(t, clocktesting.NewFakeClock(noon))
			test.make(t, m)
			require.Error(t, m.look(t.Context()))
			require.ErrorContains(t, m.Ready(), test.why)
			require.ErrorContains(t, m.Ready(), "no serving certificate is loaded yet: ")
		})
	}
}

func TestCertificateIsServedWhileCertManagerIsAway(t *testing.T) {
	m := newCertManaged(t, clocktesting.NewFakeClock(noon))
	m.refusal = errors.New("connection refused")
	data := issued(t, called, noon)
	store(t, m.clients, data)
	require.ErrorContains(t, m.look(t.Context()), "connection refused")
	require.NoError(t, m.Ready())
	requireServing(t, m, data)

	store(t, m.clients, map[string][]byte{certKey: []byte("x")})
	require.Error(t, m.look(t.Context()))
	require.NoError(t, m.Ready())
	requireServing(t, m, data)
}

func TestCertificateOfAnotherAuthorityWaitsForCainjector(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	m := newCertManaged(t, now)
	first, other := issued(t, called, noon), issued(t, called, noon)
	renewal, _, err := renewed(first, called, noon.Add(61*day))
	require.NoError(t, err)
	store(t, m.clients, first)
	require.NoError(t, m.look(t.Context()))
	requireServing(t, m, first)
	m.inject(t, first[caCertKey])

	now.Step(62 * day)
	store(t, m.clients, renewal)
	require.NoError(t, m.look(t.Context()))
	requireServing(t, m, renewal)

	store(t, m.clients, other)
	require.ErrorContains(t, m.look(t.Context()), "serve the certificate of secret kube-remedy-system/certificate once it is trusted; is cainjector running?: mutatingwebhookconfiguration kube-remedy, webhook apply.kube-remedy: x509: ")
	requireServing(t, m, renewal)
	m.inject(t, other[caCertKey])
	require.NoError(t, m.look(t.Context()))
	requireServing(t, m, other)
}

func TestCertManagerRunFollowsTheSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newCertManaged(t, clock.RealClock{})
		ended := make(chan error, 1)
		go func() { ended <- m.Run(t.Context()) }()
		t.Cleanup(func() { require.NoError(t, <-ended) })
		synctest.Wait()
		require.Error(t, m.Ready())
		first := issued(t, called, time.Now())
		store(t, m.clients, first)
		time.Sleep(2 * time.Second) // looks are paced
		synctest.Wait()
		requireServing(t, m, first)
		m.inject(t, first[caCertKey])
		require.NoError(t, m.objects.Tracker().Delete(certificatesResource, "kube-remedy-system", "kube-remedy-webhook"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, "certificate", object[certmanagerv1.Certificate](t, m, "certificates", "kube-remedy-webhook").Spec.SecretName, "it is applied again")
		renewal, _, err := renewed(first, called, time.Now().Add(61*day))
		require.NoError(t, err)
		time.Sleep(61 * day)
		store(t, m.clients, renewal)
		synctest.Wait()
		requireServing(t, m, renewal)
	})
}
