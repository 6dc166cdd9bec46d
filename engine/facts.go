package engine

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// factsOf lays out as facts what was observed and still matters, apart from logs.
func (h *history) facts() []catalog.Fact {
	facts := make([]catalog.Fact, 0, 2*len(h.observed.Containers)+len(h.observed.Pods)+len(h.observed.Events))
	for _, container := range h.observed.Containers {
		facts = h.containerFacts(facts, container)
	}
	facts = append(facts, h.repositoryFacts()...)
	for _, pod := range h.observed.Pods {
		facts = append(facts, h.podFacts(pod)...)
	}
	for _, event := range h.observed.Events {
		if h.eventMatters(event) {
			facts = append(facts, h.eventFact(event))
		}
	}
	for _, condition := range h.observed.Conditions {
		if condition.Type == evidence.ReplicasReady && h.knowsMore() {
			continue
		}
		facts = append(facts, catalog.Fact{
			Place: catalog.OwnerCondition, Type: condition.Type, Status: condition.Status, Reason: condition.Reason,
			Message: condition.Message, Count: 1, Source: condition.Object + " condition " + condition.Type, Time: condition.Time,
		})
	}
	for _, claim := range h.observed.Claims {
		if fact, waits := h.claimWaits(claim); waits {
			facts = append(facts, fact)
		}
	}
	facts = append(facts, h.again()...)
	if h.observed.Workload.Kind == "Node" {
		for _, node := range h.observed.Nodes {
			facts = append(append(facts, nodeFacts(node)...), h.leaseFacts(node)...)
		}
		return facts
	}
	for _, pod := range h.observed.Pods {
		facts = append(facts, h.lostNodeFacts(pod)...)
	}
	return facts
}

// knowsMore reports whether more is known of the pods of a workload than how many of them are ready: one of them, or what
// just happened.
func (h *history) knowsMore() bool {
	return len(h.observed.Pods) > 0 || slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool {
		return event.Type == corev1.EventTypeWarning || event.Time.IsZero() || h.now.Sub(event.Time) < readyPatience
	})
}

// lostNodeFacts gives what says that the node of a pod is not ready. What else is wrong with a node is not wrong with the
// pods on it.
func (h *history) lostNodeFacts(pod evidence.Pod) []catalog.Fact {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	at := slices.IndexFunc(h.observed.Nodes, func(node evidence.Node) bool { return node.Name != "" && node.Name == pod.Spec.NodeName })
	if at < 0 {
		return nil
	}
	lost := slices.DeleteFunc(nodeFacts(h.observed.Nodes[at]), func(fact catalog.Fact) bool {
		return fact.Type != string(corev1.NodeReady) || fact.Status == string(corev1.ConditionTrue)
	})
	lost = append(lost, h.leaseFacts(h.observed.Nodes[at])...)
	for i := range lost {
		lost[i].Pod = pod.Name
	}
	return lost
}

// The kubelet renews the Lease of its node every quarter of its duration of 40 seconds (k8s.io/kubernetes/pkg/kubelet,
// nodeLeaseRenewIntervalFraction, and apis/config/v1beta1/defaults.go).
const (
	leaseLasts = 40 * time.Second
	leaseFresh = leaseLasts / 2 // one renewal may be on its way
)

// leaseFacts say of a node that is not ready whether its kubelet still renews its Lease, as LeaseRenewed=False or True;
// nothing where nobody knows. A kubelet that does lives, whatever keeps the node from being ready.
func (h *history) leaseFacts(node evidence.Node) []catalog.Fact {
	at := slices.IndexFunc(node.Conditions, func(condition corev1.NodeCondition) bool { return condition.Type == corev1.NodeReady })
	if node.LeaseRenewed.IsZero() || at < 0 || node.Conditions[at].Status == corev1.ConditionTrue {
		return nil
	}
	fact := catalog.Fact{Place: catalog.NodeCondition, Type: "LeaseRenewed", Count: 1, Source: "node/" + node.Name + " lease", Time: node.LeaseRenewed}
	switch ago := h.nodesSeenAt().Sub(node.LeaseRenewed); {
	case ago >= leaseLasts:
		fact.Status = string(corev1.ConditionFalse)
		fact.Message = "its kubelet last renewed its lease " + ago.Truncate(time.Second).String() + " ago"
	case ago > -leaseLasts && ago <= leaseFresh && node.LeaseRenewed.After(node.Conditions[at].LastTransitionTime.Time):
		fact.Status = string(corev1.ConditionTrue)
		fact.Message = "its kubelet renews its lease"
	default:
		return nil
	}
	return []catalog.Fact{fact}
}

// nodesSeenAt is when the nodes were observed, or the newest time that anything tells.
func (h *history) nodesSeenAt() time.Time {
	at := h.now
	if !h.observed.ObservedAt.IsZero() {
		return at
	}
	if !h.lookup.nodesAt.IsZero() {
		return h.lookup.nodesAt
	}
	for _, node := range h.observed.Nodes {
		times := []time.Time{node.LeaseRenewed}
		for _, condition := range node.Conditions {
			times = append(times, condition.LastHeartbeatTime.Time, condition.LastTransitionTime.Time)
		}
		for _, other := range times {
			if other.After(at) {
				at = other
			}
		}
	}
	h.lookup.nodesAt = at
	return at
}

