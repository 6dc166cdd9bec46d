package remedy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// AskFor sizes the action for a container that was evicted because it used more than it asks for: what it used and a
// fifth more, at least as much as it asks for now, in bytes. It is an error when the usage is not known, or not
// above the request.
func AskFor(container string, name v1alpha1.ResourceName, request *resource.Quantity, usage int64) (*v1alpha1.RaiseRequest, error) {
	if usage <= 0 {
		return nil, fmt.Errorf("it is not known how much %s container %s used", name, container)
	}
	beside := *resource.NewQuantity(mebi, resource.BinarySI)
	if request != nil && request.Sign() > 0 {
		if request.Value() > usage {
			return nil, fmt.Errorf("container %s asks for %s of %s and used less", container, request.String(), name)
		}
		beside = *request
	}
	asked, ok := times(*resource.NewQuantity(usage, beside.Format), 6, 5)
	if !ok {
		return nil, fmt.Errorf("container %s used %d bytes of %s, which can't be asked for", container, usage, name)
	}
	return &v1alpha1.RaiseRequest{Container: container, Resource: name, Request: Tidy(asked.Value(), beside)}, nil
}

// raiseRequest raises the request of one container to the action's floor, at most to its limit.
func (e *edit) raiseRequest(action *v1alpha1.RaiseRequest) *obstacle {
	name := string(action.Resource)
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	limit, request, hindered := container.amounts(name, nil)
	if hindered != nil {
		return hindered
	}
	if zero, _ := amount(container.fields, "limits", name); limit == nil && zero != nil {
		return hinders(Guarded, "%s has a %s limit of zero, and the API server takes no request above it", container.words, name)
	}
	floor := action.Request
	if limit != nil && limit.Cmp(floor) < 0 {
		floor = *limit
	}
	if bound := e.bound(name); bound != nil && bound.Most.Cmp(floor) < 0 {
		floor = bound.Most
	}
	governs := container.pointer("resources", "requests", name)
	if request != nil {
		switch request.Cmp(floor) {
		case 1:
			e.settle(Exceeded)
			return nil
		case 0:
			e.settle(InEffect, governs)
			return nil
		}
	} else if limit != nil && limit.Cmp(floor) == 0 {
		e.settle(InEffect, governs) // without a request of its own a container asks for its limit
		return nil
	}
	if hindered := e.withinPod(name, floor); hindered != nil {
		return hindered
	}
	if hindered := e.setAmount(container, "requests", name, request, floor); hindered != nil {
		return hindered
	}
	e.settle(Changes, governs)
	return nil
}
