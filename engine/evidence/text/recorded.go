package text

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// recorded adds the event that a controller wrote into its own log at line i, if it did. The line stays a part of
// the log.
func (p *parser) recorded(i int) {
	line := p.src.line(i)
	if strings.Contains(line, " - event for ") {
		p.toldByTest(line)
		return
	}
	if !strings.Contains(line[:min(len(line), 96)], " event.go:") {
		return
	}
	line = trimLeft(line)
	if klogFile(line) != "event.go" || !isKlog(line) {
		return
	}
	l := parseJournal(line, p.now)
	event := &corev1.Event{Count: 1, FirstTimestamp: metav1.NewTime(l.at), LastTimestamp: metav1.NewTime(l.at)}
	if l.message == "Event occurred" {
		about := &event.InvolvedObject
		about.Namespace, about.Name, _ = strings.Cut(l.fields["object"], "/")
		about.Kind, about.FieldPath = l.fields["kind"], l.fields["fieldPath"]
		event.Type, event.Reason, event.Message = l.fields["type"], l.fields["reason"], l.fields["message"]
	} else if !takeReference(event, l.message) {
		return
	}
	if event.InvolvedObject.Kind == "" || !isReason(event.Reason) {
		return
	}
	event.Namespace = event.InvolvedObject.Namespace
	p.clock.journal = later(p.clock.journal, l.at)
	p.add(event)
}

// testEvent is an event as the end-to-end tests of Kubernetes print those of a namespace
// (k8s.io/kubernetes/test/e2e/framework/debug/dump.go, DumpEventsInNamespace).
var testEvent = regexp.MustCompile(`: At (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) \S+ - event for (\S+): \{(\S+) ?(\S*)\} ([A-Z]\w+): (.*)`)

// toldByTest adds such an event. Of which kind the object is, it does not say.
func (p *parser) toldByTest(line string) {
	found := testEvent.FindStringSubmatch(line)
	if found == nil {
		return
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", found[1])
	if err != nil {
		return
	}
	event := &corev1.Event{
		Count: 1, FirstTimestamp: metav1.NewTime(at), LastTimestamp: metav1.NewTime(at), Reason: found[5], Message: found[6],
		Source: corev1.EventSource{Component: found[3], Host: found[4]},
	}
	if event.Source.Component == "kubelet" || event.Source.Component == "default-scheduler" {
		event.InvolvedObject = corev1.ObjectReference{Kind: "Pod", Name: found[2]}
	}
	p.add(event)
}

// takeReference reads `Event(v1.ObjectReference{Kind:"Job", Namespace:"shop", Name:"pay", …}): type: 'Warning' reason:
// 'FailedCreate' why`, as it was written before 1.20.
func takeReference(event *corev1.Event, text string) bool {
	reference, rest, ok := strings.Cut(text, `}): type: '`)
	if !ok || !strings.HasPrefix(reference, "Event(v1.ObjectReference{") && !strings.HasPrefix(reference, "Event(api.ObjectReference{") {
		return false
	}
	about := &event.InvolvedObject
	about.Kind, about.Namespace, about.Name = quotedAfter(reference, "Kind:"), quotedAfter(reference, "Namespace:"), quotedAfter(reference, "Name:")
	about.FieldPath = quotedAfter(reference, "FieldPath:")
	event.Type, rest, _ = strings.Cut(rest, `' reason: '`)
	event.Reason, event.Message, ok = strings.Cut(rest, `' `)
	return ok
}
