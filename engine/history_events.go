package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// supersedes says which later success makes a failure in the steps of a pod's life history, by the reasons of
// the events.
var supersedes = map[string][]string{
	"FailedScheduling":       {"Scheduled", "SuccessfulAttachVolume", "Pulling", "Pulled", "Created", "Started"},
	"NotTriggerScaleUp":      {"Scheduled", "SuccessfulAttachVolume", "Pulling", "Pulled", "Created", "Started"},
	"Unschedulable":          {"Scheduled", "SuccessfulAttachVolume", "Pulling", "Pulled", "Created", "Started"}, // of a group of pods
	"FailedMount":            {"Started", "Created", "Pulled", "Pulling", "SuccessfulMountVolume"},
	"FailedAttachVolume":     {"Started", "Created", "Pulled", "Pulling", "SuccessfulAttachVolume"},
	"FailedCreatePodSandBox": {"Started", "Created", "Pulled", "Pulling"},
	"NetworkNotReady":        {"Started", "Created", "Pulled", "Pulling"},
	"FailedCreate":           {"SuccessfulCreate"},
	"ReplicaSetCreateError":  {"ScalingReplicaSet"},
	"ProvisioningFailed":     {"ProvisioningSucceeded"},
	"ExternalProvisioning":   {"ProvisioningSucceeded"},
	"FailedBinding":          {"ProvisioningSucceeded"},
	"Pending":                {"QuotaReserved", "Admitted"}, // of a workload of Kueue
	"DeletingNode":           {"RegisteredNode", "NodeReady"},
	"RemovingNode":           {"RegisteredNode", "NodeReady"},
	"ResizeDeferred":         {"ResizeStarted", "ResizeCompleted"},
	"ResizeInfeasible":       {"ResizeStarted", "ResizeCompleted"},
	"VolumeResizeFailed":     {"VolumeResizeSuccessful", "FileSystemResizeRequired", "FileSystemResizeSuccessful"},
}

// recovers says which event of a node tells that what another told is over.
var recovers = map[string]string{
	"NodeNotReady":              "NodeReady",
	"Rebooted":                  "NodeReady",
	"NodeHasDiskPressure":       "NodeHasNoDiskPressure",
	"FreeDiskSpaceFailed":       "NodeHasNoDiskPressure",
	"ImageGCFailed":             "NodeHasNoDiskPressure",
	"NodeHasInsufficientMemory": "NodeHasSufficientMemory",
	"NodeHasInsufficientPID":    "NodeHasSufficientPID",
}

// recovered reports whether a node is past what an event about it tells. One that comes and goes is not, unless it has
// been well for long.
func (h *history) recovered(event evidence.Event) bool {
	well, known := recovers[event.Reason]
	if event.Reason == "EvictionThresholdMet" {
		well, known = "NodeHasNoDiskPressure", true
		if strings.HasSuffix(event.Message, " memory") {
			well = "NodeHasSufficientMemory"
		} else if strings.HasSuffix(event.Message, " pids") {
			well = "NodeHasSufficientPID"
		}
	}
	if !known || !strings.HasPrefix(event.Object, "node/") && event.Pod != "" {
		return false
	}
	at, seen := h.done[containerKey{event.Object, well}]
	if seen && at.IsZero() && event.Time.IsZero() { // a list without times is in their order
		return h.laterInList(event, well)
	}
	since := young / 2
	if event.Count >= often {
		since = 3 * settled
	}
	from := event.Time
	if event.Reason == "Rebooted" { // a kubelet tells of both as it starts
		from = from.Add(-time.Minute)
	}
	if event.Reason == "Rebooted" && !event.Time.IsZero() && h.now.Sub(event.Time) >= 3*settled {
		return true // it would not be ready by now for another reason, which other events tell
	}
	if event.Reason == "Rebooted" && h.neverLeft(event) {
		return true
	}
	return seen && !at.IsZero() && !at.Before(from) && h.now.Sub(at) >= since
}

// laterInList reports whether the last event of a reason stands behind the last of another's about the same object.
func (h *history) laterInList(event evidence.Event, reason string) bool {
	return h.inList(event.Object, reason) > h.inList(event.Object, event.Reason)
}

// inList gives the place of the last event of a reason about an object, from 1; 0 where there is none.
func (h *history) inList(object, reason string) int {
	if h.lookup.order == nil {
		h.lookup.order = map[containerKey]int{}
		for i, other := range h.observed.Events {
			h.lookup.order[containerKey{other.Object, other.Reason}] = i + 1
		}
	}
	return h.lookup.order[containerKey{object, reason}]
}

