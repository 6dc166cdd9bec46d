package eventwatcher

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// compacted is an object as a cache gets it.
func compacted(t *testing.T, compact cache.TransformFunc, object any) any {
	t.Helper()
	small, err := compact(object)
	require.NoError(t, err)
	again, err := compact(small)
	require.NoError(t, err)
	require.Same(t, small, again, "client-go may compact an object twice")
	tombstone := cache.DeletedFinalStateUnknown{Key: "shop/web"}
	kept, err := compact(tombstone)
	require.NoError(t, err)
	require.Equal(t, tombstone, kept)
	return small
}

func TestACachedEventIsTheSameEvidence(t *testing.T) {
	at := metav1.NewMicroTime(noon.Add(123456 * time.Microsecond))
	for name, whole := range map[string]*corev1.Event{
		"an event of the kubelet": {
			Source: corev1.EventSource{Component: "kubelet", Host: "one"}, Count: 3, FirstTimestamp: metav1.NewTime(noon), LastTimestamp: metav1.NewTime(noon.Add(time.Hour)),
			InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "web-1-x", UID: "pod", FieldPath: "spec.containers{app}"},
		},
		"a series":         {EventTime: at, Series: &corev1.EventSeries{Count: 9, LastObservedTime: at}, InvolvedObject: corev1.ObjectReference{Kind: "ReplicaSet", Name: "web-1", UID: "set"}},
		"one of the new":   {EventTime: at, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web-1-x", UID: "pod"}},
		"one that is bare": {},
	} {
		t.Run(name, func(t *testing.T) {
			whole.ObjectMeta = metav1.ObjectMeta{Namespace: "shop", Name: "web-1-x.18a", UID: "event", ResourceVersion: "17"}
			whole.Type, whole.Reason, whole.Message = corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container"
			small := compacted(t, compactEvent, whole).(*event)
			want, got := evidence.EventOf(whole), evidence.EventOf(small.whole())
			require.True(t, want.Time.Equal(got.Time))
			require.True(t, want.First.Equal(got.First))
			want.First, want.Time = got.First, got.Time
			require.Equal(t, want, got)
			require.Equal(t, whole.InvolvedObject.UID, small.about())
			require.Equal(t, "17", small.GetObjectMeta().GetResourceVersion())
			require.Equal(t, whole.UID, small.GetObjectMeta().GetUID())
			key, err := cache.MetaNamespaceKeyFunc(small)
			require.NoError(t, err)
			require.Equal(t, "shop/web-1-x.18a", key)
		})
	}
}

func TestACachedNodeIsTheSameEvidence(t *testing.T) {
	whole := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "one", UID: "node", ResourceVersion: "17", Labels: map[string]string{"zone": "a", corev1.LabelArchStable: "arm64"}, Annotations: map[string]string{"other": "x"}},
		Spec:       corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", LastTransitionTime: metav1.NewTime(noon)}},
			Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")},
			Images:      []corev1.ContainerImage{{Names: []string{"large"}}},
		},
	}
	small := compacted(t, compactNode, whole).(*node)
	got, err := small.whole()
	require.NoError(t, err)
	semantic := equality.Semantic.Copy()
	require.NoError(t, semantic.AddFunc(time.Time.Equal))
	require.True(t, semantic.DeepEqual(evidence.NodeOf(whole), evidence.NodeOf(got)))
	require.Empty(t, got.Status.Images)
	require.Empty(t, got.Annotations)
	key, err := cache.MetaNamespaceKeyFunc(small)
	require.NoError(t, err)
	require.Equal(t, "one", key)
}

func TestAChangedWorkloadIsLookedAtWhenItHasARemediation(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w, err := New(Options{
		Config: &rest.Config{Host: "http://127.0.0.1:1"}, Namespace: "kube-remedy-system", Identity: "test", Workers: 1, Settings: settings(t, ""), Expiry: DefaultExpiry, Relist: DefaultRelist,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clock,
	})
	require.NoError(t, err)
	defer w.queue.ShutDown()
	require.NoError(t, w.caches.remediations.GetIndexer().Add(&v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "shop"},
		Spec:       v1alpha1.RemediationSpec{TargetRef: v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}},
	}))
	// The API server gives metadata under a kind of its own.
	partial := func(name string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	}
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	w.workloadChanged(compacted(t, compactMetadata(kind), partial("web")))
	w.workloadChanged(compacted(t, compactMetadata(kind), partial("other")))
	clock.Step(debounce)
	require.Eventually(t, func() bool { return w.queue.Len() == 1 }, 10*time.Second, time.Millisecond)
	key, _ := w.queue.Get()
	require.Equal(t, evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, key)
}
