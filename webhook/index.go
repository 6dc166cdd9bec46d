package webhook

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// shards is how many parts the index has. At 10,000 Remediations a part has two or three targets: looking one up compares
// as many hashes, and a change copies as many entries.
const shards = 4096

// Index finds Remediations by their target. Readers never wait: each part is a list that is never changed but replaced
// as a whole. It is filled by the handlers of an informer (cache.ResourceEventHandler).
type Index struct {
	seed    maphash.Seed
	parts   [shards]atomic.Pointer[[]indexed]
	apps    atomic.Int64 // Remediations for apps
	writing sync.Mutex
}

// indexed is what is known of one target. Lists of them are faster than maps, whose cost grows in steps with their size
// (make bench-webhook).
type indexed struct {
	hash  uint64
	key   string
	found []*v1alpha1.Remediation // by name
}

// NewIndex gives an empty index.
func NewIndex() *Index { return &Index{seed: maphash.MakeSeed()} }

// knownBy is what a target is known by. It ends the target's key.
type knownBy string

// What targets are known by. None of it stands in a name, a prefix or the value of a label.
const (
	byName   knownBy = ""
	byPrefix knownBy = "*"
	byApp    knownBy = "="
)

// appendKey writes the key of a target; '|' stands in no part of it.
func appendKey[T string | []byte](key []byte, group, kind, namespace, name T, by knownBy) []byte {
	key = append(append(key, group...), '|')
	key = append(append(key, kind...), '|')
	key = append(append(key, namespace...), '|')
	return append(append(key, name...), by...)
}

// keyOf gives the key of a Remediation's target; false when its targetRef can't be read.
func keyOf(remediation *v1alpha1.Remediation) (string, bool) {
	ref := remediation.Spec.TargetRef
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return "", false
	}
	var key []byte
	for by, name := range map[knownBy]string{byName: ref.Name, byPrefix: ref.GenerateName, byApp: ref.AppName} {
		switch {
		case name == "":
		case key != nil: // it is known by one of them
			return "", false
		default:
			key = appendKey(nil, version.Group, ref.Kind, remediation.Namespace, name, by)
		}
	}
	return string(key), key != nil
}

// find gives the Remediations of a key, by name. They belong to the index and are not changed.
func (x *Index) find(key []byte) []*v1alpha1.Remediation {
	hash := maphash.Bytes(x.seed, key)
	part := x.parts[hash%shards].Load()
	if part == nil {
		return nil
	}
	for i := range *part {
		if known := &(*part)[i]; known.hash == hash && known.key == string(key) { // string does not allocate here
			return known.found
		}
	}
	return nil
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
	hash := maphash.String(x.seed, key)
	at := &x.parts[hash%shards]
	var others []indexed
	now := indexed{hash: hash, key: key}
	if all := at.Load(); all != nil {
		for _, known := range *all {
			if known.key == key {
				now.found = slices.Clone(known.found)
			} else {
				others = append(others, known)
			}
		}
	}
	before := len(now.found)
	now.found = slices.DeleteFunc(now.found, func(other *v1alpha1.Remediation) bool { return other.Name == remediation.Name })
	if present {
		now.found = append(now.found, remediation)
		slices.SortFunc(now.found, func(a, b *v1alpha1.Remediation) int { return cmp.Compare(a.Name, b.Name) })
	}
	if len(now.found) > 0 {
		others = append(others, now)
	}
	at.Store(&others)
	if remediation.Spec.TargetRef.AppName != "" {
		x.apps.Add(int64(len(now.found) - before))
	}
	return key
}
