package text

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// pod makes the pod of a description.
func (d described) pod() *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: d.metadata()}
	d.podSpec(&pod.Spec, d.root)
	d.podStatus(&pod.Status)
	pod.Spec.Priority = intOf[int32](d.root.value("Priority"))
	if node, ip, ok := strings.Cut(d.root.value("Node"), "/"); ok {
		pod.Spec.NodeName, pod.Status.HostIP = node, ip
	} else {
		pod.Spec.NodeName = d.root.value("Node")
	}
	if status := d.root.value("Status"); strings.HasPrefix(status, "Terminating") {
		d.terminating(&pod.ObjectMeta, status)
		pod.Status.Phase = corev1.PodRunning // it had begun at least; kubectl hides the phase of a pod that is deleted
		if pod.Spec.NodeName == "" {
			pod.Status.Phase = corev1.PodPending
		}
	} else {
		pod.Status.Phase = corev1.PodPhase(status)
	}
	if profile := d.root.value("SeccompProfile"); profile != "" {
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{SeccompProfile: seccomp(profile, d.root.value("LocalhostProfile"))}
	}
	pod.Status.InitContainerStatuses = d.statuses(d.root.find("Init Containers"))
	pod.Status.ContainerStatuses = d.statuses(d.root.find("Containers"))
	pod.Status.EphemeralContainerStatuses = d.statuses(d.root.find("Ephemeral Containers"))
	for _, c := range containers(d.root.find("Ephemeral Containers")) {
		pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(c)})
	}
	markSidecars(pod)
	return pod
}

func seccomp(kind, localhost string) *corev1.SeccompProfile {
	profile := &corev1.SeccompProfile{Type: corev1.SeccompProfileType(kind)}
	if localhost != "" {
		profile.LocalhostProfile = &localhost
	}
	return profile
}

// metadata are the fields that descriptions of all kinds have.
func (d described) metadata() metav1.ObjectMeta {
	meta := metav1.ObjectMeta{
		Name: d.root.value("Name"), Namespace: d.root.value("Namespace"),
		Labels: d.root.find("Labels").pairs(), Annotations: d.root.find("Annotations").annotations(),
	}
	if len(meta.Annotations) == 0 {
		meta.Annotations = nil
	}
	if created := d.time(d.root.value("CreationTimestamp")); created != nil {
		meta.CreationTimestamp = *created
	}
	owner := d.root.value("Controlled By")
	if owner == "" {
		owner, _, _ = strings.Cut(d.root.value("Controllers"), " ")
	}
	if kind, name, ok := strings.Cut(owner, "/"); ok {
		meta.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersionOf(kind), Kind: kind, Name: name, UID: types.UID(""), Controller: new(true)}}
	}
	return meta
}

// apiVersionOf is the version of the kinds that own pods; empty for others.
func apiVersionOf(kind string) string {
	switch kind {
	case "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet":
		return "apps/v1"
	case "Job", "CronJob":
		return "batch/v1"
	case "ReplicationController", "Node":
		return "v1"
	default:
		return ""
	}
}

// terminating reads "Terminating (lasts 3m)": how long ago the object should have been gone.
func (d described) terminating(meta *metav1.ObjectMeta, status string) {
	meta.DeletionTimestamp = &metav1.Time{}
	_, lasts, _ := strings.Cut(status, "(lasts ")
	ago, ok := parseAge(strings.TrimSuffix(lasts, ")"))
	if !ok || !ago.known {
		ago = age{known: true}
	}
	d.seen.ago(ago, func(t time.Time) { meta.DeletionTimestamp.Time = t })
	meta.DeletionGracePeriodSeconds = intOf[int64](strings.TrimSuffix(d.root.value("Termination Grace Period"), "s"))
}

// podSpec reads what descriptions of pods and of pod templates have in common.
func (d described) podSpec(spec *corev1.PodSpec, from *section) {
	spec.InitContainers = containers(from.find("Init Containers"))
	spec.Containers = containers(from.find("Containers"))
	spec.Volumes = volumes(from.find("Volumes"))
	spec.NodeSelector = from.find("Node-Selectors").pairs()
	spec.ServiceAccountName = from.value("Service Account")
	spec.PriorityClassName = from.value("Priority Class Name")
	if spec.PriorityClassName == "" {
		spec.PriorityClassName = from.value("PriorityClassName")
	}
	if class := from.value("Runtime Class Name"); class != "" {
		spec.RuntimeClassName = &class
	}
	for _, line := range from.find("Tolerations").list() {
		spec.Tolerations = append(spec.Tolerations, toleration(line))
	}
	for _, line := range from.find("Topology Spread Constraints").list() {
		if constraint, ok := spreadConstraint(line); ok {
			spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, constraint)
		}
	}
	for _, gate := range from.find("Readiness Gates").below {
		if kind, _ := word(gate.text); kind != "Type" && kind != "" {
			spec.ReadinessGates = append(spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(kind)})
		}
	}
}

