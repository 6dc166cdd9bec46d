package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/hack/helm"
)

// TestACureGoesIntoTheValuesOfAChart installs a chart that fails, heals it by an upgrade of the same, and writes the cure
// into its values, from which on there is nothing to heal.
func TestACureGoesIntoTheValuesOfAChart(t *testing.T) {
	t.Parallel()
	r := &transcript{workload: newWorkload(t, spec{})}
	program, err := helm.Build(t.Context(), os.Stderr)
	require.NoError(t, err)
	values := filepath.Join(t.TempDir(), "values.yaml")
	written, err := os.ReadFile("testdata/chart/values.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(values, written, 0o600))
	upgrade := func() string {
		command := exec.CommandContext(t.Context(), program, "upgrade", "web", "testdata/chart", "--install", "-n", r.namespace, "-f", values)
		command.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig())
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	upgrade()
	r.untilPhase(v1alpha1.PhaseLearned, 1)
	r.says(0, "export", "deployment/web", "-o", "helm-values", "-f", values)
	require.Contains(t, upgrade(), "kube-remedy: web memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", r.limit())
	r.untilRunning()
	r.untilPhase(v1alpha1.PhaseVerified, 1)

	r.says(0, "export", "deployment/web", "-o", "helm-values", "-f", values, "--in-place", "--message")
	rollouts := r.rollouts()
	require.NotContains(t, upgrade(), "kube-remedy:", "there is nothing left to put in, or to tell")
	require.Equal(t, "256Mi", r.limit())
	require.Equal(t, rollouts, r.rollouts(), "and nothing to roll out")
	r.says(3, "export", "deployment/web", "-o", "helm-values", "-f", values)
	r.matches("helm-values.txt", r.text.String())
}
