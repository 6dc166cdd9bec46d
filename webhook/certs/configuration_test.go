package certs

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
)

var validatingResource = admissionregistrationv1.SchemeGroupVersion.WithResource("validatingwebhookconfigurations")

// validatingRegistration is a ValidatingWebhookConfiguration with a webhook.
func validatingRegistration(name string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks:   []admissionregistrationv1.ValidatingWebhook{{Name: "check." + name}},
	}
}

// trustedByValidating are the caBundles of a ValidatingWebhookConfiguration.
func trustedByValidating(t *testing.T, clients *fake.Clientset, name string) []string {
	t.Helper()
	object, err := clients.Tracker().Get(validatingResource, "", name)
	require.NoError(t, err)
	var bundles []string
	for _, each := range object.(*admissionregistrationv1.ValidatingWebhookConfiguration).Webhooks {
		bundles = append(bundles, string(each.ClientConfig.CABundle))
	}
	return bundles
}

func TestBothConfigurationsOfTheNameAreTrusting(t *testing.T) {
	clients := cluster(validatingRegistration("kube-remedy"), validatingRegistration("somebody-else"))
	s, lines := replica(clients, clocktesting.NewFakeClock(noon))
	require.NoError(t, s.reconcile(t.Context()))
	bundle := string(stored(t, clients)["ca.crt"])
	require.Equal(t, []string{bundle, bundle}, trusted(t, clients, "kube-remedy"))
	require.Equal(t, []string{bundle}, trustedByValidating(t, clients, "kube-remedy"))
	require.Equal(t, []string{""}, trustedByValidating(t, clients, "somebody-else"))
	require.Equal(t, []string{
		"create secrets", "patch mutatingwebhookconfigurations", "patch validatingwebhookconfigurations",
	}, writes(clients))
	require.Contains(t, lines.String(), "validatingwebhookconfiguration=kube-remedy")
	require.NoError(t, s.reconcile(t.Context()))
	require.Empty(t, writes(clients))
}

func TestConfigurationThatCanNotBeReadKeepsTheOtherFromNothing(t *testing.T) {
	clients := cluster(validatingRegistration("kube-remedy"))
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: validatingResource.Resource}, "kube-remedy", errors.New("no"))
	once(clients, "get", validatingResource.Resource, refused, func() {})
	s, _ := replica(clients, clocktesting.NewFakeClock(noon))
	err := s.reconcile(t.Context())
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "read validatingwebhookconfiguration kube-remedy: ")
	require.Equal(t, string(stored(t, clients)["ca.crt"]), trusted(t, clients, "kube-remedy")[0])
}

func TestOnlyCaBundlesThatDifferAreWritten(t *testing.T) {
	object := registration("kube-remedy")
	object.ResourceVersion = "7"
	object.Webhooks[1].ClientConfig.CABundle = []byte("old")
	require.Equal(t, []operation{
		{"test", "/webhooks/0/name", "apply.kube-remedy"},
		{"add", "/webhooks/0/clientConfig/caBundle", []byte("new")},
		{"test", "/webhooks/1/name", "scale.kube-remedy"},
		{"add", "/webhooks/1/clientConfig/caBundle", []byte("new")},
		{"replace", "/metadata/resourceVersion", "7"},
	}, ofMutating(object).trusting([]byte("new")))
	require.Equal(t, []operation{
		{"test", "/webhooks/0/name", "apply.kube-remedy"},
		{"add", "/webhooks/0/clientConfig/caBundle", []byte("old")},
		{"replace", "/metadata/resourceVersion", "7"},
	}, ofMutating(object).trusting([]byte("old")))
	object.Webhooks = object.Webhooks[1:]
	require.Empty(t, ofMutating(object).trusting([]byte("old")))
}

func TestWebhookThatStandsElsewhereMeanwhileIsNotWritten(t *testing.T) {
	clients := cluster()
	read := ofMutating(registration("kube-remedy"))
	moved := registration("kube-remedy")
	moved.Webhooks = moved.Webhooks[1:]
	require.NoError(t, clients.Tracker().Update(configurationsResource, moved, ""))
	require.Error(t, read.patch(t.Context(), clients, "application/json-patch+json", read.trusting([]byte("new"))))
	require.Equal(t, []string{""}, trusted(t, clients, "kube-remedy"))
}

// TestReplicaThatReadBeforeAnotherIssuedDoesNotUndoIt has another replica issue anew and write the caBundles between
// two reads of this one.
func TestReplicaThatReadBeforeAnotherIssuedDoesNotUndoIt(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon)
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	anew, _, err := renewed(stored(t, clients), called, noon.Add(2434*day))
	require.NoError(t, err)
	now.Step(2434 * day)
	raced := false
	clients.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if !raced {
			raced = true
			store(t, clients, anew)
			trusting := registration("kube-remedy")
			for i := range trusting.Webhooks {
				trusting.Webhooks[i].ClientConfig.CABundle = anew["ca.crt"]
			}
			require.NoError(t, clients.Tracker().Update(configurationsResource, trusting, ""))
		}
		return false, nil, nil
	})
	require.NoError(t, s.reconcile(t.Context()))
	require.Equal(t, anew, stored(t, clients))
	require.Equal(t, string(anew["ca.crt"]), trusted(t, clients, "kube-remedy")[0])
	requireServes(t, s, anew)
}

func TestAuthoritiesOfTheRegistrationOutliveTheSecret(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon)
	s, _ := replica(clients, now)
	require.NoError(t, s.reconcile(t.Context()))
	old := stored(t, clients)
	now.Step(day)
	require.NoError(t, clients.Tracker().Delete(secretsResource, "kube-remedy-system", "certificate"))
	other, _ := replica(clients, now)
	require.NoError(t, other.reconcile(t.Context()))
	requireVerifies(t, old, []byte(trusted(t, clients, "kube-remedy")[0]), called, now.Now())

	require.NoError(t, s.reconcile(t.Context()))
	requireServes(t, s, old)
	now.Step(settling)
	require.NoError(t, s.reconcile(t.Context()))
	requireServes(t, s, stored(t, clients))

	for range 9 {
		store(t, clients, nil)
		require.NoError(t, s.reconcile(t.Context()))
	}
	bundle, err := parseCertificates(stored(t, clients)["ca.crt"])
	require.NoError(t, err)
	require.Len(t, bundle, 1+maxOlder, "it does not grow without end")
}

func TestReadySaysWhyNothingIsServed(t *testing.T) {
	clients, now := cluster(), clocktesting.NewFakeClock(noon)
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "certificate", errors.New("no"))
	once(clients, "get", "secrets", refused, func() {})
	s, _ := replica(clients, now)
	require.Error(t, s.look(t.Context()))
	require.ErrorContains(t, s.Ready(), "no serving certificate is loaded yet: read secret kube-remedy-system/certificate: ")
	require.NoError(t, s.look(t.Context()))
	require.NoError(t, s.Ready())
	now.Step(91 * day)
	require.EqualError(t, s.Ready(), "the serving certificate: it has expired at "+noon.Add(90*day).Format(time.RFC3339))
}