func (d described) podStatus(status *corev1.PodStatus) {
	root := d.root
	status.Reason = root.value("Reason")
	status.Message = strings.TrimSpace(root.find("Message").val)
	status.PodIP = root.value("IP")
	status.NominatedNodeName = root.value("NominatedNodeName")
	status.QOSClass = corev1.PodQOSClass(root.value("QoS Class"))
	status.StartTime = d.time(root.value("Start Time"))
	for _, ip := range root.find("IPs").below {
		if ip.key == "IP" && ip.val != "" {
			status.PodIPs = append(status.PodIPs, corev1.PodIP{IP: ip.val})
		}
	}
	for _, condition := range root.find("Conditions").below {
		kind, value := word(condition.text)
		value, _ = word(value)
		if isConditionStatus(value) {
			status.Conditions = append(status.Conditions, corev1.PodCondition{Type: corev1.PodConditionType(kind), Status: corev1.ConditionStatus(value)})
		}
	}
}

func isConditionStatus(text string) bool {
	return text == "True" || text == "False" || text == "Unknown"
}

// time reads an absolute time and lets the clock know of it; nil when there is none.
func (d described) time(text string) *metav1.Time {
	t := parseTime(text)
	if t.IsZero() {
		return nil
	}
	d.seen.saw(t)
	return &metav1.Time{Time: t}
}

// eachState gives the containers of a description from which lines were picked, their names not among them: each begins with its
// state.
func eachState(containers []*section) []*section {
	var each []*section
	for _, c := range containers {
		if !strings.HasPrefix(c.key, unnamed) {
			each = append(each, c)
			continue
		}
		one := *c
		one.below = nil
		begun := false
		for _, line := range c.below {
			if line.key == "State" && begun {
				done := one
				each = append(each, &done)
				one.below = nil
			}
			begun = begun || line.key == "State"
			one.below = append(one.below, line)
		}
		each = append(each, &one)
	}
	return each
}

// statuses are those of the containers that have run or wait.
func (d described) statuses(from *section) []corev1.ContainerStatus {
	var all []corev1.ContainerStatus
	for _, c := range eachState(from.below) {
		last := c.find("Last State")
		if last.key == "" {
			last = c.find("Last Termination State") // before 1.2
		}
		if c.key == "" || !c.has("State") && last.key == "" {
			continue
		}
		status := corev1.ContainerStatus{
			Name: strings.TrimPrefix(c.key, unnamed), Image: c.value("Image"), ImageID: c.value("Image ID"), ContainerID: c.value("Container ID"),
			State: d.state(c.find("State")), LastTerminationState: d.state(last),
			Ready: c.value("Ready") == "True" || c.value("State") == "Running" && cutBeforeReady(c),
		}
		if restarts := intOf[int32](c.value("Restart Count")); restarts != nil {
			status.RestartCount = *restarts
		}
		if running, ended := status.State.Running, status.LastTerminationState.Terminated; running != nil && ended != nil && c.value("Ready") == "" {
			status.Ready = status.Ready || ended.FinishedAt.IsZero() && !ended.StartedAt.IsZero() && running.StartedAt.Sub(ended.StartedAt.Time) >= longRun
		}
		all = append(all, status)
	}
	return all
}

// longRun is how long a container runs that is not in a loop, where the end of its description was cut off.
const longRun = 24 * time.Hour

// cutBeforeReady reports whether what follows the state of a container was cut off, so that nobody knows whether it was
// ready.
func cutBeforeReady(container *section) bool {
	const ready = "True"
	switch last := container.below[len(container.below)-1]; last.key {
	case "State":
		return true
	case "Last State":
		return len(last.below) == 0
	case "Ready":
		return strings.HasPrefix(ready, last.val)
	default:
		return false
	}
}

func (d described) state(from *section) corev1.ContainerState {
	at := func(key string) metav1.Time {
		if t := d.time(from.value(key)); t != nil {
			return *t
		}
		return metav1.Time{}
	}
	switch from.val {
	case "Waiting":
		return corev1.ContainerState{Waiting: waiting(from.value("Reason"), from.value("Message"))}
	case "Running":
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at("Started")}}
	case "Terminated":
		ended := &corev1.ContainerStateTerminated{Reason: from.value("Reason"), Message: from.find("Message").val, StartedAt: at("Started"), FinishedAt: at("Finished")}
		if code := intOf[int32](from.value("Exit Code")); code != nil {
			ended.ExitCode = *code
		} else {
			ended.ExitCode = evidence.UnknownExitCode
		}
		if signal := intOf[int32](from.value("Signal")); signal != nil {
			ended.Signal = *signal
		}
		return corev1.ContainerState{Terminated: ended}
	default:
		return corev1.ContainerState{}
	}
}

// waiting gives the state of a container that waits. Before 1.2 the message stood in place of the reason.
func waiting(reason, message string) *corev1.ContainerStateWaiting {
	if !strings.Contains(reason, " ") {
		return &corev1.ContainerStateWaiting{Reason: wholeReason(reason), Message: message}
	}
	message = reason
	switch {
	case strings.HasSuffix(reason, "container is creating"):
		reason = "ContainerCreating"
	case strings.HasPrefix(reason, "Couldn't find key "): // before 1.8 the reason was the error itself
		reason, message = "CreateContainerConfigError", "c"+message[1:]
	case strings.Contains(reason, "mage "):
		reason = "ErrImagePull"
	default:
		reason, _, _ = strings.Cut(reason, ":")
	}
	return &corev1.ContainerStateWaiting{Reason: reason, Message: message}
}

