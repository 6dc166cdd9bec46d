package remedy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestOnlyWhoAsksForTooMuchIsLowered(t *testing.T) {
	asks := func(name string, kind evidence.ContainerKind, memory string) evidence.Container {
		return evidence.Container{Name: name, Kind: kind, Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)},
		}}
	}
	free := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourceCPU: resource.MustParse("4")}
	nodes := []evidence.Node{{Name: "one", Allocatable: free, Requested: corev1.ResourceList{}}}
	for _, test := range []struct {
		name       string
		containers []evidence.Container
		lowered    string
	}{
		{"an init container alone", []evidence.Container{asks("app", evidence.App, "64Mi"), asks("unpack", evidence.Init, "200Gi")}, "unpack"},
		{"the larger of two", []evidence.Container{asks("big", evidence.App, "512Gi"), asks("small", evidence.App, "64Mi")}, "big"},
	} {
		t.Run(test.name, func(t *testing.T) {
			actions, err := remedy.FitNodes(&corev1.PodSpec{}, test.containers, nodes, []corev1.ResourceName{corev1.ResourceMemory}, 1)
			require.NoError(t, err)
			require.Len(t, actions, 1)
			require.Equal(t, test.lowered, actions[0].ReduceRequests.Container)
		})
	}
}