// containerFacts adds what the states of a container say.
func (h *history) containerFacts(facts []catalog.Fact, container evidence.Container) []catalog.Fact {
	fact := catalog.Fact{
		Place: catalog.ContainerState, Pod: container.Pod, Container: container.Name, Count: 1,
		Source: "pod/" + container.Pod + " container " + container.Name,
	}
	ended := func(state string, end corev1.ContainerStateTerminated) {
		fact.State, fact.Reason, fact.Message, fact.ExitCode, fact.Time = state, end.Reason, end.Message, &end.ExitCode, end.FinishedAt.Time
		fact.Ran = evidence.Ran(&end)
		facts = append(facts, fact)
		if end.Message != "" {
			left := fact
			left.Place, left.State, left.Reason, left.ExitCode = catalog.TerminationMessage, "", "", nil
			left.Source += " termination message"
			facts = append(facts, left)
		}
	}
	matters := h.containers[containerKey{container.Pod, container.Name}]
	if waiting := container.State.Waiting; waiting != nil && matters.now {
		fact.State, fact.Reason, fact.Message = catalog.Waiting, waiting.Reason, waiting.Message
		facts = append(facts, fact)
	}
	if end := container.State.Terminated; end != nil && matters.now {
		ended(catalog.Terminated, *end)
	}
	if end := container.LastState.Terminated; end != nil && matters.before {
		ended(catalog.LastTerminated, *end)
	}
	return facts
}

// repositoryFacts say of images that can't be pulled that the registry, when it was asked, had no such repository: a
// runtime often reports that in the words of a missing tag.
func (h *history) repositoryFacts() []catalog.Fact {
	var facts []catalog.Fact
	for _, container := range h.observed.Containers {
		waiting := container.State.Waiting
		if waiting == nil || waiting.Reason != "ErrImagePull" && waiting.Reason != "ImagePullBackOff" || !h.containers[containerKey{container.Pod, container.Name}].now {
			continue
		}
		name := remedy.ParseImage(container.Spec.Image).Repository()
		if slices.ContainsFunc(h.observed.Repositories, func(known evidence.Repository) bool { return known.Name == name && !known.Exists }) {
			facts = append(facts, catalog.Fact{
				Place: catalog.ContainerState, Pod: container.Pod, Container: container.Name, Count: 1, State: catalog.Waiting, Reason: waiting.Reason,
				Message: name + ": repository name not known to registry", Source: "registry, asked for " + name,
			})
		}
	}
	return facts
}

func (h *history) podFacts(pod evidence.Pod) []catalog.Fact {
	var facts []catalog.Fact
	if pod.Status.Phase == corev1.PodSucceeded || h.evictedLongAgo(pod) || h.leftOver(pod) {
		return nil
	}
	source := "pod/" + pod.Name
	if pod.Status.Reason != "" || pod.Status.Message != "" {
		facts = append(facts, catalog.Fact{
			Place: catalog.PodStatus, Pod: pod.Name, Reason: pod.Status.Reason, Message: pod.Status.Message, Count: 1, Source: source + " status",
		})
	}
	for _, condition := range pod.Status.Conditions {
		facts = append(facts, catalog.Fact{
			Place: catalog.PodCondition, Pod: pod.Name, Type: string(condition.Type), Status: string(condition.Status), Reason: condition.Reason,
			Message: condition.Message, Count: 1, Source: source + " condition " + string(condition.Type), Time: condition.LastTransitionTime.Time,
		})
	}
	if fact, unseen := h.notLookedAt(pod); unseen {
		facts = append(facts, fact)
	} else if fact, waits := h.waits(pod); waits {
		facts = append(facts, fact)
	}
	return facts
}

// notLookedAt gives the fact that no scheduler has said a word about a pod that waits for one.
func (h *history) notLookedAt(pod evidence.Pod) (catalog.Fact, bool) {
	if pod.Status.Phase != corev1.PodPending || pod.Spec.NodeName != "" || len(pod.Spec.Containers) == 0 ||
		pod.UID == "" || // a description that was cut shows no conditions either
		slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodScheduled }) {
		return catalog.Fact{}, false
	}
	for _, container := range h.containersOf(pod.Name) {
		if container.State != (corev1.ContainerState{}) {
			return catalog.Fact{}, false // a kubelet has it
		}
	}
	return catalog.Fact{
		Place: catalog.PodCondition, Pod: pod.Name, Type: string(corev1.PodScheduled), Status: string(corev1.ConditionUnknown), Count: 1,
		Source: "pod/" + pod.Name, Message: "no scheduler has set the condition PodScheduled",
	}, true
}

