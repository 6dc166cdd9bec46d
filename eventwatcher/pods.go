package eventwatcher

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

const (
	controllerIndex = "controller"
	nodeIndex       = "node"
)

// podIndexers index pods by the object that created them, and by their node while they take room on it; those that an
// object created of a kind that Kubernetes itself does not have by its name too.
var podIndexers = cache.Indexers{
	controllerIndex: func(object any) ([]string, error) {
		pod, ok := object.(*pod)
		if !ok {
			return nil, fmt.Errorf("expected a pod, not %T", object)
		}
		if by := pod.controller.Value(); by.uid != "" {
			return []string{string(by.uid)}, nil
		}
		return []string{string(pod.uid())}, nil // nothing controls it: it is a workload itself
	},
	nodeIndex: func(object any) ([]string, error) {
		pod, ok := object.(*pod)
		if !ok {
			return nil, fmt.Errorf("expected a pod, not %T", object)
		}
		node := pod.node.Value()
		if node == "" || pod.ended {
			return nil, nil
		}
		return []string{node}, nil
	},
	strangerIndex: indexStranger,
}

// podsOf gives the cached pods that were created by any of the controllers.
func podsOf(pods cache.Indexer, controllers []types.UID) ([]*corev1.Pod, error) {
	var found []*corev1.Pod
	for _, uid := range controllers {
		objects, err := pods.ByIndex(controllerIndex, string(uid))
		if err != nil {
			return nil, fmt.Errorf("look up pods of controller %s: %w", uid, err)
		}
		for _, object := range objects {
			if pod, ok := object.(*pod); ok {
				whole, err := pod.whole()
				if err != nil {
					return nil, err
				}
				found = append(found, whole)
			}
		}
	}
	return found, nil
}

// marksOf reads which remediations a pod or pod template carries from its annotations.
func marksOf(annotations map[string]string) []string {
	var marks []string
	for mark := range strings.SplitSeq(annotations[v1alpha1.RemediationsAnnotation], ",") {
		if mark = strings.TrimSpace(mark); mark != "" {
			marks = append(marks, mark)
		}
	}
	return marks
}

// troubled reports whether a pod failed, or is kept from running by something that the API says.
func troubled(pod *corev1.Pod) bool {
	if failed(pod) || pod.Status.Phase == corev1.PodFailed || disrupted(&pod.Status) {
		return true
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return true
		}
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			waiting := status.State.Waiting
			if waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
				return true
			}
		}
	}
	return false
}

// failed reports whether any run of any container of the pod ended in something other than success.
func failed(pod *corev1.Pod) bool {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			for _, end := range []*corev1.ContainerStateTerminated{status.State.Terminated, status.LastTerminationState.Terminated} {
				// An OOM-killed init container can report exit code 0 (kubelet, kuberuntime/helpers.go).
				if end != nil && (end.ExitCode != 0 || end.Reason != "Completed") {
					return true
				}
			}
		}
	}
	return false
}
