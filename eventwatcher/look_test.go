package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestTroubled(t *testing.T) {
	waiting := func(reason string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}}}
	}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want bool
	}{
		"an image that can't be pulled":  {waiting("ImagePullBackOff"), true},
		"a container that is made":       {waiting("ContainerCreating"), false},
		"one that waits for init":        {waiting("PodInitializing"), false},
		"a pod that was evicted":         {&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}}, true},
		"a pod that fits no node":        {&corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "False"}}}}, true},
		"a pod that is new":              {&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}, false},
		"a container that was OOMKilled": {failingPod("shop", "OOMKilled", 137), true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, troubled(test.pod))
			require.Equal(t, test.want, cached(t, test.pod).troubled, "and so in the cache")
			require.Equal(t, test.want, troubled(fromCache(t, test.pod)), "and out of it")
		})
	}
}

func TestAWorkloadThatLooksAsBeforeIsNotLookedAtAgain(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &Watcher{clock: clock, looked: utilcache.NewLRUExpireCacheWithClock(10, clock)}
	web := evidence.Workload{Kind: "Deployment", Name: "web"}
	wait, due := w.dueToLook(web, 1)
	require.True(t, due)
	require.Zero(t, wait)
	w.looked.Add(web, looked{at: noon, seen: 1}, lookAgain)
	_, due = w.dueToLook(web, 1)
	require.False(t, due)
	wait, due = w.dueToLook(web, 2)
	require.True(t, due)
	require.Equal(t, lookPause, wait, "one that keeps changing is left alone for a while")
	clock.Step(lookPause)
	wait, _ = w.dueToLook(web, 2)
	require.Zero(t, wait)
	clock.Step(lookAgain)
	_, due = w.dueToLook(web, 1)
	require.True(t, due, "what it depends on may have changed")
}

func TestFingerprintChangesWithEachFailureAndNothingElse(t *testing.T) {
	seen := func(pod *corev1.Pod, count int32) uint64 {
		events := cache.NewIndexer(cache.MetaNamespaceKeyFunc, eventsByPod)
		require.NoError(t, events.Add(compacted(t, compactEvent, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: "shop"}, InvolvedObject: corev1.ObjectReference{UID: pod.UID, Name: pod.Name},
			Reason: "BackOff", Message: "Back-off", Count: count,
		})))
		observed, err := gather(evidence.Workload{}, nil, []*corev1.Pod{pod}, eventCaches{events, events}, noon.Add(time.Duration(count)*time.Second))
		require.NoError(t, err)
		return fingerprint(observed, nil)
	}
	pod := failingPod("shop", "Error", 1)
	again := failingPod("shop", "Error", 1)
	again.Status.ContainerStatuses[0].RestartCount = 2
	require.Equal(t, seen(pod, 1), seen(pod, 2), "an event that is repeated is nothing new")
	require.NotEqual(t, seen(pod, 1), seen(again, 1))
	observed := evidence.Evidence{}
	require.NotEqual(t, fingerprint(observed, nil), fingerprint(observed, map[string]*v1alpha1.Remediation{"a": nil}), "a cure that somebody deleted is learned again")
}

func TestAPodThatWasNotReadIsLikeItsSibling(t *testing.T) {
	full := failingPod("shop", "Error", 1)
	full.Spec.NodeName = "one"
	small := fromCache(t, failingPod("shop", "Error", 1))
	small.Spec.NodeName = "two"
	like := likeSibling(small, []*corev1.Pod{full})
	require.Equal(t, "shop/web", like.Spec.Containers[0].Image)
	require.Equal(t, "two", like.Spec.NodeName)
	require.Empty(t, small.Spec.Containers[0].Image, "the cache is left alone")

	cured := full.DeepCopy()
	cured.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: "a@1"}
	require.Same(t, small, likeSibling(small, []*corev1.Pod{cured}), "one with a cure has another spec")
}

func TestNodesOfSumsWhatPodsRequest(t *testing.T) {
	nodes := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	require.NoError(t, nodes.Add(compacted(t, compactNode, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Status: corev1.NodeStatus{
		Images: []corev1.ContainerImage{{Names: []string{"large"}}}, Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")},
	}})))
	pods := cache.NewIndexer(cache.MetaNamespaceKeyFunc, podIndexers)
	for name, phase := range map[string]corev1.PodPhase{"a": corev1.PodRunning, "b": corev1.PodRunning, "c": corev1.PodSucceeded} {
		pod := failingPod("shop", "Error", 1)
		pod.Name, pod.Spec.NodeName, pod.Status.Phase = name, "one", phase
		pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		require.NoError(t, pods.Add(cached(t, pod)))
	}
	found, err := nodesOf(nodes, pods, true)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "one", found[0].Name)
	require.Equal(t, "4Gi", found[0].Allocatable.Memory().String())
	require.Equal(t, "2Gi", found[0].Requested.Memory().String(), "a pod that ended takes no room")
	require.EqualValues(t, 2, found[0].Requested.Pods().Value())
	found, err = nodesOf(nodes, pods, false)
	require.NoError(t, err)
	require.Nil(t, found[0].Requested)
}

func TestAppliedIsWhatTheOwnerWroteWithTodaysAnnotations(t *testing.T) {
	live := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{
			lastApplied: `{"metadata":{"name":"web","annotations":{"a":"1"}},"spec":{"replicas":1}}`, v1alpha1.AllowAnnotation: v1alpha1.AllowAssertive,
		}},
		"spec": map[string]any{"replicas": int64(3)},
	}}
	written := applied(live)
	require.EqualValues(t, 1, written["spec"].(map[string]any)["replicas"])
	require.Equal(t, v1alpha1.AllowAssertive, written["metadata"].(map[string]any)["annotations"].(map[string]any)[v1alpha1.AllowAnnotation])
	for _, text := range []string{"", "{", `{"spec":{}}`, "[]"} {
		live.SetAnnotations(map[string]string{lastApplied: text})
		require.Equal(t, live.Object, applied(live), text)
	}
}

func TestAllowance(t *testing.T) {
	require.Zero(t, allowance(nil))
	given := allowance(map[string]string{v1alpha1.MaxMemoryAnnotation: "2Gi", v1alpha1.MaxCPUAnnotation: "lots", v1alpha1.AllowAnnotation: "assertive"})
	require.Equal(t, "2Gi", given.MaxMemory.String())
	require.Nil(t, given.MaxCPU)
	require.True(t, given.Assertive)
}

func TestAnOldPodThatShowsNothingIsNotLookedAtAgainAndAgain(t *testing.T) {
	w := &Watcher{clock: clocktesting.NewFakeClock(noon)}
	pod := func(age time.Duration, ready corev1.ConditionStatus) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(noon.Add(-age))},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	require.True(t, w.unsettled(pod(time.Minute, "False")))
	require.False(t, w.unsettled(pod(time.Minute, "True")))
	require.False(t, w.unsettled(pod(time.Hour, "False")))
	evicted := pod(time.Hour, "False")
	evicted.Status.Phase = corev1.PodFailed
	require.False(t, w.unsettled(evicted), "it stays for weeks")
}

func TestAnEventThatGoesOnIsLookedAtEverMoreSeldom(t *testing.T) {
	var looks []int32
	for count := range int32(40) {
		if worthALook(count) {
			looks = append(looks, count)
		}
	}
	require.Equal(t, []int32{0, 1, 2, 4, 8, 16, 32}, looks)
}
