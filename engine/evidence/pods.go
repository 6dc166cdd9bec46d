package evidence

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
)

// PodOf gives what a pod is apart from its containers.
func PodOf(pod *corev1.Pod) Pod {
	created := pod.CreationTimestamp.Time
	if created.IsZero() && pod.Status.StartTime != nil {
		created = pod.Status.StartTime.Time
	}
	return Pod{
		Name: pod.Name, UID: string(pod.UID), Created: created, Deleting: pod.DeletionTimestamp != nil,
		Spec: pod.Spec, Status: pod.Status,
	}
}

// ContainersOf gives the containers of a pod, of every kind, in the order of its spec. Containers of which only
// the status was observed, as in a table of pods, are given too.
func ContainersOf(pod *corev1.Pod) []Container {
	var found []Container
	known := map[string]bool{}
	add := func(spec corev1.Container, status corev1.ContainerStatus, kind ContainerKind) {
		known[spec.Name] = true
		found = append(found, Container{
			Pod: pod.Name, PodUID: string(pod.UID), Name: spec.Name, Kind: kind,
			Spec: spec, Specified: specified(spec), Resources: spec.Resources,
			Ready: status.Ready, RestartCount: status.RestartCount,
			State: status.State, LastState: status.LastTerminationState,
		})
	}
	for _, spec := range pod.Spec.InitContainers {
		kind := Init
		if spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			kind = Sidecar
		}
		add(spec, statusOf(spec.Name, pod.Status.InitContainerStatuses), kind)
	}
	for _, spec := range pod.Spec.Containers {
		add(spec, statusOf(spec.Name, pod.Status.ContainerStatuses), App)
	}
	for _, spec := range pod.Spec.EphemeralContainers {
		add(corev1.Container(spec.EphemeralContainerCommon), statusOf(spec.Name, pod.Status.EphemeralContainerStatuses), Ephemeral)
	}
	addUnspecified := func(statuses []corev1.ContainerStatus, kind ContainerKind) {
		for _, status := range statuses {
			if !known[status.Name] {
				add(corev1.Container{Name: status.Name, Image: status.Image}, status, kind)
			}
		}
	}
	addUnspecified(pod.Status.InitContainerStatuses, Init)
	addUnspecified(pod.Status.ContainerStatuses, App)
	return found
}

// specified reports whether more of a spec was observed than what a status tells of it too.
func specified(spec corev1.Container) bool {
	return !reflect.DeepEqual(spec, corev1.Container{Name: spec.Name, Image: spec.Image})
}

// statusOf gives the status of a container; where names were cut off, the one that is worst.
func statusOf(name string, statuses []corev1.ContainerStatus) corev1.ContainerStatus {
	var found corev1.ContainerStatus
	known := false
	for _, status := range statuses {
		if status.Name != name {
			continue
		}
		if name != "" || status.State.Running == nil {
			return status
		}
		if !known {
			found, known = status, true
		}
	}
	return found
}
