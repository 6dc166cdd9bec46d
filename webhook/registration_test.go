package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
)

// registered is the registration as whoever installs kube-remedy writes it, with somebody else's webhook in it.
func registered(more ...admissionregistrationv1.MutatingWebhook) *admissionregistrationv1.MutatingWebhookConfiguration {
	entry := func(name string) admissionregistrationv1.MutatingWebhook {
		return admissionregistrationv1.MutatingWebhook{
			Name: name, FailurePolicy: new(admissionregistrationv1.Ignore), SideEffects: new(admissionregistrationv1.SideEffectClassNone), TimeoutSeconds: new(int32(2)),
			AdmissionReviewVersions: []string{"v1"}, ReinvocationPolicy: new(admissionregistrationv1.IfNeededReinvocationPolicy), MatchPolicy: new(admissionregistrationv1.Equivalent),
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"kube-system"}}}},
			ObjectSelector:    &metav1.LabelSelector{},
			ClientConfig:      admissionregistrationv1.WebhookClientConfig{CABundle: []byte("authority"), URL: new("https://" + serviceName + MutatePath)},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{"CREATE", "UPDATE"},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}, Scope: new(admissionregistrationv1.NamespacedScope)},
			}},
		}
	}
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy"},
		Webhooks:   append([]admissionregistrationv1.MutatingWebhook{entry("other.example.org"), entry(mutateName)}, more...),
	}
}

func TestTheExtraWebhookIsTheFirstOneWithOtherRules(t *testing.T) {
	kinds := extraKinds().Kinds
	wanted, same, err := extraWebhook(registered(), kinds)
	require.NoError(t, err)
	require.False(t, same)
	require.Len(t, wanted, 1)
	extra := wanted[0]
	require.Equal(t, extraName, extra.Name)
	require.Len(t, extra.Rules, len(kinds))
	for i, kind := range kinds {
		require.Equal(t, []string{kind.Group}, extra.Rules[i].APIGroups)
		require.Equal(t, []string{kind.Version}, extra.Rules[i].APIVersions)
		require.Equal(t, []string{kind.Resource}, extra.Rules[i].Resources, "and none of its subresources")
		require.Equal(t, []admissionregistrationv1.OperationType{"CREATE", "UPDATE"}, extra.Rules[i].Operations)
		require.Equal(t, admissionregistrationv1.NamespacedScope, *extra.Rules[i].Scope)
	}
	first := registered().Webhooks[1]
	extra.Name, extra.Rules = first.Name, first.Rules
	require.Equal(t, first, extra)

	_, same, err = extraWebhook(registered(wanted[0]), kinds)
	require.NoError(t, err)
	require.True(t, same)
	changed := registered(wanted[0])
	changed.Webhooks[1].ClientConfig.CABundle = []byte("another authority")
	wanted, same, err = extraWebhook(changed, kinds)
	require.NoError(t, err)
	require.False(t, same)
	require.Equal(t, []byte("another authority"), wanted[0].ClientConfig.CABundle)

	for name, of := range map[string]*admissionregistrationv1.MutatingWebhookConfiguration{"there is none": registered(), "there is one": registered(extra)} {
		if name == "there is one" {
			of.Webhooks[2].Name = extraName
		}
		wanted, same, err = extraWebhook(of, nil)
		require.NoError(t, err)
		require.Empty(t, wanted)
		require.Equal(t, name == "there is none", same, name)
	}
	without := registered()
	without.Webhooks = without.Webhooks[:1]
	_, _, err = extraWebhook(without, kinds)
	require.EqualError(t, err, "mutatingwebhookconfiguration kube-remedy has no webhook mutate.kube-remedy.io")
}

// keeping keeps a registration in a bubble, and counts what is written.
type keeping struct {
	*registration
	clients *fake.Clientset
	writes  atomic.Int32
	fails   atomic.Bool
}

func keep(t *testing.T) *keeping {
	t.Helper()
	k := &keeping{clients: fake.NewClientset(registered())}
	k.clients.PrependReactor("patch", "mutatingwebhookconfigurations", func(action clienttesting.Action) (bool, runtime.Object, error) {
		k.writes.Add(1)
		require.Equal(t, "application/apply-patch+yaml", string(action.(clienttesting.PatchAction).GetPatchType()))
		return k.fails.Load(), nil, errors.New("no")
	})
	k.registration = &registration{clients: k.clients, name: "kube-remedy", log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- k.run(ctx, clock.RealClock{}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return k
}

// names are the webhooks that are registered.
func (k *keeping) names(t *testing.T) []string {
	t.Helper()
	synctest.Wait()
	now, err := k.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), "kube-remedy", metav1.GetOptions{})
	require.NoError(t, err)
	var names []string
	for _, webhook := range now.Webhooks {
		names = append(names, webhook.Name)
	}
	return names
}

func TestTheRegistrationFollowsTheKindsOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := keep(t)
		require.Equal(t, []string{"other.example.org", mutateName}, k.names(t))
		require.Zero(t, k.writes.Load(), "there is nothing to write without kinds")

		k.want(extraKinds().Kinds)
		require.Equal(t, []string{"other.example.org", mutateName, extraName}, k.names(t))
		require.EqualValues(t, 1, k.writes.Load())
		k.want(extraKinds().Kinds)
		time.Sleep(3 * lookEvery)
		require.Len(t, k.names(t), 3)
		require.EqualValues(t, 1, k.writes.Load(), "it is right already")

		k.want(extraKinds().Kinds[:1])
		k.names(t)
		now, err := k.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), "kube-remedy", metav1.GetOptions{})
		require.NoError(t, err)
		require.Len(t, now.Webhooks[2].Rules, 1)

		k.want(nil)
		require.Equal(t, []string{"other.example.org", mutateName}, k.names(t))
		writes := k.writes.Load()
		time.Sleep(3 * lookEvery)
		k.names(t)
		require.Equal(t, writes, k.writes.Load())
	})
}

func TestARegistrationThatCanNotBeWrittenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := keep(t)
		k.names(t) // it has looked once, and waits
		k.fails.Store(true)
		k.want(extraKinds().Kinds)
		k.names(t)
		require.EqualValues(t, 1, k.writes.Load())
		time.Sleep(2*retryAfter + time.Second)
		require.Len(t, k.names(t), 2)
		require.EqualValues(t, 3, k.writes.Load())
		k.fails.Store(false)
		time.Sleep(retryAfter)
		require.Len(t, k.names(t), 3)
	})
}

func TestWhatSomebodyElseUndidIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := keep(t)
		k.names(t)
		k.want(extraKinds().Kinds)
		require.Len(t, k.names(t), 3)
		_, err := k.clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Update(context.Background(), registered(), metav1.UpdateOptions{})
		require.NoError(t, err)
		require.Len(t, k.names(t), 2)
		time.Sleep(lookEvery)
		require.Len(t, k.names(t), 3)
	})
}
