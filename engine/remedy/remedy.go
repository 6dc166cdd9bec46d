// Package remedy holds the closed set of typed actions: how large each is made, and how it is resolved against
// an object.
//
// Resolve promises that the operations it returns apply to the object it was given, that they change nothing
// but what the modifications name, and that resolving again after they were applied gives none. It works on the
// object as received: containers are found by name wherever they moved, and an action that no longer fits says
// why and changes nothing.
package remedy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Operation is one operation of a JSON Patch (RFC 6902).
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
	// Container the field belongs to.
	Container string `json:"container"`
	// OldValue and NewValue are as written in the object.
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
	// Exceeded says that the object's owner already gives more than the action would.
	Exceeded
	// Misfit says that the action does not fit the object; Reason says why.
	Misfit
)

// Resolution is what an action means for one object.
type Resolution struct {
	Fit Fit
	// Reason says why an action is a Misfit.
	Reason string
	// Governs are the JSON pointers of the fields that the action decides, when Fit is Changes or InEffect,
	// whether they change now or have been changed before.
	Governs []string
	// Operations and Modifications are set when Fit is Changes, in the same order.
	Operations    []Operation
	Modifications []Modification
}

// Resolve says what the actions of one Remediation mean for an object, given as decoded JSON. Actions belong
// together: when one is a Misfit all are, and none is carried out.
func Resolve(actions []v1alpha1.Action, object map[string]any) Resolution {
	combined := Resolution{Fit: Exceeded}
	for _, action := range actions {
		resolved := resolveOne(action, object)
		if resolved.Fit == Misfit {
			return resolved
		}
		combined.Operations = append(combined.Operations, resolved.Operations...)
		combined.Modifications = append(combined.Modifications, resolved.Modifications...)
		combined.Governs = append(combined.Governs, resolved.Governs...)
		combined.Fit = min(combined.Fit, resolved.Fit)
	}
	return combined
}

func resolveOne(action v1alpha1.Action, object map[string]any) Resolution {
	switch {
	case action.IncreaseMemory != nil:
		return increaseMemory(*action.IncreaseMemory, object)
	default:
		return misfit("the action is of a kind that this version does not know")
	}
}

func misfit(format string, args ...any) Resolution {
	return Resolution{Fit: Misfit, Reason: fmt.Sprintf(format, args...)}
}

// templatePath is where the pod template stands in Deployments, StatefulSets and DaemonSets.
var templatePath = []string{"spec", "template"}

// containerLists are the members of a pod spec that hold containers whose resources can change.
var containerLists = []string{"containers", "initContainers"}

// containerAt is a container and where it stands.
type containerAt struct {
	fields  map[string]any
	pointer string // JSON pointer (RFC 6901) to the container
	path    string // path to the container in words
}

// findContainer looks a container up by name. It is an error when there is none, or when there are several
// and nobody could say which is meant.
func findContainer(object map[string]any, name string) (containerAt, map[string]any, error) {
	spec, ok := descend(object, append(templatePath[:len(templatePath):len(templatePath)], "spec")...)
	if !ok {
		return containerAt{}, nil, fmt.Errorf("%s.spec is missing", strings.Join(templatePath, "."))
	}
	var found []containerAt
	for _, list := range containerLists {
		containers, _ := spec[list].([]any)
		for i, entry := range containers {
			fields, ok := entry.(map[string]any)
			if !ok || fields["name"] != name {
				continue
			}
			found = append(found, containerAt{
				fields:  fields,
				pointer: pointer(append(templatePath[:len(templatePath):len(templatePath)], "spec", list, strconv.Itoa(i))...),
				path:    fmt.Sprintf("%s.spec.%s[name=%s]", strings.Join(templatePath, "."), list, name),
			})
		}
	}
	switch len(found) {
	case 1:
		return found[0], spec, nil
	case 0:
		return containerAt{}, nil, fmt.Errorf("there is no container %q", name)
	default:
		return containerAt{}, nil, fmt.Errorf("there are %d containers %q", len(found), name)
	}
}

// descend follows members of nested objects; false when one is missing or not an object.
func descend(object map[string]any, members ...string) (map[string]any, bool) {
	for _, member := range members {
		next, ok := object[member].(map[string]any)
		if !ok {
			return nil, false
		}
		object = next
	}
	return object, true
}

// escape writes a member name as a token of a JSON pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer writes member names as a JSON pointer (RFC 6901).
func pointer(members ...string) string {
	var b strings.Builder
	for _, member := range members {
		b.WriteByte('/')
		b.WriteString(escape.Replace(member))
	}
	return b.String()
}

// Actions are the names of the actions that Resolve can carry out, as they stand in a Remediation.
func Actions() []string { return []string{"increaseMemory"} }
