package webhook

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestWhatIsAnApply(t *testing.T) {
	const (
		watcher = "system:serviceaccount:kube-remedy-system:kube-remedy-eventwatcher"
		alice   = "alice"
	)
	object := func(limit, lastApplied, more string) string {
		return fmt.Sprintf(`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":%q}%s},`+
			`"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":%q}}}]}}}}`, lastApplied, more, limit)
	}
	same := object("128Mi", "{}\n", "")
	auto := `{"metadata":{"annotations":{"kube-remedy.io/reapply":"auto"}}}`
	for _, test := range []struct {
		name        string
		user        string
		operation   admissionv1.Operation
		subresource string
		manager     string
		object, old string
		namespace   string
		want        bool
	}{
		{name: "a creation", user: alice, operation: "CREATE", object: same, want: true},
		{name: "a creation by a deployer's controller", user: "system:serviceaccount:argocd:argocd-application-controller", operation: "CREATE", object: same, want: true},
		{name: "a deletion", user: alice, operation: "DELETE", old: same},
		{name: "an object that is being deleted", user: alice, operation: "UPDATE", manager: "kubectl", object: object("256Mi", "{}", `,"deletionTimestamp":"2026-03-01T12:00:00Z"`), old: same},
		{name: "client-side apply of an armed workload", user: alice, operation: "UPDATE", manager: "kubectl-client-side-apply", object: same, old: object("128Mi", "{}", ""), want: true},
		{name: "server-side apply that changes nothing", user: alice, operation: "UPDATE", manager: "kubectl", object: same, old: same, want: true},
		{name: "an upgrade with Helm", user: alice, operation: "UPDATE", manager: "helm", object: same, old: same, want: true},
		{name: "kubectl replace", user: alice, operation: "UPDATE", manager: "kubectl-replace", object: same, old: same, want: true},
		{name: "kubectl edit of the template", user: alice, operation: "UPDATE", manager: "kubectl-edit", object: object("129Mi", "{}\n", ""), old: same, want: true},
		{name: "an unknown client that changes the template", user: alice, operation: "UPDATE", manager: "deployer", object: object("129Mi", "{}\n", ""), old: same, want: true},
		{name: "an unknown client that applied", user: alice, operation: "UPDATE", manager: "deployer", object: object("128Mi", "{ }\n", ""), old: same, want: true},
		{name: "an unknown client that changes something else", user: alice, operation: "UPDATE", manager: "deployer", object: object("128Mi", "{}\n", `,"labels":{"team":"shop"}`), old: same},
		{name: "kubectl annotate", user: alice, operation: "UPDATE", manager: "kubectl-annotate", object: object("128Mi", "{ }\n", ""), old: same},
		{name: "kubectl label", user: alice, operation: "UPDATE", manager: "kubectl-label", object: object("128Mi", "{}\n", `,"labels":{"a":"b"}`), old: same},
		{name: "the scale subresource", user: alice, operation: "UPDATE", subresource: "scale", manager: "kubectl", object: same, old: same},
		{name: "the Deployment controller", user: "system:kube-controller-manager", operation: "UPDATE", object: object("129Mi", "{}\n", ""), old: same},
		{name: "the Deployment controller with an account of its own", user: "system:serviceaccount:kube-system:deployment-controller", operation: "UPDATE", object: object("129Mi", "{}\n", ""), old: same},
		{name: "the watcher that arms", user: watcher, operation: "UPDATE", manager: "kube-remedy-eventwatcher", object: object("128Mi", "{}", ""), old: same},
		{name: "the watcher where the namespace's owner asked for it", user: watcher, operation: "UPDATE", manager: "kube-remedy-eventwatcher", namespace: "auto", object: same, old: same, want: true},
		{name: "a kubelet that writes its mirror pod", user: "system:node:worker-1", operation: "CREATE", object: same},
		{name: "the watcher where the owner asked for it", user: watcher, operation: "UPDATE", manager: "kube-remedy-eventwatcher", object: auto, old: auto, want: true},
		{name: "an object with metadata of the wrong type", user: alice, operation: "UPDATE", object: `{"metadata":[],"spec":"x"}`, old: `{"metadata":[],"spec":"x"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			object, err := decode([]byte(test.object))
			require.NoError(t, err)
			r := &review{
				operation: []byte(test.operation), subresource: []byte(test.subresource), user: []byte(test.user),
				old: []byte(test.old), options: fmt.Appendf(nil, `{"fieldManager":%q}`, test.manager),
			}
			who := reapplyOf(r, watcher)
			who.namespace = func() map[string]string { return map[string]string{v1alpha1.ReapplyAnnotation: test.namespace} }
			who.kind, who.object = builtIn[schema.GroupKind{Group: "apps", Kind: "Deployment"}], object
			_, err = who.readOld(r)
			require.NoError(t, err)
			require.Equal(t, test.want, who.is())
		})
	}
}

func TestFieldManagerOfOptionsThatCanNotBeRead(t *testing.T) {
	for _, raw := range []string{"", "null", "[]", `{"fieldManager":1}`, "{"} {
		require.Empty(t, fieldManagerOf([]byte(raw)), raw)
	}
}

// TestWhatWasHealedOnCreationIsHealedAgain needs the old object although an applier sends the new one: a StatefulSet's
// claim templates can't be changed, so the owner who applies the same manifest again must get the same cure again.
func TestWhatWasHealedOnCreationIsHealedAgain(t *testing.T) {
	fix := learned(func(r *v1alpha1.Remediation) {
		r.Name, r.Spec.FailureType, r.Annotations = "db-storage", v1alpha1.Pending, map[string]string{v1alpha1.ApprovedByAnnotation: "alice"}
		r.Spec.TargetRef.Kind, r.Spec.TargetRef.Name = "StatefulSet", "db"
		r.Spec.Actions = []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.StorageClass, Name: "fsat", Replacement: "fast"}}}
	})
	object := func(class, metadata, templateMetadata string) string {
		return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db","namespace":"shop"%s},"spec":{"template":{%s"spec":{"containers":[{"name":"app"}]}},`+
			`"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"storageClassName":%q}}]}}`, metadata, templateMetadata, class)
	}
	request := creation(object("fsat", `,"uid":"1"`, ""))
	request.Kind.Kind, request.Name, request.Operation = "StatefulSet", "db", admissionv1.Update
	request.OldObject.Raw = []byte(object("fast", `,"uid":"1","annotations":{"kube-remedy.io/remediations":"db-storage@1"}`, `"metadata":{"annotations":{"kube-remedy.io/remediations":"db-storage@1"}},`))
	request.Options.Raw = []byte(`{"fieldManager":"kubectl-client-side-apply"}`)
	given, err := known{fix}.healer().ask(t, request)
	require.NoError(t, err)
	require.Equal(t, "healed", given.reason)
	require.Contains(t, healed(t, string(request.Object.Raw), given), `"storageClassName":"fast"`)
	request.OldObject.Raw = []byte(object("fsat", `,"uid":"1"`, ""))
	given, err = known{fix}.healer().ask(t, request)
	require.NoError(t, err)
	require.Empty(t, given.patch, "what was created without the cure can't have it any more")
}
