package eventwatcher

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// failingPod is a pod of ReplicaSet web-1 in a namespace, whose container app ended as given.
func failingPod(namespace, reason string, exitCode int32) *corev1.Pod {
	controls := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-1-x", Namespace: namespace, UID: "pod",
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", UID: "set", Controller: &controls}},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: "shop/web", Command: []string{"web"},
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")}},
		}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", RestartCount: 1,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: exitCode, FinishedAt: metav1.NewTime(noon)}},
		}}},
	}
}

func TestFailed(t *testing.T) {
	for _, test := range []struct {
		name     string
		reason   string
		exitCode int32
		want     bool
	}{
		{"an OOM kill", "OOMKilled", 137, true},
		{"an OOM kill that ended with 0", "OOMKilled", 0, true},
		{"an error", "Error", 1, true},
		{"a run that ended well", "Completed", 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, failed(failingPod("shop", test.reason, test.exitCode)))
		})
	}
	require.False(t, failed(&corev1.Pod{}), "a pod that has not started")
}

func TestChangesThatMatterAreEnqueuedAndOthersAreNot(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w, err := New(Options{
		Config: &rest.Config{Host: "http://127.0.0.1:1"}, Namespace: "kube-remedy-system", Identity: "test", Workers: 1, Expiry: DefaultExpiry, Relist: DefaultRelist, Settings: settings(t, "excludedNamespaces: [left-out]"),
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clock,
	})
	require.NoError(t, err)
	defer w.queue.ShutDown()
	marked := failingPod("carries-a-cure", "Completed", 0)
	marked.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: "a@1"}
	known := &v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "has-a-remediation"},
		Spec:       v1alpha1.RemediationSpec{TargetRef: v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}},
	}
	require.NoError(t, w.caches.remediations.GetIndexer().Add(known))
	controls := true
	require.NoError(t, w.caches.between[replicaSetKind].GetIndexer().Add(compacted(t, compactMetadata(appsv1.SchemeGroupVersion.WithKind("ReplicaSet")), &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "web-1", Namespace: "has-a-remediation", UID: "set",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "d", Controller: &controls}},
	}})))
	orphan := failingPod("nobody-controls-it", "OOMKilled", 137)
	orphan.OwnerReferences = nil
	for _, pod := range []*corev1.Pod{
		failingPod("fails", "OOMKilled", 137), marked, failingPod("has-a-remediation", "Completed", 0),
		failingPod("is-healthy", "Completed", 0), orphan,
		failingPod("kube-system", "OOMKilled", 137), failingPod("kube-remedy-system", "OOMKilled", 137), failingPod("left-out", "OOMKilled", 137),
	} {
		w.podChanged(cached(t, pod))
	}
	clock.Step(debounce)
	require.Eventually(t, func() bool { return w.queue.Len() == 4 }, 10*time.Second, time.Millisecond)
	namespaces := map[string]bool{}
	for range 4 {
		workload, _ := w.queue.Get()
		if workload.Kind == "Pod" {
			require.Equal(t, orphan.Name, workload.Name)
		} else {
			require.Equal(t, "web-1", workload.Name)
		}
		namespaces[workload.Namespace] = true
	}
	require.Equal(t, map[string]bool{"fails": true, "carries-a-cure": true, "has-a-remediation": true, "nobody-controls-it": true}, namespaces)
}

func TestNewRefusesOptionsThatCanNotWork(t *testing.T) {
	_, err := New(Options{Config: &rest.Config{}, Workers: 0})
	require.EqualError(t, err, "workers 0: at least 1 is needed")
	_, err = New(Options{Config: &rest.Config{}, Workers: 1, StabilizationWindow: -time.Second})
	require.EqualError(t, err, "stabilization window -1s: it can't be negative")
	_, err = New(Options{Config: &rest.Config{}, Workers: 1})
	require.EqualError(t, err, "expiry 0s: it must be positive")
}

func TestGatherIsTheSameInWhateverOrderTheCacheIs(t *testing.T) {
	events := cache.NewIndexer(cache.MetaNamespaceKeyFunc, eventsByPod)
	for i, message := range []string{"older", "newer, with password=" + secret} {
		require.NoError(t, events.Add(compacted(t, compactEvent, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: strconv.Itoa(i)}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web-1-x", UID: types.UID("pod")},
			Reason: "BackOff", Message: message, LastTimestamp: metav1.NewTime(noon.Add(time.Duration(i) * time.Minute)),
		})))
	}
	a, b := failingPod("shop", "OOMKilled", 137), failingPod("shop", "Error", 1)
	b.Name, b.UID = "web-1-y", "other"
	first, err := gather(evidence.Workload{}, nil, []*corev1.Pod{a, b}, eventCaches{events, events}, noon)
	require.NoError(t, err)
	second, err := gather(evidence.Workload{}, nil, []*corev1.Pod{b, a}, eventCaches{events, events}, noon)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Len(t, first.Containers, 2)
	require.Contains(t, first.Events[0].Message, "newer")
	require.NotContains(t, first.Events[0].Message, secret)
	require.Equal(t, "pod/web-1-x", first.Events[0].Object)
}

// settings are those of an installation whose file says more than nothing.
func settings(t *testing.T, more string) *config.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte("apiVersion: "+config.APIVersion+"\nkind: "+config.Kind+"\n"+more+"\n"), 0o600))
	file, err := config.Open(path, clocktesting.NewFakeClock(noon), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return file
}
