package eventwatcher

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// debounce gathers the burst of updates that one failure causes into one look at the workload: the container's
// status, the pod's conditions and the events come within this time of each other.
const debounce = 300 * time.Millisecond

// enqueueChanges makes every change that could matter put its workload on the queue.
func (w *Watcher) enqueueChanges() error {
	handlers := map[cache.SharedIndexInformer]func(any){
		w.caches.pods:         w.podChanged,
		w.caches.events:       w.eventHappened,
		w.caches.ownerEvents:  w.ownerEventHappened,
		w.caches.remediations: w.remediationChanged,
	}
	if w.caches.nodes != nil {
		handlers[w.caches.nodes] = w.nodeChanged
	}
	for _, informer := range w.caches.workloads {
		handlers[informer] = w.workloadChanged
	}
	for _, informer := range w.caches.between {
		handlers[informer] = w.workloadChanged
	}
	for informer, changed := range handlers {
		if err := handle(informer, changed); err != nil {
			return err
		}
	}
	return nil
}

// handle has every object shown that is added to a cache, changed or taken away.
func handle(informer cache.SharedIndexInformer, changed func(any)) error {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, object any) { changed(object) },
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			changed(object)
		},
	})
	if err != nil {
		return fmt.Errorf("watch a cache: %w", err)
	}
	return nil
}

// podChanged enqueues the controller of a pod that failed, is on a node that is not ready, carries a cure, or belongs to a
// workload with one.
func (w *Watcher) podChanged(object any) {
	pod, ok := object.(*pod)
	if !ok || w.excluded(pod.namespace()) {
		return
	}
	w.gone.see(pod)
	w.noteUnseen(pod)
	controller := pod.workload()
	if pod.troubled || pod.marks.Value() != "" || w.onLostNode(pod) || w.hasRemediation(controller) {
		w.queue.AddAfter(controller, debounce)
	}
}

// onLostNode reports whether a pod is on a node that is not ready: at the start the node may be seen before its pods.
func (w *Watcher) onLostNode(pod *pod) bool {
	name := pod.node.Value()
	if w.caches.nodes == nil || name == "" || pod.ended {
		return false
	}
	object, found, err := w.caches.nodes.GetIndexer().GetByKey(name)
	node, ok := object.(*node)
	return err == nil && found && ok && node.lost
}

// nodeChanged enqueues the controllers of the pods on a node that is not ready.
func (w *Watcher) nodeChanged(object any) {
	node, ok := object.(*node)
	if !ok || !node.lost {
		return
	}
	on, err := w.caches.pods.GetIndexer().ByIndex(nodeIndex, node.name())
	if err != nil {
		return // there is such an index
	}
	for _, object := range on {
		if pod, ok := object.(*pod); ok && !w.excluded(pod.namespace()) {
			w.queue.AddAfter(pod.workload(), debounce)
		}
	}
}

// eventHappened enqueues the controller of a pod that an event warns of: a probe that fails shows in no status for a
// while, or never.
func (w *Watcher) eventHappened(object any) {
	event, ok := object.(*event)
	if !ok || event.kind.Value().warns != corev1.EventTypeWarning || w.excluded(event.namespace()) || !worthALook(event.count) {
		return
	}
	known, found, err := w.caches.pods.GetIndexer().GetByKey(cache.NewObjectName(event.namespace(), event.whole().InvolvedObject.Name).String())
	if err != nil || !found {
		return // the pod comes later, or is gone
	}
	if pod, ok := known.(*pod); ok {
		w.queue.AddAfter(pod.workload(), debounce)
	}
}

// ownerEventHappened enqueues a workload that an event warns of, or whose ReplicaSet or Job it warns of: of a pod that
// could not be created nothing else is ever seen.
func (w *Watcher) ownerEventHappened(object any) {
	event, ok := object.(*event)
	if !ok || w.excluded(event.namespace()) || !worthALook(event.count) || event.own() {
		return
	}
	on := event.whole().InvolvedObject
	about := evidence.Workload{APIVersion: on.APIVersion, Kind: on.Kind, Namespace: event.namespace(), Name: on.Name}
	if _, known := w.kind(groupKind(about)); known {
		w.queue.AddAfter(about, debounce)
	}
}

// own reports whether the watcher itself tells of a failure.
func (e *event) own() bool { return e.kind.Value().component == FieldManager }

// worthALook reports whether an event that was counted so often is to be looked at: the first time, the second, the
// fourth and so on. A probe that fails every few seconds for days is not news each time.
func worthALook(count int32) bool { return bits.OnesCount32(uint32(max(count, 1))) == 1 }

func (w *Watcher) remediationChanged(object any) {
	if remediation, ok := object.(*v1alpha1.Remediation); ok {
		ref := remediation.Spec.TargetRef
		w.queue.AddAfter(evidence.Workload{
			APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: remediation.Namespace, Name: ref.Name,
		}, debounce)
	}
}

func (w *Watcher) workloadChanged(object any) {
	owner, ok := object.(*owner)
	if !ok {
		return
	}
	workload := owner.workload()
	if w.hasRemediation(workload) {
		w.queue.AddAfter(workload, debounce)
	}
}

// excluded reports whether a namespace is never healed: what keeps the cluster and kube-remedy itself running is
// not to depend on kube-remedy, nor what the installation leaves out. The webhook leaves out the same namespaces.
func (w *Watcher) excluded(namespace string) bool {
	return namespace == metav1.NamespaceSystem || namespace == w.options.Namespace ||
		slices.Contains(w.options.Settings.Current().ExcludedNamespaces, namespace)
}

// hasRemediation asks the caches whether the workload of a controller has a Remediation. One for an app does not count:
// only pods that carry the cure tell of it, and those are known by their marks.
func (w *Watcher) hasRemediation(controller evidence.Workload) bool {
	workload := controller
	if above, known, cached := w.owners.cached(controller); cached && known {
		workload = above
	}
	found, err := w.caches.remediations.For(targetOf(workload))
	if err == nil && len(found) > 0 {
		return true
	}
	if armable(workload.Kind) {
		return false // those are applied, which takes a name
	}
	named := workload.Name
	workload.Name = ""
	found, err = w.caches.remediations.For(targetOf(workload))
	return err == nil && slices.ContainsFunc(found, func(remediation *v1alpha1.Remediation) bool {
		prefix := remediation.Spec.TargetRef.GenerateName
		return prefix != "" && strings.HasPrefix(named, prefix)
	})
}
