package text

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// rows are the objects that tables told of, the last row of each.
type rows struct {
	objects []runtime.Object
	index   map[string]int
	// tables are the number of the table that told of each object last, from 1; partial says of each table whether it
	// tells of some objects only.
	tables  []int
	partial []bool
	// asked is what each table was asked for with.
	asked []command
	// nodes is the last table that told again of nodes of an earlier one, and repeated of how many; 0 when there is none.
	nodes, repeated int
	// age is that of the row that is put, and ages are those of the last row of each object.
	age  age
	ages []age
	// claimed are the objects without a namespace that a table with namespaces has told of.
	claimed map[int]bool
	// rolled are the Deployments that were rolled out, and the number of tables before that.
	rolled map[string]int
	// failing is how the pods that are deleted failed before.
	failing map[string]runtime.Object
}

// put adds an object, or takes it for the next state of one that a row told of before.
func (r *rows) put(kind string, object runtime.Object) {
	key, ok := keyOf(kind, object, true)
	if !ok {
		return
	}
	if r.index == nil {
		r.index = map[string]int{}
	}
	at, seen := r.index[key]
	if short, _ := keyOf(kind, object, false); !seen && kind == "Pod" { // of a table whose command was cut off
		if at, seen = r.index[short]; seen && !r.claimed[at] {
			if r.claimed == nil {
				r.claimed = map[int]bool{}
			}
			r.claimed[at], r.index[key] = true, at
		} else {
			seen = false
		}
	}
	if seen {
		if _, ok := object.(*corev1.Node); ok && r.tables[at] < len(r.partial) && !r.partial[len(r.partial)-1] {
			if r.nodes != len(r.partial) {
				r.nodes, r.repeated = len(r.partial), 0
			}
			r.repeated++
		}
		afterwards(r.objects[at], object, r.since(at))
		r.ages[at] = r.age
		if before := r.objects[at]; failsBefore(before, object) {
			if r.failing == nil {
				r.failing = map[string]runtime.Object{}
			}
			r.failing[key] = before
		}
		r.objects[at], r.tables[at] = object, len(r.partial)
		return
	}
	r.index[key] = len(r.objects)
	r.objects, r.tables, r.ages = append(r.objects, object), append(r.tables, len(r.partial)), append(r.ages, r.age)
}

// since gives the time between the last row of an object and that which is put; less than zero when nobody knows.
func (r *rows) since(at int) time.Duration {
	if !r.age.known || !r.ages[at].known {
		return -1
	}
	return r.age.duration - r.ages[at].duration
}

// beside are the rows of objects that are not among the others. What others tell of a pod may have been cut off before its
// containers: its row still tells of them.
func (r *rows) beside(others []runtime.Object) []runtime.Object {
	if len(r.objects) == 0 {
		return nil
	}
	known := map[string]runtime.Object{}
	for _, other := range others {
		for _, full := range []bool{true, false} {
			if key, ok := keyOf(goKind(other), other, full); ok {
				known[key] = other
			}
		}
	}
	var beside []runtime.Object
	for _, object := range r.objects {
		kind := goKind(object)
		full, ok := keyOf(kind, object, true)
		accessor, err := meta.Accessor(object)
		if !ok || err != nil {
			continue
		}
		short, _ := keyOf(kind, object, false)
		other := known[full]
		if accessor.GetNamespace() == "" {
			other = cmp.Or(other, known[short])
		}
		if other != nil {
			addContainers(other, object)
			continue
		}
		beside = append(beside, object)
	}
	return beside
}

// keyOf identifies an object, with or without its namespace.
func keyOf(kind string, object runtime.Object, full bool) (string, bool) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return "", false
	}
	if full {
		return kind + "/" + accessor.GetNamespace() + "/" + accessor.GetName(), true
	}
	return kind + "//" + accessor.GetName(), true
}

// retire notes that a Deployment, by its namespace and name, was rolled out: of the pods that rows told of before, those of other
// revisions that were not ready are gone, since a rollout is complete when no pod of another revision is left.
func (r *rows) retire(deployment string) {
	if r.rolled == nil {
		r.rolled = map[string]int{}
	}
	r.rolled[deployment] = len(r.partial)
}

// retired reports whether a row is of such a pod; revision is that of which a pod is ready.
func (r *rows) retired(i int, pod *corev1.Pod, owner, revision string) bool {
	at, rolled := r.rolled[owner]
	return rolled && pod.DeletionTimestamp == nil && r.tables[i] < at && revision != "" && revisionOf(pod) != revision &&
		slices.ContainsFunc(pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool { return !status.Ready })
}

// failsBefore reports whether a pod waited for its image or its next start in vain, and is deleted now.
func failsBefore(before, now runtime.Object) bool {
	pod, ok := before.(*corev1.Pod)
	after, ok2 := now.(*corev1.Pod)
	return ok && ok2 && pod.DeletionTimestamp == nil && after.DeletionTimestamp != nil && slices.ContainsFunc(pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool {
		waiting := status.State.Waiting
		return waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing"
	})
}

// only gives the row of the only object that rows told of as it was before it was deleted: why it failed is what they were
// printed for.
func (r *rows) only() {
	if len(r.objects) != 1 {
		return
	}
	for _, before := range r.failing {
		r.objects[0] = before
	}
}

// addContainers adds what a row says of the containers of a pod to an object of it that says nothing about them.
func addContainers(object, row runtime.Object) {
	pod, ok := object.(*corev1.Pod)
	told, ok2 := row.(*corev1.Pod)
	if !ok || !ok2 || len(pod.Spec.Containers) > 0 || len(pod.Status.ContainerStatuses) > 0 || pod.Status.Phase != "" {
		return
	}
	pod.Spec.Containers, pod.Spec.InitContainers = told.Spec.Containers, told.Spec.InitContainers
	pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses = told.Status.ContainerStatuses, told.Status.InitContainerStatuses
	pod.Status.Phase, pod.Status.Reason = told.Status.Phase, cmp.Or(pod.Status.Reason, told.Status.Reason)
}
