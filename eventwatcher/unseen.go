package eventwatcher

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// unseenFor is how long a scheduler may take to say something about a pod: it needs milliseconds, in a storm seconds.
// Nothing happens to a pod that no scheduler looks at, so that nothing but time tells of it.
const unseenFor = 30 * time.Second

// unseen reports whether no scheduler has said a word about a pod that waits for a node.
func unseen(status *corev1.PodStatus, node string) bool {
	return node == "" && status.Phase == corev1.PodPending &&
		!slices.ContainsFunc(status.Conditions, func(condition corev1.PodCondition) bool { return condition.Type == corev1.PodScheduled })
}

// watchUnseen enqueues the controllers of pods that no scheduler has looked at in time, until the queue of such pods is
// shut down.
func (w *Watcher) watchUnseen() {
	for {
		name, down := w.unseen.Get()
		if down {
			return
		}
		known, found, err := w.caches.pods.GetIndexer().GetByKey(name.String())
		if pod, ok := known.(*pod); ok && err == nil && found && pod.unseen {
			w.queue.Add(pod.workload())
		}
		w.unseen.Done(name)
	}
}

// noteUnseen has a pod looked at later if no scheduler has looked at it by then.
func (w *Watcher) noteUnseen(pod *pod) {
	if pod.unseen {
		w.unseen.AddAfter(cache.NewObjectName(pod.namespace(), pod.name()), unseenFor)
	}
}
