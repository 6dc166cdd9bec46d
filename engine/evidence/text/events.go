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
	// first and last are when it was reported, as kubectl before 1.2 printed it in place of ages.
	first, last time.Time
	// sandbox is set for what happened to no container of the pod's specification.
	sandbox bool
	// object is what it is about, as kind/name, where the row says so itself.
	object string
}

// isEventRow tells whether a line without its indentation is an event as kubectl describe prints it, which needs
// no header to be known.
func isEventRow(start string) bool {
	_, ok := parseEventRow(start)
	return ok
}

// parseEventRow reads "Type Reason Age From Message", and what is left of it. Any white space separates, so that text that lost its
// columns is read too.
func parseEventRow(line string) (eventRow, bool) {
	var row eventRow
	kind, rest := word(line)
	if ago, ok := parseAge(kind); ok && ago.known {
		return row.withAgeFirst(ago, rest)
	}
	if row.kind = wholeKind(kind); row.kind == "" || row.kind != kind && !strings.Contains(line[:len(line)-len(rest)], "  ") {
		return row, false
	}
	row.reason, rest = word(rest)
	if !isReason(row.reason) {
		return row, false
	}
	aligned := strings.Contains(line[:len(line)-len(rest)], "  ")
	var ok bool
	before := rest
	switch row.span, rest, ok = parseSpan(rest); {
	case ok && rest == "" && aligned && row.span.last.known: // cut behind the age
		return row, true
	case !ok || rest == "":
		return row.withoutAge(line, before)
	}
	row.from, row.message = splitFrom(rest, aligned || strings.Contains(before[:len(before)-len(rest)], "  "))
	row.fieldPath, row.message = cutFieldPath(row.message)
	return row, true
}

// withAgeFirst reads "Age Type Reason Message", as people keep what matters to them of a table of events, behind the age.
func (row eventRow) withAgeFirst(ago age, line string) (eventRow, bool) {
	kind, rest := word(line)
	reason, message := word(rest)
	object, _ := word(message)
	if about, _, ok := strings.Cut(object, "/"); !isEventType(kind) || !isReason(reason) || reason[0] < 'A' || reason[0] > 'Z' || !strings.Contains(message, " ") || ok && kindOf(about) != "" {
		return row, false
	}
	row.kind, row.reason, row.span = kind, reason, span{last: ago, first: ago, count: 1}
	row.fieldPath, row.message = cutFieldPath(strings.TrimSpace(message))
	return row, true
}

// wholeKind gives the type of an event, also where the beginning of its line was cut off; empty for another word.
func wholeKind(text string) string {
	const least = 3 // letters
	for _, kind := range []string{corev1.EventTypeWarning, corev1.EventTypeNormal} {
		if len(text) >= least && strings.HasSuffix(kind, text) {
			return kind
		}
	}
	return ""
}

