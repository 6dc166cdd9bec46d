package text

import (
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// node makes the node of a description, and adds its Lease.
func (d described) node() *corev1.Node {
	node := &corev1.Node{ObjectMeta: d.metadata()}
	for _, line := range d.root.find("Taints").list() {
		if taint, ok := taint(line); ok {
			node.Spec.Taints = append(node.Spec.Taints, taint)
		}
	}
	node.Spec.Unschedulable = d.root.value("Unschedulable") == "true"
	if renewed := d.time(d.root.find("Lease").value("RenewTime")); renewed != nil && node.Name != "" {
		d.p.add(&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: corev1.NamespaceNodeLease, Name: node.Name},
			Spec:       coordinationv1.LeaseSpec{RenewTime: &metav1.MicroTime{Time: renewed.Time}},
		})
	}
	node.Status.Conditions = d.nodeConditions(d.root)
	node.Status.Capacity = quantities(d.root.find("Capacity"))
	node.Status.Allocatable = quantities(d.root.find("Allocatable"))
	info := d.root.find("System Info")
	node.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: info.value("Operating System"), Architecture: info.value("Architecture")}
	return node
}

// taint reads "key=value:Effect".
func taint(text string) (corev1.Taint, bool) {
	at := strings.LastIndexByte(text, ':')
	if at <= 0 {
		return corev1.Taint{}, false
	}
	key, value, _ := strings.Cut(text[:at], "=")
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(text[at+1:])}, true
}

// nodeCondition reads "Type Status LastHeartbeatTime LastTransitionTime Reason Message".
func (d described) nodeCondition(line string) (corev1.NodeCondition, bool) {
	kind, rest := word(line)
	status, rest := word(rest)
	if !isConditionStatus(status) {
		return corev1.NodeCondition{}, false
	}
	condition := corev1.NodeCondition{Type: corev1.NodeConditionType(kind), Status: corev1.ConditionStatus(status)}
	if heartbeat, after, ok := leadingTime(rest); ok {
		d.seen.saw(heartbeat)
		condition.LastHeartbeatTime = metav1.NewTime(heartbeat)
		rest = after
	}
	if transition, after, ok := leadingTime(rest); ok {
		d.seen.saw(transition)
		condition.LastTransitionTime = metav1.NewTime(transition)
		rest = after
	}
	condition.Reason, condition.Message = word(rest)
	return condition, true
}

// nodeConditions reads the conditions of a node, wherever the lines between its name and them were cut out.
func (d described) nodeConditions(root *section) []corev1.NodeCondition {
	lines := root.find("Conditions").below
	for _, top := range root.below {
		if len(lines) > 0 {
			break
		}
		for i, line := range top.below {
			if isNodeConditions(line.text) {
				lines = top.below[i+1:]
				break
			}
		}
	}
	var conditions []corev1.NodeCondition
	for _, line := range lines {
		if condition, ok := d.nodeCondition(line.text); ok {
			conditions = append(conditions, condition)
		}
	}
	return conditions
}

// isOfNode tells whether conditions are those of a node: pods have one of the same name, and others beside it.
func isOfNode(conditions []corev1.NodeCondition) bool {
	return len(conditions) > 0 && !slices.ContainsFunc(conditions, func(condition corev1.NodeCondition) bool {
		switch corev1.PodConditionType(condition.Type) {
		case corev1.PodInitialized, corev1.ContainersReady, corev1.PodScheduled, corev1.PodReadyToStartContainers:
			return true
		default:
			return false
		}
	})
}

// isNodeConditions recognises the header of the conditions of a node.
func isNodeConditions(start string) bool {
	first, rest := word(start)
	second, rest := word(rest)
	third, _ := word(rest)
	return first == "Type" && second == "Status" && third == "LastHeartbeatTime"
}

// beginsNode tells whether the conditions of a node begin at line i, without the description they are of.
func (p *parser) beginsNode(i int, start string) bool {
	switch start[0] {
	case 'C':
		return strings.TrimRight(start, " \t") == "Conditions:" && i+1 < p.src.lines() && (isNodeConditions(trimLeft(p.src.line(i+1))) || p.fewConditions(i+1))
	case 'T':
		return isNodeConditions(start) || isFewColumns(start) && p.fewConditions(i)
	}
	kind, rest := word(start)
	if !isConditionOfNode(kind) {
		return false
	}
	status, rest := word(rest)
	_, _, ok := leadingTime(rest)
	return ok && isConditionStatus(status)
}

