package eventwatcher

import (
	"fmt"
	"math"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// identity is what the caches need of every object: namespace, name, UID and version, in one piece of memory, with what
// else is the object's own behind them.
type identity struct {
	text                           string // namespace, a slash, name, UID, version, the rest
	nameEnds, uidEnds, versionEnds uint16
	slash                          uint8
}

func newIdentity(namespace, name, uid, version string, rest ...byte) (identity, error) {
	text := make([]byte, 0, 192)
	text = append(append(append(text, namespace...), '/'), name...)
	i := identity{slash: uint8(len(namespace)), nameEnds: uint16(len(text))}
	text = append(text, uid...)
	i.uidEnds = uint16(len(text))
	text = append(text, version...)
	i.versionEnds = uint16(len(text))
	if len(namespace) > math.MaxUint8 || len(text) > math.MaxUint16 {
		return i, fmt.Errorf("the names of %.80s are too long", text)
	}
	i.text = string(append(text, rest...))
	return i, nil
}

func identityOf(object metav1.Object, rest ...byte) (identity, error) {
	return newIdentity(object.GetNamespace(), object.GetName(), string(object.GetUID()), object.GetResourceVersion(), rest...)
}

func (i identity) namespace() string { return i.text[:i.slash] }
func (i identity) name() string      { return i.text[int(i.slash)+1 : i.nameEnds] }
func (i identity) uid() types.UID    { return types.UID(i.text[i.nameEnds:i.uidEnds]) }
func (i identity) version() string   { return i.text[i.uidEnds:i.versionEnds] }
func (i identity) rest() string      { return i.text[i.versionEnds:] }

func (i identity) String() string { return i.text[:i.nameEnds] }

// meta gives the metadata that is kept.
func (i identity) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: i.namespace(), Name: i.name(), UID: i.uid(), ResourceVersion: i.version()}
}

// GetObjectMeta gives the metadata that is kept, for the caches.
func (i identity) GetObjectMeta() metav1.Object {
	meta := i.meta()
	return &meta
}
