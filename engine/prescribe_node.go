package engine

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// leaveAfter is how long a pod that keeps nothing stays on a node that is lost, in seconds; the default is 300.
const leaveAfter = 30

// reduceRequests lowers what the pod asks for until it fits a node.
func (p *prescriber) reduceRequests() ([]treatment, error) {
	var lacking []corev1.ResourceName
	switch p.Finding.RootCauseID {
	case "insufficient-memory", "insufficient-cpu", "kubelet-out-of-resources", "autoscaler-refused":
		if p.Finding.RootCauseID == "insufficient-memory" || p.saw("scheduler-insufficient-memory") {
			lacking = append(lacking, corev1.ResourceMemory)
		}
		if p.Finding.RootCauseID == "insufficient-cpu" || p.saw("scheduler-insufficient-cpu") {
			lacking = append(lacking, corev1.ResourceCPU)
		}
	default:
		return nil, fmt.Errorf("by how much which workload should ask for less is for their owners to say")
	}
	pod := p.waiting()
	if pod == nil {
		return nil, fmt.Errorf("no pod was observed that waits for a node")
	}
	var containers []evidence.Container
	for _, container := range p.observed.Containers {
		if container.Pod == pod.Name {
			containers = append(containers, p.withUsage(container))
		}
	}
	actions, err := remedy.FitNodes(&pod.Spec, containers, p.observed.Nodes, lacking, p.unplaced())
	if err != nil {
		return nil, err
	}
	return []treatment{{actions: actions}}, nil
}

// unplaced is how many replicas of the workload have no node yet, those among them that are still to be created: a
// StatefulSet creates one only when the one before it runs. It is at least 1.
func (p *prescriber) unplaced() int {
	wanted := int64(p.observed.Replicas)
	if spec, ok := p.situation.Object["spec"].(map[string]any); ok && wanted == 0 {
		switch written := spec["replicas"].(type) {
		case int64:
			wanted = written
		case float64:
			wanted = int64(written)
		}
	}
	for _, pod := range p.observed.Pods {
		if pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			wanted--
		}
	}
	return int(max(wanted, 1))
}

// waiting gives the pod that waits for a node.
func (p *prescriber) waiting() *evidence.Pod {
	for i := range p.observed.Pods {
		if pod := &p.observed.Pods[i]; pod.Spec.NodeName == "" {
			return pod
		}
	}
	return p.pod()
}

// withUsage gives a container the most that any of its kind was measured to use: one that waits uses nothing.
func (p *prescriber) withUsage(container evidence.Container) evidence.Container {
	for _, other := range p.observed.Containers {
		if other.Name == container.Name {
			container.MemoryUsage = max(container.MemoryUsage, other.MemoryUsage)
			container.CPUUsage = max(container.CPUUsage, other.CPUUsage)
		}
	}
	return container
}

// avoidNode keeps the workload away from the one node on which it fails.
func (p *prescriber) avoidNode() ([]treatment, error) {
	kind := p.Workload.Kind
	switch kind {
	case "Node", "PersistentVolumeClaim":
		return nil, fmt.Errorf("a %s is repaired, not avoided", kind)
	case "DaemonSet":
		return nil, fmt.Errorf("a DaemonSet's pods belong to their nodes")
	}
	node, err := p.failingNode()
	if err != nil {
		return nil, err
	}
	if pod := p.pod(); pod != nil && len(p.observed.Nodes) > 1 && !slices.ContainsFunc(p.observed.Nodes, func(other evidence.Node) bool {
		return other.Name != node && remedy.MayUse(other, &pod.Spec)
	}) {
		return nil, fmt.Errorf("the pod may use no other node than %s", node)
	}
	avoid := &v1alpha1.AvoidNode{Node: node}
	if p.FailureType == v1alpha1.NodeNotReady {
		avoid.Spread = p.observed.Replicas > 1
		if p.keepsNothing() {
			seconds := int32(leaveAfter)
			avoid.TolerationSeconds = &seconds
		}
	}
	return one(v1alpha1.Action{AvoidNode: avoid}), nil
}

// failingNode gives the node on which all failures happened that are known.
func (p *prescriber) failingNode() (string, error) {
	failed := map[string]bool{}
	for _, failure := range p.Failures {
		failed[failure.Pod] = true
	}
	node := ""
	for _, pod := range p.observed.Pods {
		if !failed[pod.Name] || pod.Spec.NodeName == "" || pod.Spec.NodeName == node {
			continue
		}
		if node != "" {
			return "", fmt.Errorf("it happens on more than one node")
		}
		node = pod.Spec.NodeName
	}
	if node == "" {
		return "", fmt.Errorf("it is not known on which node it happens")
	}
	return node, nil
}

// keepsNothing reports whether pods of the workload can be replaced in haste: they are of a kind whose pods are all
// alike, and claim no volume that another node would have to take over.
func (p *prescriber) keepsNothing() bool {
	if kind := p.Workload.Kind; kind != "Deployment" && kind != "ReplicaSet" {
		return false
	}
	for _, pod := range p.observed.Pods {
		for _, volume := range pod.Spec.Volumes {
			if volume.PersistentVolumeClaim != nil {
				return false
			}
		}
	}
	return true
}

func cpuRequest(required corev1.ResourceRequirements) *resource.Quantity {
	if request, ok := required.Requests[corev1.ResourceCPU]; ok {
		return &request
	}
	return nil
}
