package crash

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// played says in the annotation of a node what kwok makes of it (hack/devcluster/stages.yaml).
const played = "kwok.x-k8s.io/node"

// node makes a node for the story's pods alone, with so much memory, and gives its name. Where two have room the scheduler
// takes the one with more.
func (s *stage) node(name, memory string) string {
	s.Helper()
	name = s.network.nodes() + name
	has := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse(memory), corev1.ResourcePods: resource.MustParse("10")}
	_, err := clients.CoreV1().Nodes().Create(s.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"story": s.network.namespace, corev1.LabelHostname: name}, Annotations: map[string]string{played: "fake"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "story", Value: s.network.namespace, Effect: corev1.TaintEffectNoSchedule}}},
		Status:     corev1.NodeStatus{Capacity: has, Allocatable: has},
	}, metav1.CreateOptions{})
	require.NoError(s, err)
	s.Cleanup(func() { _ = clients.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{}) })
	s.until("node "+name+" to be ready", func() error {
		node, err := clients.CoreV1().Nodes().Get(s.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, taint := range node.Spec.Taints {
			if taint.Key == corev1.TaintNodeNotReady {
				return errors.New("it is not")
			}
		}
		return nil
	})
	return name
}

// keepToOwnNodes has the pods of a Deployment run on the story's own nodes. It is taken away before they are: its pods
// would wait for others forever, and the scheduler would try them again with every node of other stories.
func (s *stage) keepToOwnNodes(manifest *appsv1.Deployment) {
	s.Cleanup(func() {
		background := metav1.DeletePropagationBackground
		_ = clients.AppsV1().Deployments(manifest.Namespace).Delete(context.Background(), manifest.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	})
	spec := &manifest.Spec.Template.Spec
	spec.NodeSelector = map[string]string{"story": s.network.namespace}
	spec.Tolerations = []corev1.Toleration{{Key: "story", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
}

// breaks has the kubelet of a node report that its container runtime does not answer.
func (s *stage) breaks(node string) {
	s.Helper()
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	s.patch(node, map[string]any{"metadata": map[string]any{"annotations": map[string]string{played: "broken"}}})
	s.patch(node, map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: "container runtime is down",
		LastHeartbeatTime: now, LastTransitionTime: now,
	}}}}, "status")
}

func (s *stage) patch(node string, change map[string]any, subresource ...string) {
	s.Helper()
	text, err := json.Marshal(change)
	require.NoError(s, err)
	_, err = clients.CoreV1().Nodes().Patch(s.Context(), node, types.StrategicMergePatchType, text, metav1.PatchOptions{FieldManager: "kubelet"}, subresource...)
	require.NoError(s, err)
}
