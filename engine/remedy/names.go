package remedy

import (
	"fmt"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// CorrectName chooses the object that was meant by a name that does not exist: the only one of its kind with a near
// name that has all the keys that are asked of it. A StorageClass that is near no other gives way to the default one.
// The error says why none was chosen.
func CorrectName(kind v1alpha1.ReferenceKind, name string, keys []string, objects []evidence.Object) (*v1alpha1.FixReference, error) {
	var names []string
	fallback := ""
	for _, object := range objects {
		if object.Kind != string(kind) {
			continue
		}
		if object.Name == name {
			return nil, fmt.Errorf("%s %s exists by now", kind, name)
		}
		if !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(object.Keys, key) }) {
			names = append(names, object.Name)
		}
		if object.Default {
			fallback = object.Name
		}
	}
	found, ok := onlyNear(name, names)
	switch {
	case ok:
		return &v1alpha1.FixReference{Kind: kind, Name: name, Replacement: found}, nil
	case kind == v1alpha1.StorageClass && fallback != "":
		return &v1alpha1.FixReference{Kind: kind, Name: name, Replacement: fallback}, nil
	default:
		return nil, fmt.Errorf("no one %s with a name near %s exists and has what is asked of it", kind, name)
	}
}

// CorrectKey chooses the key that was meant by one that an object does not have: the only near one.
func CorrectKey(kind v1alpha1.ReferenceKind, name, key string, objects []evidence.Object) (*v1alpha1.FixReference, error) {
	for _, object := range objects {
		if object.Kind != string(kind) || object.Name != name {
			continue
		}
		if slices.Contains(object.Keys, key) {
			return nil, fmt.Errorf("%s %s has the key %s by now", kind, name, key)
		}
		if found, ok := onlyNear(key, object.Keys); ok {
			return &v1alpha1.FixReference{Kind: kind, Name: name, Replacement: name, Key: key, ReplacementKey: found}, nil
		}
		return nil, fmt.Errorf("%s %s has no one key near %s", kind, name, key)
	}
	return nil, fmt.Errorf("it is not known which keys %s %s has", kind, name)
}
