package eventwatcher

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"unique"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// pod is what the cache keeps of a pod. Every pod of the cluster stays there for its lifetime, so it is small: what pods
// have in common is kept once for all of them, and what only they have lies in one piece of memory. It is decoded from
// the wire without what is not kept, and never changes after that.
type pod struct {
	identity                // and behind it, of a healthy pod, when its containers started
	troubled, ended         bool
	healthy                 bool  // its status is without times
	unseen                  bool  // no scheduler has looked at it
	disrupted, ran          bool  // it goes with its node; it was well when it was asked to stop
	last                    bool  // not a pod, but the mark behind the first ones of a watch
	created, deleted, ready int64 // seconds since 1970; zero for never
	controller              unique.Handle[controller]
	node, marks             unique.Handle[string]
	// spec and status are what is kept of these, as on the wire. A healthy pod's status is without times, the same for all
	// healthy pods of a template.
	spec, status unique.Handle[string]
}

// controller is the object that created a pod; none has an empty UID.
type controller struct {
	apiVersion, kind, name string
	uid                    types.UID
}

// Fields of a pod and what is in it, with their numbers (k8s.io/api/core/v1/generated.proto and
// k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto).
const (
	podMetadata, podSpec, podStatus                          = 1, 2, 3
	metaName, metaNamespace, metaUID, metaVersion            = 1, 3, 5, 6
	metaCreated, metaDeleted, metaAnnotations, metaOwnerRefs = 8, 9, 12, 13
	specNode                                                 = 10
)

var (
	containerFields = wanted{1: nil, 8: nil, 24: nil}                                           // name, resources, restartPolicy
	specFields      = wanted{2: containerFields, 20: containerFields, 3: nil, 32: nil, 40: nil} // containers, initContainers, restartPolicy, overhead, resources
	stateFields     = wanted{1: nil, 2: nil, 3: nil, 4: nil, 5: nil}                            // name, state, lastState, ready, restartCount
	statusFields    = wanted{1: nil, 2: nil, 3: nil, 4: nil, 8: stateFields, 10: stateFields}   // phase, conditions, message, reason, containerStatuses, initContainerStatuses
)

// Reset makes it empty, as decoders ask for.
func (p *pod) Reset() { *p = pod{} }

