package eventwatcher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unique"

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

// event is what the caches keep of an event: what evidence quotes of it.
type event struct {
	identity         // and behind it the name and the UID of what it is about
	aboutEnds uint16 // of the name, in what is behind
	count     int32
	// first and last are in microseconds since 1970; zero when nobody knows.
	first, last int64
	kind        unique.Handle[eventKind]
	message     string
}

// eventKind is what many events have in common.
type eventKind struct{ apiVersion, kind, fieldPath, component, warns, reason string }

// compactEvent keeps what evidence quotes of an event.
func compactEvent(object any) (any, error) {
	whole, ok := object.(*corev1.Event)
	if !ok {
		return object, nil // a tombstone, or compacted before
	}
	about := whole.InvolvedObject
	kept, err := identityOf(whole, []byte(about.Name+string(about.UID))...)
	if err != nil {
		return nil, fmt.Errorf("keep an event: %w", err)
	}
	told := evidence.EventOf(whole)
	small := &event{
		identity: kept, aboutEnds: uint16(len(about.Name)), count: told.Count, first: micro(told.First), last: micro(told.Time),
		kind:    unique.Make(eventKind{about.APIVersion, about.Kind, about.FieldPath, whole.Source.Component, whole.Type, whole.Reason}),
		message: strings.Clone(engine.Shorten(whole.Message, maxEventMessage)),
	}
	return small, nil
}

// micro gives a time in microseconds since 1970; zero for none.
func micro(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// about gives the UID of what an event is about.
func (e *event) about() types.UID { return types.UID(e.rest()[e.aboutEnds:]) }

// whole gives the event as the API has it, with what is kept.
func (e *event) whole() *corev1.Event {
	kind := e.kind.Value()
	whole := &corev1.Event{
		ObjectMeta: e.meta(),
		InvolvedObject: corev1.ObjectReference{
			APIVersion: kind.apiVersion, Kind: kind.kind, FieldPath: kind.fieldPath, Name: e.rest()[:e.aboutEnds], UID: e.about(),
		},
		Source: corev1.EventSource{Component: kind.component}, Type: kind.warns, Reason: kind.reason, Message: e.message, Count: e.count,
	}
	if e.first != 0 {
		whole.FirstTimestamp = metav1.NewTime(time.UnixMicro(e.first))
	}
	if e.last != 0 {
		whole.LastTimestamp = metav1.NewTime(time.UnixMicro(e.last))
	}
	return whole
}

const involvedIndex = "involved"

// eventsByPod indexes events by the UID of the pod they are about.
var eventsByPod = cache.Indexers{involvedIndex: func(object any) ([]string, error) {
	event, ok := object.(*event)
	if !ok {
		return nil, fmt.Errorf("expected an event, not %T", object)
	}
	return []string{string(event.about())}, nil
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
		if event, ok := object.(*event); ok && !event.own() {
			found = append(found, evidence.EventOf(event.whole()))
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
