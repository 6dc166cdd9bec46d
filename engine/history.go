package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// How long what happened still matters for a container that works now.
const (
	// recentEnd: a container that ended this long ago and often is still seen as failing.
	recentEnd = time.Hour
	// recentOOM: an OOM kill comes back with the load that brought it, which may be a day's.
	recentOOM = 24 * time.Hour
	// often is how many restarts are more than a dependency that was not yet there at the start.
	often = 3
	// few restarts are what programs need that wait for others by ending.
	few = 4
	// young: a container that started this short ago may well not be ready yet.
	young = 30 * time.Second
	// flapping is how often a probe of a ready container must have failed to be more than a slow start.
	flapping = 10
	// settled: a restart's events are history once the container has run this long.
	settled = 10 * time.Minute
)

type containerKey struct{ pod, container string }

// matter says which states of a container still matter.
type matter struct {
	now    bool // the present state
	before bool // how the previous run ended
	well   bool // the container works, or ended as it should
}

// history separates what is wrong now from what was.
type history struct {
	// observed is the evidence, with the container of each event that tells it.
	observed evidence.Evidence
	// now is when the evidence was observed, or the newest time in it.
	now        time.Time
	pods       map[string]*evidence.Pod
	containers map[containerKey]matter
	// done is when each step of a pod's life last succeeded, by pod and reason of the event.
	done map[containerKey]time.Time
	// stops is when the containers of an object were asked to stop, unless they were started again.
	stops map[string]time.Time
	// kubelets is when the kubelets of objects said that they start, in order; none as a rule.
	kubelets map[string][]time.Time
	// backOffs are the objects of which a container was restarted so often, the last time a short while ago, that being
	// Ready between two restarts means nothing; none as a rule.
	backOffs map[string]bool
	// undone is when pods became no longer wanted.
	undone undone
	// probed is how often the probes of a container failed, in all events: their messages may differ.
	probed map[containerKey]int32
	lookup lookup
	// ready are the pods with a ready container, and running those that run, two of them at most.
	ready, running []string
	// ranForAWeek is whether a pod has run for a week.
	ranForAWeek bool
	// pulls is what events tell of the images of objects; nothing before it is first asked for.
	pulls map[string]*pulls
}

func newHistory(observed evidence.Evidence) *history {
	h := &history{
		observed: observed, now: observed.ObservedAt, pods: map[string]*evidence.Pod{},
		containers: map[containerKey]matter{}, done: map[containerKey]time.Time{}, probed: map[containerKey]int32{}, stops: map[string]time.Time{},
	}
	h.observed.Events = slices.Clone(observed.Events)
	for i := range h.observed.Events {
		event := &h.observed.Events[i]
		event.Container = h.containerOf(*event)
		if event.Reason == "Unhealthy" {
			h.probed[containerKey{event.Pod, event.Container}] += max(event.Count, 1)
		}
	}
	if h.now.IsZero() {
		h.now = newest(observed)
	}
	for i := range observed.Pods {
		pod := &observed.Pods[i]
		h.pods[pod.Name] = pod
		if pod.Status.Phase == corev1.PodRunning {
			if len(h.running) < 2 && !slices.Contains(h.running, pod.Name) {
				h.running = append(h.running, pod.Name)
			}
			h.ranForAWeek = h.ranForAWeek || h.madeAWeekAgo(*pod)
		}
	}
	for _, container := range observed.Containers {
		if container.Kind == evidence.App && container.Ready && container.State.Running != nil && len(h.ready) < 2 && !slices.Contains(h.ready, container.Pod) {
			h.ready = append(h.ready, container.Pod)
		}
	}
	for _, container := range observed.Containers {
		h.containers[containerKey{container.Pod, container.Name}] = h.judge(container)
	}
	for _, event := range observed.Events {
		key := containerKey{event.Object, event.Reason}
		if strings.HasPrefix(event.Message, "create Claim ") {
			continue // that is no pod
		}
		if _, seen := h.done[key]; !seen || event.Time.After(h.done[key]) {
			h.done[key] = event.Time
		}
		h.sawAgain(event)
		h.undone.saw(event)
	}
	for _, times := range h.kubelets {
		slices.SortFunc(times, time.Time.Compare)
	}
	h.sawStops()
	return h
}

// judge decides which states of a container still matter.
func (h *history) judge(container evidence.Container) matter {
	pod := h.pod(container.Pod)
	switch {
	case pod.Status.Phase == corev1.PodSucceeded:
		again := slices.ContainsFunc(h.eventsAbout(pod.Name), func(event *evidence.Event) bool { return h.restartedAlways(*pod, *event) })
		return matter{now: again, well: !again}
	case pod.Deleting, h.leftOver(*pod):
		return matter{}
	}
	recently := h.endedRecently(container) || h.killedRecently(container)
	switch {
	case container.Kind == evidence.Ephemeral && (container.State.Terminated == nil || container.State.Terminated.Reason != reasonOOMKilled):
		return matter{well: true} // a person's debugging ends as it likes
	case container.State.Waiting != nil:
		return matter{now: true, before: true}
	case container.State.Terminated != nil:
		if h.finished(container) || container.State.Terminated.Reason == reasonLost && h.replacedBy(*pod) {
			return matter{well: true}
		}
		return matter{now: true, before: true}
	case container.State.Running != nil && container.Ready:
		return matter{before: recently, well: !recently}
	default:
		return matter{now: true, before: recently}
	}
}

