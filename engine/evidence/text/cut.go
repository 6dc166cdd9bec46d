package text

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// JSON is copied out of a terminal from somewhere to somewhere: what was opened before it is closed in it, and what it
// opens is not closed.

// maxCut is how many lines at the end of cut JSON may be no part of it, as the half of a line.
const maxCut = 3

// cutJSON reads JSON without its beginning, its end or both from line i on; the same line when it is none, or tells
// nothing.
func (p *parser) cutJSON(i int) (next int) {
	if p.command.isLogs() || p.cutRead > len(p.src.text) || !isJSONLine(trimLeft(p.src.line(i))) || i > 0 && !p.isApart(i-1) {
		return i
	}
	for next = i; next < p.src.lines() && isJSONLine(trimLeft(p.src.line(next))); next++ {
		p.cutRead += len(p.src.line(next))
	}
	if next-i < maxCut || p.cutRead > maxManifest {
		return i
	}
	lines := bytes.Split(bytes.TrimSpace(p.plain(i, next, 0)), []byte{'\n'})
	for left := len(lines); left > max(0, len(lines)-maxCut); left-- {
		value, whole := closed(bytes.Join(lines[:left], []byte{'\n'}))
		if whole {
			return i // read as what it is
		}
		if json.Valid(value) {
			if p.addCut(value, maxLists) {
				return next
			}
			return i
		}
	}
	return i
}

// addCut adds the objects that cut JSON is of; false when it tells nothing.
func (p *parser) addCut(value []byte, depth int) bool {
	var inside struct {
		Unknown    json.RawMessage `json:"unknown"`
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
	}
	_ = json.Unmarshal(value, &inside) // what has no such fields is no less
	if depth == 0 {
		return false
	}
	if inside.Kind != "" && inside.APIVersion != "" {
		known := len(p.objects)
		p.decodeNested(value, owner{}, depth)
		return len(p.objects) > known
	}
	if object := p.objectOfPiece(value); object != nil {
		p.see(object)
		p.add(object)
		return true
	}
	var list []json.RawMessage
	if inside.Unknown == nil || json.Unmarshal(inside.Unknown, &list) != nil {
		return inside.Unknown != nil && p.addCut(inside.Unknown, depth-1)
	}
	added := false
	for _, item := range list {
		added = p.addCut(item, depth-1) || added
	}
	return added
}

// cutYAML reads the status of an object that begins inside one of its conditions, from line i on; the same line when it is
// none.
func (p *parser) cutYAML(i int) (next int) {
	line := p.src.line(i)
	margin := indentOf(line) - len("- ")
	if margin < 0 || p.command.isLogs() || p.cutRead > len(p.src.text) || !inCondition(trimLeft(line)) || i > 0 && !p.isApart(i-1) {
		return i
	}
	inside := i
	for inside < p.src.lines() && indentOf(p.src.line(inside)) == margin+len("- ") && inCondition(trimLeft(p.src.line(inside))) {
		inside++
	}
	if inside >= p.src.lines() || indentOf(p.src.line(inside)) != margin {
		return i
	}
	if start := trimLeft(p.src.line(inside)); !isObjectStatus(start) && !inCondition(strings.TrimPrefix(start, "- ")) {
		return i
	}
	next = p.yamlEnd(i, margin, true)
	p.cutRead += p.src.starts[next-1] - p.src.starts[i]
	document := p.plain(i, next, margin)
	value, _, ok := p.yamlToJSON(append([]byte("conditions:\n- "), document[min(len(document), len("- ")):]...))
	if !ok {
		return i
	}
	object := p.objectOfPiece(value)
	if object == nil {
		return i
	}
	p.see(object)
	p.add(object)
	return next
}

// inCondition tells whether a line is a field of a condition.
func inCondition(start string) bool {
	key, _, ok := strings.Cut(start, ": ")
	switch {
	case !ok:
		return false
	case key == "lastProbeTime", key == "lastTransitionTime", key == "lastHeartbeatTime", key == "lastUpdateTime", key == "message", key == "reason", key == "status", key == "type", key == "observedGeneration":
		return true
	default:
		return false
	}
}

// isObjectStatus tells whether a line is a field of a status that may follow its conditions.
func isObjectStatus(start string) bool {
	switch key, _ := cutField(start); key {
	case "containerStatuses", "daemonEndpoints", "images", "hostIP", "hostIPs", "initContainerStatuses", "observedGeneration", "phase", "readyReplicas", "replicas", "updatedReplicas":
		return true
	default:
		return false
	}
}

