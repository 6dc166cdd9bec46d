package eventwatcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unique"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// node is what the cache keeps of a node, its spec, status and labels as on the wire: only who looks at a failing workload
// reads them.
type node struct {
	identity
	kept string
	lost bool // it is not ready, or nobody knows
}

// compactNode keeps what evidence reads of a node: not the images on it, which are most of it, nor its annotations.
func compactNode(object any) (any, error) {
	whole, ok := object.(*corev1.Node)
	if !ok {
		return object, nil // a tombstone, or compacted before
	}
	small := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Labels: whole.Labels},
		Spec:       corev1.NodeSpec{Unschedulable: whole.Spec.Unschedulable, Taints: whole.Spec.Taints},
		Status: corev1.NodeStatus{
			Conditions: whole.Status.Conditions, Allocatable: whole.Status.Allocatable,
			NodeInfo: corev1.NodeSystemInfo{Architecture: whole.Status.NodeInfo.Architecture, OperatingSystem: whole.Status.NodeInfo.OperatingSystem},
		},
	}
	kept, err := small.Marshal()
	if err != nil {
		return nil, fmt.Errorf("keep node %s: %w", whole.Name, err)
	}
	of, err := identityOf(whole)
	if err != nil {
		return nil, fmt.Errorf("keep a node: %w", err)
	}
	ready := slices.ContainsFunc(whole.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
	return &node{of, string(kept), !ready}, nil
}

// whole gives the node as the API has it, with what is kept.
func (n *node) whole() (*corev1.Node, error) {
	whole := &corev1.Node{}
	if err := whole.Unmarshal([]byte(n.kept)); err != nil {
		return nil, fmt.Errorf("read cached node %s: %w", n.name(), err)
	}
	labels := whole.Labels
	whole.ObjectMeta = n.meta()
	whole.Labels = labels
	return whole, nil
}

// nodesOf gives the nodes of the cluster by name, with what the pods on them request where that is asked for.
func nodesOf(nodes, pods cache.Indexer, requested bool) ([]evidence.Node, error) {
	var found []evidence.Node
	requests := requests{}
	for _, object := range nodes.List() {
		node, ok := object.(*node)
		if !ok {
			continue
		}
		whole, err := node.whole()
		if err != nil {
			return nil, err
		}
		known := evidence.NodeOf(whole)
		if requested {
			on, err := pods.ByIndex(nodeIndex, node.name())
			if err != nil {
				return nil, fmt.Errorf("look up pods on node %s: %w", node.name(), err)
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

// lostNodesOf gives those nodes of pods that are not ready, by name.
func lostNodesOf(nodes cache.Indexer, pods []*corev1.Pod) ([]evidence.Node, error) {
	var names []string
	for _, pod := range pods {
		if pod.Spec.NodeName != "" {
			names = append(names, pod.Spec.NodeName)
		}
	}
	slices.Sort(names)
	var found []evidence.Node
	for _, name := range slices.Compact(names) {
		object, known, err := nodes.GetByKey(name)
		if err != nil {
			return nil, fmt.Errorf("look up node %s: %w", name, err)
		}
		node, ok := object.(*node)
		if !known || !ok || !node.lost {
			continue
		}
		whole, err := node.whole()
		if err != nil {
			return nil, err
		}
		found = append(found, evidence.NodeOf(whole))
	}
	return found, nil
}

// addLeases adds to the nodes that are not ready, of those that pods are on, when their kubelets last renewed their leases.
func (w *Watcher) addLeases(ctx context.Context, pods []*corev1.Pod, nodes []evidence.Node) error {
	lost, err := lostNodesOf(w.caches.nodeIndexer(), pods)
	if err != nil {
		return err
	}
	for _, node := range lost[:min(len(lost), maxLeases)] {
		lease, err := w.clients.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, node.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			continue
		case apierrors.IsForbidden(err):
			return nil
		case err != nil:
			return fmt.Errorf("read the lease of node %s: %w", node.Name, err)
		}
		if at := slices.IndexFunc(nodes, func(other evidence.Node) bool { return other.Name == node.Name }); at >= 0 {
			nodes[at].LeaseRenewed = evidence.RenewedAt(lease)
		}
	}
	return nil
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
