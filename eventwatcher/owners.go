package eventwatcher

import (
	"context"
	"fmt"
	"slices"
	"unique"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// groupKind reads the group and kind of a workload.
func groupKind(workload evidence.Workload) schema.GroupKind {
	return schema.FromAPIVersionAndKind(workload.APIVersion, workload.Kind).GroupKind()
}

// targetOf is the workload as remediations name it. One that is known by its prefix or its app has no name there.
func targetOf(workload evidence.Workload) remediations.Target {
	target := remediations.Target{Group: groupKind(workload).Group, Kind: workload.Kind, Namespace: workload.Namespace, Name: workload.Name}
	if workload.Anonymous() {
		target.Name = ""
	}
	return target
}

// owner is what the caches keep of a workload, or of a ReplicaSet or Job between one and its pods.
type owner struct {
	identity
	kind       unique.Handle[schema.GroupVersionKind]
	controller unique.Handle[controller]
}

// compactMetadata keeps of the metadata of objects of a kind what the watcher reads from its caches. The kind itself does
// not stand in what the API server gives: that is of the kind PartialObjectMetadata.
func compactMetadata(kind schema.GroupVersionKind) cache.TransformFunc {
	shared := unique.Make(kind)
	return func(object any) (any, error) {
		partial, ok := object.(*metav1.PartialObjectMetadata)
		if !ok {
			return object, nil // a tombstone, or compacted before
		}
		kept, err := identityOf(partial)
		if err != nil {
			return nil, fmt.Errorf("keep a %s: %w", kind.Kind, err)
		}
		return &owner{identity: kept, kind: shared, controller: unique.Make(controllerOf(partial))}, nil
	}
}

// controllerOf gives the controller of an object; an empty one when there is none.
func controllerOf(object metav1.Object) controller {
	by := metav1.GetControllerOfNoCopy(object)
	if by == nil {
		return controller{}
	}
	return controller{by.APIVersion, by.Kind, by.Name, by.UID}
}

// workload names the object.
func (o *owner) workload() evidence.Workload {
	kind := o.kind.Value()
	return evidence.Workload{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Namespace: o.namespace(), Name: o.name()}
}

// byController indexes what stands between pods and workloads by the UID of what created it.
var byController = cache.Indexers{controllerIndex: func(object any) ([]string, error) {
	owner, ok := object.(*owner)
	if !ok {
		return nil, fmt.Errorf("expected an owner, not %T", object)
	}
	if by := owner.controller.Value(); by.uid != "" {
		return []string{string(by.uid)}, nil
	}
	return nil, nil
}}

// owners finds the workload above a pod's controller, and the controllers below a workload.
type owners struct {
	kinds    func(schema.GroupKind) (kind, bool)
	between  map[schema.GroupKind]cache.Indexer // ReplicaSets and Jobs, as metadata
	metadata metadata.Interface
	objects  dynamic.Interface
}

// workloadOf gives the workload that its owner applies, for the controller of a pod. It is false for
// controllers of kinds that are not healed, and for ones that are gone.
func (o owners) workloadOf(ctx context.Context, controller evidence.Workload) (evidence.Workload, bool, error) {
	of, known := o.kinds(groupKind(controller))
	if !of.between {
		return controller, known, nil
	}
	if workload, known, cached := o.cached(controller); cached {
		return workload, known, nil
	}
	// The pod can be seen before its ReplicaSet or Job: the two come through different watches.
	found, err := o.metadata.Resource(of.resource).Namespace(controller.Namespace).Get(ctx, controller.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return evidence.Workload{}, false, nil
	}
	if err != nil {
		return evidence.Workload{}, false, fmt.Errorf("read %s %s/%s: %w", controller.Kind, controller.Namespace, controller.Name, err)
	}
	workload, known := o.above(controller, controllerOf(found))
	return workload, known, nil
}

// cached looks what is above a ReplicaSet or Job up in the caches alone; cached is false when they do not have it.
func (o owners) cached(controller evidence.Workload) (workload evidence.Workload, known, cached bool) {
	indexer, stands := o.between[groupKind(controller)]
	if !stands {
		return evidence.Workload{}, false, false
	}
	object, found, err := indexer.GetByKey(cache.NewObjectName(controller.Namespace, controller.Name).String())
	if err != nil || !found {
		return evidence.Workload{}, false, false
	}
	owner, ok := object.(*owner)
	if !ok {
		return evidence.Workload{}, false, false
	}
	workload, known = o.above(controller, owner.controller.Value())
	return workload, known, true
}

// above gives what controls a ReplicaSet or Job; itself when nothing does.
func (o owners) above(itself evidence.Workload, by controller) (evidence.Workload, bool) {
	if by.uid == "" {
		return itself, true
	}
	workload := evidence.Workload{APIVersion: by.apiVersion, Kind: by.kind, Namespace: itself.Namespace, Name: by.name}
	_, known := o.kinds(groupKind(workload))
	return workload, known
}

// read gets the workload from the API server; nil when it does not exist.
func (o owners) read(ctx context.Context, workload evidence.Workload) (*unstructured.Unstructured, error) {
	of, _ := o.kinds(groupKind(workload))
	live, err := o.objects.Resource(of.resource).Namespace(workload.Namespace).Get(ctx, workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s/%s: %w", workload.Kind, workload.Namespace, workload.Name, err)
	}
	return live, nil
}

// known gives a live workload the prefix or the app by which its owner knows it, where its name is another each time. A pod
// that something was learned about by its name is known by that, as it is at admission.
func (w *Watcher) known(workload evidence.Workload, live *unstructured.Unstructured) (evidence.Workload, error) {
	if metav1.GetControllerOfNoCopy(live) != nil {
		return workload, nil
	}
	workload.GenerateName = live.GetGenerateName()
	if groupKind(workload) != podKind {
		return workload, nil
	}
	app := v1alpha1.AppNameOf(live)
	if app == "" {
		return workload, nil
	}
	own, err := w.caches.remediations.For(targetOf(workload))
	if err == nil && len(own) == 0 {
		workload.AppName = app
	}
	return workload, err
}

// controllersOf gives the UIDs that the pods of a live workload have as their controller.
func (o owners) controllersOf(live *unstructured.Unstructured) ([]types.UID, error) {
	controllers := []types.UID{live.GetUID()}
	for _, indexer := range o.between {
		found, err := indexer.ByIndex(controllerIndex, string(live.GetUID()))
		if err != nil {
			return nil, fmt.Errorf("look up what %s/%s controls: %w", live.GetNamespace(), live.GetName(), err)
		}
		for _, object := range found {
			if owner, ok := object.(*owner); ok {
				controllers = append(controllers, owner.uid())
			}
		}
	}
	return controllers, nil
}

// livePods lists the pods of a live workload as the API server has them.
func (w *Watcher) livePods(ctx context.Context, of target) ([]*corev1.Pod, error) {
	list, err := w.clients.CoreV1().Pods(of.workload.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selectorOf(of.live)})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s %s/%s: %w", of.workload.Kind, of.workload.Namespace, of.workload.Name, err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		pod := &list.Items[i]
		by := pod.UID // where nothing controls it, it is the workload
		if controller := metav1.GetControllerOfNoCopy(pod); controller != nil {
			by = controller.UID
		}
		if slices.Contains(of.controllers, by) {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// selectorOf gives the labels by which a live workload knows its pods; empty for one that knows them otherwise.
func selectorOf(live *unstructured.Unstructured) string {
	written, _, _ := unstructured.NestedMap(live.Object, "spec", "selector")
	if live.GetKind() == "ReplicationController" {
		written = map[string]any{"matchLabels": written}
	}
	var given metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(written, &given) != nil {
		return ""
	}
	selector, err := metav1.LabelSelectorAsSelector(&given)
	if err != nil {
		return ""
	}
	return selector.String()
}
