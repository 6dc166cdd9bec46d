package text

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// tableRow is one row on its way to an object.
type tableRow struct {
	cells
	seen      *sighting
	namespace string // of the prompt, for tables without that column
	p         *parser
}

// metadata is what the columns of all kinds tell; false when the age is none.
func (r tableRow) metadata(namespaced bool) (metav1.ObjectMeta, bool) {
	name := r.get("NAME")
	name = name[strings.LastIndexByte(name, '/')+1:]
	m := metav1.ObjectMeta{Name: name}
	if namespaced {
		m.Namespace = r.get("NAMESPACE")
		if m.Namespace == "" {
			m.Namespace = r.namespace
		}
	}
	if labels := r.get("LABELS"); labels != "" {
		m.Labels = commaPairs(labels)
	}
	_, ok := parseAge(r.get("AGE"))
	return m, ok
}

// created sets the creation time once the moment of the table is known.
func (r tableRow) created(m *metav1.ObjectMeta) {
	ago, _ := parseAge(r.get("AGE"))
	r.seen.ago(ago, func(t time.Time) { m.CreationTimestamp = metav1.NewTime(t) })
}

// ratio reads "1/2".
func ratio(text string) (part, whole int, ok bool) {
	first, second, ok := strings.Cut(text, "/")
	n, m := intOf[int32](first), intOf[int32](second)
	if !ok || n == nil || m == nil || *n < 0 || *m < 0 {
		return 0, 0, false
	}
	return int(*n), int(*m), true
}

// maxContainers bounds how many containers of a pod are kept of what is no description of them.
const maxContainers = 1000

// maxRowContainers bounds how many containers the numbers of a row stand for.
const maxRowContainers = 32

// bytesPerContainer is how much text there is for each container that the rows of its tables claim, but for the first
// of each row: three times what an ordinary table needs.
const bytesPerContainer = 32

// fewContainers takes a ratio of containers for as much as a row is believed: the same number is missing.
func (r tableRow) fewContainers(ready, total int) (int, int) {
	missing, few := max(total-ready, 0), min(total, maxRowContainers)
	if few > 1 {
		few = max(1, min(few, len(r.p.src.text)/bytesPerContainer+maxRowContainers-r.p.claimed))
		r.p.claimed += few - 1
	}
	return max(few-missing, 0), few
}

// pod makes a pod of a row: the status that kubectl prints is put back where the API has it. Tables don't name
// containers, so the names are empty.
func (r tableRow) pod() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	ready, total, ok2 := ratio(r.get("READY"))
	restarts, ago, ok3 := parseRestarts(r.get("RESTARTS"))
	status := cmp.Or(r.get("STATUS"), r.get("PHASE"))
	if !ok && r.header.index("AGE") >= 0 || !ok2 && r.header.index("READY") >= 0 || !ok3 && r.header.index("RESTARTS") >= 0 || status == "" {
		return nil, false
	}
	ready, total = r.fewContainers(ready, total)
	pod := &corev1.Pod{ObjectMeta: m}
	r.created(&pod.ObjectMeta)
	if age, ok := parseAge(r.get("AGE")); ok {
		r.p.placed = append(r.p.placed, placement{pod: m.Name, ago: age, seen: r.seen})
	}
	pod.Spec.NodeName = r.get("NODE")
	pod.Status.NominatedNodeName = r.get("NOMINATED NODE")
	if ip := r.get("IP"); ip != "" {
		pod.Status.PodIP, pod.Status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	}
	pod.Spec.Containers = make([]corev1.Container, total)
	if total == 0 {
		pod.Spec.Containers = nil
	}
	if met, gates, ok := ratio(r.get("READINESS GATES")); ok && met < gates {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: evidence.GatesNotReady})
	}
	s := podStatus{row: r, pod: pod, ready: ready, total: total, restarts: restarts}
	s.set(status)
	if deleted := pod.DeletionTimestamp; deleted != nil {
		r.seen.ago(age{known: true}, func(t time.Time) { deleted.Time = t })
	}
	if restarts > 0 && ago.known {
		s.lastRestart(r.seen, ago)
	}
	return pod, true
}