// neverLeft reports whether a machine that was rebooted was back before anybody missed its node, as far as the events tell:
// its kubelet says how it does, and nothing says that the node is not ready.
func (h *history) neverLeft(event evidence.Event) bool {
	if _, missed := h.done[containerKey{event.Object, "NodeNotReady"}]; missed || slices.ContainsFunc(h.observed.Nodes, func(node evidence.Node) bool {
		return slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue
		})
	}) {
		return false
	}
	reboots := int32(0)
	for _, other := range h.eventsOf(event.Object) {
		if other.Reason == event.Reason && h.now.Sub(other.Time) <= recentEnd {
			reboots += max(other.Count, 1)
		}
	}
	if reboots >= often {
		return false
	}
	enough, seen := h.done[containerKey{event.Object, "NodeHasSufficientMemory"}]
	return seen && !enough.Add(time.Minute).Before(event.Time) || h.now.Sub(event.Time) >= settled/2
}

// eventMatters reports whether an event, one of h.observed, tells of something that is still so.
func (h *history) eventMatters(event evidence.Event) bool {
	reason := event.Reason
	if at, seen := h.done[containerKey{event.Object, "SuccessfulMountVolume"}]; reason == "FailedSync" && (seen && at.After(event.Time) && !event.Time.IsZero() || strings.Contains(event.Message, "waiting for volumes to attach")) {
		reason = "FailedMount" // which kubelets before 1.10 told of like this as well
	}
	for _, success := range supersedes[reason] {
		at, seen := h.done[containerKey{event.Object, success}]
		if !seen || at.Before(event.Time) {
			continue
		}
		// Ages are coarse: of what failed often, a success of the same minute may have been one between two failures, or
		// before the first, as kubectl prints what happened last at the end.
		if event.Reason != "FailedCreate" || !at.Equal(event.Time) || event.Count < 10*flapping && !h.saidLast(event, success) {
			return false
		}
	}
	if leaves[event.Reason] && h.takenOut(event) {
		return false
	}
	if (event.Reason == "DeletingNode" || event.Reason == "RemovingNode") && !event.Time.IsZero() && h.now.Sub(event.Time) >= settled {
		return false // its pods have been elsewhere since; those that found no room say so
	}
	if event.Reason == "Starting" && strings.HasPrefix(event.Message, kubeletStarts) && !h.kubeletStartsOn(event) {
		return false
	}
	if h.bound(event.Object) || h.recovered(event) || h.overcome(event) || h.cameBack(event) || h.attached(event) || h.pulledLater(event) || h.superseded(event) {
		return false
	}
	pod, known := h.pods[event.Pod]
	if !known {
		return h.mattersUnseen(event)
	}
	if pod.Deleting && (event.Reason == "TaintManagerEviction" || event.Reason == "NodeNotReady") && h.replacedBy(*pod) {
		return false
	}
	if pod.Status.Phase == corev1.PodSucceeded {
		// A program that ends well when it is evicted did not do its work, and one that is restarted after it is no task.
		return event.Reason == "Evicted" || h.restartedAlways(*pod, event)
	}
	if _, step := supersedes[event.Reason]; step {
		return !h.started(*pod, event.Reason) && !pod.Deleting
	}
	if !containerReasons[event.Reason] {
		return true
	}
	if pod.Deleting {
		return false
	}
	return h.containerEventMatters(event)
}

// takenOut reports whether a node was taken out of service before what an event tells of it: by whoever cordoned and deleted
// it, by Karpenter (sigs.k8s.io/karpenter, pkg/controllers/node/termination and interruption), or by the handlers of clouds for
// machines that they take back, upgrade or no longer need.
func (h *history) takenOut(event evidence.Event) bool {
	at := func(reason string) time.Time { return h.done[containerKey{event.Object, reason}] }
	var back time.Time
	for _, reason := range comesBack {
		if at(reason).After(back) {
			back = at(reason)
		}
	}
	before := func(reason string) bool {
		told := at(reason)
		if event.Time.IsZero() { // a list without times is in their order
			began := h.inList(event.Object, reason)
			return began > 0 && told.IsZero() && began < h.inList(event.Object, event.Reason) && !slices.ContainsFunc(comesBack, func(back string) bool { return h.inList(event.Object, back) > began })
		}
		return !told.IsZero() && !told.After(event.Time) && !told.Before(back)
	}
	cordoned := at("NodeNotSchedulable")
	return before("NodeNotSchedulable") && !(at("DeletingNode").Before(cordoned) && at("RemovingNode").Before(cordoned)) || slices.ContainsFunc([]string{"InstanceTerminating", "DisruptionTerminating", "CordonAndDrain", "SpotInterruption", "TerminatingOnInterruption", "Drain", "ScaleDown"}, before)
}

// comesBack are the reasons of the events of a node that takes pods again.
var comesBack = []string{"NodeSchedulable", "RegisteredNode", "NodeReady"}

