package text

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a console shows of an event, or somebody quotes, is often its message alone. The kubelet, the scheduler and
// the controllers begin their messages with words that no program's log begins a line with.

// reasonOf is the reason of the event that a message is of; empty when the line is no such message.
func reasonOf(start string) string {
	switch start[0] {
	case '(':
		if rest, ok := strings.CutPrefix(start, combined); ok && rest != "" && rest[0] != '(' {
			return reasonOf(rest)
		}
	case 'M', 'A':
		if step, rest := word(start); strings.HasPrefix(rest, `failed for volume "`) {
			return volumeReason(step)
		}
		if strings.HasPrefix(start, "Multi-Attach error for volume ") {
			return "FailedAttachVolume"
		}
	case 'U':
		return ifPrefixed(start, "FailedMount", "Unable to mount volumes for pod ", "Unable to attach or mount volumes: ")
	case 'B':
		return ifPrefixed(start, "BackOff", "Back-off pulling image ", "Back-off restarting failed ")
	case 'L', 'R', 'S':
		if strings.HasPrefix(start, "Successfully assigned ") {
			return "Scheduled"
		}
		return ifPrefixed(start, "Unhealthy", "Liveness probe failed: ", "Readiness probe failed: ", "Startup probe failed: ",
			"Liveness probe errored", "Readiness probe errored", "Startup probe errored")
	case 'K', 'c':
		if strings.HasSuffix(start, " is unhealthy, it will be killed and re-created.") && (strings.HasPrefix(start, `container "`) || strings.HasPrefix(start, "Killing container ")) {
			return "Killing"
		}
	case 'E':
		return reasonOfError(start)
	case 'F', '[':
		if found := ifPrefixed(start, "Failed", `Failed to pull image "`, "[ERROR ImagePull]: failed to pull image "); found != "" {
			return found
		}
		return ifPrefixed(start, "FailedCreatePodSandBox", "Failed to create pod sandbox: ", "Failed create pod sandbox")
	case 'T', 'C', 'P':
		return reasonOfEviction(start)
	case 'p', 'N', 'n':
		return ifPrefixed(start, "FailedScheduling", "pod failed to fit in any node", "No nodes are available that match ", "no nodes available to schedule pods",
			"pod has unbound PersistentVolumeClaims", "pod has unbound immediate PersistentVolumeClaims")
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if count, rest := word(start); strings.HasPrefix(rest, "nodes are available: ") {
			if _, _, ok := ratio(count); ok {
				return "FailedScheduling"
			}
		} else if intOf[int32](count) != nil {
			return ifPrefixed(rest, "FailedScheduling", "node(s) had ", "node(s) didn't ") // the message was cut before it
		}
	}
	return ""
}

// combined is what the API server puts before the message of an event that stands for many.
const combined = "(combined from similar events): "

func ifPrefixed(text, reason string, prefixes ...string) string {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return reason
		}
	}
	return ""
}

// reasonOfError is for the messages that begin with "Error", and for those of evictions behind their reason.
func reasonOfError(start string) string {
	if message, ok := strings.CutPrefix(start, evicted); ok {
		return reasonOfEviction(message)
	}
	if found := ifPrefixed(start, "FailedCreate", "Error creating: "); found != "" {
		return found
	}
	if found := ifPrefixed(start, "FailedSync", "Error syncing pod, skipping: failed to "); found != "" {
		return found
	}
	return ifPrefixed(start, "Failed", "Error: ImagePullBackOff", "Error: ErrImagePull", "Error: ErrImageNeverPull", "Error: InvalidImageName", "Error: ErrInvalidImageName",
		"Error: failed to create containerd task: ", "Error: failed to start container ", "Error: container has runAsNonRoot and image ", "Error: couldn't find key ")
}

// evicted is what somebody who prints reason and message of a pod's status puts before the message.
const evicted = "Evicted: "

