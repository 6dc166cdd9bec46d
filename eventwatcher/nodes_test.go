package eventwatcher

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestLeasesAreReadOfNodesThatAreLostAlone(t *testing.T) {
	renewed := metav1.NewMicroTime(noon.Add(-3 * time.Minute))
	lease := func(node string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: node}, Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}}
	}
	for _, test := range []struct {
		name  string
		err   error
		want  []string // nodes whose lease is known
		fails bool
	}{
		{name: "the lease is known", want: []string{"lost"}},
		{name: "one that may not be read is left out", err: apierrors.NewForbidden(coordinationv1.Resource("leases"), "lost", nil)},
		{name: "an API server that does not answer is asked again", err: context.DeadlineExceeded, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			clients := fake.NewClientset(lease("lost"), lease("ready"), lease("elsewhere"))
			asked := map[string]bool{}
			clients.PrependReactor("get", "leases", func(action ktesting.Action) (bool, runtime.Object, error) {
				asked[action.(ktesting.GetAction).GetName()] = true
				return test.err != nil, nil, test.err
			})
			informer := coreinformers.NewNodeInformer(clients, 0, cache.Indexers{})
			var pods []*corev1.Pod
			var nodes []evidence.Node
			for name, status := range map[string]corev1.ConditionStatus{"ready": corev1.ConditionTrue, "lost": corev1.ConditionUnknown, "elsewhere": corev1.ConditionUnknown, "without": corev1.ConditionFalse} {
				is := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}}}
				require.NoError(t, informer.GetIndexer().Add(compacted(t, compactNode, is)))
				nodes = append(nodes, evidence.NodeOf(is))
				if name != "elsewhere" {
					pods = append(pods, &corev1.Pod{Spec: corev1.PodSpec{NodeName: name}})
				}
			}
			w := &Watcher{clients: clients, caches: &caches{nodes: informer}}
			err := w.addLeases(t.Context(), pods, nodes)
			require.Equal(t, test.fails, err != nil)
			require.False(t, asked["ready"], "a kubelet that reports is not asked for")
			require.False(t, asked["elsewhere"], "none of the pods is there")
			var known []string
			for _, node := range nodes {
				if !node.LeaseRenewed.IsZero() {
					known = append(known, node.Name)
				}
			}
			require.Equal(t, test.want, known)
		})
	}
}

func TestPodsOfALostNodeAreLookedAtWhicheverIsSeenFirst(t *testing.T) {
	for _, nodeFirst := range []bool{true, false} {
		w, _ := amongStrangers(t, "")
		clock, ok := w.clock.(*clocktesting.FakeClock)
		require.True(t, ok)
		see := func(name string, ready corev1.ConditionStatus) {
			node := compacted(t, compactNode, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}})
			require.NoError(t, w.caches.nodes.GetIndexer().Add(node))
			w.nodeChanged(node)
		}
		if nodeFirst {
			see("lost", corev1.ConditionUnknown)
			see("ready", corev1.ConditionTrue)
		}
		for _, on := range []string{"lost", "ready", ""} {
			pod := failingPod("on-"+on, "Completed", 0)
			pod.Spec.NodeName = on
			is := cached(t, pod)
			require.NoError(t, w.caches.pods.GetIndexer().Add(is))
			w.podChanged(is)
		}
		if !nodeFirst {
			see("lost", corev1.ConditionUnknown)
			see("ready", corev1.ConditionTrue)
		}
		clock.Step(debounce)
		require.Eventually(t, func() bool { return w.queue.Len() == 1 }, 10*time.Second, time.Millisecond)
		key, _ := w.queue.Get()
		require.Equal(t, "on-lost", key.Namespace)
	}
}
