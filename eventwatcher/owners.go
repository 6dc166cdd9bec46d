package eventwatcher

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"unique"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// byController indexes objects by the UID of what created them.
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

// ownerCaches hold the metadata of what can stand above a pod, by kind. Those of kinds that the installation adds come
// while the watcher runs.
type ownerCaches struct {
	mu     sync.RWMutex
	byKind map[schema.GroupKind]cache.Indexer
}

func (c *ownerCaches) add(kind schema.GroupKind, objects cache.Indexer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKind == nil {
		c.byKind = map[schema.GroupKind]cache.Indexer{}
	}
	c.byKind[kind] = objects
}

// all gives the caches that there are now.
func (c *ownerCaches) all() map[schema.GroupKind]cache.Indexer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return maps.Clone(c.byKind)
}

// get gives what is known of an object; nil when it is in no cache.
func (c *ownerCaches) get(workload evidence.Workload) *owner {
	c.mu.RLock()
	objects, cached := c.byKind[groupKind(workload)]
	c.mu.RUnlock()
	if !cached {
		return nil
	}
	object, found, err := objects.GetByKey(cache.NewObjectName(workload.Namespace, workload.Name).String())
	if err != nil || !found {
		return nil
	}
	known, _ := object.(*owner)
	return known
}

// owners finds the workload above a pod's controller, and the controllers below a workload.
type owners struct {
	kinds    func(schema.GroupKind) (kind, bool)
	caches   *ownerCaches
	metadata metadata.Interface
	objects  dynamic.Interface
}

// workloadOf gives the workload that its owner applies, for the controller of a pod. It is false for controllers of
// kinds that are not healed, then with the first of these, and for ones that are gone, then with none.
func (o owners) workloadOf(ctx context.Context, from evidence.Workload) (evidence.Workload, bool, error) {
	return o.climb(from, func(workload evidence.Workload) (controller, bool, error) {
		if known := o.caches.get(workload); known != nil {
			return known.controller.Value(), true, nil
		}
		return o.readController(ctx, workload)
	})
}

// cached does the same from the caches alone; cached is false when they do not have what is needed.
func (o owners) cached(from evidence.Workload) (workload evidence.Workload, known, cached bool) {
	workload, known, _ = o.climb(from, func(workload evidence.Workload) (controller, bool, error) {
		if known := o.caches.get(workload); known != nil {
			return known.controller.Value(), true, nil
		}
		return controller{}, false, nil
	})
	return workload, known, workload.Kind != ""
}

// readController asks the API server what controls an object; false when the object is gone. A pod can be seen before
// its ReplicaSet or Job: the two come through different watches.
func (o owners) readController(ctx context.Context, workload evidence.Workload) (controller, bool, error) {
	of, known := o.kinds(groupKind(workload))
	if !known || groupKind(workload) == podKind { // a pod that is a workload has none
		return controller{}, false, nil
	}
	found, err := o.metadata.Resource(of.resource).Namespace(workload.Namespace).Get(ctx, workload.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), of.configured && apierrors.IsForbidden(err):
		return controller{}, false, nil
	case err != nil:
		return controller{}, false, fmt.Errorf("read %s %s/%s: %w", workload.Kind, workload.Namespace, workload.Name, err)
	}
	return controllerOf(found), true, nil
}

// maxAbove is how many configured kinds, one above the other, are climbed; no operator of operators goes so far.
const maxAbove = 5

// climb goes from the controller of a pod to what stands above it: from a ReplicaSet or Job to what controls that, and
// from there on as far as kinds go that the installation adds. What controls a Deployment otherwise applies it, and is
// healed at that. above gives what controls an object, and whether there is such an object.
func (o owners) climb(from evidence.Workload, above func(evidence.Workload) (controller, bool, error)) (evidence.Workload, bool, error) {
	of, known := o.kinds(groupKind(from))
	if of.between {
		by, found, err := above(from)
		if err != nil || !found {
			return evidence.Workload{}, false, err
		}
		if by.uid != "" {
			from = by.in(from.Namespace)
			_, known = o.kinds(groupKind(from))
		}
	}
	if !known {
		return from, false, nil
	}
	top := from
	for range maxAbove {
		by, found, err := above(top)
		if err != nil {
			return evidence.Workload{}, false, err
		}
		next := by.in(top.Namespace)
		if of, _ := o.kinds(groupKind(next)); !found || by.uid == "" || !of.configured {
			return top, true, nil
		}
		top = next
	}
	return from, true, nil // who owns itself is applied by nobody
}

// in names a controller of what is in a namespace.
func (c controller) in(namespace string) evidence.Workload {
	return evidence.Workload{APIVersion: c.apiVersion, Kind: c.kind, Namespace: namespace, Name: c.name}
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

// controllersOf gives the UIDs that the pods of a live workload have as their controller: its own, and those of what it
// controls and whose failures are its own.
func (o owners) controllersOf(live *unstructured.Unstructured) ([]types.UID, error) {
	kinds := map[types.UID]kind{}
	kinds[live.GetUID()], _ = o.kinds(live.GroupVersionKind().GroupKind())
	controllers, caches := []types.UID{live.GetUID()}, o.caches.all()
	for at := 0; at < len(controllers); at++ {
		above := kinds[controllers[at]]
		for name, objects := range caches {
			below, known := o.kinds(name)
			if !known || above.between || !below.between && !above.configured {
				continue
			}
			found, err := objects.ByIndex(controllerIndex, string(controllers[at]))
			if err != nil {
				return nil, fmt.Errorf("look up what %s/%s controls: %w", live.GetNamespace(), live.GetName(), err)
			}
			for _, object := range found {
				owner, ok := object.(*owner)
				if !ok {
					continue
				}
				if _, seen := kinds[owner.uid()]; !seen {
					kinds[owner.uid()] = below
					controllers = append(controllers, owner.uid())
				}
			}
		}
	}
	return controllers, nil
}
