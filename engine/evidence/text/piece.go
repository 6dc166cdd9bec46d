package text

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// A piece is a part of a manifest without its head: the status of a pod, its containers' statuses, or one state.

// isPiece tells whether a piece of a manifest begins at line i, which without indentation is start.
func (p *parser) isPiece(i int, start string) bool {
	switch start[0] {
	case '[', '{':
		return beginsCondition(p.src.text[p.src.starts[i]:])
	case '-':
		for _, first := range []string{"- containerID: ", "- lastProbeTime: ", "- lastHeartbeatTime: ", "- allocatedResources:"} {
			if strings.HasPrefix(start, first) {
				return true
			}
		}
		if strings.HasPrefix(start, "- type: ") && p.isNextKey(i, "status", "reason", "message") {
			return true
		}
		start = strings.TrimPrefix(start, "- ")
	case 'n':
		return strings.HasPrefix(start, "name: ") && p.isNextKey(i, "ready") && p.isStatusCut(i)
	case 'r':
		if strings.HasPrefix(start, "ready: ") || strings.HasPrefix(start, "restartCount: ") {
			return p.isStatusCut(i)
		}
		return strings.TrimRight(start, " ") == "resources:" && p.isNextKey(i, "limits", "requests", "claims")
	case 'e', 'f', 'm':
		return p.isOfEvent(i)
	case 's', 'c', 'i', 'l', '"', 't', 'w':
		if p.isOfEvent(i) {
			return true
		}
	default:
		return false
	}
	if strings.HasPrefix(start, "image: ") {
		return p.isContainerSpec(i)
	}
	key, value, ok := strings.Cut(strings.TrimRight(start, " "), ":")
	if !ok || value != "" && value != " {" && value != " [" || i+1 >= p.src.lines() {
		return false
	}
	switch key = strings.Trim(key, `"`); key {
	case "status", "containerStatuses", "initContainerStatuses", "conditions", "state", "lastState":
	case "terminated", "waiting":
		return p.isNextKey(i, "containerID", "exitCode", "reason", "message")
	default:
		return false
	}
	next := strings.TrimLeft(trimLeft(p.src.line(i+1)), `"{[- `)
	inner, _ := cutField(next)
	return next == "" && value != "" || inner != "" && inner[0] >= 'a' && inner[0] <= 'z' && !strings.Contains(inner, " ")
}

// isStatusCut tells whether the status of a container goes on at line i in YAML, up to its state.
func (p *parser) isStatusCut(i int) bool {
	const most = 6 // fields
	margin := indentOf(p.src.line(i))
	for j := i + 1; j < min(p.src.lines(), i+most); j++ {
		line := p.src.line(j)
		if indentOf(line) != margin {
			return false
		}
		if strings.TrimSpace(line) == "state:" {
			return true
		}
	}
	return false
}

// isOfEvent tells whether a field of an event in YAML stands at line i, and what the event is about there or below.
func (p *parser) isOfEvent(i int) bool {
	switch key, _ := cutField(strings.TrimSpace(p.src.line(i))); key {
	case "count", "eventTime", "firstTimestamp", "involvedObject":
	default:
		return false
	}
	margin := indentOf(p.src.line(i))
	for j := i; j < min(p.src.lines(), i+4); j++ {
		if line := p.src.line(j); indentOf(line) == margin && strings.TrimSpace(line) == "involvedObject:" {
			return j+1 < p.src.lines() && indentOf(p.src.line(j+1)) > margin
		}
	}
	return false
}

// beginsCondition tells whether JSON begins with a condition, or a list of them.
func beginsCondition(text string) bool {
	text = strings.TrimLeft(text[:min(len(text), 256)], " \t\r\n[")
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return false
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	for _, key := range []string{`"lastHeartbeatTime"`, `"lastProbeTime"`, `"lastTransitionTime"`} {
		if strings.HasPrefix(rest, key) || strings.HasPrefix(rest, `"type"`) && strings.Contains(rest, key) {
			return true
		}
	}
	return false
}

// isNextKey tells whether the line after i is one of some fields.
func (p *parser) isNextKey(i int, names ...string) bool {
	if i+1 >= p.src.lines() {
		return false
	}
	key, _ := cutField(strings.TrimLeft(trimLeft(p.src.line(i+1)), `"{ `))
	return slices.Contains(names, strings.Trim(key, `"`))
}

