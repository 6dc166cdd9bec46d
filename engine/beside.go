package engine

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// What other workloads tell of one that failed: they took its place or are past the same trouble. A text may have
// thousands of workloads, and all of them may have failed, so what is asked for is put together once.

// beside is what workloads tell of each other.
type beside struct {
	of map[evidence.Workload]*evidence.Evidence
	// revisions are by namespace and name the highest numbers of a DeploymentConfig's revisions that run or were deployed, and of
	// its builds that came to their end well.
	revisions, builds map[containerKey]int
	// settled says whether a node is there that has been ready for long, ready when nodes became so last: the newest, and that of
	// another.
	settled bool
	ready   [2]readied
	// lost says whether nodes were not ready, back whether all of them are again, as their own events and conditions tell.
	lost, back bool
}

// readied is when a node became ready.
type readied struct {
	node string
	at   time.Time
}

// numbered is a pod that deploys a revision of a DeploymentConfig of OpenShift, makes one of its builds, or is one of a revision's.
var numbered = regexp.MustCompile(`^(.+)-(\d{1,9})-([a-z0-9]+)$`)

func besides(workloads []evidence.Evidence) *beside {
	b := &beside{
		of:        map[evidence.Workload]*evidence.Evidence{},
		revisions: map[containerKey]int{}, builds: map[containerKey]int{}, back: true,
	}
	for i := range workloads {
		observed := &workloads[i]
		b.of[observed.Workload] = observed
		for j := range observed.Pods {
			b.sawPod(observed.Workload, &observed.Pods[j])
		}
		if observed.Workload.Kind == "Node" {
			b.sawNode(observed)
		}
	}
	return b
}

func (b *beside) sawPod(workload evidence.Workload, pod *evidence.Pod) {
	succeeded := pod.Status.Phase == corev1.PodSucceeded
	found := numbered.FindStringSubmatch(pod.Name)
	if found == nil {
		return
	}
	number, _ := strconv.Atoi(found[2])
	key := containerKey{workload.Namespace, found[1]}
	runs := pod.Status.Phase == corev1.PodRunning && slices.ContainsFunc(pod.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool { return status.Ready })
	switch {
	case found[3] == "build" && succeeded:
		b.builds[key] = max(b.builds[key], number)
	case found[3] == "deploy" && succeeded, found[3] != "build" && runs:
		b.revisions[key] = max(b.revisions[key], number)
	}
}

func (b *beside) sawNode(observed *evidence.Evidence) {
	const old = 10 * time.Minute
	for _, node := range observed.Nodes {
		b.settled = b.settled || !node.Created.IsZero() && !observed.ObservedAt.IsZero() && observed.ObservedAt.Sub(node.Created) >= old &&
			slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
				return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
			})
	}
	var lost, ready time.Time
	for _, event := range observed.Events {
		switch {
		case event.Reason == "NodeNotReady" && event.Time.After(lost):
			lost = event.Time
		case event.Reason == "NodeReady" && event.Time.After(ready):
			ready = event.Time
		}
	}
	switch name := observed.Workload.Name; {
	case ready.After(b.ready[0].at):
		b.ready[1], b.ready[0] = b.ready[0], readied{name, ready}
	case ready.After(b.ready[1].at):
		b.ready[1] = readied{name, ready}
	}
	b.lost = b.lost || !lost.IsZero()
	b.back = b.back && (lost.IsZero() || ready.After(lost)) && !slices.ContainsFunc(observed.Nodes, func(node evidence.Node) bool {
		return slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue
		})
	})
}

// over reports whether what was found is over by what others tell.
func (b *beside) over(d Diagnosis) bool {
	switch d.Workload.Kind {
	case "Node":
		return b.replaced(d) || b.joins(d)
	case "Pod":
		return b.laterOne(d) || b.nodesCameBack(d)
	default:
		return b.nodesCameBack(d)
	}
}

// replaced reports whether a node is gone by what its controller says and nothing else, and another became ready in its
// place.
func (b *beside) replaced(gone Diagnosis) bool {
	observed := b.of[gone.Workload]
	if gone.Finding.RootCauseID != "node-gone" || observed == nil {
		return false
	}
	var removed time.Time
	for _, event := range observed.Events {
		if event.Reason != "RemovingNode" {
			return false
		}
		removed = event.Time
	}
	newest := b.ready[0]
	if newest.node == gone.Workload.Name {
		newest = b.ready[1]
	}
	return !removed.IsZero() && !newest.at.Before(removed)
}

// joins reports whether a node is seconds old, and not ready yet beside others that have been for long.
func (b *beside) joins(d Diagnosis) bool {
	const young = time.Minute
	observed := b.of[d.Workload]
	return d.generic && b.settled && observed != nil && slices.ContainsFunc(observed.Nodes, func(node evidence.Node) bool {
		return !node.Created.IsZero() && !observed.ObservedAt.IsZero() && observed.ObservedAt.Sub(node.Created) < young
	})
}

// laterOne reports whether a later revision or build of the same name came to its end well, or runs.
func (b *beside) laterOne(d Diagnosis) bool {
	failed := numbered.FindStringSubmatch(d.Workload.Name)
	if failed == nil {
		return false
	}
	number, _ := strconv.Atoi(failed[2])
	key := containerKey{d.Workload.Namespace, failed[1]}
	return failed[3] == "deploy" && b.revisions[key] > number || failed[3] == "build" && b.builds[key] > number
}

// nodesCameBack reports whether all that is known of a workload is that its node was not ready, and the nodes that were not are ready
// again by what their own events say.
func (b *beside) nodesCameBack(d Diagnosis) bool {
	return d.Finding.RootCauseID == "node-not-ready" && b.lost && b.back && d.Latest().Time.Before(b.ready[0].at)
}
