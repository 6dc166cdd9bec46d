package text

import (
	"strings"
)

// Chats, mails and wikis take the indentation off a description. What its lines are indented for is known from
// their keys, so it is given back.

// flatEntries reads the description of a pod whose lines lost their indentation; false when line i begins none.
// Lines without indentation end a proper description at the first container, or at the second label.
func (p *parser) flatEntries(i int) (entries []entry, next int, ok bool) {
	if !p.isFlat(i) {
		return nil, 0, false
	}
	f := flat{}
	j := i
	for ; j < p.src.lines(); j++ {
		text := strings.Trim(p.src.line(j), " \t")
		key, _ := cutField(text)
		if text == "" && !p.flatGoesOn(j) || key == "Events" || j > i && p.breaks(j) {
			break
		}
		if text == "" || isElision(text) {
			continue
		}
		after := ""
		if j+1 < p.src.lines() {
			after, _ = cutField(strings.TrimSpace(p.src.line(j + 1)))
		}
		indent, ok := f.indent(text, after)
		if !ok {
			break
		}
		entries = append(entries, entry{indent: indent, text: text})
	}
	return entries, max(j, i+1), true
}

// flatGoesOn tells whether a field of a pod stands behind an empty line.
func (p *parser) flatGoesOn(j int) bool {
	if j+1 >= p.src.lines() {
		return false
	}
	key, _ := cutField(strings.TrimSpace(p.src.line(j + 1)))
	return key != "Name" && key != "Message" && key != "Events" && isTopKey(key)
}

// maxFlat is how many lines are looked at for the containers.
const maxFlat = 64

// isFlat tells whether the containers of the description at line i are not indented.
func (p *parser) isFlat(i int) bool {
	for j := i + 1; j < min(i+maxFlat, p.src.lines()-2); j++ {
		line := strings.TrimSpace(p.src.line(j))
		if strings.HasPrefix(line, "Name:") && indentOf(p.src.line(j)) <= indentOf(p.src.line(i)) {
			return false
		}
		if line != "Containers:" && line != "Init Containers:" {
			continue
		}
		name, _ := cutField(strings.TrimSpace(p.src.line(j + 1)))
		first, _ := cutField(strings.TrimSpace(p.src.line(j + 2)))
		heading, inside, field := indentOf(p.src.line(j)), indentOf(p.src.line(j+1)), indentOf(p.src.line(j+2))
		return isObjectName(name) && (first == "Container ID" || first == "Image") && (inside <= heading || field <= inside)
	}
	return false
}

// flat follows the lines of a flat description.
type flat struct {
	section string // the field without indentation that was read last
	field   string // the field of a container that was read last
}

// indent is how far a line is indented in a proper description, from its text and the key of the next line; false
// for a line that can't be part of one.
func (f *flat) indent(text, after string) (int, bool) {
	key, value := cutField(text)
	switch f.section {
	case "Containers", "Init Containers", "Ephemeral Containers":
		return f.inContainers(key, value, after), true
	case "Conditions":
		if !isTopKey(key) {
			return 2, true
		}
	case "Volumes":
		if value == "" && after == "Type" {
			return 2, true
		}
		if !endsVolumes(key) {
			return 4, true
		}
	}
	if !isTopKey(key) || f.section == "IPs" && key == "IP" {
		switch f.section {
		case "Labels", "Annotations", "Node-Selectors", "Tolerations", "IPs", "Message", "Readiness Gates", "Topology Spread Constraints":
			return 16, true
		}
		return 0, false
	}
	f.section = key
	return 0, true
}

func (f *flat) inContainers(key, value, after string) int {
	switch {
	case key == "Conditions" || key == "Volumes" || key == "Containers" || key == "Ephemeral Containers" || endsVolumes(key):
		f.section, f.field = key, ""
		return 0
	case value == "" && (after == "Container ID" || after == "Image") && isObjectName(key) && !isContainerKey(key):
		f.field = ""
		return 2
	case isContainerKey(key):
		f.field = key
		return 4
	default:
		return 6
	}
}

// endsVolumes knows what follows the volumes of a pod.
func endsVolumes(key string) bool {
	switch key {
	case "QoS Class", "QoS Tier", "Node-Selectors", "Tolerations", "Events":
		return true
	default:
		return false
	}
}

// belongsTo tells whether a field, by its name, is a part of the one before it, however they are indented.
func belongsTo(key string, before *section) bool {
	switch before.key {
	case "State", "Last State", "Last Termination State":
		switch key {
		case "Reason", "Message", "Exit Code", "Signal", "Started", "Finished":
			return true
		}
	case "Limits", "Requests":
		return isResourceName(key)
	}
	return false
}

// isResourceName recognises what containers ask for.
func isResourceName(key string) bool {
	switch key {
	case "cpu", "memory", "ephemeral-storage":
		return true
	default:
		return strings.HasPrefix(key, "hugepages-") || strings.Contains(key, "/") && !strings.Contains(key, " ")
	}
}