// isContainerSpec tells whether the fields of a container follow its image at line i.
func (p *parser) isContainerSpec(i int) bool {
	margin := indentOf(p.src.line(i))
	for j := i + 1; j < min(p.src.lines(), i+24); j++ {
		line := p.src.line(j)
		if indentOf(line) < margin || isBlank(line) {
			return false
		}
		if key, _ := cutField(strings.TrimSpace(line)); indentOf(line) == margin && (key == "resources" || key == "imagePullPolicy") {
			return true
		}
	}
	return false
}

// piece reads the piece of a manifest that begins at line i. What tells nothing is a log.
func (p *parser) piece(i int) int {
	next, document := p.pieceText(i)
	var object runtime.Object
	if value, _, ok := p.yamlToJSON(document); ok {
		object = p.objectOfPiece(value)
	}
	if object == nil {
		p.plainUntil = next
		p.logFrom = i + 1
		return i + 1
	}
	p.see(object)
	p.add(object)
	return next
}

// pieceText is the text of a piece and the line after it: up to its last bracket, if it has any, or as far as its
// indentation goes.
func (p *parser) pieceText(i int) (next int, document []byte) {
	line := p.src.line(i)
	margin := indentOf(line)
	if !strings.HasSuffix(strings.TrimRight(line, " "), ":") && strings.ContainsAny(line, "{[") {
		if p.jsonRead > len(p.src.text) {
			return i + 1, nil
		}
		begin := p.src.starts[i] + strings.IndexAny(p.src.text[p.src.starts[i]:], "{[")
		length, closed := jsonLength(p.src.text[begin:min(len(p.src.text), begin+maxManifest)])
		p.jsonRead += length
		if !closed {
			return i + 1, nil
		}
		next = i + 1
		for next < p.src.lines() && p.src.starts[next] < begin+length {
			next++
		}
		return next, p.src.data[p.src.starts[i] : begin+length]
	}
	next = max(p.yamlEnd(i, margin, true), i+1)
	if isItem := func(line string) bool { return strings.HasPrefix(trimLeft(line), "-") }; isItem(line) { // what is beside a list is not of it
		for j := i + 1; j < next; j++ {
			if other := p.src.line(j); indentOf(other) == margin && !isBlank(other) && !isItem(other) {
				next = j
			}
		}
	}
	if least := p.leastIndent(i+1, next); next > i+1 && least > margin && least < indentOf(p.src.line(i+1)) {
		margin = least // copying took the indentation off the first line only
	}
	return next, p.plain(i, next, margin)
}

// leastIndent is how far the lines from to before until are indented at least.
func (p *parser) leastIndent(from, until int) int {
	least := 1 << 16
	for j := from; j < until; j++ {
		if line := p.src.line(j); !isBlank(line) {
			least = min(least, indentOf(line))
		}
	}
	return least
}

// objectOfPiece makes the object that a piece is of; nil when it says nothing that matters.
func (p *parser) objectOfPiece(value []byte) runtime.Object {
	var list []map[string]json.RawMessage
	var fields map[string]json.RawMessage
	if value[0] == '[' {
		if json.Unmarshal(value, &list) != nil || len(list) == 0 {
			return nil
		}
		name := "conditions"
		if has(list[0], "containerID", "state", "lastState", "restartCount") {
			name = "containerStatuses"
		}
		fields = map[string]json.RawMessage{name: value}
	} else if json.Unmarshal(value, &fields) != nil {
		return nil
	}
	if node := runtimeConditions(fields["status"]); node != nil {
		return node
	}
	switch {
	case has(fields, "involvedObject"):
		event, ok := decodeInto(&corev1.Event{}, encoded(fields)).(*corev1.Event)
		if !ok || event.Reason == "" && event.Message == "" {
			return nil
		}
		event.Count = max(event.Count, 1)
		return event
	case has(fields, "status"):
	case has(fields, "type") && has(fields, "lastTransitionTime"):
		fields = map[string]json.RawMessage{"status": within("conditions", encoded(fields))}
	case has(fields, "containerStatuses", "initContainerStatuses", "conditions", "phase"):
		fields = map[string]json.RawMessage{"status": encoded(fields)}
	case has(fields, "state", "lastState"):
		fields = map[string]json.RawMessage{"status": within("containerStatuses", encoded(fields))}
	case has(fields, "terminated", "waiting", "running"):
		state := encoded(map[string]json.RawMessage{"state": encoded(fields)})
		fields = map[string]json.RawMessage{"status": within("containerStatuses", state)}
	case has(fields, "resources"):
		fields = map[string]json.RawMessage{"spec": within("containers", encoded(fields))}
	default:
		return nil
	}
	return p.told(kindOfStatus(fields["status"]), encoded(fields))
}

