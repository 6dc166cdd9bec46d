package eventwatcher

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// compactPod keeps what the watcher reads of a pod and drops the rest before it reaches the cache, where every
// pod of the cluster stays for its lifetime.
func compactPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil // a tombstone holds a pod that was compacted before
	}
	small := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
		},
		Spec: corev1.PodSpec{NodeName: pod.Spec.NodeName, RestartPolicy: pod.Spec.RestartPolicy, Overhead: pod.Spec.Overhead, Resources: pod.Spec.Resources},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, Reason: pod.Status.Reason, Message: engine.Shorten(pod.Status.Message, maxEventMessage),
			InitContainerStatuses: compactStatuses(pod.Status.InitContainerStatuses),
			ContainerStatuses:     compactStatuses(pod.Status.ContainerStatuses),
		},
	}
	if controller := metav1.GetControllerOfNoCopy(pod); controller != nil {
		small.OwnerReferences = []metav1.OwnerReference{*controller}
	}
	if marks, ok := pod.Annotations[v1alpha1.RemediationsAnnotation]; ok {
		small.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: marks}
	}
	for _, container := range pod.Spec.InitContainers {
		small.Spec.InitContainers = append(small.Spec.InitContainers, compactContainer(container))
	}
	for _, container := range pod.Spec.Containers {
		small.Spec.Containers = append(small.Spec.Containers, compactContainer(container))
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Type == corev1.PodReady:
			small.Status.Conditions = append(small.Status.Conditions, corev1.PodCondition{
				Type: condition.Type, Status: condition.Status, LastTransitionTime: condition.LastTransitionTime,
			})
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse:
			small.Status.Conditions = append(small.Status.Conditions, corev1.PodCondition{
				Type: condition.Type, Status: condition.Status, LastTransitionTime: condition.LastTransitionTime,
				Reason: condition.Reason, Message: engine.Shorten(condition.Message, maxEventMessage),
			})
		}
	}
	return small, nil
}

func compactContainer(container corev1.Container) corev1.Container {
	return corev1.Container{Name: container.Name, Resources: container.Resources, RestartPolicy: container.RestartPolicy}
}

func compactStatuses(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	var small []corev1.ContainerStatus
	for _, status := range statuses {
		small = append(small, corev1.ContainerStatus{
			Name: status.Name, Ready: status.Ready, RestartCount: status.RestartCount,
			State: status.State, LastTerminationState: status.LastTerminationState,
		})
	}
	return small
}

const (
	controllerIndex = "controller"
	nodeIndex       = "node"
)

// podIndexers index pods by the object that created them, and by their node while they take room on it.
var podIndexers = cache.Indexers{
	controllerIndex: func(object any) ([]string, error) {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			return nil, fmt.Errorf("expected a Pod, not %T", object)
		}
		if controller := metav1.GetControllerOfNoCopy(pod); controller != nil {
			return []string{string(controller.UID)}, nil
		}
		return []string{string(pod.UID)}, nil // nothing controls it: it is a workload itself
	},
	nodeIndex: func(object any) ([]string, error) {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			return nil, fmt.Errorf("expected a Pod, not %T", object)
		}
		if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			return nil, nil
		}
		return []string{pod.Spec.NodeName}, nil
	},
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
			if pod, ok := object.(*corev1.Pod); ok {
				found = append(found, pod)
			}
		}
	}
	return found, nil
}

// controllerOf names the object that created a pod; the pod itself when nothing controls it.
func controllerOf(pod *corev1.Pod) evidence.Workload {
	controller := metav1.GetControllerOfNoCopy(pod)
	if controller == nil {
		return evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
	}
	return evidence.Workload{
		APIVersion: controller.APIVersion, Kind: controller.Kind, Namespace: pod.Namespace, Name: controller.Name,
	}
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
	if failed(pod) || pod.Status.Phase == corev1.PodFailed {
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
