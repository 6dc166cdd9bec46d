package eventwatcher

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// cached is a pod as the cache gets it from the wire.
func cached(t *testing.T, whole *corev1.Pod) *pod {
	t.Helper()
	message, err := whole.Marshal()
	require.NoError(t, err)
	small := &pod{}
	require.NoError(t, small.Unmarshal(message))
	return small
}

// fromCache is a pod as the cache gives it.
func fromCache(t *testing.T, whole *corev1.Pod) *corev1.Pod {
	t.Helper()
	small, err := cached(t, whole).whole()
	require.NoError(t, err)
	return small
}

// healthyPod is one with a container of each kind, whose times are its own.
func healthyPod(name string, created time.Time) *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	at := func(after time.Duration) metav1.Time { return metav1.NewTime(created.Add(after)) }
	runs := func(name string, after time.Duration) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, Ready: true, ContainerID: "containerd://" + name + created.String(), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(after)}}}
	}
	pod := failingPod("shop", "", 0)
	pod.Name, pod.UID, pod.ResourceVersion, pod.CreationTimestamp = name, "uid-of-"+pod.UID, "17", at(0)
	pod.Spec.NodeName, pod.Spec.RestartPolicy = "one", corev1.RestartPolicyAlways
	pod.Spec.InitContainers = []corev1.Container{{Name: "setup"}, {Name: "proxy", RestartPolicy: &always}}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: at(0)},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: at(9 * time.Second)},
		},
		InitContainerStatuses: []corev1.ContainerStatus{
			{Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at(time.Second), FinishedAt: at(2 * time.Second)}}},
			runs("proxy", 3*time.Second),
		},
		ContainerStatuses: []corev1.ContainerStatus{runs("app", 5*time.Second)},
	}
	return pod
}

func TestTheCacheGivesOfAPodWhatIsReadAndNothingElse(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := failingPod("shop", "OOMKilled", 137)
	pod.ResourceVersion, pod.CreationTimestamp, pod.DeletionTimestamp = "17", metav1.NewTime(noon), &metav1.Time{Time: noon.Add(time.Hour)}
	pod.Labels = map[string]string{"app": "web"}
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	pod.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: "a@1, b@2", "other": "x"}
	pod.Spec.NodeName, pod.Spec.Overhead = "one", corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}
	pod.Spec.Volumes = []corev1.Volume{{Name: "data"}}
	pod.Spec.InitContainers = []corev1.Container{{Name: "setup"}, {Name: "proxy", RestartPolicy: &always}}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "setup"}, {Name: "proxy", Ready: true}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "True"}, {Type: corev1.PodReady, Status: "True", LastTransitionTime: metav1.NewTime(noon)}}

	small := fromCache(t, pod)
	want := pod.DeepCopy()
	want.Labels, want.ManagedFields, want.Spec.Volumes = nil, nil, nil
	want.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: "a@1, b@2"}
	want.Spec.Containers[0].Image, want.Spec.Containers[0].Command = "", nil
	want.Status.Conditions = want.Status.Conditions[1:]
	requireSame(t, want, small)
	require.Equal(t, []string{"a@1", "b@2"}, marksOf(small.Annotations))
	kinds := map[string]evidence.ContainerKind{}
	for _, container := range evidence.ContainersOf(small) {
		kinds[container.Name] = container.Kind
	}
	require.Equal(t, map[string]evidence.ContainerKind{"setup": evidence.Init, "proxy": evidence.Sidecar, "app": evidence.App}, kinds)
}

func TestHealthyPodsOfATemplateShareAllButTheirTimes(t *testing.T) {
	a, b := healthyPod("web-1-a", noon), healthyPod("web-1-b", noon.Add(time.Hour))
	small, other := cached(t, a), cached(t, b)
	require.True(t, small.healthy)
	require.Equal(t, small.spec, other.spec)
	require.Equal(t, small.status, other.status)
	require.Equal(t, small.controller, other.controller)
	for _, pod := range []*corev1.Pod{a, b} {
		want := pod.DeepCopy()
		want.Spec.Containers[0].Image, want.Spec.Containers[0].Command = "", nil
		want.Status.Conditions = want.Status.Conditions[1:]
		want.Status.InitContainerStatuses[0].State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed"}
		want.Status.InitContainerStatuses[1].ContainerID, want.Status.ContainerStatuses[0].ContainerID = "", ""
		requireSame(t, want, fromCache(t, pod))
	}
	require.LessOrEqual(t, unsafe.Sizeof(pod{}), uintptr(112), "there are hundreds of thousands")
}

