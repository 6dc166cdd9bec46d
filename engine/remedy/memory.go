package remedy

import (
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// MoreMemory sizes the action for a container that failed under a limit of memory or of ephemeral storage, in
// bytes. The next limit is the greatest of twice the failed one, one and a half times the peak that was observed,
// and the least that the caller asks for; peak and least are zero where there is none. The request, if there is one,
// grows with it, so that their ratio stays. Quantities keep their owner's unit, and what is computed is rounded up
// to a tidy one. It is an error when the limit is not positive or can't be doubled.
func MoreMemory(container string, limit resource.Quantity, request *resource.Quantity, peak, least int64) (*v1alpha1.IncreaseMemory, error) {
	next, ok := times(limit, 2, 1)
	if !ok {
		return nil, fmt.Errorf("container %s, memory limit %s: %d bytes can't be doubled", container, limit.String(), limit.Value())
	}
	if least = max(least, min(peak, math.MaxInt64/2)/2*3); least > next.Value() {
		next = Tidy(least, limit)
	}
	action := &v1alpha1.IncreaseMemory{Container: container, FailedLimit: limit, Limit: next}
	action.Request = inRatio(request, limit, next)
	return action, nil
}

// WithLimit sizes the action so that it ends at a limit that is known, and the request keeps its ratio.
func WithLimit(action *v1alpha1.IncreaseMemory, limit resource.Quantity, request *resource.Quantity) *v1alpha1.IncreaseMemory {
	bounded := *action
	bounded.Limit = limit
	bounded.Request = inRatio(request, action.FailedLimit, limit)
	return &bounded
}

// inRatio gives the request that stands to the next limit as the old request stood to the old limit, at most the
// next limit; nil when there was none.
func inRatio(request *resource.Quantity, limit, next resource.Quantity) *resource.Quantity {
	if request == nil || request.Sign() <= 0 {
		return nil
	}
	floor, ok := times(*request, next.Value(), limit.Value())
	if !ok || floor.Cmp(next) > 0 {
		floor = next
	}
	if next.Value()%limit.Value() != 0 && floor.Cmp(next) < 0 { // a ratio that gives no tidy number by itself
		if floor = Tidy(floor.Value(), *request); floor.Cmp(next) > 0 {
			floor = next
		}
	}
	return &floor
}

// increaseMemory raises limit and request of one container to the action's floors.
func (e *edit) increaseMemory(action *v1alpha1.IncreaseMemory) *obstacle {
	name := string(action.Resource)
	if name == "" {
		name = string(v1alpha1.Memory)
	}
	if action.Defaulted {
		if done, hindered := e.giveLimit(name, action); done || hindered != nil {
			return hindered
		}
	}
	return e.raise(name, action.Container, action.Limit, action.Request)
}

// giveLimit gives a container that has no limit of its own that of the action, and the request where it has none. done
// is false for one that has a limit, even of zero: no LimitRange replaces that.
func (e *edit) giveLimit(name string, action *v1alpha1.IncreaseMemory) (done bool, hindered *obstacle) {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return false, hindered
	}
	limit, request, hindered := container.amounts(name, nil)
	if hindered != nil {
		return false, hindered
	}
	if zero, _ := amount(container.fields, "limits", name); limit != nil || zero != nil {
		return false, nil
	}
	next := action.Limit
	if bound := e.bound(name); bound != nil && bound.Most.Cmp(next) < 0 {
		if next = bound.Most; next.Cmp(action.FailedLimit) <= 0 {
			return false, hinders(Guarded, "%s allows no more than %s", bound.Who, bound.Most.String())
		}
	}
	if request != nil && request.Cmp(next) > 0 {
		return false, hinders(Malformed, "%s asks for %s of %s, more than the limit of %s", container.words, request.String(), name, next.String())
	}
	if hindered := e.withinPod(name, next); hindered != nil {
		return false, hindered
	}
	if hindered := e.setAmount(container, "limits", name, nil, next); hindered != nil {
		return false, hindered
	}
	if asks := action.Request; request == nil && asks != nil { // without one it would ask for all of the limit
		if hindered := e.setAmount(container, "requests", name, nil, *asks); hindered != nil {
			return false, hindered
		}
	}
	e.settle(Changes, container.pointer("resources", "limits", name), container.pointer("resources", "requests", name))
	return true, nil
}

