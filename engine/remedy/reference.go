package remedy

import (
	"strconv"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// referenceAt is a place where an object names another.
type referenceAt struct {
	path      []string // of the name
	words     string
	container string
	name      string
	// keys are the places of keys of what is named.
	keys []keyAt
}

// keyAt is a place where an object names a key.
type keyAt struct {
	path  []string
	words string
	key   string
}

// fixReference corrects one name, or one key, wherever the object has it.
func (e *edit) fixReference(action *v1alpha1.FixReference) *obstacle {
	spec, at, hindered := e.spec()
	if hindered != nil {
		return hindered
	}
	found := references{kind: action.Kind}
	isClaim := e.object["kind"] == "PersistentVolumeClaim"
	if !isClaim {
		found.inPod(spec, at, e.template.words())
	}
	claims := len(found.all)
	switch {
	case action.Kind != v1alpha1.StorageClass:
	case isClaim:
		found.add(spec, "storageClassName", at, "spec", "")
		claims++
	default:
		found.inClaimTemplates(e.object)
	}
	before, present := len(e.operations), false
	governs := []string{pointer(below(at, "references", string(action.Kind), action.Name, action.Key)...)}
	for i, reference := range found.all {
		if reference.name == action.Replacement && action.Key == "" || action.Key != "" && reference.has(action.Replacement, action.ReplacementKey) {
			present = true
		}
		if reference.name != action.Name || action.Key != "" && !reference.has(action.Name, action.Key) {
			continue
		}
		if i >= claims && e.exists() {
			return hinders(Immutable, "volumeClaimTemplates of a StatefulSet that exists can't be changed; delete it and apply it again")
		}
		if hindered := e.correct(reference, action); hindered != nil {
			return hindered
		}
	}
	switch {
	case len(e.operations) > before:
		e.settle(Changes, governs...)
	case present:
		e.settle(InEffect, governs...)
	default:
		e.settle(Exceeded)
	}
	return nil
}

// has reports whether a reference names a key of an object.
func (r referenceAt) has(name, key string) bool {
	for _, at := range r.keys {
		if r.name == name && at.key == key {
			return true
		}
	}
	return false
}

// correct replaces the name, and the key if one is at fault.
func (e *edit) correct(reference referenceAt, action *v1alpha1.FixReference) *obstacle {
	if action.Name != action.Replacement {
		e.modified(reference.words, reference.container, reference.name, action.Replacement)
		if hindered := e.set(reference.path, action.Replacement); hindered != nil {
			return hindered
		}
	}
	for _, at := range reference.keys {
		if action.Key == "" || at.key != action.Key || action.Key == action.ReplacementKey {
			continue
		}
		e.modified(at.words, reference.container, at.key, action.ReplacementKey)
		if hindered := e.set(at.path, action.ReplacementKey); hindered != nil {
			return hindered
		}
	}
	return nil
}

// references gathers where an object names others of one kind.
type references struct {
	kind v1alpha1.ReferenceKind
	all  []referenceAt
}

// add takes a place in if it holds a name.
func (r *references) add(holder map[string]any, member string, path []string, words, container string) *referenceAt {
	name, ok := holder[member].(string)
	if !ok || name == "" {
		return nil
	}
	r.all = append(r.all, referenceAt{path: below(path, member), words: words + "." + member, container: container, name: name})
	return &r.all[len(r.all)-1]
}

// inPod goes through all places of a pod spec.
func (r *references) inPod(spec map[string]any, at []string, words string) {
	for _, list := range containerLists {
		containers, _ := spec[list].([]any)
		for i, entry := range containers {
			container, _ := entry.(map[string]any)
			name, _ := container["name"].(string)
			r.inContainer(container, below(at, list, strconv.Itoa(i)), words+"."+list+"[name="+name+"]", name)
		}
	}
	volumes, _ := spec["volumes"].([]any)
	for i, entry := range volumes {
		volume, _ := entry.(map[string]any)
		name, _ := volume["name"].(string)
		r.inVolume(volume, below(at, "volumes", strconv.Itoa(i)), words+".volumes[name="+name+"]")
	}
	if r.kind == v1alpha1.Secret {
		secrets, _ := spec["imagePullSecrets"].([]any)
		for i, entry := range secrets {
			secret, _ := entry.(map[string]any)
			r.add(secret, "name", below(at, "imagePullSecrets", strconv.Itoa(i)), words+".imagePullSecrets["+strconv.Itoa(i)+"]", "")
		}
	}
}

// inContainer goes through the environment of a container.
func (r *references) inContainer(container map[string]any, at []string, words, name string) {
	from, keyFrom := "configMapRef", "configMapKeyRef"
	switch r.kind {
	case v1alpha1.Secret:
		from, keyFrom = "secretRef", "secretKeyRef"
	case v1alpha1.ConfigMap:
	default:
		return
	}
	sources, _ := container["envFrom"].([]any)
	for i, entry := range sources {
		source, _ := entry.(map[string]any)
		holder, _ := source[from].(map[string]any)
		index := strconv.Itoa(i)
		r.add(holder, "name", below(at, "envFrom", index, from), words+".envFrom["+index+"]."+from, name)
	}
	variables, _ := container["env"].([]any)
	for i, entry := range variables {
		variable, _ := entry.(map[string]any)
		holder, _ := descend(variable, "valueFrom", keyFrom)
		path := below(at, "env", strconv.Itoa(i), "valueFrom", keyFrom)
		field := words + ".env[name=" + shown(variable["name"]) + "].valueFrom." + keyFrom
		if reference := r.add(holder, "name", path, field, name); reference != nil {
			if key, ok := holder["key"].(string); ok {
				reference.keys = append(reference.keys, keyAt{path: below(path, "key"), words: field + ".key", key: key})
			}
		}
	}
}

// inVolume goes through what a volume takes its content from. Only names are corrected: what kind of source it is
// stays.
func (r *references) inVolume(volume map[string]any, at []string, words string) {
	switch r.kind {
	case v1alpha1.ConfigMap:
		r.inSource(volume, "configMap", "name", at, words)
	case v1alpha1.Secret:
		r.inSource(volume, "secret", "secretName", at, words)
	case v1alpha1.PersistentVolumeClaim:
		r.inSource(volume, "persistentVolumeClaim", "claimName", at, words)
		return
	case v1alpha1.StorageClass:
		claim, _ := descend(volume, "ephemeral", "volumeClaimTemplate", "spec")
		r.add(claim, "storageClassName", below(at, "ephemeral", "volumeClaimTemplate", "spec"), words+".ephemeral.volumeClaimTemplate.spec", "")
		return
	}
	projected, _ := volume["projected"].(map[string]any)
	sources, _ := projected["sources"].([]any)
	for i, entry := range sources {
		source, _ := entry.(map[string]any)
		index := strconv.Itoa(i)
		member := "configMap"
		if r.kind == v1alpha1.Secret {
			member = "secret"
		}
		r.inSource(source, member, "name", below(at, "projected", "sources", index), words+".projected.sources["+index+"]")
	}
}

// inSource goes through one source of a volume, with the keys it picks.
func (r *references) inSource(holder map[string]any, member, nameMember string, at []string, words string) {
	source, _ := holder[member].(map[string]any)
	path, words := below(at, member), words+"."+member
	reference := r.add(source, nameMember, path, words, "")
	if reference == nil {
		return
	}
	items, _ := source["items"].([]any)
	for i, entry := range items {
		item, _ := entry.(map[string]any)
		if key, ok := item["key"].(string); ok {
			index := strconv.Itoa(i)
			reference.keys = append(reference.keys, keyAt{path: below(path, "items", index, "key"), words: words + ".items[" + index + "].key", key: key})
		}
	}
}

// inClaimTemplates goes through the claims that a StatefulSet makes.
func (r *references) inClaimTemplates(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	templates, _ := spec["volumeClaimTemplates"].([]any)
	for i, entry := range templates {
		template, _ := entry.(map[string]any)
		claim, _ := template["spec"].(map[string]any)
		index := strconv.Itoa(i)
		r.add(claim, "storageClassName", []string{"spec", "volumeClaimTemplates", index, "spec"}, "spec.volumeClaimTemplates["+index+"].spec", "")
	}
}
