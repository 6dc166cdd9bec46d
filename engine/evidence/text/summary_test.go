package text

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// summary says in a line each what was understood of a text.
func summary(from evidence.Observations) []string {
	var lines []string
	for _, object := range from.Objects {
		switch o := object.(type) {
		case *corev1.Pod:
			lines = append(lines, strings.TrimRight("pod "+o.Namespace+"/"+o.Name+" "+string(o.Status.Phase), " "))
			for i := range o.Status.InitContainerStatuses {
				lines = append(lines, "  init "+status(o.Status.InitContainerStatuses[i]))
			}
			for i := range o.Status.ContainerStatuses {
				lines = append(lines, "  "+status(o.Status.ContainerStatuses[i]))
			}
			for _, c := range o.Spec.Containers {
				if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
					lines = append(lines, "  limit "+limit.String())
				}
			}
			for _, c := range o.Status.Conditions {
				lines = append(lines, fmt.Sprintf("  condition %s=%s", c.Type, c.Status))
			}
		case *corev1.Node:
			line := "node " + o.Name
			for _, c := range o.Status.Conditions {
				line += fmt.Sprintf(" %s=%s/%s", c.Type, c.Status, c.Reason)
			}
			if o.Spec.Unschedulable {
				line += " cordoned"
			}
			lines = append(lines, line)
		case *corev1.PersistentVolumeClaim:
			class := ""
			if o.Spec.StorageClassName != nil {
				class = *o.Spec.StorageClassName
			}
			lines = append(lines, fmt.Sprintf("claim %s/%s %s %s", o.Namespace, o.Name, o.Status.Phase, class))
		case *corev1.Event:
			about := o.InvolvedObject
			lines = append(lines, fmt.Sprintf("event %s/%s/%s%s %s %s x%d %s", about.Kind, about.Namespace, about.Name, about.FieldPath, o.Type, o.Reason, o.Count, o.Message))
		case *corev1.ResourceQuota:
			line := "quota " + o.Namespace + "/" + o.Name
			for _, name := range slices.Sorted(maps.Keys(o.Status.Hard)) {
				used, hard := o.Status.Used[name], o.Status.Hard[name]
				line += fmt.Sprintf(" %s=%s/%s", name, used.String(), hard.String())
			}
			lines = append(lines, line)
		case *corev1.LimitRange:
			line := "limits " + o.Namespace + "/" + o.Name
			for _, item := range o.Spec.Limits {
				most, usual := item.Max[corev1.ResourceMemory], item.Default[corev1.ResourceMemory]
				line += fmt.Sprintf(" %s max.memory=%s default.memory=%s", item.Type, most.String(), usual.String())
			}
			lines = append(lines, line)
		default:
			lines = append(lines, goKind(object))
		}
	}
	for _, used := range from.Usage {
		lines = append(lines, fmt.Sprintf("usage %s/%s/%s %dm %d", used.Namespace, used.Pod, used.Container, used.CPU, used.Memory))
	}
	for _, log := range from.Logs {
		first, _, _ := strings.Cut(string(log.Text), "\n")
		lines = append(lines, fmt.Sprintf("log %s%s/%s: %s", log.Node, log.Pod, log.Container, strings.TrimSpace(first)))
	}
	return lines
}

func status(s corev1.ContainerStatus) string {
	return strings.TrimSpace(fmt.Sprintf("%s ready=%v restarts=%d %s last:%s", s.Name, s.Ready, s.RestartCount, state(s.State), state(s.LastTerminationState)))
}

func state(s corev1.ContainerState) string {
	switch {
	case s.Waiting != nil:
		return "waiting " + strings.TrimSpace(s.Waiting.Reason+" "+s.Waiting.Message)
	case s.Terminated != nil:
		return fmt.Sprintf("terminated %s %d", s.Terminated.Reason, s.Terminated.ExitCode)
	case s.Running != nil:
		return "running"
	default:
		return ""
	}
}