// wholeReason completes a reason that was cut off with the text, when only one begins that way.
func wholeReason(text string) string {
	found := text
	for _, reason := range []string{
		"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
		"CreateContainerError", "RunContainerError", "ContainerCreating", "PodInitializing",
	} {
		if len(text) < 6 || !strings.HasPrefix(reason, text) {
			continue
		}
		if found != text {
			return text
		}
		found = reason
	}
	return found
}

// intOf reads a whole number; nil when there is none.
func intOf[T int32 | int64](text string) *T {
	number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || int64(T(number)) != number {
		return nil
	}
	return new(T(number))
}

// markSidecars finds the init containers that keep running: descriptions don't say it, but no later container
// begins before an ordinary init container has ended well, and only sidecars have probes.
func markSidecars(pod *corev1.Pod) {
	begun, runs := false, false // of those behind
	see := func(status corev1.ContainerStatus) {
		begun = begun || hasBegun(status)
		runs = runs || status.State.Running != nil
	}
	for _, status := range pod.Status.ContainerStatuses {
		see(status)
	}
	for i := len(pod.Spec.InitContainers) - 1; i >= 0; i-- {
		container := &pod.Spec.InitContainers[i]
		status := statusOf(pod.Status.InitContainerStatuses, container.Name)
		end := status.State.Terminated
		endedWell := end != nil && end.ExitCode == 0
		if begun && status.State.Running != nil || runs && hasBegun(status) && !endedWell ||
			container.LivenessProbe != nil || container.ReadinessProbe != nil || container.StartupProbe != nil {
			container.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		see(status)
	}
}

func hasBegun(status corev1.ContainerStatus) bool {
	return status.State.Running != nil || status.State.Terminated != nil || status.LastTerminationState.Terminated != nil
}

func statusOf(statuses []corev1.ContainerStatus, name string) corev1.ContainerStatus {
	for i := range statuses {
		if statuses[i].Name == name {
			return statuses[i]
		}
	}
	return corev1.ContainerStatus{}
}

// toleration reads "key=value:Effect op=Exists for 300s".
func toleration(line string) corev1.Toleration {
	var t corev1.Toleration
	spec, rest := word(line)
	if spec == "op=Exists" {
		spec, rest = "", spec+" "+rest
	}
	if at := strings.LastIndexByte(spec, ':'); at >= 0 {
		spec, t.Effect = spec[:at], corev1.TaintEffect(spec[at+1:])
	}
	t.Key, t.Value, _ = strings.Cut(spec, "=")
	exists := strings.Contains(rest, "op=Exists")
	switch {
	case exists || t.Value == "":
		t.Operator = corev1.TolerationOpExists // kubectl before 1.20 doesn't print it
	default:
		t.Operator = corev1.TolerationOpEqual
	}
	if _, seconds, ok := strings.Cut(rest, "for "); ok {
		t.TolerationSeconds = intOf[int64](strings.TrimSuffix(strings.TrimSpace(seconds), "s"))
	}
	return t
}

// spreadConstraint reads "topology.kubernetes.io/zone:DoNotSchedule when max skew 1 is exceeded for selector …".
func spreadConstraint(line string) (corev1.TopologySpreadConstraint, bool) {
	var c corev1.TopologySpreadConstraint
	spec, rest := word(line)
	at := strings.LastIndexByte(spec, ':')
	if at < 0 {
		return c, false
	}
	c.TopologyKey, c.WhenUnsatisfiable = spec[:at], corev1.UnsatisfiableConstraintAction(spec[at+1:])
	if _, skew, ok := strings.Cut(rest, "max skew "); ok {
		skew, behind := word(skew)
		if number := intOf[int32](skew); number != nil {
			c.MaxSkew = *number
		}
		if _, selector, ok := strings.Cut(behind, "for selector "); ok {
			c.LabelSelector, _ = metav1.ParseToLabelSelector(selector)
		}
	}
	return c, true
}

// linkPod derives the moment of a pod's description: it was scheduled when it started, and its newest container
// started when the last such event says.
func linkPod(seen *sighting, pod *corev1.Pod, events []reported) {
	var started time.Time
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			for _, state := range []corev1.ContainerState{statuses[i].State, statuses[i].LastTerminationState} {
				switch {
				case state.Running != nil:
					started = later(started, state.Running.StartedAt.Time)
				case state.Terminated != nil:
					started = later(started, state.Terminated.StartedAt.Time)
				}
			}
		}
	}
	var youngest age
	for _, event := range events {
		if event.Reason == "Scheduled" && pod.Status.StartTime != nil {
			seen.linked(pod.Status.StartTime.Time, event.last)
		}
		if event.Reason == "Started" && event.last.known && (!youngest.known || event.last.duration < youngest.duration) {
			youngest = event.last
		}
	}
	seen.linked(started, youngest)
}