// reasonOfEviction is for the messages of pods that the kubelet ended.
func reasonOfEviction(start string) string {
	if strings.HasPrefix(start, "Container ") && (strings.HasSuffix(start, " failed liveness probe, will be restarted") || strings.HasSuffix(start, " failed startup probe, will be restarted")) {
		return "Killing"
	}
	if strings.HasPrefix(start, "Container ") && !strings.Contains(start, " exceeded its local ephemeral storage limit ") {
		return ""
	}
	return ifPrefixed(start, "Evicted", "The node was low on resource: ", "The node had condition: ", "Container ", "Pod ephemeral local storage usage exceeds ")
}

// stampedReason is the reason of the event that a message is of behind a time and a type: the words of what went well are
// enough there.
func stampedReason(message string) string {
	if found := reasonOf(message); found != "" {
		return found
	}
	for _, known := range [...]struct{ prefix, reason string }{
		{"Started container ", "Started"},
		{"Created container ", "Created"},
		{"Stopping container ", "Killing"},
		{"Pulling image ", "Pulling"},
		{"Successfully pulled image ", "Pulled"},
		{"Container image ", "Pulled"},
		{"Created pod: ", "SuccessfulCreate"},
		{"Error: Error response from daemon: ", "Failed"},
	} {
		if strings.HasPrefix(message, known.prefix) {
			return known.reason
		}
	}
	return ""
}

// maxMessage is how many lines the message of one event is followed for.
const maxMessage = 12

