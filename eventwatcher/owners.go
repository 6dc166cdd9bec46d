package eventwatcher

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

var replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}

// workloadResources are the kinds that owners apply and that remediations can target, with where they are served.
var workloadResources = map[schema.GroupKind]schema.GroupVersionResource{
	{Group: "apps", Kind: "Deployment"}:  {Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "apps", Kind: "StatefulSet"}: {Group: "apps", Version: "v1", Resource: "statefulsets"},
	{Group: "apps", Kind: "DaemonSet"}:   {Group: "apps", Version: "v1", Resource: "daemonsets"},
}

// groupKind reads the group and kind of a workload.
func groupKind(workload evidence.Workload) schema.GroupKind {
	return schema.FromAPIVersionAndKind(workload.APIVersion, workload.Kind).GroupKind()
}

// targetOf is the workload as remediations name it.
func targetOf(workload evidence.Workload) remediations.Target {
	return remediations.Target{
		Group: groupKind(workload).Group, Kind: workload.Kind, Namespace: workload.Namespace, Name: workload.Name,
	}
}

// compactMetadata keeps of an object's metadata what the watcher reads from its caches.
func compactMetadata(object any) (any, error) {
	partial, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	small := &metav1.PartialObjectMetadata{TypeMeta: partial.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Name: partial.Name, Namespace: partial.Namespace, UID: partial.UID,
		ResourceVersion: partial.ResourceVersion, Generation: partial.Generation,
	}}
	if controller := metav1.GetControllerOfNoCopy(partial); controller != nil {
		small.OwnerReferences = []metav1.OwnerReference{*controller}
	}
	return small, nil
}

// setsByController indexes ReplicaSets by the UID of the Deployment that created them.
var setsByController = cache.Indexers{controllerIndex: func(object any) ([]string, error) {
	partial, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil, fmt.Errorf("expected metadata of a ReplicaSet, not %T", object)
	}
	if controller := metav1.GetControllerOfNoCopy(partial); controller != nil {
		return []string{string(controller.UID)}, nil
	}
	return nil, nil
}}

// owners finds the workload above a pod's controller, and the controllers below a workload.
type owners struct {
	sets     cache.Indexer // ReplicaSets, as metadata
	metadata metadata.Interface
	objects  dynamic.Interface
}

// workloadOf gives the workload that its owner applies, for the controller of a pod. It is false for
// controllers of kinds that are not healed, and for ones that are gone.
func (o owners) workloadOf(ctx context.Context, controller evidence.Workload) (evidence.Workload, bool, error) {
	kind := groupKind(controller)
	if _, ok := workloadResources[kind]; ok {
		return controller, true, nil
	}
	if kind != (schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}) {
		return evidence.Workload{}, false, nil
	}
	if workload, ok := o.deploymentOf(controller); ok {
		return workload, true, nil
	}
	// The pod can be seen before its ReplicaSet: the two come through different watches.
	set, err := o.metadata.Resource(replicaSets).Namespace(controller.Namespace).Get(ctx, controller.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return evidence.Workload{}, false, nil
	}
	if err != nil {
		return evidence.Workload{}, false, fmt.Errorf("read replicaset %s/%s: %w", controller.Namespace, controller.Name, err)
	}
	workload, ok := above(set)
	return workload, ok, nil
}

// deploymentOf looks the Deployment of a ReplicaSet up in the cache alone.
func (o owners) deploymentOf(set evidence.Workload) (evidence.Workload, bool) {
	object, found, err := o.sets.GetByKey(cache.NewObjectName(set.Namespace, set.Name).String())
	if err != nil || !found {
		return evidence.Workload{}, false
	}
	partial, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return evidence.Workload{}, false
	}
	return above(partial)
}

func above(set *metav1.PartialObjectMetadata) (evidence.Workload, bool) {
	controller := metav1.GetControllerOfNoCopy(set)
	if controller == nil {
		return evidence.Workload{}, false
	}
	workload := evidence.Workload{
		APIVersion: controller.APIVersion, Kind: controller.Kind, Namespace: set.Namespace, Name: controller.Name,
	}
	_, known := workloadResources[groupKind(workload)]
	return workload, known
}

// read gets the workload from the API server; nil when it does not exist.
func (o owners) read(ctx context.Context, workload evidence.Workload) (*unstructured.Unstructured, error) {
	resource := workloadResources[groupKind(workload)]
	live, err := o.objects.Resource(resource).Namespace(workload.Namespace).Get(ctx, workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s/%s: %w", workload.Kind, workload.Namespace, workload.Name, err)
	}
	return live, nil
}

// controllersOf gives the UIDs that the pods of a live workload have as their controller.
func (o owners) controllersOf(live *unstructured.Unstructured) ([]types.UID, error) {
	controllers := []types.UID{live.GetUID()}
	sets, err := o.sets.ByIndex(controllerIndex, string(live.GetUID()))
	if err != nil {
		return nil, fmt.Errorf("look up replicasets of %s/%s: %w", live.GetNamespace(), live.GetName(), err)
	}
	for _, object := range sets {
		if set, ok := object.(*metav1.PartialObjectMetadata); ok {
			controllers = append(controllers, set.UID)
		}
	}
	return controllers, nil
}