// isApart tells whether something may begin below line i.
func (p *parser) isApart(i int) bool {
	line := p.src.line(i)
	if isBlank(line) || isElision(line) || isFence(trimLeft(line)) {
		return true
	}
	_, prompt := parsePrompt(line)
	return prompt
}

// isJSONLine tells whether a line may be one of JSON that is printed with a field on each.
func isJSONLine(start string) bool {
	if start == "" {
		return false
	}
	switch start[0] {
	case '{', '}', '[', ']':
		return strings.TrimLeft(start, "{}[], \r") == ""
	case '"':
		return true
	default:
		return false
	}
}

// level is an object or a list that JSON is inside of where it begins.
type level struct {
	list bool
	keys []string // of the object, or of those in the list
}

// closed gives JSON with what was opened before it and is closed after it; whole when nothing is missing. What it makes
// may be no JSON.
func closed(text []byte) (value []byte, whole bool) {
	text = bytes.TrimRight(text, " \t\r\n,")
	if len(text) == 0 {
		return nil, true
	}
	if bytes.HasSuffix(text, []byte(":")) { // a field without its value
		text = bytes.TrimRight(text[:max(bytes.LastIndexByte(text, '\n'), 0)], " \t\r\n,")
	}
	outer := []level{{}} // from the inside out
	var open []byte
	key, quoted, begin := "", false, 0
	top := func() *level { return &outer[len(outer)-1] }
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; quoted {
				begin = i + 1
			} else {
				key = string(text[begin:i])
			}
		case quoted:
		case c == ':' && (len(open) == 0 || len(open) == 1 && top().list):
			top().keys = append(top().keys, key)
		case c == '{' || c == '[':
			if len(open) == 0 && c == '{' && lastByte(text[:i]) != ':' {
				top().list = true
			}
			open = append(open, c+2) // what closes it
		case c == '}' || c == ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
				continue
			}
			top().list = c == ']'
			if inner := *top(); inner.list {
				outer = append(outer, level{})
			} else {
				after := bytes.TrimLeft(text[i+1:], " \t\r\n,")
				outer = append(outer, level{bytes.HasPrefix(after, []byte("{")) || bytes.HasPrefix(after, []byte("]")), inner.keys})
				if !top().list {
					top().keys = nil
				}
			}
		}
	}
	if quoted {
		return nil, false
	}
	slices.Reverse(open)
	if first := text[0]; len(outer) == 1 && (first == '{' || first == '[') {
		return slices.Concat(text, open), len(open) == 0
	}
	return append(slices.Concat(head(outer), text, open), "}]"[btoi(top().list)]), false
}

// lastByte is the last byte of a text that is no space; 0 when there is none.
func lastByte(text []byte) byte {
	text = bytes.TrimRight(text, " \t\r\n")
	if len(text) == 0 {
		return 0
	}
	return text[len(text)-1]
}

// head opens what JSON is inside of, from the outside in, with the names that fit what is in it.
func head(outer []level) (opened []byte) {
	for i, inside := range outer {
		var field []byte
		if i+1 < len(outer) && !outer[i+1].list {
			name := nameOf(inside, outer[i+1])
			outer[i+1].keys = append(outer[i+1].keys, name)
			field = []byte(`"` + name + `":`)
		}
		opened = slices.Concat(field, []byte{"{["[btoi(inside.list)]}, opened)
	}
	return opened
}

// nameOf gives the field of a pod, or of what is in one, that has something with such fields in it. kubectl sorts the
// fields: some of those that follow the last state and the state tell these apart.
func nameOf(inside, outside level) string {
	has := inside.has
	switch {
	case inside.list && has("restartCount", "lastState", "imageID"):
		return "containerStatuses"
	case inside.list && has("lastTransitionTime", "status"):
		return "conditions"
	case has("containerStatuses", "conditions", "phase", "hostIP"):
		return "status"
	case has("exitCode", "finishedAt"):
		return "terminated"
	case has("terminated") && outside.has("name", "ready", "restartCount", "started", "state"):
		return "lastState"
	case has("terminated"):
		return "state"
	default:
		return "unknown"
	}
}

func (l level) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(l.keys, name) })
}
