package plugin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestACureThatWasTakenBackSaysWhy(t *testing.T) {
	cure := &v1alpha1.Remediation{
		Spec: v1alpha1.RemediationSpec{Actions: []v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{}}}},
		Status: v1alpha1.RemediationStatus{
			Phase: v1alpha1.PhaseFailed, Diagnosis: &v1alpha1.Diagnosis{},
			Outcome: v1alpha1.Outcome{Attempt: 1, Withdrawn: "Pending: the quota small has no room"},
		},
	}
	require.Equal(t, "withdrawn: another failure began with it (Pending: the quota small has no room); at its next apply the workload is left as its owner wrote it", outcomeOf(cure))
	cure.Status.Outcome.Withdrawn = ""
	require.Contains(t, outcomeOf(cure), "given up")
}
