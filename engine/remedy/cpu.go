package remedy

import (
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// MoreCPU sizes the action for a container that was throttled at a CPU limit: twice the limit, and the request in
// its ratio. It is an error when the limit is not positive or can't be doubled.
func MoreCPU(container string, limit resource.Quantity, request *resource.Quantity) (*v1alpha1.RaiseCPU, error) {
	milli := limit.MilliValue()
	if milli <= 0 || milli > math.MaxInt64/2000 {
		return nil, fmt.Errorf("container %s, CPU limit %s can't be doubled", container, limit.String())
	}
	action := &v1alpha1.RaiseCPU{Container: container, FailedLimit: limit, Limit: *resource.NewMilliQuantity(2*milli, resource.DecimalSI)}
	if request != nil && request.Sign() > 0 {
		floor := *resource.NewMilliQuantity(min(2*request.MilliValue(), 2*milli), resource.DecimalSI)
		action.Request = &floor
	}
	return action, nil
}

// raiseCPU raises limit and request of one container to the action's floors.
func (e *edit) raiseCPU(action *v1alpha1.RaiseCPU) *obstacle {
	return e.raise("cpu", action.Container, action.Limit, action.Request)
}
