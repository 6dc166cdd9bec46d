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

// TestHealingNeedsNoHandWhereTheNamespaceSaysSo applies once, in a namespace whose owner asks for hands-free healing.
func TestHealingNeedsNoHandWhereTheNamespaceSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.run("annotate", "namespace", w.namespace, "kube-remedy.io/reapply=auto")
	w.apply()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
	require.Equal(t, "256Mi", w.limit())
}