// leaves are the reasons of the events of a node that goes.
var leaves = map[string]bool{"NodeNotReady": true, "DeletingNode": true, "RemovingNode": true}

// kubeletStarts begins the message of an event of a kubelet (k8s.io/kubernetes/pkg/kubelet/kubelet.go, BirthCry).
const kubeletStarts = "Starting kubelet"

// kubeletStartsOn reports whether the kubelet that says so started again and again within a short time.
func (h *history) kubeletStartsOn(event evidence.Event) bool {
	const enough, within = 4, 5 * time.Minute // a node that joins starts its kubelet two or three times
	times := h.kubelets[event.Object]
	first, _ := slices.BinarySearchFunc(times, event.Time.Add(-within), time.Time.Compare)
	last := first + enough - 1
	return last < len(times) && !times[last].After(event.Time.Add(within))
}

// sawAgain notes what an event tells of restarts.
func (h *history) sawAgain(event evidence.Event) {
	switch {
	case event.Reason == "Starting" && strings.HasPrefix(event.Message, kubeletStarts):
		if h.kubelets == nil {
			h.kubelets = map[string][]time.Time{}
		}
		h.kubelets[event.Object] = append(h.kubelets[event.Object], event.Time)
	case event.Reason == "BackOff" && strings.HasPrefix(event.Message, "Back-off restarting") && event.Count >= flapping &&
		!event.Time.IsZero() && h.now.Sub(event.Time) < settled:
		if h.backOffs == nil {
			h.backOffs = map[string]bool{}
		}
		h.backOffs[event.Object] = true
	}
}

// saidLast reports whether a failure, of some minutes ago, is told of behind all successes of a step.
func (h *history) saidLast(event evidence.Event, success string) bool {
	failed, succeeded := 0, 0
	for i, other := range h.eventsOf(event.Object) {
		if other.Reason == success {
			succeeded = i
		} else if other.Reason == event.Reason && other.Message == event.Message {
			failed = i
		}
	}
	return failed > succeeded && h.now.Sub(event.Time) >= settled
}

// restartedAlways reports whether an event tells that a pod is restarted which seems to have succeeded: kubectl
// prints Completed also for a container that ended well and waits for its next start.
func (h *history) restartedAlways(pod evidence.Pod, event evidence.Event) bool {
	backOff := event.Reason == "BackOff" && strings.HasPrefix(event.Message, "Back-off restarting") && event.Count >= flapping
	killed := event.Reason == "Killing" && strings.HasSuffix(event.Message, "will be restarted") && event.Count > 1
	if !backOff && !killed || event.Time.IsZero() || h.now.Sub(event.Time) >= settled {
		return false
	}
	policy, kind := pod.Spec.RestartPolicy, h.observed.Workload.Kind
	return (policy == "" || policy == corev1.RestartPolicyAlways) && kind != "Job" && kind != "CronJob"
}

// mattersUnseen judges events about a pod of which nothing else is known: those of a pod that was replaced are history.
func (h *history) mattersUnseen(event evidence.Event) bool {
	if event.Pod != "" && len(h.ready) > 0 {
		leaving := event.Reason == "TaintManagerEviction" || event.Reason == "NodeNotReady"
		if event.Reason == "FailedKillPod" || leaving && !event.Time.IsZero() && h.now.Sub(event.Time) >= settled/2 {
			return false // it left a while ago, and others of the workload are ready
		}
	}
	if event.Pod != "" && containerReasons[event.Reason] {
		switch {
		case len(h.observed.Pods) > 0: // the workload's pods were observed, and this one is gone, unless the rows above it were cut off
			_, stops := h.stops[event.Object]
			return event.Reason == "Unhealthy" && event.Count >= 10*flapping && !stops && !event.Time.IsZero() && h.now.Sub(event.Time) < settled/2
		case event.Reason == "Unhealthy" && event.Count < flapping && (h.rolledOut() || h.readySince(event)):
			return false // a slow start that the rollout waited for
		}
	}
	return h.goesOn(event)
}

// goesOn judges an event about a container of which nothing else is known: those of pulling and starting are history once a
// later start succeeded, and those of probes once it was asked to stop.
func (h *history) goesOn(event evidence.Event) bool {
	if event.Reason == "Unhealthy" && h.stopped(event) {
		return false
	}
	if event.Time.IsZero() {
		return true
	}
	if lost := event.Reason == "NodeNotReady" && event.Pod != ""; lost || event.Reason == "BackOff" && !isPull(event) {
		// What ends again is told of every few minutes, and a pod that stays on a lost node is to be deleted after five.
		if h.now.Sub(event.Time) >= 3*settled && !(lost && h.marked(event.Object)) {
			return false
		}
	}
	if event.Reason != "Failed" && event.Reason != "BackOff" {
		return true
	}
	started, seen := h.done[containerKey{event.Object, "Started"}]
	if seen && isPull(event) && !started.Before(event.Time) && h.now.Sub(event.Time) >= settled/2 {
		return false // what can't be pulled is tried again, and told of, every five minutes at least (MaxContainerBackOff)
	}
	if runs := h.now.Sub(started); seen && event.Reason == "BackOff" && !started.Before(event.Time) && (runs >= 3*settled || runs >= max(settled, 2*h.usualRun(event.Object))) {
		return false // as is what ends again
	}
	return !seen || started.Sub(event.Time) < settled
}

