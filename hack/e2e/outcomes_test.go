package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

// TestPodsWithRandomNamesTeachTheirApp creates a pod that nothing controls twice, whose creator gives it another name each
// time.
func TestPodsWithRandomNamesTeachTheirApp(t *testing.T) {
	t.Parallel()
	r := &transcript{workload: newWorkload(t, spec{})}
	create := func(name, labels string, args ...string) string {
		manifest := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: %s}\n"+
			"spec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: ["+greedy+"]}\n", name, labels, "-hold")
		require.NoError(t, os.WriteFile(r.file, []byte(manifest), 0o600))
		return r.run(append([]string{"create", "-f", r.file}, args...)...)
	}
	const worker = "{app.kubernetes.io/name: worker}"
	require.NotContains(t, create("worker-3f9c2d1e", worker), "kube-remedy:")
	learned := r.untilPhase(v1alpha1.PhaseLearned, 1)
	require.Equal(t, v1alpha1.TargetRef{APIVersion: "v1", Kind: "Pod", AppName: "worker"}, learned.Spec.TargetRef)
	require.Equal(t, "Pod/app.kubernetes.io/name=worker", learned.Status.Target)
	for what, out := range map[string]string{
		"a name that stays":   create("worker-1", worker, "--dry-run=server"),
		"another app":         create("worker-0b7d4e2a", "{app.kubernetes.io/name: api}", "--dry-run=server"),
		"no app":              create("worker-0b7d4e2a", "{app: worker}", "--dry-run=server"),
		"a prefix of its own": create("worker-0b7d4e2a, generateName: worker-", worker, "--dry-run=server"),
	} {
		require.NotContains(t, out, "kube-remedy:", what)
	}
	for _, argument := range []string{"pod/worker-3f9c2d1e", "pod/app.kubernetes.io/name=worker"} {
		require.Contains(t, r.quietly(0, "list", argument).stdout, "Pod/app.kubernetes.io/name=worker")
	}
	require.Contains(t, create("worker-0b7d4e2a", worker), "app memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", r.run("get", "pod", "worker-0b7d4e2a", "-o", "jsonpath={.spec.containers[0].resources.limits.memory}"))
	verified := r.untilPhase(v1alpha1.PhaseVerified, 1)
	require.Equal(t, learned.Name, verified.Name)
	require.EqualValues(t, 1, verified.Status.Observed.Occurrences)
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
