package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// fragment reads a piece that was cut out of the description of a pod: from its containers on, or the state of
// one container. A line that only looks like that is the first of a log.
func (p *parser) fragment(i int) int {
	margin := indentOf(p.src.line(i))
	d := described{p: p, seen: p.clock.sighting()}
	var pod *corev1.Pod
	var next int
	if start := strings.TrimSpace(p.src.line(i)); strings.HasSuffix(start, "Containers:") {
		var lines []entry
		lines, next = p.entries(i, margin)
		d.root = outline(lines)
		pod = d.pod()
	} else {
		var lines []entry
		lines, next = p.containerEntries(i, p.containerMargin(i))
		d.root = outline(lines)
		pod = d.lonelyContainer()
	}
	if len(pod.Spec.Containers)+len(pod.Spec.InitContainers) == 0 {
		p.logFrom = i + 1
		return i + 1
	}
	if p.command.verb == "describe" && singular(p.command.kind) == "pod" {
		pod.Name, pod.Namespace = p.command.name, p.command.namespace
	}
	p.add(pod)
	about := subject{kind: "Pod", namespace: pod.Namespace, name: pod.Name, containers: containersOf(pod)}
	if next < p.src.lines() && isEventsLine(p.src.line(next)) {
		events, after := p.eventSection(next+1, about, d.seen)
		for _, event := range events {
			p.add(event.Event)
		}
		d.link(pod, events)
		next = max(after, next+1)
	}
	return next
}

// containerEntries are the lines that describe one container.
func (p *parser) containerEntries(i, margin int) (entries []entry, next int) {
	for j := i; j < p.src.lines(); j++ {
		line := p.src.line(j)
		indent := indentOf(line)
		text := strings.Trim(line, " \t")
		key, _ := cutField(text)
		if isElision(line) {
			continue
		}
		if text == "" || indent < margin && j > i || indent == margin && j > i && !isContainerKey(key) && !isStateKey(key) && !isResourceName(key) {
			return entries, j
		}
		if j == i {
			indent = margin
		}
		e := entry{indent: indent - margin, text: text}
		if indent > margin && strings.HasPrefix(text, "Message:") && hasEnded(entries, indent-margin) {
			e.more = p.untilExitCode(j, margin, indent-margin)
			j += len(e.more)
		}
		entries = append(entries, e)
	}
	return entries, p.src.lines()
}

// containerMargin is how far the fields of a container are indented that begin at line i: copying takes the
// indentation off the first line only.
func (p *parser) containerMargin(i int) int {
	margin := indentOf(p.src.line(i))
	for j := i + 1; j < min(p.src.lines(), i+8); j++ {
		line := p.src.line(j)
		if isBlank(line) || indentOf(line) <= margin {
			break
		}
		if key, _ := cutField(strings.TrimSpace(line)); key == "State" || key == "Last State" || key == "Ready" || key == "Restart Count" {
			return indentOf(line)
		}
	}
	return margin
}

// isStateKey knows the fields of a container's state.
func isStateKey(key string) bool { return belongsTo(key, &section{key: "State"}) }

// isContainerKey knows the fields of a container's description.
func isContainerKey(key string) bool {
	switch key {
	case "Container ID", "Image", "Image ID", "Port", "Ports", "Host Port", "Host Ports", "SeccompProfile", "Command", "Args", "State", "Last State", "Last Termination State",
		"Ready", "Restart Count", "Limits", "Requests", "Liveness", "Readiness", "Startup", "Environment Variables from", "Environment", "Mounts", "Devices":
		return true
	default:
		return false
	}
}

// lonelyContainer is a pod of which only one container is known, and of that not the name.
func (d described) lonelyContainer() *corev1.Pod {
	list := &section{below: []*section{d.root}}
	d.root.key = "?"
	pod := &corev1.Pod{}
	pod.Spec.Containers = containers(list)
	pod.Status.ContainerStatuses = d.statuses(list)
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Name = ""
	}
	for i := range pod.Status.ContainerStatuses {
		pod.Status.ContainerStatuses[i].Name = ""
	}
	return pod
}