func requireSame(t *testing.T, want, got *corev1.Pod) {
	t.Helper()
	require.True(t, equality.Semantic.DeepEqual(want, got), "want %.3000v\ngot  %.3000v", want.Status, got.Status)
}

func TestAPodThatIsNotQuiteWellIsNotHealthy(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"it was restarted":       func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 1 },
		"a sidecar is not ready": func(p *corev1.Pod) { p.Status.InitContainerStatuses[1].Ready = false },
		"its last run ended": func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{}
		},
		"an init container failed":   func(p *corev1.Pod) { p.Status.InitContainerStatuses[0].State.Terminated.ExitCode = 1 },
		"an init container said so":  func(p *corev1.Pod) { p.Status.InitContainerStatuses[0].State.Terminated.Message = "so" },
		"it is not ready":            func(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse },
		"nobody knows whether it is": func(p *corev1.Pod) { p.Status.Conditions = nil },
		"it ended":                   func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded },
		"something is said of it":    func(p *corev1.Pod) { p.Status.Message = "so" },
		"it is being deleted":        func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon} },
		"it carries a cure":          func(p *corev1.Pod) { p.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: "a@1"} },
		"a container is being created": func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
		},
		"a container of it did not run": func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} },
	} {
		t.Run(name, func(t *testing.T) {
			pod := healthyPod("web-1-a", noon)
			change(pod)
			require.False(t, cached(t, pod).healthy)
			want := pod.DeepCopy()
			want.Spec.Containers[0].Image, want.Spec.Containers[0].Command = "", nil
			want.Status.Conditions = want.Status.Conditions[min(1, len(want.Status.Conditions)):]
			for _, status := range eachStatus(&want.Status) {
				status.ContainerID = ""
			}
			requireSame(t, want, fromCache(t, pod))
		})
	}
}

func TestWhatClientGoReadsOfACachedPod(t *testing.T) {
	small := cached(t, healthyPod("web-1-a", noon))
	key, err := cache.MetaNamespaceKeyFunc(small)
	require.NoError(t, err)
	require.Equal(t, "shop/web-1-a", key)
	accessor, err := meta.Accessor(small)
	require.NoError(t, err)
	require.Equal(t, "17", accessor.GetResourceVersion())
	require.Empty(t, accessor.GetAnnotations())

	end := cached(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "18", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}}})
	require.Equal(t, "true", end.GetObjectMeta().GetAnnotations()[metav1.InitialEventsAnnotationKey])
	require.Equal(t, "18", end.GetObjectMeta().GetResourceVersion())

	items := corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "19", Continue: "more"}, Items: []corev1.Pod{*healthyPod("a", noon), *healthyPod("b", noon)}}
	message, err := items.Marshal()
	require.NoError(t, err)
	list := &podList{}
	require.NoError(t, list.Unmarshal(message))
	require.Equal(t, "more", list.Continue)
	objects, err := meta.ExtractListWithAlloc(list)
	require.NoError(t, err)
	require.Len(t, objects, 2)
	require.Equal(t, "b", objects[1].(*pod).name())
}

func TestBytesThatAreNoPodAreRefused(t *testing.T) {
	message, err := healthyPod("web-1-a", noon).Marshal()
	require.NoError(t, err)
	for _, wrong := range [][]byte{message[:len(message)-1], message[:40], {0xff}, {1 << 3}} {
		require.Error(t, (&pod{}).Unmarshal(wrong))
	}
	require.NoError(t, (&pod{}).Unmarshal(nil))
}

func FuzzPod(f *testing.F) {
	message, err := healthyPod("web-1-a", noon).Marshal()
	require.NoError(f, err)
	f.Add(message)
	f.Fuzz(func(t *testing.T, message []byte) {
		small := &pod{}
		if small.Unmarshal(message) != nil {
			return
		}
		_, err := small.whole()
		require.NoError(t, err)
	})
}
