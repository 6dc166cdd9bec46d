package engine

import (
	"fmt"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Prescribe gives the actions that cure a diagnosis. When there are none it says why in an error: the
// diagnosis then stays a suggestion in words.
func Prescribe(diagnosis Diagnosis) ([]v1alpha1.Action, error) {
	for _, fix := range diagnosis.Finding.SuggestedFixes {
		if !fix.Remedy || fix.Action != "increaseMemory" {
			continue
		}
		if diagnosis.MemoryLimit.IsZero() {
			return nil, fmt.Errorf("container %s has no memory limit that could be raised", diagnosis.Container)
		}
		raise, err := remedy.MoreMemory(diagnosis.Container, diagnosis.MemoryLimit, diagnosis.MemoryRequest, 0, 0)
		if err != nil {
			return nil, err
		}
		return []v1alpha1.Action{{IncreaseMemory: raise}}, nil
	}
	return nil, fmt.Errorf("no remedy is known for %s (%s)", diagnosis.FailureType, diagnosis.Finding.RootCauseID)
}
