package remedy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestRequestsAreLoweredUntilAllThatWaitFindRoom(t *testing.T) {
	has := func(cpu, memory string) evidence.Node {
		return evidence.Node{Name: "node-" + cpu, Requested: corev1.ResourceList{}, Allocatable: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
		}}
	}
	for _, test := range []struct {
		name        string
		cpu, memory string
		nodes       []evidence.Node
		replicas    int
		wantCPU     string
		wantMemory  string
	}{
		{"one on the only node", "16", "1Gi", []evidence.Node{has("2", "8Gi")}, 1, "2", ""},
		{"two on the only node, to a thousandth of what they ask for", "16", "1Gi", []evidence.Node{has("2", "8Gi")}, 2, "992m", ""},
		{"three on two nodes, two of them on the larger", "16", "1Gi", []evidence.Node{has("2", "8Gi"), has("4", "8Gi")}, 3, "2", ""},
		{"one where it takes the smallest part away", "16", "8Gi", []evidence.Node{has("2", "8Gi"), has("12", "6Gi")}, 1, "12", "6Gi"},
		{"memory by another part than cpu", "5", "8Gi", []evidence.Node{has("4", "8Gi")}, 2, "2", "4Gi"},
		{"one where there is no room for all", "16", "1Gi", []evidence.Node{has("100m", "8Gi")}, 50, "96m", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			containers := []evidence.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(test.cpu), corev1.ResourceMemory: resource.MustParse(test.memory),
			}}}}
			actions, err := remedy.FitNodes(&corev1.PodSpec{}, containers, test.nodes, nil, test.replicas)
			require.NoError(t, err)
			require.Len(t, actions, 1)
			reduced := actions[0].ReduceRequests
			require.Equal(t, test.wantCPU, reduced.CPU.String())
			if test.wantMemory == "" {
				require.Nil(t, reduced.Memory)
			} else {
				require.Equal(t, test.wantMemory, reduced.Memory.String())
			}
		})
	}
}
