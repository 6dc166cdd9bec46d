package eventwatcher

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
		InvolvedObject: corev1.ObjectReference{
			APIVersion: event.InvolvedObject.APIVersion, Kind: event.InvolvedObject.Kind, UID: event.InvolvedObject.UID,
			Name: event.InvolvedObject.Name, FieldPath: event.InvolvedObject.FieldPath,
		},
		Source:        corev1.EventSource{Component: event.Source.Component},
		Type:          event.Type,
		Reason:        event.Reason,
		Message:       engine.Shorten(event.Message, maxEventMessage),
		Count:         event.Count,
		LastTimestamp: metav1.NewTime(evidence.EventTime(event)),
	}, nil
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

// eventCaches are the events that are known, of pods and of what stands above them.
type eventCaches struct{ pods, owners cache.Indexer }

// of gives the events about an object, but those that the watcher itself wrote.
func (e eventCaches) of(events cache.Indexer, uid types.UID) ([]evidence.Event, error) {
	about, err := events.ByIndex(involvedIndex, string(uid))
	if err != nil {
		return nil, fmt.Errorf("look up events: %w", err)
	}
	var found []evidence.Event
	for _, object := range about {
		if event, ok := object.(*corev1.Event); ok && !ownEvent(event) {
			found = append(found, evidence.EventOf(event))
		}
	}
	return found, nil
}

// gather turns cached pods and events of one workload into evidence, in an order that does not depend on the
// caches. controllers are the workload itself and what stands between it and its pods.
func gather(workload evidence.Workload, controllers []types.UID, pods []*corev1.Pod, events eventCaches, now time.Time) (evidence.Evidence, error) {
	observed := evidence.Evidence{Workload: workload, ObservedAt: now}
	for _, uid := range controllers {
		about, err := events.of(events.owners, uid)
		if err != nil {
			return evidence.Evidence{}, err
		}
		observed.Events = append(observed.Events, about...)
	}
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, pod := range pods {
		observed.Pods = append(observed.Pods, evidence.PodOf(pod))
		for _, container := range evidence.ContainersOf(pod) {
			container.Marks = marksOf(pod.Annotations)
			observed.Containers = append(observed.Containers, container)
		}
		about, err := events.of(events.pods, pod.UID)
		if err != nil {
			return evidence.Evidence{}, err
		}
		observed.Events = append(observed.Events, about...)
	}
	slices.SortStableFunc(observed.Events, func(a, b evidence.Event) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	redacted(&observed)
	return observed, nil
}
