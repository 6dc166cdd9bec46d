package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestALeaseTellsWhetherTheKubeletLives(t *testing.T) {
	rules, err := catalog.BuiltIn()
	require.NoError(t, err)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	observe := func(ready corev1.NodeCondition, lost, renewed time.Duration) evidence.Evidence {
		ready.Type, ready.LastTransitionTime = corev1.NodeReady, metav1.NewTime(now.Add(-lost))
		node := evidence.Node{Name: "one", Conditions: []corev1.NodeCondition{ready}}
		if renewed != 0 {
			node.LeaseRenewed = now.Add(-renewed)
		}
		return evidence.Evidence{
			Workload: evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, ObservedAt: now,
			Pods: []evidence.Pod{{Name: "web-1", UID: "1", Created: now.Add(-time.Hour), Spec: corev1.PodSpec{NodeName: "one"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}},
			Containers: []evidence.Container{{
				Pod: "web-1", PodUID: "1", Name: "app", Kind: evidence.App, Ready: true,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-time.Hour))}},
			}},
			Nodes: []evidence.Node{node},
		}
	}
	unknown := corev1.NodeCondition{Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
	runtime := corev1.NodeCondition{Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: "container runtime is down"}
	find := func(observed evidence.Evidence) v1alpha1.Diagnosis {
		found := engine.New(rules).Diagnose(observed)
		require.NotEmpty(t, found)
		require.Equal(t, v1alpha1.NodeNotReady, found[0].FailureType)
		require.Equal(t, observed.Nodes[0].Conditions[0].LastTransitionTime.Time, found[0].Latest().Time, "a lease is no failure")
		return found[0].Finding
	}
	silent := find(observe(unknown, 2*time.Minute, 0)).Confidence
	down := find(observe(runtime, 2*time.Minute, 0)).Confidence
	for _, test := range []struct {
		name          string
		condition     corev1.NodeCondition
		lost, renewed time.Duration
		cause         string
		sure          int // more than without the lease, less, or as much
		cited         string
	}{
		{"one that was renewed before the node was lost says that the kubelet is silent", unknown, 152 * time.Second, 192 * time.Second, "kubelet-silent", 1, "its kubelet last renewed its lease 3m12s ago"},
		{"one that is renewed says that it lives", unknown, 2 * time.Minute, 8 * time.Second, "kubelet-silent", -1, ""},
		{"one that is late says nothing yet", unknown, 2 * time.Minute, 30 * time.Second, "kubelet-silent", 0, ""},
		{"one of a clock that is ahead by minutes says nothing", unknown, 2 * time.Minute, -5 * time.Minute, "kubelet-silent", 0, ""},
		{"one that was last renewed before the node was lost is not a sign of life", unknown, time.Second, 10 * time.Second, "kubelet-silent", 0, ""},
		{"a kubelet that lives may miss its runtime", runtime, 2 * time.Minute, 8 * time.Second, "container-runtime-down", 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := find(observe(test.condition, test.lost, test.renewed))
			require.Equal(t, test.cause, found.RootCauseID)
			without := silent
			if test.cause == "container-runtime-down" {
				without = down
			}
			switch {
			case test.sure > 0:
				require.Greater(t, found.Confidence, without)
			case test.sure < 0:
				require.Less(t, found.Confidence, int32(engine.SuggestAt))
			default:
				require.Equal(t, without, found.Confidence)
			}
			cites := slices.ContainsFunc(found.Evidence, func(citation v1alpha1.Citation) bool {
				return citation.Source == "node/one lease" && citation.Text == "LeaseRenewed=False: "+test.cited
			})
			require.Equal(t, test.cited != "", cites)
		})
	}
}
