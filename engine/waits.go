package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// How long a pod may take for a step of its start before that alone is a failure, where nothing says why: a row of
// a table, or a description without events.
const (
	// schedulerPatience: a scheduler needs milliseconds, in a storm of pods longer; an autoscaler's machine takes a few
	// minutes and says so by events.
	schedulerPatience = time.Minute
	// rowPatience is the same for a row of a table, which somebody printed because something was waited for.
	rowPatience = 10 * time.Second
	// kubeletPatience covers pulling a large image and attaching volumes.
	kubeletPatience = 10 * time.Minute
	// kubeletRowPatience is the same for a row of a table.
	kubeletRowPatience = 5 * time.Minute
	// claimPatience covers making a volume in a cloud.
	claimPatience = 5 * time.Minute
	// readyPatience covers slow programs; the kubelet's own patience is what the probes say.
	readyPatience = 5 * time.Minute
	// readyRowPatience is the same for a row of a table.
	readyRowPatience = 3 * time.Minute
	// initPatience covers init containers that migrate a database or load its backup.
	initPatience = 30 * time.Minute
)

// waits gives the fact that a pod has been in a step of its start for too long. Facts about the reason outrank it.
func (h *history) waits(pod evidence.Pod) (catalog.Fact, bool) {
	if h.now.IsZero() && !pod.Created.IsZero() || pod.Deleting {
		return catalog.Fact{}, false
	}
	eventful := h.eventful(pod)
	fact := catalog.Fact{Place: catalog.PodCondition, Pod: pod.Name, Status: string(corev1.ConditionFalse), Count: 1, Source: "pod/" + pod.Name}
	age := h.now.Sub(pod.Created).Round(time.Second)
	hasImage := func(container corev1.Container) bool { return container.Image != "" }
	described := slices.ContainsFunc(pod.Spec.Containers, hasImage) || slices.ContainsFunc(pod.Spec.InitContainers, hasImage)
	patience, ready, kubelet := rowPatience, readyRowPatience, kubeletRowPatience
	if described && pod.UID != "" {
		patience, ready, kubelet = schedulerPatience, readyPatience, kubeletPatience
	}
	var all, creating, initializing, running int
	var runs time.Duration // of the container that is not ready
	begun := false
	for _, own := range h.containersOf(pod.Name) {
		container := *own
		if container.Kind != evidence.App {
			begun = begun || container.State.Running != nil || container.State.Terminated != nil
			if running := container.State.Running; running != nil && running.StartedAt.IsZero() && !container.Ready {
				initializing++
			}
			continue
		}
		all++
		waiting := container.State.Waiting
		switch {
		case eventful && container.RestartCount < often:
			return catalog.Fact{}, false
		case h.unreadyAgain(pod, container):
			fact.Container, fact.Type = container.Name, string(corev1.PodReady)
			fact.Message = "not ready after " + strconv.Itoa(int(container.RestartCount)) + " restarts"
			if spec := container.Spec; spec.Image != "" && spec.LivenessProbe == nil && spec.ReadinessProbe == nil && spec.StartupProbe == nil {
				fact.Message = "restarted " + strconv.Itoa(int(container.RestartCount)) + " times, asked by no probe" // it would be ready
			}
			return fact, true
		case h.neverRests(pod, container):
			fact.Container, fact.Type = container.Name, string(corev1.PodReady)
			fact.Message = "restarted " + strconv.Itoa(int(container.RestartCount)) + " times in " + age.String()
			return fact, true
		case h.restartsOn(pod, container):
			fact.Container, fact.Type = container.Name, string(corev1.PodReady)
			fact.Message = "restarted " + strconv.Itoa(int(container.RestartCount)) + " times, the last time " +
				h.now.Sub(container.LastState.Terminated.FinishedAt.Time).Round(time.Second).String() + " ago"
			return fact, true
		case container.State.Running != nil && !container.Ready && container.RestartCount > 0 && h.upFor(pod, container) >= ready:
			fact.Container, fact.Type = container.Name, string(corev1.PodReady)
			fact.Message = "running and not ready, restarted " + strconv.Itoa(int(container.RestartCount)) + " times in " + age.String()
			return fact, true
		case container.RestartCount > 0:
			return catalog.Fact{}, false
		case waiting != nil && waiting.Reason == "ContainerCreating", waiting != nil && waiting.Reason == "PodInitializing" && !begun:
			creating++
		case waiting != nil && waiting.Reason != "":
			begun = true // a kubelet has it
		case container.State.Running != nil && !container.Ready:
			running++
			if started := container.State.Running.StartedAt; !started.IsZero() {
				runs = max(runs, h.now.Sub(started.Time).Round(time.Second))
			}
		}
	}
	if eventful {
		return catalog.Fact{}, false
	}
	scheduled := begun || pod.Spec.NodeName != "" || slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionTrue
	})
	switch {
	case pod.Created.IsZero() && pod.Status.Phase == corev1.PodPending && !scheduled && creating == 0 && (described || h.othersRun(pod) || len(pod.Spec.Containers) == 0):
		fact.Type, fact.Message = string(corev1.PodScheduled), "pending without a node" // a description says no age
	case pod.Created.IsZero() && running > 0 && runs >= readyPatience && pod.Status.Phase != corev1.PodPending:
		fact.Type, fact.Message = string(corev1.PodReady), "running and not ready for "+runs.String()
	case pod.Created.IsZero():
		return catalog.Fact{}, false
	case pod.Status.Phase == corev1.PodPending && !scheduled && creating == 0 && age >= patience:
		fact.Type, fact.Message = string(corev1.PodScheduled), "pending without a node for "+age.String()
	case creating == 0 && running == 0 && initializing > 0 && pod.Status.Phase == corev1.PodPending && age >= initPatience:
		fact.Type, fact.Message = string(corev1.PodInitialized), "initializing for "+age.String()
	case creating > 0 && age >= kubelet:
		fact.Type, fact.Message = string(corev1.PodReadyToStartContainers), "containers in creation for "+age.String()
	case all > 0 && running > 0 && pod.Status.Phase == corev1.PodRunning && age >= ready:
		fact.Type, fact.Message = string(corev1.PodReady), "running and not ready for "+age.String()
	case gated(pod) && pod.Status.Phase == corev1.PodRunning && age >= ready:
		fact.Type, fact.Message = string(corev1.PodReady), "running and not ready for "+age.String()
	case running > 0 && described && pod.Status.Phase == corev1.PodRunning && h.observed.ObservedAt.IsZero():
		// Nobody knows how long ago the newest time of a description was. Events are kept for an hour
		// (kube-apiserver --event-ttl), so one without any is not of a start.
		fact.Type, fact.Message = string(corev1.PodReady), "running and not ready, without an event"
	default:
		return catalog.Fact{}, false
	}
	return fact, true
}

