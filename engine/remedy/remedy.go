// Package remedy holds the closed set of typed actions: how large each is made, and how it is resolved against
// an object.
//
// Resolve promises that the operations it returns apply to the object it was given, that they change nothing
// but what the modifications name, and that resolving again after they were applied gives none. It works on the
// object as received: containers are found by name wherever they moved, and an action that no longer fits says
// why and changes nothing.
//
// The functions that size actions (memory, requests, images and so on) are pure: what they need to know is given
// to them as numbers and names, and a guess is never made where an answer is missing.
package remedy

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Operation is one operation of a JSON Patch (RFC 6902): add, replace or remove, never test. A test could only
// make the API server refuse a patch, and with it the request of the applier, whatever the failurePolicy says.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Modification is one changed field in words that a person reads.
type Modification struct {
	// Field is the full path, for example
	// spec.template.spec.containers[name=app].resources.limits.memory.
	Field string `json:"field"`
	// Container the field belongs to; empty for a field of the pod.
	Container string `json:"container"`
	// OldValue and NewValue are as written in the object: empty for what is not there, JSON for what is no scalar,
	// and of a long text only the setting that changes.
	OldValue string `json:"old_value"`
	NewValue string `json:"new_value"`
}

// Fit says how an action stands to an object.
type Fit int

const (
	// Changes says that the object needs the action; there are operations.
	Changes Fit = iota
	// InEffect says that the object has exactly what the action would give it.
	InEffect
	// Exceeded says that the object's owner already gives more than the action would, or something else by now.
	Exceeded
	// Misfit says that the action does not fit the object; Obstacle and Reason say why.
	Misfit
)

// Obstacle is why an action does not fit an object.
type Obstacle string

// The obstacles.
const (
	// Unknown: the action is of a kind that this version does not know.
	Unknown Obstacle = "Unknown"
	// Malformed: a part of the object is not of the type that the API has.
	Malformed Obstacle = "Malformed"
	// NoTemplate: there is no pod template where the kind has it.
	NoTemplate Obstacle = "NoTemplate"
	// NoContainer: there is no container of the name, or there are several.
	NoContainer Obstacle = "NoContainer"
	// NoLimit: the container has no limit that could be raised.
	NoLimit Obstacle = "NoLimit"
	// NoProbe: the container has no probe that could be changed or copied.
	NoProbe Obstacle = "NoProbe"
	// NoHeap: the container sets no heap size.
	NoHeap Obstacle = "NoHeap"
	// Guarded: a guardrail leaves no room.
	Guarded Obstacle = "Guarded"
	// Immutable: the API server takes no change of the field once the object exists.
	Immutable Obstacle = "Immutable"
	// Denied: the action asks for what is never changed.
	Denied Obstacle = "Denied"
)

// Resolution is what an action means for one object.
type Resolution struct {
	Fit Fit
	// Obstacle and Reason say why an action is a Misfit, for programs and for people.
	Obstacle Obstacle
	Reason   string
	// Governs are the JSON pointers of the fields that the action decides, when Fit is Changes or InEffect,
	// whether they change now or have been changed before.
	Governs []string
	// Operations and Modifications are set when Fit is Changes. Applied in their order, the operations make the
	// modifications.
	Operations    []Operation
	Modifications []Modification
}

// Resolve says what the actions of one Remediation mean for an object, given as decoded JSON, whose pod template
// stands where its kind has it. Actions belong together: when one is a Misfit all are, and none is carried out.
// The object is not changed.
func Resolve(actions []v1alpha1.Action, object map[string]any) Resolution {
	return ResolveAt(actions, object, TemplateOf(object))
}

// ResolveAt resolves actions against an object whose pod template stands at the given place.
func ResolveAt(actions []v1alpha1.Action, object map[string]any, template Template) Resolution {
	return ResolveWithin(actions, object, template, nil)
}

// Bound is a quantity of a resource that no fix goes past, and who says so, for a person.
type Bound struct {
	Most resource.Quantity
	Who  string
}

// ResolveWithin resolves actions against an object whose pod template stands at the given place, cut to what its
// namespace and the installation allow of each resource (memory, cpu). An annotation of the object itself that
// bounds the same resource is heard before them.
func ResolveWithin(actions []v1alpha1.Action, object map[string]any, template Template, bounds map[corev1.ResourceName]Bound) Resolution {
	e := &edit{object: object, template: template, bounds: bounds, fit: Exceeded}
	for _, second := range [...]bool{false, true} { // what follows from a limit comes after it
		for i := range actions {
			if follows(&actions[i]) != second {
				continue
			}
			if obstacle := e.resolve(&actions[i]); obstacle != nil {
				return Resolution{Fit: Misfit, Obstacle: obstacle.kind, Reason: obstacle.reason}
			}
		}
	}
	if obstacle := e.frozen(actions); obstacle != nil {
		return Resolution{Fit: Misfit, Obstacle: obstacle.kind, Reason: obstacle.reason}
	}
	return Resolution{Fit: e.fit, Governs: e.governs, Operations: e.operations, Modifications: e.modifications}
}

// follows reports whether an action depends on the limits that others set.
func follows(action *v1alpha1.Action) bool {
	return action.AdjustHeap != nil || action.RaiseRequest != nil
}

// resolve carries out one action of the closed set.
func (e *edit) resolve(action *v1alpha1.Action) *obstacle {
	switch {
	case action.IncreaseMemory != nil:
		return e.increaseMemory(action.IncreaseMemory)
	case action.AdjustHeap != nil:
		return e.adjustHeap(action.AdjustHeap)
	case action.RaiseRequest != nil:
		return e.raiseRequest(action.RaiseRequest)
	case action.RaiseCPU != nil:
		return e.raiseCPU(action.RaiseCPU)
	case action.ReduceRequests != nil:
		return e.reduceRequests(action.ReduceRequests)
	case action.RelaxStartup != nil:
		return e.relaxStartup(action.RelaxStartup)
	case action.AdjustProbe != nil:
		return e.adjustProbe(action.AdjustProbe)
	case action.FixImage != nil:
		return e.fixImage(action.FixImage)
	case action.FixReference != nil:
		return e.fixReference(action.FixReference)
	case action.DropCommandOverride != nil:
		return e.dropCommandOverride(action.DropCommandOverride)
	case action.AvoidNode != nil:
		return e.avoidNode(action.AvoidNode)
	default:
		return hinders(Unknown, "the action is of a kind that this version does not know")
	}
}

// obstacle is why an action does not fit.
type obstacle struct {
	kind   Obstacle
	reason string
}

func hinders(kind Obstacle, format string, args ...any) *obstacle {
	return &obstacle{kind: kind, reason: fmt.Sprintf(format, args...)}
}