// reasonLost is written for a container that was gone when its pod was ended, as that of a node that was lost or of a pod that
// was evicted (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go); the pod stays until somebody deletes it.
const reasonLost = "ContainerStatusUnknown"

// replacedBy reports whether another pod of the workload is ready that may stand in for one: the pods of a StatefulSet and of a
// DaemonSet each have a place of their own.
func (h *history) replacedBy(pod evidence.Pod) bool {
	switch h.observed.Workload.Kind {
	case "StatefulSet", "DaemonSet":
		return false
	default:
		return slices.ContainsFunc(h.ready, func(other string) bool { return other != pod.Name })
	}
}

// finished reports whether a container that ended did what it should: an init container or a task that ended
// with success. The runtime's OOM verdict is a failure whatever the exit code.
func (h *history) finished(container evidence.Container) bool {
	end := container.State.Terminated
	if end.ExitCode != 0 || end.Reason == reasonOOMKilled {
		return false
	}
	if container.Kind != evidence.App || container.RestartCount == 0 {
		return true
	}
	policy := h.pod(container.Pod).Spec.RestartPolicy
	return policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure ||
		h.observed.Workload.Kind == "Job" || h.observed.Workload.Kind == "CronJob"
}

// reasonOOMKilled is written by the container runtime and copied by the kubelet
// (containerd internal/cri/server/helpers.go, CRI-O server/container_status.go).
const reasonOOMKilled = "OOMKilled"

// reasonUnknown is written for a container that was gone when its runtime came back, as after a restart of the machine
// (containerd internal/cri/server/restart.go): by itself that says nothing of the container.
const reasonUnknown = "Unknown"

// lostCode is the exit code of a container that was gone when its runtime came back, for Docker and containerd (moby
// daemon/start.go, containerd internal/cri/server/restart.go).
const lostCode = 255

// endedRecently reports whether the previous end of a running container still matters.
func (h *history) endedRecently(container evidence.Container) bool {
	last := container.LastState.Terminated
	if last == nil {
		return false
	}
	restarts := int64(container.RestartCount)
	if running := container.State.Running; last.FinishedAt.IsZero() && last.StartedAt.Unix() > 0 && running != nil && running.StartedAt.After(last.StartedAt.Time) {
		ended := *last // a description that was cut; the next run began when this one had ended
		ended.FinishedAt = running.StartedAt
		last = &ended
	}
	if last.FinishedAt.IsZero() || h.now.IsZero() {
		return !container.Ready || restarts >= often || last.Reason == reasonOOMKilled
	}
	quiet := h.now.Sub(last.FinishedAt.Time)
	// usual is the time from one restart to the next; zero when unknown.
	var usual time.Duration
	if created := h.pod(container.Pod).Created; !created.IsZero() && restarts > 0 {
		usual = last.FinishedAt.Sub(created) / time.Duration(restarts)
	}
	if h.observed.ObservedAt.IsZero() && usual > recentOOM && (last.Reason != reasonOOMKilled || restarts < often || evidence.Ran(last) > settled) {
		return false // nobody knows how long ago it was, but it was rare
	}
	lost := last.ExitCode == lostCode && (h.observed.ObservedAt.IsZero() && last.Reason == reasonUnknown || restarts < 2*often && (last.Reason == reasonUnknown || h.observed.ObservedAt.IsZero()))
	if container.Ready && last.Reason != reasonOOMKilled && (evidence.Ran(last) >= recentOOM || usual >= recentOOM && last.StartedAt.IsZero() && last.Reason == "" || lost) {
		return false // what runs for days between its restarts is no loop, nor is what went down with its machine
	}
	if h.observed.ObservedAt.IsZero() && h.cameUp(container) {
		return false
	}
	switch {
	case last.Reason == reasonOOMKilled:
		return quiet < recentOOM
	case !container.Ready:
		return quiet < recentOOM
	case last.ExitCode == 0 && restarts < 2*often:
		return false
	case restarts > 1 && last.Reason != reasonUnknown && h.unproven(container):
		return true
	case restarts <= few && usual > 0 && quiet >= max(3*usual, young):
		return false // it runs for longer by far than before
	default:
		return restarts >= often && (quiet < recentEnd || quiet < 3*usual)
	}
}

// cameUp reports whether a container that is asked whether it is ready got so after a few failures, all within the first
// minutes of its pod: it waited for others.
func (h *history) cameUp(container evidence.Container) bool {
	last, created := container.LastState.Terminated, h.pod(container.Pod).Created
	return container.Ready && container.Spec.ReadinessProbe != nil && last.Reason != reasonOOMKilled && last.ExitCode != 0 && last.ExitCode < lostCode/2 &&
		container.RestartCount <= few && !created.IsZero() && last.FinishedAt.Sub(created) < slowStart
}