// podStatus puts the words of the STATUS column back.
type podStatus struct {
	row          tableRow
	pod          *corev1.Pod
	ready, total int
	restarts     int32
}

// set inverts printPod of pkg/printers/internalversion of Kubernetes.
func (s podStatus) set(status string) {
	pod := &s.pod.Status
	if rest, ok := strings.CutPrefix(status, "Init:"); ok {
		s.initializing(rest)
		return
	}
	switch status {
	case "Running":
		pod.Phase = corev1.PodRunning
		s.containers(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	case "Pending":
		pod.Phase = corev1.PodPending
	case "Succeeded", "Failed":
		pod.Phase = corev1.PodPhase(status)
	case "Completed":
		pod.Phase = corev1.PodSucceeded
		s.containers(terminated("Completed"))
		if s.restarts > 0 && ofReplicaSet(s.pod.Name) || s.restarts >= manyRestarts { // its containers are always started again
			pod.Phase = corev1.PodRunning
			for i := range pod.ContainerStatuses {
				pod.ContainerStatuses[i].LastTerminationState = terminated("Completed")
			}
		}
	case "NotReady": // some containers have completed, the others run
		pod.Phase = corev1.PodRunning
		s.containers(terminated("Completed"))
	case "Terminating":
		pod.Phase = corev1.PodRunning
		s.pod.DeletionTimestamp = &metav1.Time{}
		s.containers(corev1.ContainerState{})
	case "Unknown": // of a pod that is to be deleted and whose node is lost, or of containers that were gone when their runtime came back
		pod.Phase = corev1.PodRunning
		if s.ready > 0 {
			pod.Reason = "NodeLost"
		} else {
			s.containers(terminated(status))
		}
	case "SchedulingGated":
		pod.Phase = corev1.PodPending
		pod.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated}}
	default:
		s.reason(status)
	}
}

// reason is for the words that come from a container, or from the pod's own reason.
func (s podStatus) reason(status string) {
	pod := &s.pod.Status
	switch {
	case status == "NodeLost":
		pod.Phase, pod.Reason = corev1.PodRunning, status
	case isPodReason(status):
		pod.Phase, pod.Reason = corev1.PodFailed, status
	case isTerminatedReason(status):
		pod.Phase = corev1.PodRunning
		if s.restarts == 0 && s.ready == 0 {
			pod.Phase = corev1.PodFailed
		}
		s.containers(terminated(status))
	default:
		pod.Phase = corev1.PodRunning
		if s.restarts == 0 && s.ready == 0 {
			pod.Phase = corev1.PodPending
		}
		s.containers(corev1.ContainerState{Waiting: waiting(status, "")})
	}
}

// replicaSetPod are the hash of a pod template and the random end of a name, in the letters that Kubernetes gives them
// (k8s.io/apimachinery/pkg/util/rand).
var replicaSetPod = regexp.MustCompile(`-([bcdfghjklmnpqrstvwxz2456789]{8,10})-[bcdfghjklmnpqrstvwxz2456789]{5}$`)

// ofReplicaSet reports whether a pod has the name of one that a Deployment's ReplicaSet made. A number alone is not a
// hash: those are the times of a CronJob's jobs.
func ofReplicaSet(name string) bool {
	found := replicaSetPod.FindStringSubmatch(name)
	return found != nil && strings.ContainsAny(found[1], "bcdfghjklmnpqrstvwxz")
}

// isPodReason knows the reasons of pods that the kubelet or a controller ended or never let run.
func isPodReason(status string) bool {
	switch status {
	case "Evicted", "UnexpectedAdmissionError", "NodeAffinity", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted",
		"DeadlineExceeded", "TopologyAffinityError", "SysctlForbidden", "ForbiddenSysctl", "AppArmor", "MatchNodeSelector", "HostPortConflict", "PodFitsHost", "PodFitsHostPorts", "HostName", "PodToleratesNodeTaints",
		"NodePorts", "NodeName", "TaintToleration", "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch", "InvalidNodeInfo",
		"PodLevelResourcesNotAdmittedReason", "UnsupportedPodLevelResources", "PodFeatureUnsupported", "NodeUnreachable", "DeletionByPodGC", "DeletionByTaintManager",
		"VolumeDeviceAllocateError", "AdmissionFailed":
		return true
	default:
		return strings.HasPrefix(status, "OutOf")
	}
}

