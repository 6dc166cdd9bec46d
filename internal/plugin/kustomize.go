package plugin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// kustomization gives a kustomization.yaml that puts a cure into a manifest that others keep.
func kustomization(change *exported) (string, error) {
	kind, _ := change.before["kind"].(string)
	version, _ := change.before["apiVersion"].(string)
	of := kindOf(version, kind)
	metadata, _ := change.before["metadata"].(map[string]any)
	target := map[string]any{"version": of.Version, "kind": kind, "name": metadata["name"]}
	if of.Group != "" {
		target["group"] = of.Group
	}
	patch, ok := strategic(change)
	if !ok {
		text, err := encoded(change.operations)
		if err != nil {
			return "", err
		}
		converted, err := yaml.JSONToYAML([]byte(text))
		if err != nil {
			return "", fmt.Errorf("write the patch as YAML: %w", err)
		}
		patch = string(converted)
	}
	whole, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
		"patches": []any{map[string]any{"target": target, "patch": patch}},
	})
	if err != nil {
		return "", fmt.Errorf("write the kustomization: %w", err)
	}
	var page strings.Builder
	for _, cure := range change.cures {
		fmt.Fprintf(&page, "# %s of %s: %s\n", cure.Spec.FailureType, targetOf(cure), words(change.modifications))
	}
	page.WriteString("# Add your base under resources.\n")
	page.Write(whole)
	return page.String(), nil
}

// strategic gives a cure as a strategic merge patch in YAML, which finds containers by name; false where the kind has
// none, or kustomize would not understand it.
func strategic(change *exported) (string, bool) {
	kind, _ := change.before["kind"].(string)
	version, _ := change.before["apiVersion"].(string)
	typed, err := scheme.Scheme.New(kindOf(version, kind))
	if err != nil {
		return "", false
	}
	before, errBefore := json.Marshal(change.before)
	after, errAfter := json.Marshal(change.after)
	if errBefore != nil || errAfter != nil {
		return "", false
	}
	raw, err := strategicpatch.CreateTwoWayMergePatch(before, after, typed)
	if err != nil {
		return "", false
	}
	var patch map[string]any
	if json.Unmarshal(raw, &patch) != nil || !tidy(patch) {
		return "", false
	}
	metadata, _ := change.before["metadata"].(map[string]any)
	patch["apiVersion"], patch["kind"] = version, kind
	patch["metadata"] = map[string]any{"name": metadata["name"]}
	text, err := yaml.Marshal(patch)
	return string(text), err == nil
}

// tidy takes directives out that kustomize does not know. The order that one asks for is kept by naming what does not
// change too: kustomize puts what a patch names first. It is false when there are others.
func tidy(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for name, order := range value {
			list, ordered := strings.CutPrefix(name, "$setElementOrder/")
			switch {
			case ordered:
				value[list] = inOrder(value[list], order)
				delete(value, name)
			case name == "$retainKeys":
				delete(value, name)
			case strings.HasPrefix(name, "$"):
				return false
			}
		}
		for _, member := range value {
			if !tidy(member) {
				return false
			}
		}
	case []any:
		for _, item := range value {
			if !tidy(item) {
				return false
			}
		}
	}
	return true
}

// inOrder gives the elements of a list in the order that is asked for, with those in between that don't change.
func inOrder(list, order any) any {
	elements, _ := list.([]any)
	wanted, _ := order.([]any)
	ordered := make([]any, 0, len(wanted))
	for _, key := range wanted {
		names, ok := key.(map[string]any)
		if !ok {
			return list // of plain values, which have no keys
		}
		at := slices.IndexFunc(elements, func(element any) bool {
			members, ok := element.(map[string]any)
			for name, value := range names {
				ok = ok && reflect.DeepEqual(members[name], value)
			}
			return ok
		})
		if at < 0 {
			ordered = append(ordered, key)
			continue
		}
		ordered = append(ordered, elements[at])
	}
	return ordered
}
