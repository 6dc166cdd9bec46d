package eventwatcher

import (
	"cmp"
	"fmt"
	"slices"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// compactNode keeps what evidence reads of a node: not the images on it, which are most of it, nor its annotations.
func compactNode(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion, Labels: node.Labels},
		Spec:       corev1.NodeSpec{Unschedulable: node.Spec.Unschedulable, Taints: node.Spec.Taints},
		Status: corev1.NodeStatus{
			Conditions: node.Status.Conditions, Allocatable: node.Status.Allocatable,
			NodeInfo: corev1.NodeSystemInfo{Architecture: node.Status.NodeInfo.Architecture, OperatingSystem: node.Status.NodeInfo.OperatingSystem},
		},
	}, nil
}

// nodesOf gives the nodes of the cluster by name, with what the pods on them request where that is asked for.
func nodesOf(nodes, pods cache.Indexer, requested bool) ([]evidence.Node, error) {
	var found []evidence.Node
	requests := requests{}
	for _, object := range nodes.List() {
		node, ok := object.(*corev1.Node)
		if !ok {
			continue
		}
		known := evidence.NodeOf(node)
		if requested {
			on, err := pods.ByIndex(nodeIndex, node.Name)
			if err != nil {
				return nil, fmt.Errorf("look up pods on node %s: %w", node.Name, err)
			}
			if known.Requested, err = requests.sum(on); err != nil {
				return nil, err
			}
		}
		found = append(found, known)
	}
	slices.SortFunc(found, func(a, b evidence.Node) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

// requests are what pods request, by what is kept of their specs: all pods of a template have the same.
type requests map[unique.Handle[string]]corev1.ResourceList

// sum adds up what pods request as the scheduler does.
func (r requests) sum(pods []any) (corev1.ResourceList, error) {
	sum := corev1.ResourceList{}
	for _, object := range pods {
		pod, ok := object.(*pod)
		if !ok {
			continue
		}
		requested, known := r[pod.spec]
		if !known {
			whole, err := pod.whole()
			if err != nil {
				return nil, err
			}
			requested = resourcehelper.PodRequests(whole, resourcehelper.PodResourcesOptions{})
			r[pod.spec] = requested
		}
		for name, quantity := range requested {
			total := sum[name]
			total.Add(quantity)
			sum[name] = total
		}
		// Each pod takes one of the places that a node has (k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources/fit.go).
		place := sum[corev1.ResourcePods]
		place.Set(place.Value() + 1)
		sum[corev1.ResourcePods] = place
	}
	return sum, nil
}