// taintConditions are the conditions of a node that its taints tell of
// (k8s.io/kubernetes/pkg/controller/nodelifecycle/node_lifecycle_controller.go, nodeConditionToTaintKeyStatusMap).
var taintConditions = map[string]corev1.NodeCondition{
	corev1.TaintNodeNotReady:           {Type: corev1.NodeReady, Status: corev1.ConditionFalse},
	corev1.TaintNodeUnreachable:        {Type: corev1.NodeReady, Status: corev1.ConditionUnknown},
	corev1.TaintNodeMemoryPressure:     {Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue},
	corev1.TaintNodeDiskPressure:       {Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue},
	corev1.TaintNodePIDPressure:        {Type: corev1.NodePIDPressure, Status: corev1.ConditionTrue},
	corev1.TaintNodeNetworkUnavailable: {Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionTrue},
}

func nodeFacts(node evidence.Node) []catalog.Fact {
	facts := make([]catalog.Fact, 0, len(node.Conditions))
	for _, condition := range node.Conditions {
		facts = append(facts, catalog.Fact{
			Place: catalog.NodeCondition, Type: string(condition.Type), Status: string(condition.Status), Reason: condition.Reason,
			Message: condition.Message, Count: 1, Source: "node/" + node.Name + " condition " + string(condition.Type), Time: condition.LastTransitionTime.Time,
		})
	}
	for _, taint := range node.Taints {
		told, known := taintConditions[taint.Key]
		if !known || slices.ContainsFunc(node.Conditions, func(c corev1.NodeCondition) bool { return c.Type == told.Type }) {
			continue // the condition itself says more
		}
		facts = append(facts, catalog.Fact{
			Place: catalog.NodeCondition, Type: string(told.Type), Status: string(told.Status), Count: 1,
			Source: "node/" + node.Name + " taint " + taint.Key, Message: "the node has the taint " + taint.Key + ":" + string(taint.Effect),
		})
	}
	if node.Unschedulable {
		facts = append(facts, catalog.Fact{
			Place: catalog.NodeCondition, Type: "Unschedulable", Status: "True", Count: 1, Source: "node/" + node.Name + " spec",
			Message: "the node is cordoned: spec.unschedulable is true",
		})
	}
	return facts
}

func (h *history) eventFact(event evidence.Event) catalog.Fact {
	source := "event"
	if event.Object != "" {
		source = "event about " + event.Object
	}
	return catalog.Fact{
		Place: catalog.Event, Pod: event.Pod, Container: event.Container, Reason: event.Reason, Message: event.Message,
		Count: max(int(event.Count), 1), Source: source, Time: event.Time,
	}
}

// containerReasons are reasons of events about one container, though not all of them name it
// (k8s.io/kubernetes/pkg/kubelet/events/event.go).
var containerReasons = map[string]bool{
	"Unhealthy": true, "ProbeWarning": true, "Killing": true, "BackOff": true, "Failed": true, "Pulling": true, "Pulled": true,
	"Created": true, "Started": true, "InspectFailed": true, "ErrImageNeverPull": true, "FailedPostStartHook": true,
	"FailedPreStopHook": true, "FailedPreStartHook": true,
}

// containerOf gives the container that an event is about: the one it names, in its field path or its message, or
// the only one of its pod.
func (h *history) containerOf(event evidence.Event) string {
	if event.Container != "" {
		return event.Container
	}
	if !containerReasons[event.Reason] {
		return ""
	}
	var only, named string
	count := 0
	for _, container := range h.containersMeant(event.Pod) {
		if container.Name != only {
			count++
		}
		only = container.Name
		if container.Name != "" && (names(event.Message, "ontainer ", container.Name, ' ') ||
			names(event.Message, "container=", container.Name, ' ') ||
			container.Spec.Image != "" && names(event.Message, `"`, container.Spec.Image, '"')) {
			named = container.Name
		}
	}
	if named == "" && count == 1 {
		return only
	}
	return named
}

// names reports whether a message has a name behind a word, and the byte behind the name.
func names(message, word, name string, behind byte) bool {
	for {
		at := strings.Index(message, word)
		if at < 0 {
			return false
		}
		message = message[at+len(word):]
		if len(message) > len(name) && message[:len(name)] == name && message[len(name)] == behind {
			return true
		}
	}
}

// newest gives the newest time in the evidence.
func newest(observed evidence.Evidence) time.Time {
	var latest time.Time
	see := func(at time.Time) {
		if at.After(latest) {
			latest = at
		}
	}
	for _, container := range observed.Containers {
		for _, state := range []corev1.ContainerState{container.State, container.LastState} {
			if state.Running != nil {
				see(state.Running.StartedAt.Time)
			}
			if state.Terminated != nil {
				see(state.Terminated.FinishedAt.Time)
			}
		}
	}
	for _, pod := range observed.Pods {
		see(pod.Created)
		for _, condition := range pod.Status.Conditions {
			see(condition.LastTransitionTime.Time)
		}
	}
	for _, event := range observed.Events {
		see(event.Time)
	}
	return latest
}
