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
	} else if p.isConditionsCut(i) {
		pod = &corev1.Pod{}
		next = p.restOfPod(p.cutConditions(i, pod), pod)
	} else {
		pod, next = p.cutContainers(i, d)
	}
	if len(pod.Spec.Containers)+len(pod.Spec.InitContainers)+len(pod.Status.Conditions) == 0 {
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

// cutContainers reads the containers of a pod from somewhere inside one on, of which the name is not known then.
func (p *parser) cutContainers(i int, d described) (pod *corev1.Pod, next int) {
	pod = &corev1.Pod{}
	next = i
	take := func(name string, from, margin int) {
		var lines []entry
		lines, next = p.containerEntries(from, margin)
		d.root = outline(lines)
		d.addContainer(pod, name)
	}
	if from, margin, before, ok := p.cutState(i); ok {
		var lines []entry
		lines, next = p.containerEntries(from, margin)
		if len(lines) > 1 && lines[0].indent == 0 && lines[1].indent == stateIndent {
			lines[0].indent = stateIndent // copying took it off
		}
		d.root = outline(append(before, lines...))
		d.addContainer(pod, "")
	} else if !p.isContainerName(i) {
		take("", i, p.containerMargin(i))
	}
	for next < p.src.lines() && p.isContainerName(next) {
		name, _ := cutField(strings.TrimSpace(p.src.line(next)))
		take(name, next+1, indentOf(p.src.line(next+1)))
	}
	if next >= p.src.lines() || len(pod.Spec.Containers) == 0 {
		return pod, next
	}
	if strings.TrimSpace(p.src.line(next)) != "Containers:" {
		return pod, p.restOfPod(next, pod)
	}
	var lines []entry
	begin := next
	lines, next = p.entries(begin, indentOf(p.src.line(begin)))
	d.root = outline(lines)
	whole := d.pod()
	whole.Spec.InitContainers, whole.Status.InitContainerStatuses = pod.Spec.Containers, pod.Status.ContainerStatuses
	return whole, next
}

// isContainerName tells whether line i is the name of a container and the next its first field.
func (p *parser) isContainerName(i int) bool {
	line := strings.TrimSpace(p.src.line(i))
	if !strings.HasSuffix(line, ":") || i+1 >= p.src.lines() || !isObjectName(line[:len(line)-1]) || isContainerKey(line[:len(line)-1]) {
		return false
	}
	key, _ := cutField(strings.TrimSpace(p.src.line(i + 1)))
	return (key == "Container ID" || key == "Image") && indentOf(p.src.line(i+1)) > indentOf(p.src.line(i))
}

// isContainerCut tells whether a field of a container stands at line i that its state follows.
func (p *parser) isContainerCut(i int, start string) bool {
	key, _ := cutField(start)
	switch key {
	case "Container ID", "Image", "Image ID", "Port", "Ports", "Host Port", "Host Ports", "Command", "Args":
	default:
		return false
	}
	margin := indentOf(p.src.line(i))
	for j := i + 1; j < min(p.src.lines(), i+32); j++ {
		line := p.src.line(j)
		if isBlank(line) || indentOf(line) < margin {
			return false
		}
		if start := trimLeft(line); strings.HasPrefix(start, "State:") && indentOf(line) == margin {
			return isStateLine(strings.TrimPrefix(start, "State:"), start)
		}
	}
	return false
}

// stateIndent is how far kubectl indents what a state consists of.
const stateIndent = 2

// cutState tells whether the description of a container goes on at line i inside one of its states, or behind them. It gives
// the line from which on that can be read, how far it is indented, and the lines that must have stood before.
func (p *parser) cutState(i int) (from, margin int, before []entry, ok bool) {
	const most = 12 // lines that two states and what is behind them take
	switch key, _ := cutField(strings.TrimSpace(p.src.line(i))); key {
	case "Reason", "Exit Code", "Started", "Finished", "Ready":
	default:
		return 0, 0, nil, false
	}
	state := map[string]string{}
	last, ready := false, -1
	for j := i; j < min(p.src.lines(), i+most) && ready < 0; j++ {
		switch key, value := cutField(strings.TrimSpace(p.src.line(j))); key {
		case "Reason", "Exit Code", "Started", "Finished", "Message":
			if !last {
				state[key] = value
			}
		case "Last State":
			last = true
		case "Ready":
			ready = j
		default:
			return 0, 0, nil, false
		}
	}
	if ready < 0 || ready+1 >= p.src.lines() {
		return 0, 0, nil, false
	}
	_, isReady := cutField(strings.TrimSpace(p.src.line(ready)))
	key, restarts := cutField(strings.TrimSpace(p.src.line(ready + 1)))
	if isReady != "True" && isReady != "False" || key != "Restart Count" {
		return 0, 0, nil, false
	}
	_, exits := state["Exit Code"]
	_, finished := state["Finished"]
	if finished && !exits && !last { // how it ended was cut off
		i, state = ready, nil
	}
	return i, indentOf(p.src.line(ready)), statesBefore(state, last, exits, isReady == "True", restarts != "0"), true
}

// isConditionsCut tells whether the conditions of a pod go on at line i as kubectl describe prints them, whose head was cut off.
func (p *parser) isConditionsCut(i int) bool {
	fields := fewFields(p.src.line(i))
	if len(fields) == 2 && fields[0] == "Type" && fields[1] == "Status" {
		i++
	}
	return i < p.src.lines() && podCondition(p.src.line(i)) != nil
}

// podCondition reads a row of the conditions of a pod; nil for another line.
func podCondition(line string) *corev1.PodCondition {
	fields := fewFields(line)
	if len(fields) != 2 || !isConditionStatus(fields[1]) {
		return nil
	}
	switch kind := corev1.PodConditionType(fields[0]); kind {
	case corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled:
		return &corev1.PodCondition{Type: kind, Status: corev1.ConditionStatus(fields[1])}
	default:
		return nil
	}
}

// cutConditions gives a pod the conditions from line i on, and returns the line after them.
func (p *parser) cutConditions(i int, pod *corev1.Pod) int {
	for ; i < p.src.lines(); i++ {
		line := p.src.line(i)
		if condition := podCondition(line); condition != nil {
			pod.Status.Conditions = append(pod.Status.Conditions, *condition)
		} else if !strings.HasPrefix(trimLeft(line), "Type ") && !strings.HasPrefix(trimLeft(line), "--") {
			break
		}
	}
	return i
}

func (p *parser) isStateCut(i int) bool {
	_, _, _, ok := p.cutState(i)
	return ok
}

// statesBefore gives the line that must have stood above what is left of a state, and where a container has ended and was
// started again, that above it.
func statesBefore(state map[string]string, last, exits, ready, restarted bool) []entry {
	const running = "State: Running"
	switch {
	case exits && !last && restarted && ready:
		return []entry{{text: running}, {text: "Last State: Terminated"}}
	case exits && !last && restarted:
		return []entry{{text: "Last State: Terminated"}}
	case exits:
		return []entry{{text: "State: Terminated"}}
	case state["Reason"] != "":
		return []entry{{text: "State: Waiting"}}
	case state["Started"] != "" || ready:
		return []entry{{text: running}}
	default:
		return nil
	}
}

// restOfPod reads what follows the containers in the description of a pod, from line i on.
func (p *parser) restOfPod(i int, pod *corev1.Pod) int {
	if i >= p.src.lines() {
		return i
	}
	line := p.src.line(i)
	switch key, _ := cutField(strings.TrimSpace(line)); key {
	case "Conditions", "Volumes", "QoS Class", "Node-Selectors", "Tolerations":
	default:
		return i
	}
	entries, next := p.entries(i, indentOf(line))
	d := described{p: p, seen: p.clock.sighting(), root: outline(entries)}
	joinTail(pod, d.pod())
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

// addContainer adds the container that was read; without a name when it isn't known.
func (d described) addContainer(pod *corev1.Pod, name string) {
	list := &section{below: []*section{d.root}}
	d.root.key = unnamed
	for _, c := range containers(list) {
		c.Name = name
		pod.Spec.Containers = append(pod.Spec.Containers, c)
	}
	for _, status := range d.statuses(list) {
		status.Name = name
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
}
