package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// isHeadlessDescription tells whether the description of a pod, or of a controller of pods, goes on at line i whose name was
// cut off, or the tail of one.
func (p *parser) isHeadlessDescription(i int, start string) bool {
	key, value := cutField(strings.TrimRight(start, " \t"))
	switch key {
	case "Namespace", "Node", "Start Time", "Service Account", "Priority", "ame":
		return value != "" && p.isTopLine(i, i+1) && p.isTopLine(i, i+2)
	case "Status":
		return isPhase(value) && p.isTopLine(i, i+1)
	case "Conditions":
		if i+1 >= p.src.lines() {
			return false
		}
		fields := fewFields(p.src.line(i + 1))
		return len(fields) >= 2 && fields[0] == "Type" && fields[1] == "Status" && (len(fields) == 2 || len(fields) == 3 && fields[2] == "Reason")
	case "QoS Class":
		return value == string(corev1.PodQOSBurstable) || value == string(corev1.PodQOSBestEffort) || value == string(corev1.PodQOSGuaranteed)
	case "Replicas":
		return strings.Contains(value, " desired")
	case "Pods Status", "Pods Statuses":
		return strings.Contains(value, " / ") && strings.HasSuffix(value, " Failed")
	case "Desired Number of Nodes Scheduled":
		return intOf[int32](value) != nil
	case "Parallelism", "Completions":
		return intOf[int32](value) != nil && p.isTopLine(i, i+1)
	case "StorageClass":
		return p.isTopLine(i, i+1) && p.isTopLine(i, i+2)
	case "Tolerations":
		return strings.Contains(value, ":NoExecute") || strings.Contains(value, ":NoSchedule") || strings.Contains(value, "op=Exists")
	default:
		return false
	}
}

// isTopLine tells whether line j is a field of a description, indented like line i.
func (p *parser) isTopLine(i, j int) bool {
	if j >= p.src.lines() {
		return false
	}
	line := p.src.line(j)
	key, _ := cutField(strings.TrimSpace(line))
	return indentOf(line) == indentOf(p.src.line(i)) && key != "Name" && isTopKey(key)
}

func isPhase(text string) bool {
	switch corev1.PodPhase(text) {
	case corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed:
		return true
	default:
		return strings.HasPrefix(text, "Terminating")
	}
}

// tails joins what ends a description to the piece before it, which lacks that.
func (p *parser) tails(pieces []*corev1.Pod) []*corev1.Pod {
	var all, gone []*corev1.Pod
	for _, piece := range pieces {
		if len(all) > 0 && len(piece.Spec.Containers)+len(piece.Spec.InitContainers) == 0 {
			joinTail(all[len(all)-1], piece)
			gone = append(gone, piece)
			continue
		}
		all = append(all, piece)
	}
	if len(gone) > 0 {
		p.remove(gone...)
	}
	return all
}

// joinTail gives a pod what a piece says of it apart from its containers.
func joinTail(whole, piece *corev1.Pod) {
	if piece.Status.Conditions != nil {
		whole.Status.Conditions = piece.Status.Conditions
	}
	if piece.Status.Reason != "" || piece.Status.Message != "" {
		whole.Status.Phase, whole.Status.Reason, whole.Status.Message = piece.Status.Phase, piece.Status.Reason, piece.Status.Message
	}
	if piece.Spec.Volumes != nil {
		whole.Spec.Volumes = piece.Spec.Volumes
	}
	if piece.Spec.Tolerations != nil {
		whole.Spec.Tolerations = piece.Spec.Tolerations
	}
	if piece.Spec.NodeSelector != nil {
		whole.Spec.NodeSelector = piece.Spec.NodeSelector
	}
}
