package text

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Exporters of events write each as an object in JSON on a line of its own, without its kind, and maybe inside another one.

// maxWrapped is how deep an exported event may stand inside others.
const maxWrapped = 3

// wrappers are the fields in which collectors of logs and exporters put an event.
var wrappers = [...]string{"event", "object", "_source", "source", "data", "log", "payload", "jsonPayload", "kubernetes_event"}

// isExported recognises the line of an event that was exported.
func isExported(start string) bool {
	return start[0] == '{' && len(start) < maxStructured && strings.Contains(start, `"involvedObject"`) && strings.HasSuffix(strings.TrimRight(start, " \r\n"), "}")
}

// exported gives the event that a line holds; nil when it holds none.
func exported(line string) *corev1.Event {
	value := json.RawMessage(strings.TrimSpace(line))
	for range maxWrapped {
		var fields map[string]json.RawMessage
		if json.Unmarshal(value, &fields) != nil {
			return nil
		}
		if _, is := fields["involvedObject"]; is {
			event := &corev1.Event{}
			decoded, ok := decodeInto(event, value).(*corev1.Event)
			if !ok || decoded.Reason == "" && decoded.Message == "" {
				return nil
			}
			return decoded
		}
		value = nil
		for _, wrapper := range wrappers {
			if inner, is := fields[wrapper]; is && len(inner) > 0 && inner[0] == '{' && strings.Contains(string(inner), `"involvedObject"`) {
				value = inner
				break
			}
		}
	}
	return nil
}

// exportedEvent reads the event of line i. A line without one is a log.
func (p *parser) exportedEvent(i int) int {
	event := exported(p.src.line(i))
	if event == nil {
		p.plainUntil = i + 1
		p.logFrom = i + 1
		return i + 1
	}
	if event.Count == 0 {
		event.Count = 1
	}
	p.see(event)
	p.add(event)
	return i + 1
}