// isConditionOfNode knows the conditions that the kubelet sets, and those of node-problem-detector by their endings.
func isConditionOfNode(kind string) bool {
	switch kind {
	case "Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "OutOfDisk", "NetworkUnavailable", "KernelDeadlock", "ReadonlyFilesystem":
		return true
	default:
		return strings.HasSuffix(kind, "Problem") || strings.HasSuffix(kind, "Unhealthy") || strings.HasPrefix(kind, "Frequent") && strings.HasSuffix(kind, "Restart")
	}
}

// fewConditions recognises, from line i on, conditions of which only type and status were kept: those of nodes are told
// by the pressures.
func (p *parser) fewConditions(i int) bool {
	const header = 2 // lines, with the dashes
	for j := i; j < p.src.lines() && j <= i+header; j++ {
		line := trimLeft(p.src.line(j))
		kind, rest := word(line)
		switch {
		case j == i && isFewColumns(line), j > i && strings.HasPrefix(kind, "---"):
		case j > i && strings.HasSuffix(kind, "Pressure"):
			status, _ := word(rest)
			return isConditionStatus(status)
		default:
			return false
		}
	}
	return false
}

// isFewColumns recognises the header of such conditions.
func isFewColumns(line string) bool {
	kind, rest := word(line)
	return kind == "Type" && strings.TrimRight(rest, " \t") == "Status"
}

// nodeFragment reads the conditions of a node that stand alone. The prompt may tell whose they are.
func (p *parser) nodeFragment(i int) int {
	d := described{p: p, seen: p.clock.sighting()}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: evidence.UnknownNode}}
	if p.command.verb == "describe" && singular(p.command.kind) == "node" && p.command.name != "" {
		node.Name = p.command.name
	}
	if strings.HasPrefix(trimLeft(p.src.line(i)), "Conditions:") && indentOf(p.src.line(i+1)) > indentOf(p.src.line(i)) {
		return p.restOfNode(i, d, node.Name)
	}
	j := i
	for ; j < p.src.lines(); j++ {
		line := strings.TrimSpace(p.src.line(j))
		condition, ok := d.nodeCondition(line)
		if ok {
			node.Status.Conditions = append(node.Status.Conditions, condition)
			continue
		}
		if line != "Conditions:" && !isNodeConditions(line) && !isFewColumns(line) && !strings.HasPrefix(line, "---") && !isElision(line) {
			break
		}
	}
	p.add(node)
	linkNode(d.seen, node, nil)
	return max(j, i+1)
}

// restOfNode reads the description of a node from its conditions on.
func (p *parser) restOfNode(i int, d described, name string) int {
	entries, next := p.entries(i, indentOf(p.src.line(i)))
	d.root = outline(entries)
	node := d.node()
	node.Name = name
	p.add(node)
	if next < p.src.lines() && isEventsLine(p.src.line(next)) {
		events, after := p.eventSection(next+1, subject{kind: "Node", name: name}, d.seen)
		for _, event := range events {
			p.add(event.Event)
		}
		linkNode(d.seen, node, events)
		return max(after, next+1)
	}
	linkNode(d.seen, node, nil)
	return next
}

// linkNode derives the moment of a node's description. The Ready condition changed when the event says so; a
// node that is ready renews its lease all the time.
func linkNode(seen *sighting, node *corev1.Node, events []reported) {
	for i := range node.Status.Conditions {
		ready := &node.Status.Conditions[i]
		if ready.Type != corev1.NodeReady {
			continue
		}
		if ready.Status == corev1.ConditionTrue && !seen.newest.IsZero() {
			seen.linked(seen.newest, age{known: true, grain: time.Nanosecond})
			return
		}
		youngest := age{}
		for _, event := range events {
			if event.Reason == "NodeNotReady" && event.last.known && (!youngest.known || event.last.duration < youngest.duration) {
				youngest = event.last
			}
		}
		seen.linked(ready.LastTransitionTime.Time, youngest)
	}
}
