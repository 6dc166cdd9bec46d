package engine

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// superseded reports whether what an event tells of was undone by what came later, in another way than by the next step
// of the same pod's life.
func (h *history) superseded(event evidence.Event) bool {
	if strings.Contains(event.Message, "\n") && saysItRuns.MatchString(event.Message) || h.longAgo(event) {
		return true
	}
	switch event.Reason {
	case "Preempted": // a pod of the same name, that was made anew, has its place, or another of the same workload runs
		return !event.Time.IsZero() && (h.done[containerKey{event.Object, "Scheduled"}].After(event.Time) || h.pod(event.Pod).Created.After(event.Time) || h.anotherStarted(event)) || h.readySince(event)
	case "FailedScheduling":
		at, seen := h.turns().unqueued[event.Object]
		return seen && !at.Add(time.Minute).Before(event.Time)
	case "FailedDaemonPod":
		made := h.done[containerKey{event.Object, "SuccessfulCreate"}]
		return event.Count < often && !event.Time.IsZero() && !made.Before(event.Time) && h.now.Sub(event.Time) >= settled
	case "FailedCreate":
		return h.exists(event) || h.madeAfterAll(event) || h.emptied(event) || h.readySince(event)
	case "Shutdown":
		return h.nodeIsGone(event)
	case "NodeNotReady":
		return h.nodeIsBack(event) || h.nodeIsGone(event)
	case "Failed":
		if strings.HasSuffix(event.Message, kubeletYoung) && !event.Time.IsZero() && h.now.Sub(event.Time) >= settled/2 {
			return true
		}
		return isConfigError(event.Message) && !event.Time.IsZero() && h.done[containerKey{event.Object, "Started"}].After(event.Time) || h.goneSince(event)
	case "Unhealthy":
		return h.goneSince(event) || h.comesUp(event)
	case "BackOff", "InspectFailed":
		return h.goneSince(event) || h.initializedSince(event)
	case "TaskHung", "UnregisterNetDevice", "KernelOops": // node-problem-detector tells of each when it sees it
		return h.nodeRunsOn(event)
	default:
		return h.cameRight(event)
	}
}

// cameRight reports whether the controller of an object that is neither a pod nor a node said later that all is well with it.
func (h *history) cameRight(event evidence.Event) bool {
	if event.Type != corev1.EventTypeWarning || event.Time.IsZero() || event.Object == "" || event.Pod != "" || strings.HasPrefix(event.Object, "node/") {
		return false
	}
	return h.turns().well[event.Object].After(event.Time)
}

// anotherStarted reports whether another pod of the workload was started after one was preempted.
func (h *history) anotherStarted(event evidence.Event) bool {
	newest := h.turns().started[0]
	if newest.pod == event.Pod {
		newest = h.turns().started[1]
	}
	return event.Pod != "" && newest.at.After(event.Time)
}

// emptied reports whether what could not be made has no place because its namespace is being deleted, with the pods that were
// there.
func (h *history) emptied(event evidence.Event) bool {
	return strings.Contains(event.Message, "because it is being terminated") && h.turns().emptied
}

// maxStarts bounds the containers of a pod that are asked for one by one; few pods have as many.
const maxStarts = 64

// initializedSince reports whether the container that an event says is to be started again was one of those that others wait
// for: another, that was not there before, started later.
func (h *history) initializedSince(event evidence.Event) bool {
	waiting, starts := containerNamed(event), h.turns().starts[event.Object]
	if waiting == "" || event.Time.IsZero() || len(starts) > maxStarts {
		return false
	}
	later := false
	for name, first := range starts {
		if name == waiting {
			continue
		}
		if !first.After(event.Time) {
			return false
		}
		later = true
	}
	return later
}