// raise makes limit and request of a resource at least as large as the floors.
func (e *edit) raise(name, containerName string, floor resource.Quantity, requestFloor *resource.Quantity) *obstacle {
	container, hindered := e.container(containerName)
	if hindered != nil {
		return hindered
	}
	limit, request, hindered := container.amounts(name, &floor)
	if hindered != nil {
		return hindered
	}
	if limit == nil {
		return hinders(NoLimit, "container %q has no %s limit", containerName, name)
	}
	// What is allowed cuts the floor, so that applying the object again gives the same.
	if bound := e.bound(name); bound != nil && bound.Most.Cmp(floor) < 0 && limit.Cmp(floor) < 0 {
		if bound.Most.Cmp(*limit) < 0 {
			return hinders(Guarded, "%s allows no more than %s", bound.Who, bound.Most.String())
		}
		requestFloor = scaled(requestFloor, floor, bound.Most)
		floor = bound.Most
	}
	governs := []string{container.pointer("resources", "limits", name), container.pointer("resources", "requests", name)}
	switch limit.Cmp(floor) {
	case 1:
		e.settle(Exceeded)
		return nil
	case 0:
		e.settle(InEffect, governs...)
		return nil
	}
	if hindered := e.withinPod(name, floor); hindered != nil {
		return hindered
	}
	if hindered := e.setAmount(container, "limits", name, limit, floor); hindered != nil {
		return hindered
	}
	if next := nextRequest(floor, requestFloor, *limit, request); next != nil {
		if hindered := e.setAmount(container, "requests", name, request, *next); hindered != nil {
			return hindered
		}
	}
	e.settle(Changes, governs...)
	return nil
}

// scaled gives a request that stands to the bound as it stood to the limit, in thousandths as CPU is counted.
func scaled(request *resource.Quantity, limit, bound resource.Quantity) *resource.Quantity {
	if request == nil {
		return nil
	}
	if request.MilliValue() < math.MaxInt64 && limit.MilliValue() < math.MaxInt64 && request.MilliValue()%1000 != 0 {
		milli, ok := times(*resource.NewQuantity(request.MilliValue(), request.Format), bound.MilliValue(), limit.MilliValue())
		if ok {
			return resource.NewMilliQuantity(milli.Value(), request.Format)
		}
	}
	if whole, ok := times(*request, bound.Value(), limit.Value()); ok && whole.Cmp(bound) <= 0 {
		return &whole
	}
	return &bound
}

// amounts reads limit and request of a resource, nil where there is none. A limit of zero is none, as it is for
// the kubelet. A request above the limit is refused: the API server refuses the object, and nobody knows which of
// the two its owner meant. One that is as much as the cure gave is what the API server wrote beside the cure's limit into a
// pod that had none of its own; applying the pod again takes back the limit alone. given is nil where no cure gives a limit.
func (c containerAt) amounts(name string, given *resource.Quantity) (limit, request *resource.Quantity, hindered *obstacle) {
	limit, err := amount(c.fields, "limits", name)
	if err == nil {
		request, err = amount(c.fields, "requests", name)
	}
	if err != nil {
		return nil, nil, hinders(Malformed, "%s.resources: %v", c.words, err)
	}
	if limit != nil && limit.IsZero() {
		limit = nil
	}
	if limit != nil && request != nil && request.Cmp(*limit) > 0 && (given == nil || request.Cmp(*given) != 0) {
		return nil, nil, hinders(Malformed, "%s asks for %s of %s, more than its limit of %s", c.words, request.String(), name, limit.String())
	}
	return limit, request, nil
}

// withinPod refuses an amount that passes the limit of the pod itself: a pod may carry limits of its own
// (KEP-2837), and the API server rejects containers that pass them.
func (e *edit) withinPod(name string, next resource.Quantity) *obstacle {
	spec, _, hindered := e.spec()
	if hindered != nil {
		return hindered
	}
	limit, err := amount(spec, "limits", name)
	if err != nil {
		return hinders(Malformed, "the pod template's resources: %v", err)
	}
	if limit != nil && limit.Cmp(next) < 0 {
		return hinders(Guarded, "the pod's own %s limit of %s is below %s", name, limit.String(), next.String())
	}
	return nil
}

// setAmount writes resources.<list>.<name> of a container.
func (e *edit) setAmount(container containerAt, list, name string, old *resource.Quantity, next resource.Quantity) *obstacle {
	was := ""
	if old != nil {
		was = old.String()
	}
	e.modified(container.words+".resources."+list+"."+name, container.name, was, next.String())
	return e.set(container.at("resources", list, name), next.String())
}

// nextRequest is the request that goes with the next limit, or nil when the request stays as it is: absent stays
// absent, equal to the limit stays equal, and otherwise the floor holds.
func nextRequest(next resource.Quantity, floor *resource.Quantity, limit resource.Quantity, request *resource.Quantity) *resource.Quantity {
	switch {
	case request == nil:
		return nil
	case request.Cmp(limit) == 0:
		return &next
	case floor != nil && request.Cmp(*floor) < 0:
		return floor
	default:
		return nil
	}
}
