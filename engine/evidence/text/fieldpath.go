package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// fieldPathOf says which container of a pod an event is about, for kubectl that doesn't print it: by the name or
// the image in the message, or because there is only one. It is empty for events about the pod itself.
func fieldPathOf(names []namedContainer, row eventRow) string {
	if !isContainerReason(row) {
		return ""
	}
	if name := containerIn(row.message); name != "" {
		for _, c := range names {
			if c.name == name || c.name == "" && isObjectName(name) && len(names) == 1 {
				c.name = name
				return c.path()
			}
		}
	}
	if image := quotedAfter(row.message, " image "); image != "" {
		if c, ok := onlyWithImage(names, image); ok {
			return c.path()
		}
	}
	if len(names) == 1 && names[0].name != "" {
		return names[0].path()
	}
	return ""
}

// isContainerReason tells whether the kubelet reports a reason about a container rather than the pod.
func isContainerReason(row eventRow) bool {
	if row.from != "" && !strings.HasPrefix(row.from, "kubelet") {
		return false
	}
	switch row.reason {
	case "Pulling", "Pulled", "Created", "Started", "Killing", "Unhealthy", "ProbeWarning", "InspectFailed", "ErrImageNeverPull",
		"FailedPostStartHook", "FailedPreStopHook", "Preempting", "BackOff":
		return true
	case "Failed":
		return !strings.Contains(row.message, "sandbox")
	default:
		return false
	}
}

// namedContainer is a container by its place in the pod's spec.
type namedContainer struct{ field, name, image string }

func (c namedContainer) path() string { return "spec." + c.field + "{" + c.name + "}" }

func containersOf(pod *corev1.Pod) []namedContainer {
	var all []namedContainer
	for i := range pod.Spec.InitContainers {
		all = append(all, namedContainer{"initContainers", pod.Spec.InitContainers[i].Name, pod.Spec.InitContainers[i].Image})
	}
	for i := range pod.Spec.Containers {
		all = append(all, namedContainer{"containers", pod.Spec.Containers[i].Name, pod.Spec.Containers[i].Image})
	}
	for i := range pod.Spec.EphemeralContainers {
		all = append(all, namedContainer{"ephemeralContainers", pod.Spec.EphemeralContainers[i].Name, pod.Spec.EphemeralContainers[i].Image})
	}
	return all[:min(len(all), maxContainers)]
}

func onlyWithImage(all []namedContainer, image string) (found namedContainer, ok bool) {
	for _, c := range all {
		if c.image != image {
			continue
		}
		if ok {
			return namedContainer{}, false
		}
		found, ok = c, true
	}
	return found, ok
}

// containerIn is the container that a message of the kubelet names.
func containerIn(message string) string {
	for _, before := range []string{"ontainer created: ", "ontainer started: ", "ontainer ", "container=", "start container "} {
		_, rest, ok := strings.Cut(message, before)
		if !ok {
			continue
		}
		if strings.HasPrefix(rest, `"`) {
			name, _, _ := strings.Cut(rest[1:], `"`)
			return name
		}
		name, _ := word(rest)
		name = strings.TrimRight(name, ":,")
		if name != "" && name != "with" && name != "in" && name != "is" {
			return name
		}
	}
	return ""
}

// quotedAfter is the quoted text behind a literal.
func quotedAfter(message, before string) string {
	_, rest, ok := strings.Cut(message, before+`"`)
	if !ok {
		return ""
	}
	quoted, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return ""
	}
	return quoted
}