// containerNamed gives the container that an event, or its message, names.
func containerNamed(event evidence.Event) string {
	if event.Container != "" {
		return event.Container
	}
	if found := begun.FindStringSubmatch(event.Message); found != nil {
		return found[2]
	}
	if rest, ok := strings.CutPrefix(event.Message, "Back-off restarting failed container "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	return ""
}

// kubeletYoung is what a kubelet says of containers in its first seconds, and then starts them
// (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go).
const kubeletYoung = "services have not yet been read at least once, cannot construct envvars"

// saysItRuns is what somebody wrote under an event of a pod that works.
var saysItRuns = regexp.MustCompile(`\n.*(?:\bReady True\b|\b(?:1/1|2/2|3/3)\b.*\bRunning\b|\bRunning\b.*\b(?:1/1|2/2|3/3)\b)`)

// longAgo reports whether what an event tells of, and would be told of again, was last seen days ago.
func (h *history) longAgo(event evidence.Event) bool {
	const days = 3 * 24 * time.Hour
	now := h.now
	if len(h.observed.Containers) == 0 && isPull(event) { // of what is known by events alone, the last of which stands for what is now
		now = h.turns().last
	}
	switch event.Reason {
	case "Unhealthy": // a probe asks every few seconds; a container that does not live is started again
		return !event.Time.IsZero() && (now.Sub(event.Time) >= days || !strings.HasPrefix(event.Message, "Liveness") && event.Count <= often && h.now.Sub(event.Time) >= time.Hour)
	case "BackOff", "Failed", "NodeNotReady":
		return !event.Time.IsZero() && now.Sub(event.Time) >= days
	default:
		return false
	}
}

// comesUp reports whether a startup probe failed once in the first minutes of a container's run: it is there so that
// a program may take its time. Nobody knows of a list without ages what came after its newest event.
func (h *history) comesUp(event evidence.Event) bool {
	const enough, firstMinutes = 1, 2 * time.Minute
	started := h.done[containerKey{event.Object, "Started"}]
	return strings.HasPrefix(event.Message, "Startup probe failed") && event.Count <= enough && !started.IsZero() &&
		!event.Time.Before(started) && h.now.After(event.Time) && h.now.Sub(started) < firstMinutes
}

// exists reports whether the pod that could not be made is there.
func (h *history) exists(event evidence.Event) bool {
	found := created.FindStringSubmatch(event.Message)
	return found != nil && h.pod(found[1]).Status.Phase == corev1.PodRunning
}

// madeAfterAll reports whether the pod that could not be made was made later.
func (h *history) madeAfterAll(event evidence.Event) bool {
	found := created.FindString(event.Message)
	if found == "" {
		return false
	}
	at, made := h.madeAt(event.Object, found)
	return made && !at.Before(event.Time)
}

// nodeRunsOn reports whether a node that something happened to once is ready, a while later.
func (h *history) nodeRunsOn(event evidence.Event) bool {
	if event.Count >= often || event.Time.IsZero() || h.now.Sub(event.Time) < settled {
		return false
	}
	_, lost := h.done[containerKey{event.Object, "NodeNotReady"}]
	return len(h.observed.Nodes) == 0 && !lost && h.now.Sub(event.Time) >= 3*settled || slices.ContainsFunc(h.observed.Nodes, func(node evidence.Node) bool {
		return slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		})
	})
}

// nodeIsGone reports whether a node that was not ready was removed a while ago, as machines are that are replaced.
func (h *history) nodeIsGone(event evidence.Event) bool {
	removed := h.done[containerKey{event.Object, "RemovingNode"}]
	if deleted := h.done[containerKey{event.Object, "DeletingNode"}]; deleted.After(removed) {
		removed = deleted
	}
	return strings.HasPrefix(event.Object, "node/") && !event.Time.IsZero() && !removed.Before(event.Time) && h.now.Sub(removed) >= settled
}

// nodeIsBack reports whether the node of a pod, of which an event says that it was not ready, is ready now.
func (h *history) nodeIsBack(event evidence.Event) bool {
	pod, known := h.pods[event.Pod]
	return known && slices.ContainsFunc(h.observed.Nodes, func(node evidence.Node) bool {
		return node.Name != "" && node.Name == pod.Spec.NodeName && slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		})
	})
}

// isConfigError reports whether the kubelet could not even put together what a container is to get: once that was
// there, the container starts (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go).
func isConfigError(message string) bool {
	rest, failed := strings.CutPrefix(message, "Error: ")
	return failed && (strings.HasPrefix(rest, "services have not yet been read") || strings.HasPrefix(rest, `configmap "`) ||
		strings.HasPrefix(rest, `secret "`) || strings.HasPrefix(rest, "couldn't find key "))
}

// toNothing is the event of a Deployment that gave up a revision, and deleted that of a ReplicaSet about a pod
// (k8s.io/kubernetes/pkg/controller/deployment/sync.go, pkg/controller/controller_utils.go).
var (
	toNothing = regexp.MustCompile(`^Scaled down replica set (\S+) to 0\b`)
	deleted   = regexp.MustCompile(`^Deleted pod: (\S+)`)
)

// goneSince reports whether the pod of an event was asked to stop after it, as one that its workload no longer wants: of
// a revision that was given up, or deleted by its controller, or of a Job that is done.
func (h *history) goneSince(event evidence.Event) bool {
	if event.Time.IsZero() {
		return false
	}
	if !h.undone.job.IsZero() && !h.undone.job.Before(event.Time) {
		return true
	}
	if event.Pod != "" && !h.undone.pods[event.Pod].Before(event.Time) {
		return true
	}
	return h.stops[event.Object].After(event.Time) && !h.undone.of(event.Pod).Before(event.Time)
}

