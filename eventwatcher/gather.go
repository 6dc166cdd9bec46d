package eventwatcher

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// maxEventMessage bounds what is kept of an event's message, in bytes. The API server allows 1 KiB
// (k8s.io/kubernetes/pkg/apis/core/validation/events.go, NoteLengthLimit).
const maxEventMessage = 1 << 10

// compactEvent keeps what evidence quotes of an event.
func compactEvent(object any) (any, error) {
	event, ok := object.(*corev1.Event)
	if !ok {
		return object, nil
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name: event.Name, Namespace: event.Namespace, UID: event.UID, ResourceVersion: event.ResourceVersion,
		},
		InvolvedObject: corev1.ObjectReference{UID: event.InvolvedObject.UID, Name: event.InvolvedObject.Name},
		Type:           event.Type,
		Reason:         event.Reason,
		Message:        engine.Shorten(event.Message, maxEventMessage),
		Count:          event.Count,
		LastTimestamp:  eventTime(event),
	}, nil
}

// eventTime is when the event was last reported, whichever of the two event APIs it came through.
func eventTime(event *corev1.Event) metav1.Time {
	switch {
	case event.Series != nil:
		return metav1.NewTime(event.Series.LastObservedTime.Time)
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp
	default:
		return metav1.NewTime(event.EventTime.Time)
	}
}

const involvedIndex = "involved"

// eventsByPod indexes events by the UID of the pod they are about.
var eventsByPod = cache.Indexers{involvedIndex: func(object any) ([]string, error) {
	event, ok := object.(*corev1.Event)
	if !ok {
		return nil, fmt.Errorf("expected an Event, not %T", object)
	}
	return []string{string(event.InvolvedObject.UID)}, nil
}}

// gather turns cached pods and events of one workload into evidence, in an order that does not depend on the
// caches.
func gather(workload evidence.Workload, pods []*corev1.Pod, events cache.Indexer) (evidence.Evidence, error) {
	observed := evidence.Evidence{Workload: workload}
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, pod := range pods {
		observed.Containers = append(observed.Containers, containersOf(pod)...)
		about, err := events.ByIndex(involvedIndex, string(pod.UID))
		if err != nil {
			return evidence.Evidence{}, fmt.Errorf("look up events of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		for _, object := range about {
			if event, ok := object.(*corev1.Event); ok {
				observed.Events = append(observed.Events, evidence.Event{
					Object: "pod/" + pod.Name, Type: event.Type, Reason: event.Reason, Message: event.Message,
					Count: event.Count, Time: event.LastTimestamp.Time,
				})
			}
		}
	}
	slices.SortStableFunc(observed.Events, func(a, b evidence.Event) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	return observed, nil
}

func containersOf(pod *corev1.Pod) []evidence.Container {
	var found []evidence.Container
	add := func(containers []corev1.Container, statuses []corev1.ContainerStatus, kindOf func(corev1.Container) evidence.ContainerKind) {
		for _, container := range containers {
			at := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == container.Name })
			if at < 0 {
				continue // not started: nothing was observed of it yet
			}
			status := statuses[at]
			found = append(found, evidence.Container{
				Pod: pod.Name, PodUID: string(pod.UID), Marks: marksOf(pod.Annotations),
				Name: container.Name, Kind: kindOf(container), Resources: container.Resources,
				Ready: status.Ready, RestartCount: status.RestartCount,
				State: status.State, LastState: status.LastTerminationState,
			})
		}
	}
	add(pod.Spec.InitContainers, pod.Status.InitContainerStatuses, func(container corev1.Container) evidence.ContainerKind {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			return evidence.Sidecar
		}
		return evidence.Init
	})
	add(pod.Spec.Containers, pod.Status.ContainerStatuses, func(corev1.Container) evidence.ContainerKind { return evidence.App })
	return found
}