// Unmarshal decodes a pod from the wire.
func (p *pod) Unmarshal(message []byte) error {
	var meta podMeta
	var node string
	var spec []byte
	var status corev1.PodStatus
	scratch := make([]byte, 0, 1024)
	err := eachField(message, func(number protowire.Number, _, value []byte) (err error) {
		switch number {
		case podMetadata:
			return meta.read(value)
		case podSpec:
			err = eachField(value, func(number protowire.Number, _, value []byte) error {
				if number == specNode {
					node = string(value)
				}
				return nil
			})
			if err == nil {
				spec, err = appendFields(nil, value, specFields)
			}
		case podStatus:
			if scratch, err = appendFields(scratch, value, statusFields); err == nil {
				err = status.Unmarshal(scratch)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("decode a pod: %w", err)
	}
	return p.fill(meta, node, spec, &status)
}

// fill sets everything. It changes the status.
func (p *pod) fill(meta podMeta, node string, spec []byte, status *corev1.PodStatus) error {
	*p = pod{
		created: meta.created, deleted: meta.deleted, last: meta.last,
		controller: unique.Make(meta.controller), node: unique.Make(node), marks: unique.Make(meta.marks), spec: unique.Make(string(spec)),
		troubled: troubled(&corev1.Pod{Status: *status}), ended: status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed,
		unseen: meta.deleted == 0 && unseen(status, node), disrupted: disrupted(status), ran: meta.deleted != 0 && unspoilt(status),
	}
	compactStatus(status)
	var starts []byte
	if p.healthy = meta.marks == "" && meta.deleted == 0 && healthy(status); p.healthy {
		starts = p.takeTimes(status)
	}
	var err error
	if p.identity, err = newIdentity(meta.namespace, meta.name, meta.uid, meta.version, starts...); err != nil {
		return fmt.Errorf("keep a pod: %w", err)
	}
	kept, err := status.Marshal()
	if err != nil {
		return fmt.Errorf("keep the status of pod %s: %w", p, err)
	}
	p.status = unique.Make(string(kept))
	return nil
}

// compactStatus takes away what is not kept of a status.
func compactStatus(status *corev1.PodStatus) {
	status.Message = engine.Shorten(status.Message, maxEventMessage)
	kept := status.Conditions[:0]
	for _, condition := range status.Conditions {
		switch {
		case condition.Type == corev1.PodReady:
			kept = append(kept, corev1.PodCondition{Type: condition.Type, Status: condition.Status, LastTransitionTime: condition.LastTransitionTime})
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse:
			kept = append(kept, corev1.PodCondition{
				Type: condition.Type, Status: condition.Status, LastTransitionTime: condition.LastTransitionTime,
				Reason: condition.Reason, Message: engine.Shorten(condition.Message, maxEventMessage),
			})
		case condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue:
			kept = append(kept, corev1.PodCondition{
				Type: condition.Type, Status: condition.Status, LastTransitionTime: condition.LastTransitionTime,
				Reason: condition.Reason, Message: engine.Shorten(condition.Message, maxEventMessage),
			})
		}
	}
	status.Conditions = kept
}

// healthy reports whether a pod runs, is ready and never was anything else: of its status the times alone tell it from
// other such pods.
func healthy(status *corev1.PodStatus) bool {
	if status.Phase != corev1.PodRunning || status.Message != "" || status.Reason != "" ||
		len(status.Conditions) != 1 || status.Conditions[0].Type != corev1.PodReady || status.Conditions[0].Status != corev1.ConditionTrue {
		return false
	}
	for _, container := range status.InitContainerStatuses {
		if end := container.State.Terminated; end != nil && container.RestartCount == 0 && container.LastTerminationState == (corev1.ContainerState{}) &&
			end.ExitCode == 0 && end.Reason == "Completed" && end.Message == "" {
			continue
		}
		if !runs(container) {
			return false
		}
	}
	return !slices.ContainsFunc(status.ContainerStatuses, func(container corev1.ContainerStatus) bool { return !runs(container) })
}

// runs reports whether a container is ready in its first run.
func runs(container corev1.ContainerStatus) bool {
	return container.Ready && container.RestartCount == 0 && container.State.Running != nil && container.LastTerminationState == (corev1.ContainerState{})
}

// takeTimes takes the times out of a healthy pod's status, and gives the starts of the containers that run.
func (p *pod) takeTimes(status *corev1.PodStatus) (starts []byte) {
	p.ready = status.Conditions[0].LastTransitionTime.Unix()
	status.Conditions[0].LastTransitionTime = metav1.Time{}
	for _, container := range eachStatus(status) {
		if container.State.Running != nil {
			starts = binary.AppendVarint(starts, container.State.Running.StartedAt.Unix()-p.created)
			container.State.Running = &corev1.ContainerStateRunning{}
		} else {
			container.State.Terminated = &corev1.ContainerStateTerminated{Reason: container.State.Terminated.Reason}
		}
	}
	return starts
}

// giveTimes gives a healthy pod's status the times back.
func (p *pod) giveTimes(status *corev1.PodStatus) {
	status.Conditions[0].LastTransitionTime = metav1.Unix(p.ready, 0)
	starts := []byte(p.rest())
	for _, container := range eachStatus(status) {
		if container.State.Running == nil {
			continue
		}
		after, size := binary.Varint(starts)
		starts = starts[max(size, 0):]
		container.State.Running.StartedAt = metav1.Unix(p.created+after, 0)
	}
}

// eachStatus gives the statuses of init containers and containers.
func eachStatus(status *corev1.PodStatus) iter.Seq2[int, *corev1.ContainerStatus] {
	return func(yield func(int, *corev1.ContainerStatus) bool) {
		for _, statuses := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
			for i := range statuses {
				if !yield(i, &statuses[i]) {
					return
				}
			}
		}
	}
}

// podMeta is what is read of a pod's metadata.
type podMeta struct {
	namespace, name, uid, version, marks string
	created, deleted                     int64
	controller                           controller
	last                                 bool // not a pod, but the mark behind the first ones of a watch
}

func (m *podMeta) read(message []byte) error {
	return eachField(message, func(number protowire.Number, _, value []byte) (err error) {
		switch number {
		case metaName:
			m.name = string(value)
		case metaNamespace:
			m.namespace = string(value)
		case metaUID:
			m.uid = string(value)
		case metaVersion:
			m.version = string(value)
		case metaCreated:
			m.created, err = seconds(value)
		case metaDeleted:
			m.deleted, err = seconds(value)
		case metaAnnotations:
			err = m.annotation(value)
		case metaOwnerRefs:
			var owner metav1.OwnerReference
			if err = owner.Unmarshal(value); err == nil && owner.Controller != nil && *owner.Controller {
				m.controller = controller{owner.APIVersion, owner.Kind, owner.Name, owner.UID}
			}
		}
		return err
	})
}

// annotation reads one of a pod's annotations: an entry of a map, whose key is field 1 and value field 2.
func (m *podMeta) annotation(entry []byte) error {
	var name, text []byte
	err := eachField(entry, func(number protowire.Number, _, value []byte) error {
		switch number {
		case 1:
			name = value
		case 2:
			text = value
		}
		return nil
	})
	switch string(name) {
	case v1alpha1.RemediationsAnnotation:
		m.marks = string(text)
	case metav1.InitialEventsAnnotationKey:
		m.last = string(text) == "true"
	}
	return err
}

func seconds(message []byte) (int64, error) {
	var at metav1.Time
	if err := at.Unmarshal(message); err != nil || at.IsZero() {
		return 0, err
	}
	return at.Unix(), nil
}

// workload names the object that created the pod; the pod itself when nothing controls it.
func (p *pod) workload() evidence.Workload {
	by := p.controller.Value()
	if by.uid == "" {
		return evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: p.namespace(), Name: p.name()}
	}
	return evidence.Workload{APIVersion: by.apiVersion, Kind: by.kind, Namespace: p.namespace(), Name: by.name}
}

// GetObjectMeta gives the metadata that is kept, for the cache.
func (p *pod) GetObjectMeta() metav1.Object {
	meta := p.meta()
	if p.last {
		meta.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	return &meta
}

// GetObjectKind says that the type stands nowhere: it is always the same.
func (p *pod) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject gives a copy; what it points to never changes.
func (p *pod) DeepCopyObject() runtime.Object {
	same := *p
	return &same
}

// whole gives the pod as the API has it, with what is kept. The pod is a copy.
func (p *pod) whole() (*corev1.Pod, error) {
	whole := &corev1.Pod{ObjectMeta: p.meta()}
	if p.created != 0 {
		whole.CreationTimestamp = metav1.Unix(p.created, 0)
	}
	if p.deleted != 0 {
		at := metav1.Unix(p.deleted, 0)
		whole.DeletionTimestamp = &at
	}
	if by := p.controller.Value(); by.uid != "" {
		whole.OwnerReferences = []metav1.OwnerReference{{APIVersion: by.apiVersion, Kind: by.kind, Name: by.name, UID: by.uid, Controller: new(true)}}
	}
	if marks := p.marks.Value(); marks != "" {
		whole.Annotations = map[string]string{v1alpha1.RemediationsAnnotation: marks}
	}
	if err := whole.Spec.Unmarshal([]byte(p.spec.Value())); err != nil {
		return nil, fmt.Errorf("read the cached spec of pod %s: %w", p, err)
	}
	if err := whole.Status.Unmarshal([]byte(p.status.Value())); err != nil {
		return nil, fmt.Errorf("read the cached status of pod %s: %w", p, err)
	}
	whole.Spec.NodeName = p.node.Value()
	if p.healthy {
		p.giveTimes(&whole.Status)
	}
	return whole, nil
}

// podList is a list of pods, for API servers that do not stream them.
type podList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []pod
}

// Reset makes it empty, as decoders ask for.
func (l *podList) Reset() { *l = podList{} }

// Unmarshal decodes a list from the wire.
func (l *podList) Unmarshal(message []byte) error {
	return eachField(message, func(number protowire.Number, _, value []byte) error {
		switch number {
		case 1: // metadata
			return l.ListMeta.Unmarshal(value)
		case 2: // items
			l.Items = append(l.Items, pod{})
			return l.Items[len(l.Items)-1].Unmarshal(value)
		}
		return nil
	})
}

// DeepCopyObject gives a copy.
func (l *podList) DeepCopyObject() runtime.Object {
	same := *l
	same.Items = slices.Clone(l.Items)
	return &same
}
