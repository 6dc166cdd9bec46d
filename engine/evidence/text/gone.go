package text

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Tables that were printed one after the other tell what became of pods and nodes: those that a later table of all has no
// more are gone, and an end in failure was made good by a pod of the same name before its random part.

// begin counts a table whose rows follow. A partial one does not tell of all pods.
func (r *rows) begin(partial bool, by command) {
	r.partial = append(r.partial, partial)
	r.asked = append(r.asked, by)
}

// forget drops the rows of pods and nodes that are history.
func (r *rows) forget() {
	latest := map[string]int{} // by Deployment: the last table with pods of it
	well := map[string]bool{}  // by the name without its random part: another runs
	done := map[string]age{}   // how old the youngest is that did its work, the same way
	lacking := 0               // nodes that the last table of nodes has no more
	for i, object := range r.objects {
		if r.isLacking(i) {
			lacking++
		}
		pod, ok := object.(*corev1.Pod)
		if !ok {
			continue
		}
		if owner, ok := deploymentOf(pod); ok && r.tables[i] > 0 && !r.partial[r.tables[i]-1] {
			latest[owner] = max(latest[owner], r.tables[i])
		}
		if pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodSucceeded && !r.ages[i].known {
			well[stem(pod)] = true
		}
		if known := done[stem(pod)]; pod.Status.Phase == corev1.PodSucceeded && r.ages[i].known && (!known.known || r.ages[i].duration < known.duration) {
			done[stem(pod)] = r.ages[i]
		}
	}
	newest := r.newestReady()
	gone := map[runtime.Object]bool{}
	for i, object := range r.objects {
		if r.isLacking(i) && r.repeated >= mostOf*lacking {
			gone[object] = true
		}
		pod, ok := object.(*corev1.Pod)
		if !ok {
			continue
		}
		owner, owned := deploymentOf(pod)
		if r.retired(i, pod, owner, newest[owner].revision) {
			gone[object] = true
		}
		if owned && r.outrun(i, pod, newest[owner]) {
			gone[object] = true
		}
		if owned && r.tables[i] > 0 && r.tables[i] < latest[owner] || endedInError(pod) && (well[stem(pod)] || r.doneSince(i, done[stem(pod)])) || initFailed(pod) && !owned && done[stem(pod)].known && done[stem(pod)].duration < r.ages[i].duration {
			gone[object] = true
		}
	}
	if len(gone) > 0 {
		r.objects = slices.DeleteFunc(r.objects, func(object runtime.Object) bool { return gone[object] })
	}
}

// runner is the youngest pod of a Deployment that is ready, by the name of its ReplicaSet, and how old the oldest pod of that is.
type runner struct {
	revision    string
	age, oldest age
}

// newestReady gives it by Deployment.
func (r *rows) newestReady() map[string]runner {
	found, oldest := map[string]runner{}, map[string]age{}
	for i, object := range r.objects {
		if pod, ok := object.(*corev1.Pod); ok && r.ages[i].known {
			if key := pod.Namespace + "/" + revisionOf(pod); r.ages[i].duration >= oldest[key].duration {
				oldest[key] = r.ages[i]
			}
		}
	}
	for i, object := range r.objects {
		pod, ok := object.(*corev1.Pod)
		if !ok || pod.DeletionTimestamp != nil || !r.ages[i].known || len(pod.Status.ContainerStatuses) == 0 ||
			slices.ContainsFunc(pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool { return !status.Ready }) {
			continue
		}
		owner, ok := deploymentOf(pod)
		if known, seen := found[owner]; ok && (!seen || r.ages[i].duration < known.age.duration) {
			found[owner] = runner{revisionOf(pod), r.ages[i], oldest[pod.Namespace+"/"+revisionOf(pod)]}
		}
	}
	return found
}

// outrun reports whether a row shows a pod that fails and is older than all pods of another revision of its Deployment, of which one is ready.
func (r *rows) outrun(i int, pod *corev1.Pod, by runner) bool {
	return by.revision != "" && by.revision != revisionOf(pod) && r.ages[i].known && by.oldest.duration < r.ages[i].duration && slices.ContainsFunc(pod.Status.ContainerStatuses, fails)
}

// revisionOf is the name of the ReplicaSet of a pod of a Deployment.
func revisionOf(pod *corev1.Pod) string {
	return pod.Name[:max(strings.LastIndexByte(pod.Name, '-'), 0)]
}

// doneSince reports whether a pod that did its work is not much older than that of a row, as far as their ages tell: rows of a
// watch are of different moments.
func (r *rows) doneSince(i int, done age) bool {
	const moments = 10 * time.Minute
	return done.known && (!r.ages[i].known || done.duration <= r.ages[i].duration+max(done.grain, r.ages[i].grain, moments))
}

// mostOf is how many nodes a later table repeats for each that it has no more, when it is one of all nodes.
const mostOf = 3

// isLacking reports whether a row is of a node that the last table of nodes does not have.
func (r *rows) isLacking(i int) bool {
	_, ok := r.objects[i].(*corev1.Node)
	return ok && r.tables[i] > 0 && r.tables[i] < r.nodes
}

func deploymentOf(pod *corev1.Pod) (string, bool) {
	name, ok := evidence.DeploymentOf(pod.Name)
	return pod.Namespace + "/" + name, ok
}

// random is the end of a name that was generated (k8s.io/apimachinery/pkg/util/rand).
var random = regexp.MustCompile(`-[bcdfghjklmnpqrstvwxz2456789]{5}$`)

// stem is the name of a pod without its random part.
func stem(pod *corev1.Pod) string {
	return pod.Namespace + "/" + random.ReplaceAllString(pod.Name, "")
}

// initFailed reports whether a row shows a pod whose init container failed for good, and was not started again.
func initFailed(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.InitContainerStatuses, func(status corev1.ContainerStatus) bool {
		return status.RestartCount == 0 && status.State.Terminated != nil && status.State.Terminated.Reason == "Error"
	})
}

// endedInError reports whether a row shows a pod that failed for good, and was not started again.
func endedInError(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodFailed || len(pod.Status.ContainerStatuses) != 1 {
		return false
	}
	status := pod.Status.ContainerStatuses[0]
	return status.RestartCount == 0 && status.State.Terminated != nil && status.State.Terminated.Reason == "Error"
}
