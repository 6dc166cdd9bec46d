package text

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// overcome takes the place of an event's reason when a later line says that the step succeeded.
const overcome = ""

// isBareRuntime recognises a line of containerd that lost the head of the journal.
func isBareRuntime(line string) bool {
	_, text, ok := strings.Cut(line[:min(len(line), 120)], ` msg="`)
	return ok && strings.HasPrefix(line, `time="`) && (strings.HasPrefix(text, "RunPodSandbox for ") || strings.HasPrefix(text, "StartContainer for ") ||
		strings.HasPrefix(text, "CreateContainer within ") || strings.HasPrefix(text, "PullImage "))
}

// runtimeLine takes what the container runtime says of a step that failed as the event that the kubelet reports of it:
// time="…" level=error msg="StartContainer for \"5c2e\" failed" error="…" (containerd internal/cri/instrument, moby
// api/server, cri-o server).
func (n *nodeJournal) runtimeLine(l journalLine) bool {
	if !strings.HasPrefix(l.message, `time="`) {
		return false
	}
	_, text, ok := strings.Cut(l.message, ` msg="`)
	if !ok {
		return false
	}
	text, err, failed := strings.Cut(text, `" error="`)
	text, err = unquoted(text), unquoted(err)
	if !failed && !strings.Contains(l.message[:min(len(l.message), 80)], "level=error") {
		n.succeeded(text)
		return false
	}
	switch what, why, _ := strings.Cut(text, ": "); {
	case strings.HasPrefix(text, "RunPodSandbox for ") && failed:
		n.event(sandboxOf(text), "FailedCreatePodSandBox", "", "Failed to create pod sandbox: rpc error: code = Unknown desc = "+err, l.at)
	case strings.HasPrefix(text, "StartContainer for ") && failed, strings.HasPrefix(text, "CreateContainer within ") && failed:
		_, name, _ := strings.Cut(text, "&ContainerMetadata{Name:")
		name, _, _ = strings.Cut(name, ",")
		n.event(podRef{}, "Failed", name, "Error: "+err, l.at)
	case strings.HasPrefix(text, "PullImage ") && failed && len(n.pulls) < maxPulls:
		n.pulls = append(n.pulls, pull{quotedAfter(text, "PullImage "), err, l.at})
	case strings.HasPrefix(what, "Handler for POST ") && strings.HasSuffix(what, "/start returned error"):
		n.event(podRef{}, "Failed", "", "Error: failed to start container: Error response from daemon: "+why, l.at)
	case strings.HasPrefix(what, "Handler for POST ") && strings.Contains(what, "/images/create") || what == "Not continuing with pull after error":
		n.event(podRef{}, "Failed", "", "Failed to pull image: rpc error: code = Unknown desc = "+why, l.at)
	case what == "Container creation error":
		n.event(podRef{}, "Failed", "", "Error: container create failed: "+why, l.at)
	default:
		return false
	}
	return true
}

// succeeded forgets what failed before in a step that has now succeeded.
func (n *nodeJournal) succeeded(text string) {
	switch {
	case strings.HasPrefix(text, "PullImage ") && strings.Contains(text, " returns image reference"):
		image := quotedAfter(text, "PullImage ")
		n.pulls = slices.DeleteFunc(n.pulls, func(p pull) bool { return p.image == image })
	case strings.HasPrefix(text, "RunPodSandbox for ") && strings.Contains(text, " returns sandbox id"):
		n.over(sandboxOf(text), "FailedCreatePodSandBox")
	}
}

// over forgets events of some reasons about a pod, which a later line says is past them.
func (n *nodeJournal) over(ref podRef, reasons ...string) {
	for _, event := range n.events {
		if ref.name != "" && event.InvolvedObject.Name == ref.name && event.Type == corev1.EventTypeWarning && slices.Contains(reasons, event.Reason) {
			event.Reason = overcome
		}
	}
}

// sandboxOf reads &PodSandboxMetadata{Name:web-1,Uid:…,Namespace:shop,Attempt:0,}.
func sandboxOf(text string) podRef {
	field := func(name string) string {
		_, value, _ := strings.Cut(text, name)
		value, _, _ = strings.Cut(value, ",")
		return value
	}
	return podRef{name: field("{Name:"), namespace: field(",Namespace:"), uid: field(",Uid:")}
}

// unquoted gives the text of a quoted value, of which the last quote may be missing and the ones inside escaped or not.
func unquoted(text string) string {
	if strings.HasSuffix(text, `"`) && !strings.HasSuffix(text, `\"`) {
		text = text[:len(text)-1]
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, `\"`, `"`), `\n`, "")
}
