package text

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// eventRow is one line of the events of a description.
type eventRow struct {
	kind, reason, from, fieldPath, message string
	span                                   span
}

// isEventRow tells whether a line without its indentation is an event as kubectl describe prints it, which needs
// no header to be known.
func isEventRow(start string) bool {
	_, ok := parseEventRow(start)
	return ok
}

// parseEventRow reads "Type Reason Age From Message". Any white space separates, so that text that lost its
// columns is read too.
func parseEventRow(line string) (eventRow, bool) {
	var row eventRow
	kind, rest := word(line)
	if kind != corev1.EventTypeNormal && kind != corev1.EventTypeWarning {
		return row, false
	}
	row.kind = kind
	row.reason, rest = word(rest)
	if !isReason(row.reason) {
		return row, false
	}
	aligned := strings.Contains(line[:len(line)-len(rest)], "  ")
	var ok bool
	before := rest
	if row.span, rest, ok = parseSpan(rest); !ok || rest == "" {
		return row, false
	}
	row.from, row.message = splitFrom(rest, aligned || strings.Contains(before[:len(before)-len(rest)], "  "))
	row.fieldPath, row.message = cutFieldPath(row.message)
	return row, true
}

// isReason recognises the machine-readable word that a reason is.
func isReason(text string) bool {
	if text == "" || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' && c != ':' {
			return false
		}
	}
	first := text[0]
	return first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z'
}

// splitFrom separates the reporter, which may be missing, from the message. Columns are two spaces apart at
// least, unless the text lost its alignment.
func splitFrom(text string, aligned bool) (from, message string) {
	text = strings.TrimSpace(text)
	from, message = word(text)
	gap := len(text) - len(from) - len(message)
	if strings.HasSuffix(from, ",") && message != "" { // "kubelet, node-1", before 1.20
		host, rest := word(message)
		gap = len(message) - len(host) - len(rest)
		from, message = from+" "+host, rest
	}
	if aligned && gap < 2 && !strings.Contains(text[len(from):], "\t") || !isComponent(from) {
		return "", text
	}
	return from, message
}

// isComponent tells whether a word may be the name of a program that reports events.
func isComponent(text string) bool {
	name, _, _ := strings.Cut(text, ", ")
	if name == "" || len(name) > 200 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '/' {
			return false
		}
	}
	return true
}

// cutFieldPath takes "spec.containers{app}: " off a message, as kubectl describe prints it since 1.31.
func cutFieldPath(message string) (fieldPath, rest string) {
	if !strings.HasPrefix(message, "spec.") {
		return "", message
	}
	path, rest, ok := strings.Cut(message, ": ")
	if !ok || !isFieldPath(path) {
		return "", message
	}
	return path, rest
}

func isFieldPath(text string) bool {
	return strings.HasPrefix(text, "spec.") && strings.HasSuffix(text, "}") && strings.Count(text, "{") == 1 && !strings.ContainsAny(text, " \t")
}

// parseOldEventRow reads "FirstSeen LastSeen Count From SubObjectPath Type Reason Message", the order of kubectl
// before 1.7.
func parseOldEventRow(line string) (eventRow, bool) {
	var row eventRow
	firstText, rest := word(line)
	lastText, rest := word(rest)
	countText, rest := word(rest)
	first, ok1 := parseAge(firstText)
	last, ok2 := parseAge(lastText)
	count, _, ok3 := parseRestarts(countText)
	if !ok1 || !ok2 || !ok3 {
		return row, false
	}
	row.span = span{last: last, first: first, count: count}
	for _, kind := range []string{corev1.EventTypeWarning, corev1.EventTypeNormal} {
		before, after, ok := cutWord(rest, kind)
		if !ok {
			continue
		}
		row.kind = kind
		row.reason, row.message = word(after)
		source := strings.Fields(before)
		if n := len(source); n > 0 && isFieldPath(source[n-1]) {
			row.fieldPath = source[n-1]
			source = source[:n-1]
		}
		row.from = strings.Trim(strings.Join(source, " "), "{} ")
		row.from = strings.TrimSuffix(row.from, ",")
		return row, isReason(row.reason)
	}
	return row, false
}

// cutWord cuts a text at a word that stands by itself.
func cutWord(text, word string) (before, after string, ok bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 || from > 512 {
			return "", "", false
		}
		at += from
		end := at + len(word)
		if (at == 0 || isSpace(text[at-1])) && end < len(text) && isSpace(text[end]) {
			return text[:at], text[end+1:], true
		}
		from = end
	}
}