// undone is when pods became no longer wanted: each the last time.
type undone struct {
	replicaSets map[string]time.Time // were scaled to nothing
	pods        map[string]time.Time // were deleted by a controller
	any         time.Time            // either
	job         time.Time            // was done
}

func (u *undone) saw(event evidence.Event) {
	form, at := toNothing, &u.replicaSets
	switch event.Reason {
	case "Completed":
		if event.Message == "Job completed" && event.Time.After(u.job) {
			u.job = event.Time
		}
		return
	case "ScalingReplicaSet":
	case "SuccessfulDelete":
		form, at = deleted, &u.pods
	default:
		return
	}
	found := form.FindStringSubmatch(event.Message)
	if found == nil {
		return
	}
	if *at == nil {
		*at = map[string]time.Time{}
	}
	if event.Time.After((*at)[found[1]]) {
		(*at)[found[1]] = event.Time
	}
	if event.Time.After(u.any) {
		u.any = event.Time
	}
}

// of gives when a pod, or any where it has no name, became no longer wanted.
func (u *undone) of(pod string) time.Time {
	if pod == "" {
		return u.any
	}
	last := u.pods[pod]
	for i := range pod {
		if at := u.replicaSets[pod[:i]]; pod[i] == '-' && at.After(last) {
			last = at
		}
	}
	return last
}

// allReady reports whether the counts of a workload say that all pods that it wants are ready.
func (h *history) allReady() bool {
	if h.lookup.allReady == nil {
		own, ready := strings.ToLower(h.observed.Workload.Kind)+"/", 0
		others := slices.ContainsFunc(h.observed.Conditions, func(condition evidence.Condition) bool {
			of := condition.Type == evidence.ReplicasReady && strings.HasPrefix(condition.Object, own)
			if of && condition.Status == string(corev1.ConditionTrue) {
				ready++
			}
			return of && condition.Status != string(corev1.ConditionTrue)
		})
		h.lookup.allReady = new(ready > 0 && !others)
	}
	return *h.lookup.allReady
}

// countsReady reports whether some counts say that all pods are ready that are wanted.
func (h *history) countsReady() bool {
	return slices.ContainsFunc(h.observed.Conditions, func(condition evidence.Condition) bool {
		return condition.Type == evidence.ReplicasReady && condition.Status == string(corev1.ConditionTrue)
	})
}

// readySince is allReady, of what was told of a while ago: the counts may have been printed before it.
func (h *history) readySince(event evidence.Event) bool {
	return !event.Time.IsZero() && h.now.Sub(event.Time) >= settled && h.allReady()
}

// rejects are the reasons of pods that a kubelet did not take, or gave up with its machine; their controller made others
// (k8s.io/kubernetes/pkg/kubelet/lifecycle, cm/topologymanager, cm/admission, nodeshutdown).
var rejects = map[string]bool{
	"TopologyAffinityError": true, "UnexpectedAdmissionError": true, "NodeAffinity": true, "NodePorts": true, "OutOfcpu": true, "OutOfmemory": true,
	"OutOfpods": true, "NodeShutdown": true, "Shutdown": true, "Terminated": true, "Preempting": true, "Preempted": true,
	"MatchNodeSelector": true, "HostPortConflict": true, "PodFitsHostPorts": true, "HostName": true, "Outofcpu": true,
}

// leftOver reports whether a pod that was rejected, or was made days ago and evicted, is kept until somebody deletes it, while
// its workload has all it wants.
func (h *history) leftOver(pod evidence.Pod) bool {
	const day = 24 * time.Hour
	age := time.Duration(0)
	if !pod.Created.IsZero() {
		age = h.now.Sub(pod.Created)
	}
	return pod.Status.Phase == corev1.PodFailed && (rejects[pod.Status.Reason] && age >= time.Hour || pod.Status.Reason == "Evicted" && age >= day) && h.allReady()
}

// evictedLongAgo reports whether a pod was made a week ago and evicted, nobody knows when, and another of the same
// workload has run for a week: an evicted pod is kept until somebody deletes it.
func (h *history) evictedLongAgo(pod evidence.Pod) bool {
	return h.ranForAWeek && pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == "Evicted" && pod.Status.Message == "" && h.madeAWeekAgo(pod)
}

func (h *history) madeAWeekAgo(pod evidence.Pod) bool {
	const week = 7 * 24 * time.Hour
	return !pod.Created.IsZero() && h.now.Sub(pod.Created) >= week
}
