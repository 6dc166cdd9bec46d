package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolloutCRD is a kind with a pod template that Kubernetes does not have.
const rolloutCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.rollouts.example.org}
spec:
  group: rollouts.example.org
  scope: Namespaced
  names: {kind: Rollout, plural: rollouts, singular: rollout}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size, labelSelectorPath: .status.podLabels}}
`

// rolloutRights are those that the chart gives for a kind of its config.kinds.
var rolloutRights = []rbacv1.PolicyRule{
	{APIGroups: []string{"rollouts.example.org"}, Resources: []string{"rollouts"}, Verbs: []string{"get", "list", "watch", "patch"}},
	{APIGroups: []string{"rollouts.example.org"}, Resources: []string{"rollouts/scale"}, Verbs: []string{"get"}},
}

// TestTheConfigurationIsFollowed adds a kind to the configuration while the webhook runs, and spoils the file after that.
// It runs before the parallel tests, whose configuration it would change.
func TestTheConfigurationIsFollowed(t *testing.T) {
	w := newWorkload(t, spec{})
	_, err := pair.Kubectl(t.Context(), rolloutCRD, "apply", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, pair.Configure(""))
		_, _, err := kubectl(t, "delete", "crd", "rollouts.rollouts.example.org")
		require.NoError(t, err)
	})
	require.NoError(t, pair.Configure("kinds:\n- {group: rollouts.example.org, version: v1alpha1, resource: rollouts, kind: Rollout, template: spec.workload.template}\n"))
	w.until("the kind to be registered", func() error {
		out := w.run("get", "mutatingwebhookconfiguration", "kube-remedy", "-o", "jsonpath={.webhooks[*].rules[*].resources}")
		if !strings.Contains(out, "rollouts") {
			return fmt.Errorf("the registration has %s", out)
		}
		return nil
	})
	w.declare("more-memory", "{apiVersion: rollouts.example.org/v1alpha1, kind: Rollout, name: web}", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi}")
	manifest := `{"apiVersion":"rollouts.example.org/v1alpha1","kind":"Rollout","metadata":{"name":"web"},"spec":{"workload":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"}}}]}}}}}`
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	w.until("a rollout to be healed", func() error {
		if out := w.apply("--dry-run=server"); !strings.Contains(out, "app memory limit 128Mi → 256Mi") {
			return fmt.Errorf("kubectl printed %s", out)
		}
		return nil
	})
	w.apply()
	require.Equal(t, "256Mi", w.run("get", "rollout", "web", "-o", "jsonpath={.spec.workload.template.spec.containers[0].resources.limits.memory}"))
	require.Equal(t, "more-memory@1", w.run("get", "rollout", "web", "-o", `jsonpath={.spec.workload.template.metadata.annotations.kube-remedy\.io/remediations}`))

	requireRolloutTeaches(t, w)
	requireRolloutAboveADeploymentTeaches(t, w)
	used, err := usedRights()
	require.NoError(t, err)
	require.True(t, used[right("kube-remedy-eventwatcher", "get", "rollouts.example.org", "rollouts/scale")], "the scale is read where the kind has one")

	require.NoError(t, pair.Configure("mode: maybe\n"))
	w.until("the mistake to be told", func() error {
		told, err := pair.WebhookStatus(t.Context())
		if err == nil && !strings.Contains(told, `mode: Unsupported value: \"maybe\"`) {
			err = fmt.Errorf("the status is %s", told)
		}
		return err
	})
	require.Contains(t, w.apply("--dry-run=server"), "app memory limit 128Mi → 256Mi", "the last good configuration stays")
	require.NoError(t, pair.Configure(""))
	w.until("the kind to be left out", func() error {
		if out := w.run("get", "mutatingwebhookconfiguration", "kube-remedy", "-o", "jsonpath={.webhooks[*].rules[*].resources}"); strings.Contains(out, "rollouts") {
			return fmt.Errorf("the registration has %s", out)
		}
		return nil
	})
}

// requireRolloutTeaches lets a pod be killed that a rollout controls, as its controller would have created it.
func requireRolloutTeaches(t *testing.T, w *workload) {
	t.Helper()
	role, err := json.Marshal(rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy-e2e-rollouts"}, Rules: rolloutRights,
	})
	require.NoError(t, err)
	_, err = pair.Kubectl(t.Context(), string(role), "apply", "-f", "-")
	require.NoError(t, err)
	_, err = pair.Kubectl(t.Context(), `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: kube-remedy-e2e-rollouts}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kube-remedy-e2e-rollouts}
subjects: [{kind: ServiceAccount, name: kube-remedy-eventwatcher, namespace: kube-remedy-system}]
`, "apply", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _, err := kubectl(t, "delete", "clusterrole/kube-remedy-e2e-rollouts", "clusterrolebinding/kube-remedy-e2e-rollouts")
		require.NoError(t, err)
	})
	uid := w.run("get", "rollout", "web", "-o", "jsonpath={.metadata.uid}")
	pod := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1","ownerReferences":[{"apiVersion":"rollouts.example.org/v1alpha1","kind":"Rollout","name":"web","uid":%q,"controller":true}],`+
		`"annotations":{"kube-remedy.io/remediations":"more-memory@1"}},"spec":{"restartPolicy":"Never","containers":[{"name":"app","image":"misbehave:v1","args":["-allocate=500Mi","-over=1s"],"resources":{"limits":{"memory":"256Mi"}}}]}}`, uid)
	_, err = pair.Kubectl(t.Context(), pod, "-n", w.namespace, "create", "-f", "-")
	require.NoError(t, err)
	w.until("the failure to be learned from", func() error {
		if targets := w.run("get", "remediations", "-o", "jsonpath={.items[*].status.target}"); strings.Count(targets, "Rollout/web") != 2 {
			return fmt.Errorf("the remediations are for %q", targets)
		}
		return nil
	})
	require.Contains(t, w.run("get", "remediation", "rollout-web-oomkilled-app", "-o", "jsonpath={.spec.actions[0].increaseMemory}"), `"failedLimit":"256Mi"`)
}

