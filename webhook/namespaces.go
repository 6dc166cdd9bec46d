package webhook

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// namespaces knows what annotations say about all workloads of a namespace.
type namespaces struct{ cache.SharedIndexInformer }

// newNamespaces gives an informer that is not yet running. It keeps our annotations and nothing else.
func newNamespaces(client metadata.Interface) (namespaces, error) {
	informer := metadatainformer.NewFilteredMetadataInformer(client, corev1.SchemeGroupVersion.WithResource("namespaces"),
		metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()
	if err := informer.SetTransform(ownAnnotations); err != nil {
		return namespaces{}, fmt.Errorf("watch namespaces: %w", err)
	}
	return namespaces{informer}, nil
}

// ownAnnotations cuts an object down to its name and our annotations.
func ownAnnotations(object any) (any, error) {
	partial, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	small := &metav1.PartialObjectMetadata{TypeMeta: partial.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Name: partial.Name, UID: partial.UID, ResourceVersion: partial.ResourceVersion,
	}}
	for name, value := range partial.Annotations {
		if strings.HasPrefix(name, v1alpha1.GroupName+"/") {
			if small.Annotations == nil {
				small.Annotations = map[string]string{}
			}
			small.Annotations[name] = value
		}
	}
	return small, nil
}

// annotations gives what a namespace says; nothing for one that is not known, which can be so for a moment after it
// was made.
func (n namespaces) annotations(name string) map[string]string {
	object, found, err := n.GetStore().GetByKey(name)
	if err != nil || !found {
		return nil
	}
	if partial, ok := object.(*metav1.PartialObjectMetadata); ok {
		return partial.Annotations
	}
	return nil
}
