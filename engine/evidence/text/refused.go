package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// refusedLog is what the API server answers instead of the log of a container that has not begun: `Error from server
// (BadRequest): container "app" in pod "web-1" is waiting to start: ContainerCreating`.
type refusedLog struct{ container, pod, reason, message string }

func parseRefusedLog(start string) (found refusedLog, ok bool) {
	if !strings.HasPrefix(start, "Error from server") {
		return found, false
	}
	_, rest, ok := strings.Cut(start, `: container "`)
	if !ok {
		return found, false
	}
	found.container, rest, _ = strings.Cut(rest, `" in pod "`)
	found.pod, rest, ok = strings.Cut(rest, `" is waiting to start: `)
	if !ok || !isObjectName(found.container) || !isObjectName(found.pod) {
		return found, false
	}
	switch rest = strings.TrimSpace(rest); rest {
	case "trying and failing to pull image", "image can't be pulled":
		found.reason, found.message = "ImagePullBackOff", rest
	default:
		found.reason = rest
	}
	return found, isReason(found.reason)
}

// kubeletUnreached recognises what kubectl passes on when the API server can't reach a kubelet, at its port.
func kubeletUnreached(start string) bool {
	return strings.HasPrefix(start, "Error from server") && (strings.Contains(start, ":10250/containerLogs/") || strings.Contains(start, ":10250/exec/"))
}

// isOwnError recognises what kubectl says when it can't reach the API server, or it a kubelet: no container wrote that.
func (p *parser) isOwnError(start string) bool {
	switch {
	case kubeletUnreached(start):
		return true
	case strings.HasPrefix(start, "Unable to connect to the server: "):
		return p.command.verb != "" && !p.command.isLogs()
	default:
		return false
	}
}

// refused adds the pod whose log was refused.
func (p *parser) refused(i int) int {
	if start := trimLeft(p.src.line(i)); p.isOwnError(start) {
		if kubeletUnreached(start) {
			p.logs = append(p.logs, evidence.Log{Node: nodeOr(""), Text: p.src.raw(i, i+1)})
		}
		return i + 1
	}
	found, _ := parseRefusedLog(trimLeft(p.src.line(i)))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: found.pod, Namespace: p.command.namespace}}
	pod.Status.Phase = corev1.PodPending
	pod.Spec.Containers = []corev1.Container{{Name: found.container}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: found.container, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: found.reason, Message: found.message}},
	}}
	if !p.rows.tells(pod) || found.reason != "PodInitializing" && found.reason != "ContainerCreating" {
		p.rows.put("Pod", pod)
	}
	return i + 1
}

// tells reports whether a row told of a pod of that name.
func (r *rows) tells(pod *corev1.Pod) bool {
	for _, object := range r.objects {
		if other, ok := object.(*corev1.Pod); ok && other.Name == pod.Name && (other.Namespace == pod.Namespace || other.Namespace == "" || pod.Namespace == "") {
			return true
		}
	}
	return false
}