// withoutAge reads "Type Reason [Object] Message", as people keep of an event what matters to them. Only columns two spaces apart
// tell it from a sentence.
func (row eventRow) withoutAge(line, message string) (eventRow, bool) {
	columns := line[:len(line)-len(message)]
	reason := strings.LastIndex(columns, row.reason)
	if !strings.HasSuffix(columns[:reason], "  ") || !strings.HasSuffix(columns, "  ") || row.reason[0] < 'A' || row.reason[0] > 'Z' || !strings.Contains(message, " ") {
		return row, false
	}
	if object, rest := word(message); strings.HasPrefix(message[len(object):], "  ") {
		if kind, name, ok := strings.Cut(object, "/"); ok && kindOf(kind) != "" && name != "" {
			row.object, message = object, rest
		}
	}
	row.fieldPath, row.message = cutFieldPath(strings.TrimSpace(message))
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
	if message == "" && from == "kubelet" { // the line was cut
		return from, ""
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

// subject is what the events of a description are about.
type subject struct {
	kind, namespace, name string
	// containers are those of the described pod, if it is one.
	containers []namedContainer
}

// event is the API's event for a row.
func (row eventRow) event(about subject, seen *sighting) *corev1.Event {
	component, host := sourceOf(row.from)
	event := &corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: about.kind, Namespace: about.namespace, Name: about.name, FieldPath: row.fieldPath},
		Type:           row.kind, Reason: row.reason, Message: strings.TrimSpace(row.message), Count: row.span.count,
		Source: corev1.EventSource{Component: component, Host: host},
	}
	if kind, name, ok := strings.Cut(row.object, "/"); ok {
		about = subject{kind: kindOf(kind), namespace: about.namespace, name: name}
		event.InvolvedObject.Kind, event.InvolvedObject.Name = about.kind, name
	}
	event.Namespace = about.namespace
	if about.kind == "Node" || about.kind == "PersistentVolume" {
		event.Namespace = corev1.NamespaceDefault
	}
	if event.InvolvedObject.FieldPath == "" && len(about.containers) > 0 && !row.sandbox {
		event.InvolvedObject.FieldPath = fieldPathOf(about.containers, row)
	}
	seen.ago(row.span.last, func(t time.Time) { event.LastTimestamp = metav1.NewTime(t) })
	seen.ago(row.span.first, func(t time.Time) { event.FirstTimestamp = metav1.NewTime(t) })
	if !row.last.IsZero() {
		event.FirstTimestamp, event.LastTimestamp = metav1.NewTime(row.first), metav1.NewTime(row.last)
		seen.saw(row.last)
	}
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
			old = old || strings.HasPrefix(start, "FirstSeen")
			end = j + 1
			continue
		}
		row, ok := parseEventRow(start)
		if !ok && (old || j == i) {
			row, ok = parseOldEventRow(start)
			old = old || ok
		}
		more := 0
		if !ok || row.message == "" {
			if whole, broken := p.brokenEventRow(j, start); broken {
				row, ok, more = whole, true, 1
			}
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
		j += more
		end = j + 1
	}
	return events, p.lastMessage(events, end)
}

// brokenEventRow reads a row that was broken before its message or before its age.
func (p *parser) brokenEventRow(j int, start string) (eventRow, bool) {
	kind, rest := word(start)
	if !isEventType(kind) || j+1 >= p.src.lines() {
		return eventRow{}, false
	}
	next := trimLeft(p.src.line(j + 1))
	if reason, rest := word(rest); !isReason(reason) || len(strings.Fields(rest)) > 5 || next == "" || isEventRow(next) {
		return eventRow{}, false
	}
	return parseEventRow(strings.TrimRight(start, " \t") + "  " + next)
}

// isEventColumns recognises the header of the events of a description and the dashes below it.
func isEventColumns(start string) bool {
	first, rest := word(start)
	second, _ := word(rest)
	return first == "Type" && second == "Reason" || first == "FirstSeen" && second == "LastSeen" ||
		strings.HasPrefix(first, "----") && strings.HasPrefix(second, "----")
}

// continued appends lines to the message of an event: that of a probe or a hook may have several, others were broken
// to fit a window.
func (p *parser) continued(event *corev1.Event, from, until int) {
	if from >= until {
		return
	}
	if event.Source.Component == "" && isReporter(event.Message) { // broken before the message
		event.Source.Component, event.Message = event.Message, strings.TrimSpace(p.src.line(from))
		from++
	}
	for k := from; k < until; k++ {
		line := strings.TrimRight(p.src.line(k), " \t")
		switch {
		case isElision(line):
		case strings.HasSuffix(event.Message, " probe failed:"):
			event.Message += " " + strings.TrimSpace(line)
		case strings.HasPrefix(line, "  ") && !strings.Contains(event.Message, "\n") && event.Message != "" && strings.HasSuffix(event.Message, ","): // somebody broke it
			event.Message += " " + strings.TrimSpace(line)
		case isOpen([]string{event.Message}) && !strings.Contains(event.Message, "\n"):
			event.Message = unwrap([]string{event.Message, strings.TrimSpace(line)})
		default:
			event.Message += "\n" + line
		}
	}
	event.Message = strings.TrimRight(event.Message, "\n")
}

// isReporter knows the programs that report events about pods.
func isReporter(text string) bool {
	switch name, _, _ := strings.Cut(text, ","); name {
	case "kubelet", "default-scheduler", "scheduler", "attachdetach-controller", "persistentvolume-controller", "replicaset-controller", "job-controller",
		"statefulset-controller", "daemonset-controller", "deployment-controller", "node-controller", "taint-eviction-controller":
		return true
	default:
		return false
	}
}