func has(fields map[string]json.RawMessage, names ...string) bool {
	for _, name := range names {
		if _, ok := fields[name]; ok {
			return true
		}
	}
	return false
}

func encoded(fields map[string]json.RawMessage) json.RawMessage {
	value, _ := json.Marshal(fields) // of values that were decoded
	return value
}

// within makes an object of one list of one item.
func within(name string, item json.RawMessage) json.RawMessage {
	return bytes.Join([][]byte{[]byte(`{"` + name + `":[`), item, []byte(`]}`)}, nil)
}

// kindOfStatus tells by its conditions whose status a status is.
func kindOfStatus(status json.RawMessage) runtime.Object {
	var known struct {
		Conditions []struct {
			Type              string  `json:"type"`
			Reason            string  `json:"reason"`
			LastHeartbeatTime *string `json:"lastHeartbeatTime"`
		} `json:"conditions"`
	}
	_ = json.Unmarshal(status, &known) // what is no list of conditions has none
	for _, condition := range known.Conditions {
		switch {
		case condition.LastHeartbeatTime != nil, condition.Type == "NetworkUnavailable" || strings.HasSuffix(condition.Type, "Pressure"),
			condition.Type == "Ready" && (strings.HasPrefix(condition.Reason, "Kubelet") || strings.HasPrefix(condition.Reason, "NodeStatus")):
			return &corev1.Node{}
		case condition.Type == "Progressing" || condition.Type == "Available" || condition.Type == "ReplicaFailure":
			return &appsv1.Deployment{}
		}
	}
	return &corev1.Pod{}
}

// runtimeConditions reads what crictl info says of a container runtime as the kubelet tells it in the condition of its node
// (k8s.io/kubernetes/pkg/kubelet/runtime.go); nil for what is something else, or where nothing is wrong.
func runtimeConditions(status json.RawMessage) *corev1.Node {
	var known struct {
		Conditions []struct {
			Type    string `json:"type"`
			Status  any    `json:"status"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
	}
	_ = json.Unmarshal(status, &known) // what is no list of conditions has none
	for _, condition := range known.Conditions {
		if ready, is := condition.Status.(bool); !is || ready || condition.Type != "NetworkReady" && condition.Type != "RuntimeReady" {
			continue
		}
		what := "container runtime"
		if condition.Type == "NetworkReady" {
			what += " network"
		}
		node := &corev1.Node{}
		node.Name = evidence.UnknownNode
		node.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady",
			Message: what + " not ready: " + condition.Type + "=false reason:" + condition.Reason + " message:" + condition.Message,
		}}
		return node
	}
	return nil
}

// told fills an object; nil when nothing was told of it.
func (p *parser) told(object runtime.Object, value []byte) runtime.Object {
	object = decodeInto(object, value)
	if object == nil {
		return nil
	}
	switch o := object.(type) {
	case *corev1.Pod:
		for _, status := range o.Status.InitContainerStatuses {
			o.Spec.InitContainers = append(o.Spec.InitContainers, corev1.Container{Name: status.Name, Image: status.Image})
		}
		if len(o.Spec.Containers) == 0 {
			for _, status := range o.Status.ContainerStatuses {
				o.Spec.Containers = append(o.Spec.Containers, corev1.Container{Name: status.Name, Image: status.Image})
			}
		}
		runReady(o)
		if o.Name == "" && singular(p.command.kind) == "pod" && !p.command.isLogs() {
			o.Name, o.Namespace = p.command.name, p.command.namespace
		}
		if len(o.Spec.Containers)+len(o.Spec.InitContainers)+len(o.Status.Conditions) == 0 && o.Status.Phase == "" {
			return nil
		}
	case *corev1.Node:
		o.Name = nodeOr(o.Name)
		if o.Name == evidence.UnknownNode && singular(p.command.kind) == "node" {
			o.Name = nodeOr(p.command.name)
		}
	case *appsv1.Deployment:
		if o.Name == "" && singular(p.command.kind) == "deployment" {
			o.Name, o.Namespace = p.command.name, p.command.namespace
		}
	}
	return object
}

// runReady gives the containers of a pod that is ready, of which no state is told, the one that they must have, and those
// that ended before at least one restart.
func runReady(pod *corev1.Pod) {
	ready := slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.State != (corev1.ContainerState{}) {
			continue
		}
		if ready {
			status.State.Running, status.Ready = &corev1.ContainerStateRunning{}, true
		}
		if status.LastTerminationState.Terminated != nil {
			status.RestartCount = max(status.RestartCount, 1)
		}
	}
}