func isTerminatedReason(status string) bool {
	switch status {
	case "Error", "OOMKilled", "ContainerCannotRun", "StartError", "ContainerStatusUnknown":
		return true
	default:
		return strings.HasPrefix(status, "ExitCode:") || strings.HasPrefix(status, "Signal:")
	}
}

// manyRestarts are more than what is not started again for ever gets: it ends well the first time, or within a Job's backoffLimit,
// 6 by default.
const manyRestarts = 20

// terminated is the state that a word of the STATUS column stands for.
func terminated(status string) corev1.ContainerState {
	ended := &corev1.ContainerStateTerminated{Reason: status, ExitCode: evidence.UnknownExitCode}
	switch status {
	case "Completed":
		ended.ExitCode = 0
	case "OOMKilled", "ContainerStatusUnknown":
		ended.ExitCode = 137
	case "StartError":
		ended.ExitCode = 128
	case "Unknown":
		ended.ExitCode = 255
	}
	if code, ok := strings.CutPrefix(status, "ExitCode:"); ok {
		ended.Reason = ""
		if number := intOf[int32](code); number != nil {
			ended.ExitCode = *number
		}
	}
	if signal, ok := strings.CutPrefix(status, "Signal:"); ok {
		ended.Reason = ""
		if number := intOf[int32](signal); number != nil {
			ended.Signal = *number
			ended.ExitCode = 128 + *number
		}
	}
	return corev1.ContainerState{Terminated: ended}
}

// containers gives the pod its containers: the first has the state that STATUS is about, as many as are READY
// run, and of the others nothing is known.
func (s podStatus) containers(state corev1.ContainerState) {
	statuses := make([]corev1.ContainerStatus, s.total)
	ready := s.ready
	for i := range statuses {
		// All may be ready when kubectl counts a sidecar that it does not look at for the status, or the other way round.
		if i == 0 && (s.ready < s.total || state.Waiting != nil) {
			statuses[i].State = state
			continue
		}
		if ready > 0 {
			ready--
			statuses[i].Ready = true
		}
		if state.Running != nil || statuses[i].Ready {
			statuses[i].State.Running = &corev1.ContainerStateRunning{}
		}
	}
	if len(statuses) > 0 {
		statuses[0].RestartCount = s.restarts
		s.pod.Status.ContainerStatuses = statuses
	}
}

// initializing reads what stands behind "Init:": how many of the init containers are done, or why one is not.
func (s podStatus) initializing(rest string) {
	s.pod.Status.Phase = corev1.PodPending
	s.ready = 0
	restarts := s.restarts
	s.restarts = 0
	s.containers(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}})
	if done, total, ok := ratio(rest); ok {
		done, total = s.row.fewContainers(done, total)
		s.pod.Spec.InitContainers = make([]corev1.Container, total)
		for i := range min(done+1, total) {
			status := corev1.ContainerStatus{Ready: i < done, State: terminated("Completed")}
			if i == done {
				status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
				status.RestartCount = restarts
			}
			s.pod.Status.InitContainerStatuses = append(s.pod.Status.InitContainerStatuses, status)
		}
		return
	}
	status := corev1.ContainerStatus{RestartCount: restarts}
	if isTerminatedReason(rest) {
		status.State = terminated(rest)
	} else {
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: rest}
	}
	s.pod.Spec.InitContainers = make([]corev1.Container, 1)
	s.pod.Status.InitContainerStatuses = []corev1.ContainerStatus{status}
}

// lastRestart notes when the run before ended: "5 (3m ago)".
func (s podStatus) lastRestart(seen *sighting, ago age) {
	statuses := s.pod.Status.ContainerStatuses
	if inits := s.pod.Status.InitContainerStatuses; len(inits) > 0 {
		statuses = inits[len(inits)-1:]
	}
	if len(statuses) == 0 {
		return
	}
	ended := statuses[0].LastTerminationState.Terminated
	if ended == nil {
		ended = &corev1.ContainerStateTerminated{ExitCode: evidence.UnknownExitCode}
		statuses[0].LastTerminationState.Terminated = ended
	}
	seen.ago(ago, func(t time.Time) { ended.FinishedAt = metav1.NewTime(t) })
}

