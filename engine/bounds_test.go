package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// TestTheLimitThatANamespaceGaveIsNamed follows a LimitRange, and what was measured, from the objects to the words.
func TestTheLimitThatANamespaceGaveIsNamed(t *testing.T) {
	memory := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "till", UID: "1"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "till", Image: "till:1", Resources: corev1.ResourceRequirements{Limits: memory},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "till", RestartCount: 4, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}},
		}}},
	}
	elsewhere := &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "theirs"},
		Spec:       corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Default: memory}}},
	}
	ours := elsewhere.DeepCopy()
	ours.Namespace, ours.Name = "shop", "defaults"
	observations := evidence.Observations{
		Objects: []runtime.Object{pod, elsewhere, ours},
		Usage:   []evidence.Usage{{Namespace: "shop", Pod: "till", Memory: 120 << 20}},
	}
	require.EqualValues(t, 120<<20, observations.Collect()[0].Containers[0].MemoryUsage)

	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	found := New(known).DiagnoseAll(observations)
	require.Len(t, found, 1)
	require.Contains(t, found[0].Finding.RootCause, "128Mi (the default of LimitRange defaults)")
}