// requireRolloutAboveADeploymentTeaches lets pods be killed of a Deployment that a rollout controls, as its operator would
// have written it: what is applied is the rollout.
func requireRolloutAboveADeploymentTeaches(t *testing.T, w *workload) {
	t.Helper()
	containers := "{containers: [" + fmt.Sprintf(greedy, "-hold") + "], terminationGracePeriodSeconds: 1}"
	file := filepath.Join(t.TempDir(), "above.yaml")
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: rollouts.example.org/v1alpha1\nkind: Rollout\nmetadata: {name: above}\nspec: {size: 1, workload: {template: {spec: "+containers+"}}}\n"), 0o600))
	w.run("apply", "-f", file)
	uid := w.run("get", "rollout", "above", "-o", "jsonpath={.metadata.uid}")
	_, err := pair.Kubectl(t.Context(), fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: below
  ownerReferences: [{apiVersion: rollouts.example.org/v1alpha1, kind: Rollout, name: above, uid: %s, controller: true}]
spec: {selector: {matchLabels: {app: below}}, template: {metadata: {labels: {app: below}}, spec: %s}}
`, uid, containers), "-n", w.namespace, "create", "-f", "-")
	require.NoError(t, err)
	w.until("the rollout to be healed", func() error {
		out := w.run("apply", "-f", file)
		if !strings.Contains(out, "app memory limit 128Mi → 256Mi") {
			return fmt.Errorf("kubectl printed %s", out)
		}
		return nil
	})
	require.Equal(t, "256Mi", w.run("get", "rollout", "above", "-o", "jsonpath={.spec.workload.template.spec.containers[0].resources.limits.memory}"))
	require.Equal(t, "above", w.run("get", "remediation", "rollout-above-oomkilled-app", "-o", "jsonpath={.spec.targetRef.name}"))
	require.NotContains(t, w.run("get", "remediations", "-o", "name"), "below", "its operator applies the Deployment")
}