// afterwards tells a row of a pod what an earlier row of the same pod, from kubectl get -w, said about how its
// run ended; since is the time between the two, less than zero when nobody knows.
func afterwards(earlier, now runtime.Object, since time.Duration) {
	before, ok1 := earlier.(*corev1.Pod)
	after, ok2 := now.(*corev1.Pod)
	if !ok1 || !ok2 {
		return
	}
	if after.DeletionTimestamp == nil && before.DeletionTimestamp != nil && len(after.Status.ContainerStatuses) > 0 && after.Status.ContainerStatuses[0].State.Terminated != nil {
		after.DeletionTimestamp = before.DeletionTimestamp // its containers end
	}
	inherit(before.Status.InitContainerStatuses, after.Status.InitContainerStatuses)
	inherit(before.Status.ContainerStatuses, after.Status.ContainerStatuses)
	if since >= 0 && since <= soonAgain && loops(before.Status.ContainerStatuses, after.Status.ContainerStatuses) {
		after.Status.ContainerStatuses[0].State = before.Status.ContainerStatuses[0].State
	}
	if ranAgain(before.Status.ContainerStatuses) && after.Status.Phase == corev1.PodSucceeded && len(after.Status.ContainerStatuses) == 1 {
		after.Status.ContainerStatuses[0].LastTerminationState = after.Status.ContainerStatuses[0].State
		after.Status.Phase = corev1.PodRunning
	}
	if restartsAlways(before.Status.ContainerStatuses) && after.Status.Phase == corev1.PodSucceeded && len(after.Status.ContainerStatuses) > 0 {
		now := &after.Status.ContainerStatuses[0]
		now.LastTerminationState, now.State = now.State, before.Status.ContainerStatuses[0].State
		after.Status.Phase = corev1.PodRunning
	}
}

// soonAgain is longer than a kubelet waits to start a container again (k8s.io/kubernetes/pkg/kubelet/kubelet.go,
// MaxCrashLoopBackOff), with a short run.
const soonAgain = 6 * time.Minute

// loops reports whether a container that waited for its next start was started, and is not ready: it will end again.
func loops(before, now []corev1.ContainerStatus) bool {
	const often = 3
	if len(before) == 0 || len(now) == 0 || now[0].Ready || now[0].State.Running == nil || now[0].RestartCount < often || now[0].RestartCount > before[0].RestartCount+1 {
		return false
	}
	waiting := before[0].State.Waiting
	return waiting != nil && waiting.Reason == "CrashLoopBackOff"
}

// restartsAlways reports whether a container waits for its next start though it ended well.
func restartsAlways(statuses []corev1.ContainerStatus) bool {
	if len(statuses) == 0 || statuses[0].State.Waiting == nil || statuses[0].State.Waiting.Reason != "CrashLoopBackOff" {
		return false
	}
	last := statuses[0].LastTerminationState.Terminated
	return last != nil && last.Reason == "Completed"
}

// ranAgain reports whether a container runs that had ended well and was started again: what is done for good is not.
func ranAgain(statuses []corev1.ContainerStatus) bool {
	if len(statuses) != 1 || statuses[0].State.Running == nil || statuses[0].RestartCount == 0 {
		return false
	}
	last := statuses[0].LastTerminationState.Terminated
	return last != nil && last.Reason == "Completed"
}

func inherit(before, after []corev1.ContainerStatus) {
	if len(before) == 0 || len(after) == 0 {
		return
	}
	ended := before[0].State.Terminated
	if now := after[0].State.Terminated; now != nil {
		if now.Reason == "Completed" && ended != nil && ended.Reason == "OOMKilled" { // printed of any that ended, while others run
			after[0].State.Terminated = ended
		}
		return
	}
	if ended == nil {
		ended = before[0].LastTerminationState.Terminated
	}
	last := after[0].LastTerminationState.Terminated
	if ended == nil || ended.Reason == "" && last != nil {
		return
	}
	if last != nil {
		last.Reason, last.ExitCode, last.Signal = ended.Reason, ended.ExitCode, ended.Signal
		return
	}
	after[0].LastTerminationState.Terminated = ended
}
