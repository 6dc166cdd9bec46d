package remedy

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// reduceRequests lowers what one container asks for to the action's ceilings.
func (e *edit) reduceRequests(action *v1alpha1.ReduceRequests) *obstacle {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	spec, _, hindered := e.spec()
	if hindered != nil {
		return hindered
	}
	for _, ceiling := range [...]struct {
		name string
		most *resource.Quantity
	}{{"cpu", action.CPU}, {"memory", action.Memory}} {
		if ceiling.most == nil {
			continue
		}
		// The scheduler goes by what the pod itself asks for where it does (KEP-2837).
		if whole, err := amount(spec, "requests", ceiling.name); err != nil || whole != nil {
			return hinders(Guarded, "the pod itself asks for %s; what its containers ask for counts no more", ceiling.name)
		}
		if hindered := e.reduce(container, ceiling.name, *ceiling.most); hindered != nil {
			return hindered
		}
	}
	return nil
}

// reduce lowers one request. A container without a request asks for its limit, so a request is then written.
func (e *edit) reduce(container containerAt, name string, most resource.Quantity) *obstacle {
	limit, request, hindered := container.amounts(name, nil)
	if hindered != nil {
		return hindered
	}
	asked := request
	if asked == nil {
		asked = limit
	}
	governs := container.pointer("resources", "requests", name)
	switch {
	case asked == nil || asked.Cmp(most) < 0:
		e.settle(Exceeded)
		return nil
	case asked.Cmp(most) == 0:
		e.settle(InEffect, governs)
		return nil
	}
	e.settle(Changes, governs)
	return e.setAmount(container, "requests", name, request, most)
}
