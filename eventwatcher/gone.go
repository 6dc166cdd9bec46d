package eventwatcher

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// gone remembers of pods that are taken away what nothing else tells once they are: those that went with their node are
// looked at only when they are no longer there, and a revision that is scaled down does not say that it ran.
type gone struct {
	disrupted *utilcache.LRUExpireCache // lists of pods, by the UID of what created them
	ran       *utilcache.LRUExpireCache // UIDs of ReplicaSets
	expiry    time.Duration             // of what ran
}

// Bounds of what is remembered.
const (
	maxDisrupted = 1_000 // controllers whose pods went with their nodes
	maxRan       = 10_000
	// keepDisrupted is how long a pod that went with its node is evidence: long enough for a storm of others to be worked
	// off first.
	keepDisrupted = 10 * time.Minute
)

func newGone(expiry time.Duration, clock clock.Clock) *gone {
	return &gone{
		disrupted: utilcache.NewLRUExpireCacheWithClock(maxDisrupted, clock), ran: utilcache.NewLRUExpireCacheWithClock(maxRan, clock), expiry: expiry,
	}
}

// see remembers a pod that is on its way out. It is for one caller at a time.
func (g *gone) see(pod *pod) {
	by := pod.controller.Value()
	if by.uid == "" {
		return
	}
	if pod.ran && by.kind == replicaSetKind.Kind {
		g.ran.Add(by.uid, true, g.expiry)
	}
	// A DaemonSet's pods belong to their nodes and go with them.
	if !pod.disrupted || by.kind == "DaemonSet" {
		return
	}
	known := slices.DeleteFunc(slices.Clone(g.pods(by.uid)), func(other *corev1.Pod) bool { return other.UID == pod.uid() })
	whole, err := pod.whole()
	if err != nil {
		return // what can't be read is no evidence
	}
	known = append([]*corev1.Pod{whole}, known[:min(len(known), maxPods-1)]...)
	g.disrupted.Add(by.uid, known, keepDisrupted)
}

// pods gives the pods of a controller that went with their nodes, the last first.
func (g *gone) pods(controller types.UID) []*corev1.Pod {
	kept, _ := g.disrupted.Get(controller)
	known, _ := kept.([]*corev1.Pod)
	return known
}

// beside gives the pods of controllers that went with their nodes and are not among those that are there.
func (g *gone) beside(controllers []types.UID, there []*corev1.Pod) []*corev1.Pod {
	var found []*corev1.Pod
	for _, controller := range controllers {
		for _, pod := range g.pods(controller) {
			if !slices.ContainsFunc(there, func(other *corev1.Pod) bool { return other.UID == pod.UID }) {
				found = append(found, pod)
			}
		}
	}
	return found
}

// revisionRan reports whether pods of a ReplicaSet were ready, and had never been restarted, when they were taken away.
func (g *gone) revisionRan(set types.UID) bool {
	_, ran := g.ran.Get(set)
	return ran
}

// disrupted reports whether a pod is taken away because its node is gone, or no longer wants it
// (k8s.io/kubernetes/pkg/controller/tainteviction/taint_eviction.go and podgc/gc_controller.go).
func disrupted(status *corev1.PodStatus) bool {
	return slices.ContainsFunc(status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue &&
			(condition.Reason == "DeletionByTaintManager" || condition.Reason == "DeletionByPodGC")
	})
}

// unspoilt reports whether a pod is ready and no container of it was ever restarted.
func unspoilt(status *corev1.PodStatus) bool {
	ready := slices.ContainsFunc(status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
	for _, container := range eachStatus(status) {
		ready = ready && container.RestartCount == 0
	}
	return ready
}
