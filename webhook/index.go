package webhook

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// shards is how many parts the index has: a change copies one of them. At 10,000 Remediations that is some 40
// entries, while looking one up stays a hash and two loads.
const shards = 256

// Index finds Remediations by their target. Readers never wait: each part is a map that is never changed but replaced
// as a whole. It is filled by the handlers of an informer (cache.ResourceEventHandler).
type Index struct {
	seed    maphash.Seed
	parts   [shards]atomic.Pointer[map[string][]*v1alpha1.Remediation]
	writing sync.Mutex
}

// NewIndex gives an empty index.
func NewIndex() *Index { return &Index{seed: maphash.MakeSeed()} }

// appendKey writes the key of a target; '|' stands in no part of it, and '*' behind a prefix in no name.
func appendKey[T string | []byte](key []byte, group, kind, namespace, name T, prefix bool) []byte {
	key = append(append(key, group...), '|')
	key = append(append(key, kind...), '|')
	key = append(append(key, namespace...), '|')
	key = append(key, name...)
	if prefix {
		key = append(key, '*')
	}
	return key
}

// keyOf gives the key of a Remediation's target; false when its targetRef can't be read.
func keyOf(remediation *v1alpha1.Remediation) (string, bool) {
	ref := remediation.Spec.TargetRef
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil || (ref.Name == "") == (ref.GenerateName == "") {
		return "", false
	}
	return string(appendKey(nil, version.Group, ref.Kind, remediation.Namespace, ref.Name+ref.GenerateName, ref.GenerateName != "")), true
}

// find gives the Remediations of a key, by name. They belong to the index and are not changed.
func (x *Index) find(key []byte) []*v1alpha1.Remediation {
	part := x.parts[maphash.Bytes(x.seed, key)%shards].Load()
	if part == nil {
		return nil
	}
	return (*part)[string(key)]
}

// OnAdd takes a Remediation in.
func (x *Index) OnAdd(object any, _ bool) { x.put(nil, object) }

// OnUpdate takes a Remediation in the place of what it was before.
func (x *Index) OnUpdate(old, object any) { x.put(old, object) }

// OnDelete leaves a Remediation out.
func (x *Index) OnDelete(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	x.put(object, nil)
}

// put replaces one Remediation by another. What webhooks have no use for is left out.
func (x *Index) put(old, object any) {
	x.writing.Lock()
	defer x.writing.Unlock()
	at := ""
	if after, ok := object.(*v1alpha1.Remediation); ok && (after.InForce() || after.KnownFailure()) {
		at = x.change(after, true)
	}
	// What stays under its key was replaced in one step, so that nobody finds it missing meanwhile.
	if before, ok := old.(*v1alpha1.Remediation); ok {
		if key, _ := keyOf(before); key != at {
			x.change(before, false)
		}
	}
}

// change copies the part that a Remediation stands in, with it or without it, and gives its key; empty when it has none.
func (x *Index) change(remediation *v1alpha1.Remediation, present bool) string {
	key, ok := keyOf(remediation)
	if !ok {
		return ""
	}
	at := &x.parts[maphash.String(x.seed, key)%shards]
	part := map[string][]*v1alpha1.Remediation{}
	if before := at.Load(); before != nil {
		part = maps.Clone(*before)
	}
	others := slices.DeleteFunc(slices.Clone(part[key]), func(other *v1alpha1.Remediation) bool { return other.Name == remediation.Name })
	if present {
		others = append(others, remediation)
		slices.SortFunc(others, func(a, b *v1alpha1.Remediation) int { return cmp.Compare(a.Name, b.Name) })
	}
	if len(others) > 0 {
		part[key] = others
	} else {
		delete(part, key)
	}
	at.Store(&part)
	return key
}
