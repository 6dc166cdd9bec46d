package remedy

import (
	"encoding/json"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// DoubleMemory sizes the action for a container that failed under a memory limit, in bytes: twice the limit,
// and twice the request if it had one, so that their ratio stays. The quantities keep their owner's unit. It is
// an error when the limit is not positive or can't be doubled.
func DoubleMemory(container string, limit resource.Quantity, request *resource.Quantity) (*v1alpha1.IncreaseMemory, error) {
	doubled, err := double(limit)
	if err != nil {
		return nil, fmt.Errorf("container %s, memory limit %s: %w", container, limit.String(), err)
	}
	action := &v1alpha1.IncreaseMemory{Container: container, FailedLimit: limit, Limit: doubled}
	if request == nil || request.Sign() <= 0 {
		return action, nil
	}
	floor, err := double(*request)
	if err != nil || floor.Cmp(doubled) > 0 {
		floor = doubled
	}
	action.Request = &floor
	return action, nil
}

func double(quantity resource.Quantity) (resource.Quantity, error) {
	bytes := quantity.Value()
	if bytes <= 0 || bytes > math.MaxInt64/2 {
		return resource.Quantity{}, fmt.Errorf("%d bytes can't be doubled", bytes)
	}
	return *resource.NewQuantity(2*bytes, quantity.Format), nil
}

// increaseMemory raises limit and request of one container to the action's floors.
func increaseMemory(action v1alpha1.IncreaseMemory, object map[string]any) Resolution {
	container, podSpec, err := findContainer(object, action.Container)
	if err != nil {
		return misfit("%v", err)
	}
	limit, err := memoryOf(container.fields, "limits")
	if err != nil {
		return misfit("%s.resources: %v", container.path, err)
	}
	if limit == nil {
		return misfit("container %q has no memory limit", action.Container)
	}
	governs := []string{container.pointer + pointer("resources", "limits", "memory"), container.pointer + pointer("resources", "requests", "memory")}
	switch limit.Cmp(action.Limit) {
	case 1:
		return Resolution{Fit: Exceeded}
	case 0:
		return Resolution{Fit: InEffect, Governs: governs}
	}
	// A pod may carry limits of its own (KEP-2837), and the API server rejects containers that pass them.
	podLimit, err := memoryOf(podSpec, "limits")
	if err != nil {
		return misfit("the pod template's resources: %v", err)
	}
	if podLimit != nil && podLimit.Cmp(action.Limit) < 0 {
		return misfit("the pod's own memory limit of %s is below %s", podLimit.String(), action.Limit.String())
	}
	request, err := memoryOf(container.fields, "requests")
	if err != nil {
		return misfit("%s.resources: %v", container.path, err)
	}
	resolved := Resolution{Fit: Changes, Governs: governs}
	resolved.replaceMemory(container, "limits", *limit, action.Limit)
	if next := nextRequest(action, *limit, request); next != nil {
		resolved.replaceMemory(container, "requests", *request, *next)
	}
	return resolved
}

// nextRequest is the request that goes with the action's limit, or nil when the request stays as it is: absent
// stays absent, equal to the limit stays equal, and otherwise the action's floor holds.
func nextRequest(action v1alpha1.IncreaseMemory, limit resource.Quantity, request *resource.Quantity) *resource.Quantity {
	switch {
	case request == nil:
		return nil
	case request.Cmp(limit) == 0:
		return &action.Limit
	case action.Request != nil && request.Cmp(*action.Request) < 0:
		return action.Request
	default:
		return nil
	}
}

func (r *Resolution) replaceMemory(container containerAt, list string, old, next resource.Quantity) {
	r.Operations = append(r.Operations, Operation{
		Op: "replace", Path: container.pointer + pointer("resources", list, "memory"), Value: next.String(),
	})
	r.Modifications = append(r.Modifications, Modification{
		Field:     container.path + ".resources." + list + ".memory",
		Container: container.fields["name"].(string), // found by this name
		OldValue:  old.String(), NewValue: next.String(),
	})
}

// memoryOf reads resources.<list>.memory of a container or pod spec; nil when there is none.
func memoryOf(fields map[string]any, list string) (*resource.Quantity, error) {
	amounts, ok := descend(fields, "resources", list)
	if !ok || amounts["memory"] == nil {
		return nil, nil
	}
	var text string
	switch value := amounts["memory"].(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	default:
		return nil, fmt.Errorf("%s.memory is neither text nor a number", list)
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return nil, fmt.Errorf("%s.memory %q is not a quantity: %w", list, text, err)
	}
	return &quantity, nil
}
