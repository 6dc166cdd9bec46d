package eventwatcher

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// amongStrangers gives a watcher of a cluster that serves what is said.
func amongStrangers(t *testing.T, kinds string, served ...metav1.APIResource) (*Watcher, *fake.Clientset) {
	t.Helper()
	rules, err := catalog.BuiltIn()
	require.NoError(t, err)
	w, err := New(Options{
		Config: &rest.Config{Host: "http://127.0.0.1:1"}, Namespace: "kube-remedy-system", Identity: "test", Workers: 1, Settings: settings(t, kinds),
		Expiry: DefaultExpiry, Relist: DefaultRelist, Engine: engine.New(rules),
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Clock: clocktesting.NewFakeClock(noon),
	})
	require.NoError(t, err)
	t.Cleanup(w.queue.ShutDown)
	clients := fake.NewClientset()
	clients.Resources = []*metav1.APIResourceList{{GroupVersion: "example.org/v1", APIResources: served}}
	w.clients = clients
	return w, clients
}

func TestWhatFailsUnderAKindThatIsNotHealedIsTold(t *testing.T) {
	killed := func(by string) *corev1.Pod {
		pod := failingPod("shop", "OOMKilled", 137)
		above := named(t, by)
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: above.APIVersion, Kind: above.Kind, Name: above.Name, UID: "by", Controller: new(true)}}
		return pod
	}
	strangers, scales := metav1.APIResource{Name: "strangers", Kind: "Stranger"}, metav1.APIResource{Name: "strangers/scale", Kind: "Scale"}
	for _, test := range []struct {
		name, by string
		served   []metav1.APIResource
		says     string // behind the cause; empty when nothing is told
	}{
		{"a kind that is served", "Stranger/x", []metav1.APIResource{strangers}, "{group: example.org, version: v1, resource: strangers, kind: Stranger} (it has no scale)"},
		{"a kind with a scale", "Stranger/x", []metav1.APIResource{strangers, scales}, "{group: example.org, version: v1, resource: strangers, kind: Stranger} (it has a scale)"},
		{"a kind that nobody serves", "Stranger/x", nil, "{group: example.org, version: v1, kind: Stranger}"},
		{"a kind that has ReplicaSets", "ReplicaSet/web-1", []metav1.APIResource{strangers}, "{group: example.org, version: v1, resource: strangers, kind: Stranger} (it has no scale)"},
		{"the mirror of a static pod", "Node/one", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, clients := amongStrangers(t, "", test.served...)
			pod := killed(test.by)
			key := named(t, test.by)
			stranger := key
			if key.Kind == "ReplicaSet" {
				set := object(t, "ReplicaSet/web-1", "Stranger/x")
				set.UID, set.OwnerReferences[0].UID = "by", "above"
				require.NoError(t, w.caches.between[replicaSetKind].GetIndexer().Add(compacted(t, compactMetadata(schema.FromAPIVersionAndKind("apps/v1", "ReplicaSet")), set)))
				stranger = named(t, "Stranger/x")
			}
			require.NoError(t, w.caches.pods.GetIndexer().Add(cached(t, pod)))
			for range 2 {
				require.NoError(t, w.reconcileStranger(t, key, stranger))
				w.looked.RemoveAll(func(any) bool { return true }) // as after a restart
			}
			told, err := clients.CoreV1().Events("shop").List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			if test.says == "" {
				require.Empty(t, told.Items)
				return
			}
			require.Len(t, told.Items, 1, "once")
			event := told.Items[0]
			require.Equal(t, "FailureDiagnosed", event.Reason)
			require.Equal(t, corev1.EventTypeWarning, event.Type)
			require.Equal(t, "Stranger", event.InvolvedObject.Kind)
			require.NotEmpty(t, event.InvolvedObject.UID)
			require.Contains(t, event.Message, "OOMKilled: ")
			require.Contains(t, event.Message, "; objects of this kind are not healed until kinds of the configuration has "+test.says)
		})
	}
}

// reconcileStranger passes over the pods of a controller, as workloadOf finds what stands above it.
func (w *Watcher) reconcileStranger(t *testing.T, key, stranger evidence.Workload) error {
	t.Helper()
	above, known, err := w.owners.workloadOf(t.Context(), key)
	require.NoError(t, err)
	require.False(t, known)
	require.Equal(t, stranger, above)
	return w.passOver(t.Context(), key, above)
}

func TestScaleOf(t *testing.T) {
	const kinds = "kinds: [{group: example.org, version: v1, resource: rollouts, kind: Rollout}]"
	rollouts, scales := metav1.APIResource{Name: "rollouts", Kind: "Rollout"}, metav1.APIResource{Name: "rollouts/scale", Kind: "Scale"}
	written := map[string]any{"replicas": int64(7), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}}
	for _, test := range []struct {
		name   string
		served []metav1.APIResource
		scale  map[string]any // nil when the object has none
		want   scale
	}{
		{"what the scale says is so", []metav1.APIResource{rollouts, scales}, map[string]any{"spec": map[string]any{"replicas": int64(3)}, "status": map[string]any{"selector": "pool=a,app in (x,y)"}}, scale{3, "pool=a,app in (x,y)"}},
		{"a scale may know no labels", []metav1.APIResource{rollouts, scales}, map[string]any{"spec": map[string]any{"replicas": int64(3)}}, scale{3, ""}},
		{"labels that are none are not asked for", []metav1.APIResource{rollouts, scales}, map[string]any{"spec": map[string]any{"replicas": int64(3)}, "status": map[string]any{"selector": "a in"}}, scale{3, ""}},
		{"a kind without a scale has it in its spec", []metav1.APIResource{rollouts}, nil, scale{7, "app=web"}},
		{"so has one whose scale can't be read", []metav1.APIResource{rollouts, scales}, nil, scale{7, "app=web"}},
		{"so has one that is not served", nil, nil, scale{7, "app=web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, _ := amongStrangers(t, kinds, test.served...)
			objects := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme())
			if test.scale != nil {
				object := &unstructured.Unstructured{Object: test.scale}
				object.SetAPIVersion("autoscaling/v1")
				object.SetKind("Scale")
				object.SetNamespace("shop")
				object.SetName("web")
				require.NoError(t, objects.Tracker().Create(schema.GroupVersionResource{Group: "example.org", Version: "v1", Resource: "rollouts"}, object, "shop"))
			}
			w.owners.objects = objects
			live := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.org/v1", "kind": "Rollout", "metadata": map[string]any{"namespace": "shop", "name": "web"}, "spec": written}}
			found, err := w.scaleOf(t.Context(), target{workload: named(t, "Rollout/web"), live: live})
			require.NoError(t, err)
			require.Equal(t, test.want, found)
		})
	}
}
