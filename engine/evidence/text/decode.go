package text

import (
	"encoding/json"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// owner is what a list says about the type of its items, for items that don't say it themselves.
type owner struct{ apiVersion, kind string }

// note reads a line of a list that may be its type.
func (o *owner) note(line string) {
	if version, ok := strings.CutPrefix(line, "apiVersion:"); ok {
		o.apiVersion = strings.Trim(version, ` "'`)
	}
	if kind, ok := strings.CutPrefix(line, "kind:"); ok {
		o.kind = strings.TrimSuffix(strings.Trim(kind, ` "'`), "List")
	}
}

// maxLists is how deep lists may be nested.
const maxLists = 4

// header is what tells the type of a manifest, and the items of a list.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Items []json.RawMessage `json:"items"`
}

// decode adds the objects of a JSON value; false when it is no API object.
func (p *parser) decode(value []byte, outer owner) bool {
	known := p.decodeNested(value, outer, maxLists)
	p.exact = p.exact || known
	return known
}

func (p *parser) decodeNested(value []byte, outer owner, depth int) bool {
	if len(value) > maxManifest && depth < maxLists || depth == 0 {
		return false
	}
	var head header
	if len(value) > 0 && value[0] == '[' {
		_ = json.Unmarshal(value, &head.Items) // what is no list has no items
		head.Kind = "List"
	} else {
		_ = json.Unmarshal(value, &head) // a field of a strange type doesn't spoil the others
	}
	if head.Kind == "" && head.Items == nil {
		head.Kind, head.APIVersion = outer.kind, outer.apiVersion
	}
	if head.APIVersion == "" { // as jq leaves items
		head.APIVersion = outer.apiVersion
	}
	if head.Items != nil || strings.HasSuffix(head.Kind, "List") {
		inner := owner{head.APIVersion, strings.TrimSuffix(head.Kind, "List")}
		known := len(head.Items) == 0 && head.Kind != "List" || head.APIVersion != ""
		for _, item := range head.Items {
			known = p.decodeNested(item, inner, depth-1) || known
		}
		return known
	}
	if head.APIVersion == "" || head.Kind == "" {
		return false
	}
	object := newObject(head.APIVersion, head.Kind)
	if object == nil {
		return head.Metadata.Name != "" // an object of a kind that tells nothing
	}
	if decoded := decodeInto(object, value); decoded != nil {
		p.see(decoded)
		p.add(decoded)
	}
	return true
}

// decodeInto fills an object. Fields that can't be decoded stay empty.
func decodeInto(object runtime.Object, value []byte) runtime.Object {
	_ = json.Unmarshal(withoutHugeNumbers(value), object)
	if event, ok := object.(*eventsv1.Event); ok {
		object = coreEvent(event)
	}
	object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil
	}
	accessor.SetManagedFields(nil)
	return object
}

// newObject is an empty object of a kind; nil when nothing is to be learned from it. Versions before 1.16 differ
// little from today's.
func newObject(apiVersion, kind string) runtime.Object {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group = ""
	}
	switch group {
	case "":
		return newCoreObject(kind)
	case "apps", "extensions":
		return newAppsObject(kind)
	case "batch":
		switch kind {
		case "Job":
			return &batchv1.Job{}
		case "CronJob":
			return &batchv1.CronJob{}
		}
	case "storage.k8s.io":
		if kind == "StorageClass" {
			return &storagev1.StorageClass{}
		}
	case "coordination.k8s.io":
		if kind == "Lease" {
			return &coordinationv1.Lease{}
		}
	case "events.k8s.io":
		if kind == "Event" {
			return &eventsv1.Event{}
		}
	}
	return nil
}

func newCoreObject(kind string) runtime.Object {
	switch kind {
	case "Pod":
		return &corev1.Pod{}
	case "Event":
		return &corev1.Event{}
	case "Node":
		return &corev1.Node{}
	case "PersistentVolumeClaim":
		return &corev1.PersistentVolumeClaim{}
	case "PersistentVolume":
		return &corev1.PersistentVolume{}
	case "ResourceQuota":
		return &corev1.ResourceQuota{}
	case "LimitRange":
		return &corev1.LimitRange{}
	case "ReplicationController":
		return &corev1.ReplicationController{}
	default:
		return nil
	}
}

func newAppsObject(kind string) runtime.Object {
	switch kind {
	case "Deployment":
		return &appsv1.Deployment{}
	case "ReplicaSet":
		return &appsv1.ReplicaSet{}
	case "StatefulSet":
		return &appsv1.StatefulSet{}
	case "DaemonSet":
		return &appsv1.DaemonSet{}
	default:
		return nil
	}
}

// coreEvent is an event of events.k8s.io as the core API serves it.
func coreEvent(e *eventsv1.Event) *corev1.Event {
	event := &corev1.Event{
		ObjectMeta: e.ObjectMeta, InvolvedObject: e.Regarding, Related: e.Related, Type: e.Type, Reason: e.Reason, Message: e.Note,
		Action: e.Action, EventTime: e.EventTime, ReportingController: e.ReportingController, ReportingInstance: e.ReportingInstance,
		Source: e.DeprecatedSource, FirstTimestamp: e.DeprecatedFirstTimestamp, LastTimestamp: e.DeprecatedLastTimestamp, Count: e.DeprecatedCount,
	}
	if e.Series != nil {
		event.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
	}
	return event
}

// see notes the newest time that a manifest shows, for ages elsewhere in the text.
func (p *parser) see(object runtime.Object) {
	note := func(t time.Time) { p.clock.newest = later(p.clock.newest, t) }
	switch o := object.(type) {
	case *corev1.Event:
		note(o.LastTimestamp.Time)
		note(o.EventTime.Time)
		if o.Series != nil {
			note(o.Series.LastObservedTime.Time)
		}
	case *corev1.Pod:
		note(o.CreationTimestamp.Time)
		for _, c := range o.Status.Conditions {
			note(c.LastTransitionTime.Time)
		}
		for _, statuses := range [][]corev1.ContainerStatus{o.Status.InitContainerStatuses, o.Status.ContainerStatuses} {
			for i := range statuses {
				note(newestOf(statuses[i].State))
				note(newestOf(statuses[i].LastTerminationState))
			}
		}
	case *corev1.Node:
		for _, c := range o.Status.Conditions {
			note(c.LastHeartbeatTime.Time)
		}
	case *coordinationv1.Lease:
		note(evidence.RenewedAt(o))
	default:
		if accessor, err := meta.Accessor(object); err == nil {
			note(accessor.GetCreationTimestamp().Time)
		}
	}
}

// newestOf is the newest time of a container's state.
func newestOf(state corev1.ContainerState) time.Time {
	switch {
	case state.Running != nil:
		return state.Running.StartedAt.Time
	case state.Terminated != nil:
		return later(state.Terminated.StartedAt.Time, state.Terminated.FinishedAt.Time)
	default:
		return time.Time{}
	}
}
