package engine

import (
	"fmt"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Prescribe gives the actions that cure a diagnosis. When there are none it says why in an error: the
// diagnosis then stays a suggestion in words.
func Prescribe(diagnosis Diagnosis) ([]v1alpha1.Action, error) {
	switch diagnosis.FailureType {
	case v1alpha1.OOMKilled:
		if diagnosis.MemoryLimit.IsZero() {
			return nil, fmt.Errorf("container %s has no memory limit that could be raised", diagnosis.Container)
		}
		raise, err := remedy.DoubleMemory(diagnosis.Container, diagnosis.MemoryLimit, diagnosis.MemoryRequest)
		if err != nil {
			return nil, err
		}
		return []v1alpha1.Action{{IncreaseMemory: raise}}, nil
	default:
		return nil, fmt.Errorf("no remedy is known for %s", diagnosis.FailureType)
	}
}