// unproven reports whether a running container has not yet outlived the run that failed before.
func (h *history) unproven(container evidence.Container) bool {
	running, last := container.State.Running, container.LastState.Terminated
	if running == nil || h.observed.ObservedAt.IsZero() || last.StartedAt.Unix() <= 0 {
		return false
	}
	return h.now.Sub(running.StartedAt.Time) < 2*evidence.Ran(last)+young/2
}

// killedRecently reports whether a failed probe made the kubelet kill a container a short while ago.
func (h *history) killedRecently(container evidence.Container) bool {
	if container.RestartCount == 0 {
		return false
	}
	created := h.pod(container.Pod).Created
	young := !created.IsZero() && h.now.Sub(created) < settled
	kills := func(event *evidence.Event) bool {
		if event.Container != "" && event.Container != container.Name {
			return false
		}
		killed := event.Reason == "Killing" && (strings.Contains(event.Message, "failed liveness probe") || strings.Contains(event.Message, "failed startup probe") ||
			strings.Contains(event.Message, "is unhealthy, it will be killed")) // before 1.14
		// The kill itself may be missing from a text; a young pod restarted while the probe failed.
		failed := young && event.Reason == "Unhealthy" && event.Count > 1 && strings.HasPrefix(event.Message, "Liveness probe failed")
		return (killed || failed) && (event.Time.IsZero() || h.now.Sub(event.Time) < settled)
	}
	return slices.ContainsFunc(h.eventsAbout(container.Pod), kills) || container.Pod != "" && slices.ContainsFunc(h.eventsAbout(""), kills)
}

// forgotten reports whether a container ended so long ago, of which nothing else is known, that it does not matter.
func (h *history) forgotten() bool {
	return slices.ContainsFunc(h.observed.Containers, func(container evidence.Container) bool {
		last := container.LastState.Terminated
		return last != nil && !last.FinishedAt.IsZero() && !h.observed.ObservedAt.IsZero() && container.State == (corev1.ContainerState{}) && !h.endedRecently(container)
	})
}

// completed reports whether the workload is a task that did its work, whatever failed on the way.
func (h *history) completed() bool {
	complete := false
	for _, condition := range h.observed.Conditions { // in the order of the names of jobs, which for those of a CronJob is that of time
		switch condition.Type {
		case "Complete", "SuccessCriteriaMet", "Failed", "FailureTarget":
			if condition.Status == "True" {
				complete = condition.Type == "Complete" || condition.Type == "SuccessCriteriaMet"
			}
		}
	}
	if complete {
		return true
	}
	if h.observed.Workload.Kind != "Job" {
		return false
	}
	succeeded := false
	for _, pod := range h.observed.Pods {
		switch pod.Status.Phase {
		case corev1.PodSucceeded:
			succeeded = true
		case corev1.PodFailed:
		default:
			return false
		}
	}
	return succeeded
}

// saysReady reports whether a pod, or all containers of one whose condition Ready was cut off, are ready.
func (h *history) saysReady(pod string) bool {
	return slices.ContainsFunc(h.pod(pod).Status.Conditions, func(condition corev1.PodCondition) bool {
		return (condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady) && condition.Status == corev1.ConditionTrue
	}) && !slices.ContainsFunc(h.pod(pod).Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status != corev1.ConditionTrue
	})
}

// startupFailed begins the message of an event of a startup probe (k8s.io/kubernetes/pkg/kubelet/prober/prober.go).
const startupFailed = "Startup probe failed"

// starting reports whether a container started so short ago that an unready probe is to be expected: by its age, or
// because the time that its startup probe gives it is not over.
func (h *history) starting(container evidence.Container, event evidence.Event) bool {
	running := container.State.Running
	if event.Reason != "Unhealthy" || container.RestartCount > 0 || running == nil || h.observed.ObservedAt.IsZero() {
		return false
	}
	runs := h.now.Sub(running.StartedAt.Time) // not more than zero where the moment of observation is a guess
	if strings.HasPrefix(event.Message, startupFailed) && runs > 0 && runs < timeToStart(container.Spec.StartupProbe) {
		return true
	}
	return runs > 0 && runs < young && (h.probed[containerKey{container.Pod, container.Name}] <= often || unanswered(event.Message))
}

// unanswered reports whether a readiness probe found a program that does not answer yet, or answers that it is not ready:
// nothing but waiting comes of that. One that is asked for what it does not have would never be ready.
func unanswered(message string) bool {
	rest, readiness := strings.CutPrefix(message, "Readiness probe failed")
	return readiness && (!strings.Contains(rest, "statuscode: ") || strings.Contains(rest, "statuscode: 503"))
}

// timeToStart is how long a startup probe may fail until the kubelet kills the container; zero without one. Zeros are
// the API's defaults (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go, SetDefaults_Probe).
func timeToStart(probe *corev1.Probe) time.Duration {
	if probe == nil {
		return 0
	}
	const period, threshold = 10, 3
	seconds := int64(cmp.Or(probe.PeriodSeconds, period)) * int64(cmp.Or(probe.FailureThreshold, threshold))
	return time.Duration(seconds+int64(probe.InitialDelaySeconds)) * time.Second
}
