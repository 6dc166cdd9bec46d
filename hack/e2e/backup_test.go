package e2e

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// TestRemediationsAreRestoredFromABackup loses the Remediation of a healed workload and brings it back as docs/operations.md
// says: as one of a person's own.
func TestRemediationsAreRestoredFromABackup(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	w.apply()
	w.untilRunning()
	w.untilPhase(v1alpha1.PhaseVerified, 1)
	rollouts := w.rollouts()

	var kept map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.run("get", "remediation", "deployment-web-oomkilled-app", "-o", "json")), &kept))
	delete(kept, "status")
	kept["metadata"] = map[string]any{"name": "deployment-web-oomkilled-app", "namespace": w.namespace}
	backup, err := json.Marshal(kept)
	require.NoError(t, err)
	w.run("delete", "remediation", "deployment-web-oomkilled-app")
	_, err = pair.Kubectl(t.Context(), string(backup), "create", "-f", "-")
	require.NoError(t, err)
	w.until("it to be in force", func() error {
		if restored := w.remediation(); restored == nil || !restored.InForce() {
			return errors.New("it is not")
		}
		return nil
	})
	restored := w.remediation()
	require.Equal(t, "kubernetes-admin", restored.Annotations[v1alpha1.AuthorAnnotation])
	require.Equal(t, v1alpha1.DeclaredCause, restored.Status.Diagnosis.RootCauseID)
	require.Contains(t, w.apply(), "memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", w.limit())
	require.Equal(t, rollouts, w.rollouts(), "pods run on")
}