// marked reports whether a pod was to be deleted for what is wrong with its node.
func (h *history) marked(object string) bool {
	_, marked := h.done[containerKey{object, "TaintManagerEviction"}]
	return marked
}

// usualRun gives how long it took from one start of an object's only container to the next; where nobody knows, a minute more
// than the longest back-off (k8s.io/kubernetes/pkg/kubelet/kubelet.go, MaxCrashLoopBackOff).
func (h *history) usualRun(object string) time.Duration {
	const unknown = 6 * time.Minute
	for _, event := range h.eventsOf(object) {
		if event.Reason == "Started" && !event.Time.IsZero() {
			return cmp.Or(period(*event), unknown)
		}
	}
	return unknown
}

// attached reports whether what a pod waited for in vain, a volume to be attached or mounted, was attached later.
func (h *history) attached(event evidence.Event) bool {
	return event.Reason == "FailedMount" && strings.HasPrefix(event.Object, "pod/") && strings.HasPrefix(event.Message, "Unable to attach or mount volumes") &&
		!event.Time.IsZero() && h.done[containerKey{event.Object, "SuccessfulAttachVolume"}].After(event.Time)
}

// cameBack reports whether a pod was started again after its node was not ready, or nobody wants to delete it for that any more
// (k8s.io/kubernetes/pkg/controller/tainteviction/taint_eviction.go).
func (h *history) cameBack(event evidence.Event) bool {
	if event.Reason != "NodeNotReady" && event.Reason != "TaintManagerEviction" || !strings.HasPrefix(event.Object, "pod/") {
		return false
	}
	return !event.Time.IsZero() && h.done[containerKey{event.Object, "Started"}].After(event.Time) || slices.ContainsFunc(h.eventsOf(event.Object), func(other *evidence.Event) bool {
		return other.Reason == "TaintManagerEviction" && strings.HasPrefix(other.Message, "Cancelling deletion of Pod") && !other.Time.Before(event.Time)
	})
}

// rolledOut reports whether a Deployment's last rollout is complete and enough of its pods are available
// (k8s.io/kubernetes/pkg/controller/deployment/util/deployment_util.go, NewRSAvailableReason).
func (h *history) rolledOut() bool {
	available, complete := false, false
	for _, condition := range h.observed.Conditions {
		available = available || condition.Type == "Available" && condition.Status == "True"
		complete = complete || condition.Type == "Progressing" && condition.Reason == "NewReplicaSetAvailable"
	}
	return available && complete
}

// started reports whether a pod is past the step that an event of the reason is about.
func (h *history) started(pod evidence.Pod, reason string) bool {
	if reason == "FailedScheduling" || reason == "NotTriggerScaleUp" {
		if pod.Spec.NodeName != "" {
			return true
		}
	}
	for _, container := range h.containersOf(pod.Name) {
		if container.Kind == evidence.Init && container.State.Running != nil && container.State.Running.StartedAt.IsZero() {
			continue // Init:0/1 is printed of one that has not begun as well
		}
		if container.State.Running != nil || container.State.Terminated != nil || container.RestartCount > 0 {
			return true
		}
	}
	return false
}

// containerEventMatters judges an event about one container of an observed pod.
func (h *history) containerEventMatters(event evidence.Event) bool {
	judged, well := 0, 0
	known := h.knownState(event.Pod)
	for _, container := range h.containersOf(event.Pod) {
		if event.Container != "" && container.Name != event.Container || !known {
			continue
		}
		judged++
		if h.containers[containerKey{container.Pod, container.Name}].well || h.starting(*container, event) {
			well++
		}
	}
	if judged == 0 && h.saysReady(event.Pod) && !h.backOffs[event.Object] {
		judged, well = 1, 1 // its containers were cut off
	}
	if judged == 0 {
		return h.goesOn(event)
	}
	if well < judged {
		return true
	}
	if strings.HasPrefix(event.Message, startupFailed) {
		return false // it fails until the program has started, as often as that takes
	}
	silent := h.now.Sub(event.Time)
	return event.Reason == "Unhealthy" && h.probed[containerKey{event.Pod, event.Container}] >= flapping && !event.Time.IsZero() && silent < settled/2 &&
		(period(event) == 0 || silent < manyPeriods*period(event))
}