// subject is what the events of a description are about.
type subject struct {
	kind, namespace, name string
	// containers are those of the described pod, if it is one.
	containers []namedContainer
}

// event is the API's event for a row.
func (row eventRow) event(about subject, seen *sighting) *corev1.Event {
	component, host, _ := strings.Cut(row.from, ", ")
	event := &corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: about.kind, Namespace: about.namespace, Name: about.name, FieldPath: row.fieldPath},
		Type:           row.kind, Reason: row.reason, Message: strings.TrimSpace(row.message), Count: row.span.count,
		Source: corev1.EventSource{Component: component, Host: host},
	}
	event.Namespace = about.namespace
	if about.kind == "Node" || about.kind == "PersistentVolume" {
		event.Namespace = corev1.NamespaceDefault
	}
	if event.InvolvedObject.FieldPath == "" && len(about.containers) > 0 {
		event.InvolvedObject.FieldPath = fieldPathOf(about.containers, row)
	}
	seen.ago(row.span.last, func(t time.Time) { event.LastTimestamp = metav1.NewTime(t) })
	seen.ago(row.span.first, func(t time.Time) { event.FirstTimestamp = metav1.NewTime(t) })
	return event
}

// reported is an event with how long ago it was last reported.
type reported struct {
	*corev1.Event
	last age
}

// maxContinued is how many lines one event's message may go on for; kubelet cuts messages at 1024 bytes.
const maxContinued = 64

// eventSection reads the events of a description from line i on, behind their header.
func (p *parser) eventSection(i int, about subject, seen *sighting) ([]reported, int) {
	var events []reported
	end := i // behind the last line that is certainly part of the events
	old := false
	for j := i; j < p.src.lines() && j <= end+maxContinued; j++ {
		line := p.src.line(j)
		start := trimLeft(line)
		if len(events) == 0 && isEventColumns(start) {
			old = strings.HasPrefix(start, "FirstSeen")
			end = j + 1
			continue
		}
		row, ok := parseEventRow(start)
		if !ok && old {
			row, ok = parseOldEventRow(start)
		}
		if !ok {
			if p.breaks(j) {
				break
			}
			continue
		}
		if len(events) > 0 {
			p.continued(events[len(events)-1].Event, end, j)
		}
		events = append(events, reported{row.event(about, seen), row.span.last})
		end = j + 1
	}
	return events, p.lastMessage(events, end)
}

// isEventColumns recognises the header of the events of a description and the dashes below it.
func isEventColumns(start string) bool {
	first, rest := word(start)
	second, _ := word(rest)
	return first == "Type" && second == "Reason" || first == "FirstSeen" && second == "LastSeen" ||
		strings.HasPrefix(first, "----") && strings.HasPrefix(second, "----")
}

// continued appends lines to the message of an event that has several.
func (p *parser) continued(event *corev1.Event, from, until int) {
	for k := from; k < until; k++ {
		event.Message += "\n" + strings.TrimRight(p.src.line(k), " \t")
	}
	event.Message = strings.TrimRight(event.Message, "\n")
}

// lastMessage appends to the last event what is certainly part of its message: the output of a probe or a hook
// goes on up to the next empty line. It returns the line after that.
func (p *parser) lastMessage(events []reported, end int) int {
	if len(events) == 0 {
		return end
	}
	last := events[len(events)-1].Event
	until := end
	if strings.Contains(last.Message, "probe failed:") || strings.Contains(last.Message, "probe errored") {
		for until < p.src.lines() && until < end+maxContinued && !isBlank(p.src.line(until)) && !p.breaks(until) {
			until++
		}
	}
	p.continued(last, end, until)
	return until
}

// isEventsHeader recognises the events of a description that was cut off before them.
func (p *parser) isEventsHeader(i int, start string) bool {
	if strings.TrimRight(start, " ") != "Events:" || i+1 >= p.src.lines() {
		return false
	}
	return isEventColumns(trimLeft(p.src.line(i+1))) || isEventRow(trimLeft(p.src.line(i+1)))
}

// looseEvents reads events that stand without the description of what they are about. The prompt may tell.
func (p *parser) looseEvents(i int) int {
	about := subject{kind: "Pod", namespace: p.command.namespace}
	if p.command.verb == "describe" {
		about.kind, about.name = kindOf(p.command.kind), p.command.name
	}
	if strings.HasPrefix(trimLeft(p.src.line(i)), "Events:") {
		i++
	}
	events, next := p.eventSection(i, about, p.clock.sighting())
	for _, event := range events {
		p.add(event.Event)
	}
	return max(next, i+1)
}