// lastMessage appends to the last event what is certainly part of its message: the output of a probe or a hook
// goes on up to the next empty line. It returns the line after that.
func (p *parser) lastMessage(events []reported, end int) int {
	if len(events) == 0 {
		return end
	}
	last := events[len(events)-1].Event
	until := end
	if strings.HasSuffix(last.Message, ",") || strings.Contains(last.Message, "probe failed:") || strings.Contains(last.Message, "probe errored") || strings.Contains(last.Message, "failed to fit in any node") {
		for until < p.src.lines() && until < end+maxContinued && !isBlank(p.src.line(until)) && !p.breaks(until) && !p.tellsState(until) {
			until++
		}
	}
	p.continued(last, end, until)
	return until
}

// tellsState tells whether line i begins what was printed of the state of a pod.
func (p *parser) tellsState(i int) bool {
	found := p.begins(i)
	return found == fragmentStart || found == headlessStart
}

// isEventsHeader recognises the events of a description that was cut off before them.
func (p *parser) isEventsHeader(i int, start string) bool {
	if strings.TrimRight(start, " ") != "Events:" || i+1 >= p.src.lines() {
		return false
	}
	return p.eventsFollow(i+1) || isEventColumns(trimLeft(p.src.line(i+1)))
}

// eventsFollow tells whether line i is an event, or the dashes above the first.
func (p *parser) eventsFollow(i int) bool {
	if i >= p.src.lines() {
		return false
	}
	start := trimLeft(p.src.line(i))
	if strings.HasPrefix(start, "---") {
		return isEventColumns(start)
	}
	_, broken := p.brokenEventRow(i, start)
	return broken || isEventRow(start) || isOldEventRow(start)
}

// isCutEvent reports whether what stands before the events from line i on, in what kubectl describe printed or at the
// beginning of the text, is no log but the end of an event of which the beginning is missing.
func (p *parser) isCutEvent(i int) bool {
	const most = 2 // lines
	if p.logFrom == 0 || p.command.verb != "describe" && (p.command != (command{}) || p.logFrom > 1) {
		return false
	}
	lines := 0
	for j := p.logFrom - 1; j < i && lines <= most; j++ {
		if !isBlank(p.src.line(j)) {
			lines++
		}
	}
	return lines <= most
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
	node, ofNode := namedNode(events)
	scheduled, known := scheduledPod(events)
	for _, event := range events {
		switch of := &event.InvolvedObject; {
		case about.name != "":
		case ofNode:
			*of, event.Namespace = corev1.ObjectReference{Kind: "Node", Name: node}, corev1.NamespaceDefault
		case known && of.Kind == "Pod" && of.Name == "":
			of.Namespace, of.Name = scheduled.namespace, scheduled.name
			event.Namespace = of.Namespace
		}
		p.add(event.Event)
	}
	return max(next, i+1)
}

// scheduledPod gives the only pod that events say was given a node: those that stand with that are about it.
func scheduledPod(events []reported) (subject, bool) {
	var found subject
	for _, event := range events {
		said, ok := strings.CutPrefix(event.Message, "Successfully assigned ")
		if !ok || event.Reason != "Scheduled" {
			continue
		}
		name, _ := word(said)
		namespace, name, ok := strings.Cut(name, "/")
		if !ok || found.name != "" && found.name != name || !isObjectName(name) {
			return subject{}, false
		}
		found.namespace, found.name = namespace, name
	}
	return found, found.name != ""
}

// namedNode gives the only node that events name which are about nothing else
// (k8s.io/kubernetes/pkg/kubelet/kubelet_node_status.go, recordNodeStatusEvent).
func namedNode(events []reported) (string, bool) {
	found := ""
	for _, event := range events {
		message, ok := strings.CutPrefix(event.Message, "Node ")
		if name, rest := word(message); ok && strings.HasPrefix(rest, "status is now: ") {
			if found != "" && found != name {
				return "", false
			}
			found = name
		} else if event.InvolvedObject.FieldPath != "" || event.Reason == "Scheduled" || strings.HasPrefix(event.Reason, "Pull") || strings.HasPrefix(event.Reason, "Fail") || event.Reason == "BackOff" || event.Reason == "Unhealthy" {
			return "", false
		}
	}
	return found, found != ""
}
