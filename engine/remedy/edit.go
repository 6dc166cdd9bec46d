package remedy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// edit is an object on its way from received to patched. Operations are built where a change is made, and made in
// a copy of the members on the way to it, so that actions see what those before them did: a parent that one
// created is there for the next. Building them costs a few map entries; finding them by comparing the object
// before and after would cost reading all of both.
type edit struct {
	object        map[string]any // with the operations so far; the parts that differ are not the caller's
	template      Template
	bounds        map[corev1.ResourceName]Bound
	fit           Fit
	governs       []string
	operations    []Operation
	modifications []Modification
}

// settle takes in how one action stands to the object.
func (e *edit) settle(fit Fit, governs ...string) {
	e.fit = min(e.fit, fit)
	e.governs = append(e.governs, governs...)
}

// spec gives the pod spec and the members that lead to it.
func (e *edit) spec() (map[string]any, []string, *obstacle) {
	at := make([]string, 0, len(e.template)+8)
	at = append(append(at, e.template...), "spec")
	spec, ok := descend(e.object, at...)
	if !ok {
		return nil, nil, hinders(NoTemplate, "%s is missing", e.template.words())
	}
	return spec, at, nil
}

// set writes a value at a path and creates the objects that are missing on the way to it.
func (e *edit) set(path []string, value any) *obstacle {
	depth, exists := e.reach(path)
	if depth < 0 {
		return hinders(Malformed, "%s is not of the type that leads to %s", strings.Join(path[:-depth], "."), path[len(path)-1])
	}
	operation := Operation{Op: "add", Path: pointer(path[:depth+1]...), Value: nest(path[depth+1:], value)}
	if exists {
		operation.Op = "replace"
	}
	e.operations = append(e.operations, operation)
	e.object = put(e.object, path[:depth+1], operation.Value).(map[string]any)
	return nil
}

// appendTo adds an element to the end of a list, and creates the list where there is none.
func (e *edit) appendTo(path []string, element any) *obstacle {
	value, _ := get(e.object, path)
	switch list := value.(type) {
	case nil:
		return e.set(path, []any{element})
	case []any:
		e.operations = append(e.operations, Operation{Op: "add", Path: pointer(path...) + "/-", Value: element})
		e.object = put(e.object, path, append(slices.Clip(list), element)).(map[string]any)
		return nil
	default:
		return hinders(Malformed, "%s is not a list", strings.Join(path, "."))
	}
}

// remove takes a member away, which must be there.
func (e *edit) remove(path []string) {
	e.operations = append(e.operations, Operation{Op: "remove", Path: pointer(path...)})
	parent, _ := get(e.object, path[:len(path)-1])
	members := maps.Clone(parent.(map[string]any)) // found there before
	delete(members, path[len(path)-1])
	e.object = put(e.object, path[:len(path)-1], members).(map[string]any)
}

// modified records one changed field.
func (e *edit) modified(field, container, old, next string) {
	e.modifications = append(e.modifications, Modification{Field: field, Container: container, OldValue: old, NewValue: next})
}

// reach gives how far a path leads: the index of the first member that is missing, or of the last one, and whether
// that one is there. A negative index says that what the path leads through, up to it, is of another type.
func (e *edit) reach(path []string) (depth int, exists bool) {
	var at any = e.object
	for i, member := range path {
		switch parent := at.(type) {
		case map[string]any:
			at = parent[member]
		case []any:
			index, err := strconv.Atoi(member)
			if err != nil || index < 0 || index >= len(parent) {
				return -i, false
			}
			at = parent[index]
		default:
			return -i, false
		}
		if at == nil {
			return i, false
		}
	}
	return len(path) - 1, true
}

// nest wraps a value in objects that have one member each.
func nest(members []string, value any) any {
	for _, member := range slices.Backward(members) {
		value = map[string]any{member: value}
	}
	return value
}

// put gives a copy of a tree with another value at a path, sharing what is not on the way to it.
func put(tree any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch node := tree.(type) {
	case map[string]any:
		copied := maps.Clone(node)
		copied[path[0]] = put(node[path[0]], path[1:], value)
		return copied
	case []any:
		copied := slices.Clone(node)
		index, _ := strconv.Atoi(path[0]) // reached before
		copied[index] = put(node[index], path[1:], value)
		return copied
	default:
		return value
	}
}

// get follows a path; false when it leads nowhere.
func get(tree any, path []string) (any, bool) {
	for _, member := range path {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[member]
		case []any:
			index, err := strconv.Atoi(member)
			if err != nil || index < 0 || index >= len(node) {
				return nil, false
			}
			tree = node[index]
		default:
			return nil, false
		}
	}
	return tree, tree != nil
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

// below gives a path with more members at its end, without touching the array of the first.
func below(path []string, members ...string) []string {
	return append(path[:len(path):len(path)], members...)
}

// escape writes a member name as a token of a JSON pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer writes member names as a JSON pointer (RFC 6901).
func pointer(members ...string) string {
	var b strings.Builder
	for _, member := range members {
		b.WriteByte('/')
		if strings.ContainsAny(member, "~/") {
			member = escape.Replace(member)
		}
		b.WriteString(member)
	}
	return b.String()
}

// shown writes a value as a modification shows it.
func shown(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case json.Number:
		return value.String()
	case map[string]any, []any:
		text, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		return string(text)
	default:
		return fmt.Sprint(value)
	}
}

// bound gives what no fix goes past for a resource: an annotation of the object, or else what its namespace and the
// installation say; nil when nobody says anything. An annotation that can't be read bounds nothing, and the webhook
// warns of it.
func (e *edit) bound(name string) *Bound {
	if annotation, bounded := boundAnnotations[corev1.ResourceName(name)]; bounded {
		annotations, _ := descend(e.object, "metadata", "annotations")
		text, _ := annotations[annotation].(string)
		if quantity, err := ParseQuantity(text); err == nil && quantity.Sign() > 0 {
			return &Bound{Most: quantity, Who: "annotation " + annotation}
		}
	}
	if bound, bounded := e.bounds[corev1.ResourceName(name)]; bounded {
		return &bound
	}
	return nil
}

// boundAnnotations are the annotations that bound each resource.
var boundAnnotations = map[corev1.ResourceName]string{
	corev1.ResourceMemory: v1alpha1.MaxMemoryAnnotation, corev1.ResourceCPU: v1alpha1.MaxCPUAnnotation,
}
