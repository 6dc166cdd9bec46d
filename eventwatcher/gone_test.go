package eventwatcher

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// ofSet makes a pod be of a ReplicaSet, or another kind, with the UID set.
func ofSet(pod *corev1.Pod, kind string) *corev1.Pod {
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "web-1", UID: "set", Controller: new(true)}}
	return pod
}

func TestPodsThatWentWithTheirNodesAreRememberedForAWhile(t *testing.T) {
	taken := func(reason string, status corev1.ConditionStatus) *corev1.Pod {
		pod := healthyPod("web-1-a", noon)
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: status, Reason: reason, Message: "why"})
		return pod
	}
	for _, test := range []struct {
		name  string
		pod   *corev1.Pod
		kind  string
		known int
	}{
		{"a taint took it off its node", taken("DeletionByTaintManager", "True"), "ReplicaSet", 1},
		{"its node is gone", taken("DeletionByPodGC", "True"), "StatefulSet", 1},
		{"somebody drained the node", taken("EvictionByEvictionAPI", "True"), "ReplicaSet", 0},
		{"a more important pod took its place", taken("PreemptionByScheduler", "True"), "ReplicaSet", 0},
		{"a taint that was taken back", taken("DeletionByTaintManager", "False"), "ReplicaSet", 0},
		{"a pod of a DaemonSet goes with its node", taken("DeletionByPodGC", "True"), "DaemonSet", 0},
		{"nothing happened to it", healthyPod("web-1-a", noon), "ReplicaSet", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(noon)
			known := newGone(time.Hour, clock)
			small := cached(t, ofSet(test.pod, test.kind))
			known.see(small)
			known.see(small) // once more, as it is deleted
			found := known.beside([]types.UID{"other", "set"}, nil)
			require.Len(t, found, test.known)
			if test.known == 0 {
				return
			}
			require.Equal(t, "one", found[0].Spec.NodeName)
			require.True(t, troubled(found[0]))
			require.Equal(t, "why", found[0].Status.Conditions[1].Message)
			require.Empty(t, known.beside([]types.UID{"set"}, []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{UID: test.pod.UID}}}), "one that is still there is known anyway")
			clock.Step(time.Minute)
			require.Len(t, known.beside([]types.UID{"set"}, nil), 1, "a storm of others may be worked off first")
			clock.Step(keepDisrupted)
			require.Empty(t, known.beside([]types.UID{"set"}, nil))
		})
	}
	known := newGone(time.Hour, clocktesting.NewFakeClock(noon))
	for i := range 2 * maxPods {
		pod := ofSet(taken("DeletionByPodGC", "True"), "ReplicaSet")
		pod.UID = types.UID(fmt.Sprint(i))
		known.see(cached(t, pod))
	}
	require.Len(t, known.beside([]types.UID{"set"}, nil), maxPods)
}

func TestARevisionRanIfItsPodsWereWellWhenTheyWereAskedToStop(t *testing.T) {
	stopped := func(change func(*corev1.Pod)) *corev1.Pod {
		pod, at := healthyPod("web-1-a", noon), metav1.NewTime(noon)
		pod.DeletionTimestamp = &at
		if change != nil {
			change(pod)
		}
		return pod
	}
	for _, test := range []struct {
		name string
		pod  *corev1.Pod
		kind string
		ran  bool
	}{
		{"it was ready and never restarted", stopped(nil), "ReplicaSet", true},
		{"it is not asked to stop", healthyPod("web-1-a", noon), "ReplicaSet", false},
		{"it was restarted before", stopped(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 1 }), "ReplicaSet", false},
		{"it was not ready", stopped(func(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse }), "ReplicaSet", false},
		{"it is no revision of a Deployment", stopped(nil), "StatefulSet", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			known := newGone(time.Hour, clocktesting.NewFakeClock(noon))
			known.see(cached(t, ofSet(test.pod, test.kind)))
			require.Equal(t, test.ran, known.revisionRan("set"))
		})
	}
}

func TestAPodThatNoSchedulerLooksAtIsLookedAtInTime(t *testing.T) {
	waits := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := ofSet(failingPod("shop", "", 0), "Job")
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
		change(pod)
		return pod
	}
	at := metav1.NewTime(noon)
	for _, test := range []struct {
		name   string
		pod    *corev1.Pod
		unseen bool
	}{
		{"no scheduler has said a word", waits(func(*corev1.Pod) {}), true},
		{"a scheduler found no node", waits(func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}
		}), false},
		{"a scheduler found one", waits(func(p *corev1.Pod) { p.Spec.NodeName = "one" }), false},
		{"it is being deleted", waits(func(p *corev1.Pod) { p.DeletionTimestamp = &at }), false},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.unseen, cached(t, test.pod).unseen) })
	}
	clock := clocktesting.NewFakeClock(noon)
	w := &Watcher{
		caches: &caches{pods: cache.NewSharedIndexInformer(nil, &pod{}, 0, podIndexers)}, options: Options{Settings: settings(t, "")}, clock: clock,
		gone:   newGone(time.Hour, clock),
		unseen: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{Clock: clock}),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.DefaultTypedControllerRateLimiter[evidence.Workload](),
			workqueue.TypedRateLimitingQueueConfig[evidence.Workload]{Clock: clock}),
	}
	defer w.queue.ShutDown()
	stays, goes := waits(func(p *corev1.Pod) { p.Name = "stays" }), waits(func(p *corev1.Pod) { p.Name, p.OwnerReferences = "goes", nil })
	for _, pod := range []*corev1.Pod{stays, goes} {
		w.noteUnseen(cached(t, pod))
	}
	require.NoError(t, w.caches.pods.GetIndexer().Add(cached(t, stays)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.watchUnseen()
	}()
	require.Zero(t, w.queue.Len())
	clock.Step(unseenFor)
	workload, _ := w.queue.Get()
	require.Equal(t, evidence.Workload{APIVersion: "apps/v1", Kind: "Job", Namespace: "shop", Name: "web-1"}, workload)
	w.unseen.ShutDown()
	<-done
	require.Zero(t, w.queue.Len(), "one that is gone needs no look")
}