// gated reports whether the containers of a pod are ready and a readiness gate is not met.
func gated(pod evidence.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionFalse && condition.Reason == evidence.GatesNotReady
	})
}

// upFor gives how long a container has run since its last restart: where nobody knows, as long as each of its runs took.
func (h *history) upFor(pod evidence.Pod, container evidence.Container) time.Duration {
	if running := container.State.Running; running != nil && !running.StartedAt.IsZero() {
		return h.now.Sub(running.StartedAt.Time)
	}
	if last := container.LastState.Terminated; last != nil && !last.FinishedAt.IsZero() {
		return h.now.Sub(last.FinishedAt.Time)
	}
	if pod.Created.IsZero() {
		return 0
	}
	return h.now.Sub(pod.Created) / time.Duration(container.RestartCount+1)
}

// unreadyAgain reports whether a container of which only is known how often it was restarted, and how long ago, runs and is
// not ready: after several restarts, or in a pod that has not got ready in all the time that it needs.
func (h *history) unreadyAgain(pod evidence.Pod, container evidence.Container) bool {
	last := container.LastState.Terminated
	if container.State.Running == nil || container.Ready || last != nil && last.ExitCode != evidence.UnknownExitCode || container.RestartCount == 0 {
		return false
	}
	age := h.now.Sub(pod.Created)
	return container.RestartCount >= often || !pod.Created.IsZero() && age >= readyPatience && age <= recentEnd
}