// message reads an event's message that stands alone, and what is certainly the rest of it.
func (p *parser) message(i int) int {
	at, kind, said := stamped(trimLeft(p.src.line(i)))
	name := ""
	if pod, message, ok := evictedCells(said); ok {
		name, said = pod, message
	}
	first, _, _ := strings.Cut(withoutBullet(said), "\t")
	reason := reasonOf(first)
	if !at.IsZero() {
		reason = stampedReason(first)
	}
	first = strings.TrimPrefix(strings.TrimPrefix(first, combined), evicted)
	if rest, ok := strings.CutPrefix(first, "[ERROR ImagePull]: failed to pull image "); ok { // of kubeadm
		if image, why, ok := strings.Cut(rest, ": "); ok {
			first = `Failed to pull image "` + image + `": ` + why
		}
	}
	next := i + 1
	lines := []string{first}
	for next < min(p.src.lines(), i+maxMessage) {
		line := p.src.line(next)
		if isBlank(line) || reasonOf(trimLeft(line)) != "" || p.begins(next) != logLine {
			break
		}
		if !isOpen(lines) && !goesOn(first) {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
		next++
	}
	text := unwrap(lines)
	event := &corev1.Event{Type: kind, Reason: reason, Message: text, Count: 1, FirstTimestamp: at, LastTimestamp: at}
	if !at.IsZero() || next < p.src.lines() && p.begins(next) == eventStart { // the end of an event of which the beginning was cut off
		event.InvolvedObject.Kind = "Pod"
	}
	if _, rest, ok := strings.Cut(text, `for pod "`); ok {
		if pod, ok := parsePodRef(rest); ok {
			event.InvolvedObject = corev1.ObjectReference{Kind: "Pod", Namespace: pod.namespace, Name: pod.name}
			event.ObjectMeta = metav1.ObjectMeta{Namespace: pod.namespace}
		}
	}
	if name != "" {
		event.InvolvedObject = corev1.ObjectReference{Kind: "Pod", Name: name, Namespace: p.command.namespace}
		event.Namespace = p.command.namespace
	}
	p.add(event)
	return next
}

// evictedCells reads the name, the reason and the message of a pod that was evicted, as people print them with a template.
func evictedCells(line string) (name, message string, ok bool) {
	name, rest := word(line)
	reason, message := word(rest)
	return name, message, reason == "Evicted" && isObjectName(name) && reasonOf(message) == "Evicted"
}

// isEvictedCells looks for the cell of the reason before it reads the others.
func isEvictedCells(start string) bool {
	if !strings.Contains(start[:min(len(start), 160)], "\tEvicted\t") {
		return false
	}
	_, _, ok := evictedCells(start)
	return ok
}

// stamped takes the time and the type off an event as JupyterHub shows it to who waits for a server
// (jupyterhub/kubespawner, spawner.py, progress): 2026-03-01T10:00:00.1Z [Warning] 0/3 nodes are available: …. Other
// lines are given whole, as a warning.
func stamped(start string) (at metav1.Time, kind, message string) {
	when, rest := word(start)
	for _, kind := range []string{corev1.EventTypeNormal, corev1.EventTypeWarning} {
		if message, ok := strings.CutPrefix(rest, "["+kind+"] "); ok && message != "" {
			if parsed, err := time.Parse(time.RFC3339Nano, when); err == nil {
				return metav1.NewTime(parsed), kind, message
			}
		}
	}
	return metav1.Time{}, corev1.EventTypeWarning, start
}

// isStamped recognises an event as JupyterHub shows it.
func isStamped(start string) bool {
	if len(start) < 40 || start[4] != '-' {
		return false
	}
	at, _, message := stamped(start)
	return !at.IsZero() && stampedReason(message) != ""
}

// goesOn tells whether messages of that beginning have several lines.
func goesOn(first string) bool {
	return strings.Contains(first, "ailed to pull image ") || strings.HasPrefix(first, "Error syncing pod, skipping: ") && strings.HasSuffix(first, ":") || strings.HasPrefix(first, "pod failed to fit in any node")
}

// isOpen tells whether the lines of a message end inside a quotation.
func isOpen(lines []string) bool {
	quotes := 0
	for _, line := range lines {
		quotes += strings.Count(line, `"`)
	}
	return quotes%2 == 1
}

// unwrap joins the lines that a terminal or a mail made of one. A name that was cut has no space in it.
func unwrap(lines []string) string {
	var out strings.Builder
	for i, line := range lines {
		if i > 0 && !cutsName(lines[:i]) {
			out.WriteByte(' ')
		}
		out.WriteString(line)
	}
	return out.String()
}

// cutsName tells whether lines end inside a quoted name.
func cutsName(lines []string) bool {
	last := lines[len(lines)-1]
	return isOpen(lines) && !strings.ContainsAny(last[strings.LastIndexByte(last, '"')+1:], " \t")
}

// isWaitingLine recognises what dashboards show of a container that waits: its reason and its message.
func isWaitingLine(start string) bool {
	reason, message, ok := strings.Cut(start[:min(len(start), 64)], ": ")
	if !ok || message == "" {
		return false
	}
	switch reason {
	case "ImagePullBackOff", "ErrImagePull", "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
		"InvalidImageName", "ErrImageNeverPull":
		return true
	default:
		return false
	}
}

// waitingLines reads the lines about one container that waits. The first has its reason, the others say more.
func (p *parser) waitingLines(i int) int {
	reason, message, _ := strings.Cut(strings.TrimSpace(p.src.line(i)), ": ")
	next := i + 1
	for next < min(p.src.lines(), i+maxMessage) && isWaitingLine(trimLeft(p.src.line(next))) {
		message += ": " + strings.TrimSpace(p.src.line(next))
		next++
	}
	pod := &corev1.Pod{}
	if _, rest, ok := strings.Cut(message, "pod="); ok {
		if ref, ok := parsePodRef(rest); ok {
			pod.Name, pod.Namespace = ref.name, ref.namespace
		}
	}
	name := containerIn(message)
	pod.Spec.Containers = []corev1.Container{{Name: name}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
	p.add(pod)
	return next
}

// withoutBullet takes off what marks a line as an item of a list, or as quoted.
func withoutBullet(start string) string {
	for _, bullet := range []string{"> ", "* ", "- ", "• ", ".. ", "... "} {
		if rest, ok := strings.CutPrefix(start, bullet); ok && trimLeft(rest) != "" {
			return trimLeft(rest)
		}
	}
	if rest, ok := strings.CutPrefix(start, "Message:"); ok && strings.HasPrefix(trimLeft(rest), "The node was low on resource: ") { // grep left it
		return trimLeft(rest)
	}
	return start
}
