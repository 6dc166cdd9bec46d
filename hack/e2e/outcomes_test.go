package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// TestAFailureInSpiteOfThreeAttemptsIsGivenUp needs more memory than three doublings give.
func TestAFailureInSpiteOfThreeAttemptsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{limit: "32Mi", needs: "600Mi"})
	w.learn()
	for i, limit := range []string{"64Mi", "128Mi", "256Mi"} {
		w.untilPhase(v1alpha1.PhaseLearned, int32(i+1))
		require.Contains(t, w.apply(), "memory limit 32Mi → "+limit)
	}
	w.untilPhase(v1alpha1.PhaseFailed, v1alpha1.MaxAttempts)
	require.NotContains(t, w.apply(), "kube-remedy:")
	require.Equal(t, "32Mi", w.limit(), "the next apply is left as its owner writes it")
}

// TestACureThatMakesItWorseIsTakenBack gives a container more memory than its namespace may have by then.
func TestACureThatMakesItWorseIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.run("create", "quota", "small", "--hard=limits.memory=300Mi")
	require.Contains(t, w.apply(), "memory limit 128Mi → 256Mi")
	failed := w.untilPhase(v1alpha1.PhaseFailed, 1)
	require.Contains(t, failed.Status.Outcome.Withdrawn, "Pending: ")
	require.Contains(t, failed.Status.Outcome.Withdrawn, "quota")
	w.until("it to be told", func() error {
		if reasons := w.run("get", "events", "-o", "jsonpath={.items[*].reason}"); !slices.Contains(strings.Fields(reasons), "RemediationWithdrawn") {
			return fmt.Errorf("the events are %s", reasons)
		}
		return nil
	})
	require.NotContains(t, w.apply(), "kube-remedy: app")
	require.Equal(t, "128Mi", w.limit(), "the owner's manifest is back")
}

// TestWhatIsMadeFromAPrefixTeachesThePrefix creates a Job twice, whose name is another each time.
func TestWhatIsMadeFromAPrefixTeachesThePrefix(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	manifest := "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: batch-}\n" +
		"spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [" + fmt.Sprintf(greedy, "-exit=0") + "]}}}\n"
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	w.run("create", "-f", w.file)
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "batch/v1", Kind: "Job", GenerateName: "batch-"}, learned.Spec.TargetRef)
	require.Contains(t, w.run("create", "-f", w.file), "app memory limit 128Mi → 256Mi")
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

// TestHealingNeedsNoHandWhereTheNamespaceSaysSo applies once, in a namespace whose owner asks for hands-free healing.
func TestHealingNeedsNoHandWhereTheNamespaceSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.run("annotate", "namespace", w.namespace, "kube-remedy.io/reapply=auto")
	w.apply()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
	require.Equal(t, "256Mi", w.limit())
}

// node is a second node whose kubelet is this test: it tells that it is well until it tells nothing any more.
type node struct {
	w    *workload
	name string
}

// TestAWorkloadOnALostNodeIsMovedAway binds a pod to a node that falls silent.
func TestAWorkloadOnALostNodeIsMovedAway(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	lost := node{w, "lost-" + w.namespace}
	lost.join()
	manifest := fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n"+
		"  template:\n    metadata: {labels: {app: web}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      tolerations: [{key: played, operator: Exists}]\n      affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [%s]}]}}]}}\n"+
		"      containers: [{name: app, image: 'misbehave:v1'}]\n", lost.name)
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	w.apply()
	lost.run()
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1) // nobody hears of the node from here on
	require.Equal(t, v1alpha1.NodeNotReady, learned.Spec.FailureType)
	require.Equal(t, "kubelet-silent", learned.Status.Diagnosis.RootCauseID)
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, learned.Spec.TargetRef)
	require.NotEmpty(t, learned.Spec.Actions)
	require.Equal(t, lost.name, learned.Spec.Actions[0].AvoidNode.Node)
	w.untilArmed()
	w.apply()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
}

// join creates the node, which is ready.
func (n node) join() {
	now := time.Now().UTC().Format(time.RFC3339)
	_, err := pair.Kubectl(n.w.t.Context(), fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q,"labels":{"kubernetes.io/hostname":%q,"kubernetes.io/os":"linux"}},"spec":{"taints":[{"key":"played","effect":"NoSchedule"}]}}`, n.name, n.name), "create", "-f", "-")
	require.NoError(n.w.t, err)
	n.w.t.Cleanup(func() {
		_, stderr, err := kubectl(n.w.t, "delete", "node", n.name, "--ignore-not-found")
		require.NoError(n.w.t, err, stderr)
	})
	status := fmt.Sprintf(`{"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"10"},"allocatable":{"cpu":"4","memory":"8Gi","pods":"10"},`+
		`"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady","message":"kubelet is posting ready status","lastHeartbeatTime":%q,"lastTransitionTime":%q}]}}`, now, now)
	n.w.run("patch", "node", n.name, "--subresource=status", "--type=merge", "-p", status)
	n.w.until("the node to be ready for pods", func() error {
		var found corev1.Node
		if err := json.Unmarshal([]byte(n.w.run("get", "node", n.name, "-o", "json")), &found); err != nil {
			return err
		}
		if len(found.Spec.Taints) > 1 {
			return fmt.Errorf("it has taints %v", found.Spec.Taints)
		}
		return nil
	})
}

// run waits until a pod is bound to the node, and tells that it runs.
func (n node) run() {
	var pod string
	n.w.until("a pod to be bound to the node", func() error {
		if pod = n.w.run("get", "pods", "--field-selector=spec.nodeName="+n.name, "-o", "jsonpath={.items[0].metadata.name}"); pod == "" {
			return fmt.Errorf("none is")
		}
		return nil
	})
	now := time.Now().UTC().Format(time.RFC3339)
	n.w.run("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", fmt.Sprintf(`{"status":{"phase":"Running","startTime":%q,`+
		`"conditions":[{"type":"Ready","status":"True","lastTransitionTime":%q}],`+
		`"containerStatuses":[{"name":"app","image":"misbehave:v1","imageID":"","ready":true,"started":true,"restartCount":0,"state":{"running":{"startedAt":%q}}}]}}`, now, now, now))
}