// restartsOn reports whether a container of which a row says only how often it was restarted and how long ago, was so just
// now, and runs for no longer than that each time.
func (h *history) restartsOn(pod evidence.Pod, container evidence.Container) bool {
	last := container.LastState.Terminated
	if container.RestartCount < often || container.State.Running == nil || last == nil || last.ExitCode != evidence.UnknownExitCode || last.FinishedAt.IsZero() || pod.Created.IsZero() {
		return false
	}
	if container.Ready && container.RestartCount < 2*often {
		return false // it may have waited for others, and works now
	}
	usual := last.FinishedAt.Sub(pod.Created) / time.Duration(container.RestartCount)
	return usual > 0 && usual <= settled && h.now.Sub(last.FinishedAt.Time) < usual
}

// neverRests reports whether a container of which only is known how often it was restarted was so all the time: each
// time within little more than the longest back-off (k8s.io/kubernetes/pkg/kubelet/kubelet.go, MaxCrashLoopBackOff: 5
// minutes).
func (h *history) neverRests(pod evidence.Pod, container evidence.Container) bool {
	const many, period = 100, 10 * time.Minute
	return container.RestartCount >= many && container.State.Running != nil && container.LastState.Terminated == nil && !pod.Created.IsZero() &&
		h.now.Sub(pod.Created)/time.Duration(container.RestartCount) <= period
}

// othersRun reports whether another pod of the workload runs: this one waits for something then.
func (h *history) othersRun(pod evidence.Pod) bool {
	return slices.ContainsFunc(h.running, func(other string) bool { return other != pod.Name })
}

// eventful reports whether events tell how a pod does: unless all are those of a normal start that is over, one that
// runs and is not ready though nothing has happened since, or the only one is that it was given to its node long ago.
func (h *history) eventful(pod evidence.Pod) bool {
	tells := func(event *evidence.Event) bool {
		if event.Reason == "FailedMount" && strings.HasSuffix(event.Message, " cache: timed out waiting for the condition") {
			return false // as at many a start; how long it takes tells more
		}
		if event.Reason == "Scheduled" && !event.Time.IsZero() && h.now.Sub(event.Time) >= kubeletPatience {
			return false // and nothing since
		}
		return event.Type == corev1.EventTypeWarning || pod.Status.Phase != corev1.PodRunning || event.Time.IsZero() || h.now.Sub(event.Time) < readyPatience
	}
	return slices.ContainsFunc(h.eventsAbout(pod.Name), tells) || pod.Name != "" && slices.ContainsFunc(h.eventsAbout(""), tells)
}

// claimWaits gives the fact that a claim has lost its volume, or has been without one for long and nobody says why.
func (h *history) claimWaits(claim evidence.Claim) (catalog.Fact, bool) {
	age := h.now.Sub(claim.Created).Round(time.Second)
	name := cmp.Or(claim.Name, "(unnamed)") // its head may have been cut off
	if claim.Phase == string(corev1.ClaimLost) {
		return catalog.Fact{
			Place: catalog.OwnerCondition, Type: "ClaimPending", Status: string(corev1.ConditionTrue), Count: 1,
			Source: "persistentvolumeclaim/" + claim.Name, Message: "claim " + name + " has lost its volume",
		}, true
	}
	aged := !claim.Created.IsZero() && !h.now.IsZero()
	switch {
	case claim.Phase != string(corev1.ClaimPending), aged && age < claimPatience,
		slices.ContainsFunc(h.eventsOf("persistentvolumeclaim/"+claim.Name), func(event *evidence.Event) bool { return !h.waitsForConsumer(*event) }):
		return catalog.Fact{}, false
	}
	fact := catalog.Fact{
		Place: catalog.OwnerCondition, Type: "ClaimPending", Status: string(corev1.ConditionTrue), Count: 1,
		Source: "persistentvolumeclaim/" + claim.Name, Message: "claim " + name + " has no volume",
	}
	if aged {
		fact.Message += " after " + age.String()
	}
	return fact, true
}

// waitsForConsumer reports whether an event says that a claim waits for a pod, though a pod uses it and has done so for more
// than a scheduler needs: the controller looks every 15 seconds (k8s.io/kubernetes/pkg/controller/volume/persistentvolume,
// PVClaimBinderSyncPeriod).
func (h *history) waitsForConsumer(event evidence.Event) bool {
	const looks = 5
	return event.Reason == "WaitForFirstConsumer" && event.Count >= looks && slices.ContainsFunc(h.observed.Pods, func(pod evidence.Pod) bool {
		return !pod.Deleting && pod.Spec.NodeName == "" && (pod.Created.IsZero() || h.now.Sub(pod.Created) >= schedulerPatience)
	})
}
