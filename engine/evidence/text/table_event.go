package text

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// eventTableRow adds the event of a row of kubectl get events or kubectl events, of any version.
func (p *parser) eventTableRow(row cells, seen *sighting) bool {
	when := row.get("LAST SEEN")
	if when == "" {
		when = row.get("LASTSEEN")
	}
	found, rest, ok := parseSpan(when)
	if row.header.index("LAST SEEN") < 0 && row.header.index("LASTSEEN") < 0 { // columns of one's own choice
		found, ok = span{count: 1}, kindOf(p.involved(row).Kind) != ""
	}
	var created time.Time
	for _, column := range timeColumns {
		if at, err := time.Parse(time.RFC3339, row.get(column)); err == nil {
			created, found, rest, ok = at, span{count: 1}, "", true
			break
		}
	}
	kind, reason := row.get("TYPE"), row.get("REASON")
	if !ok || rest != "" || !isReason(reason) || kind != "" && !isReason(kind) {
		return false
	}
	for _, column := range []string{"FIRST SEEN", "FIRSTSEEN"} {
		if first, ok := parseAge(row.get(column)); ok {
			found.first = first
		}
	}
	if count := intOf[int32](row.get("COUNT")); count != nil {
		found.count = *count
	}
	component, host := sourceOf(row.get("SOURCE"))
	about := p.involved(row)
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: about.Namespace},
		InvolvedObject: about, Type: kind, Reason: reason, Message: row.get("MESSAGE"), Count: found.count,
		Source: corev1.EventSource{Component: component, Host: host},
	}
	if strings.Contains(row.get("OBJECT"), "/") { // otherwise the name is that of the object
		event.Name = row.get("NAME")
	}
	seen.ago(found.last, func(t time.Time) { event.LastTimestamp = metav1.NewTime(t) })
	if strings.Contains(when, "(x") || row.header.index("COUNT") >= 0 || row.header.index("FIRST SEEN") >= 0 || row.header.index("FIRSTSEEN") >= 0 {
		seen.ago(found.first, func(t time.Time) { event.FirstTimestamp = metav1.NewTime(t) })
	}
	if !created.IsZero() {
		event.FirstTimestamp, event.LastTimestamp = metav1.NewTime(created), metav1.NewTime(created)
		if about.Kind == "" {
			event.InvolvedObject.Kind = "Pod"
		}
	}
	if reason == "Scheduled" && about.Kind == "Pod" {
		p.placed = append(p.placed, placement{pod: about.Name, ago: found.last, seen: seen})
	}
	p.add(event)
	return true
}

// placement is a row that says how long ago a pod was given to its node, or made.
type placement struct {
	pod  string
	ago  age
	seen *sighting
}

// linkClocks ties the ages of tables to the times of manifests and descriptions: a pod starts when it is given to its
// node, and mostly is so when it is made.
func (p *parser) linkClocks() {
	started := map[string]time.Time{}
	for _, object := range p.objects {
		if pod, ok := object.(*corev1.Pod); ok && pod.Status.StartTime != nil {
			started[pod.Name] = pod.Status.StartTime.Time
		}
	}
	for _, row := range p.placed {
		row.seen.linked(started[row.pod], row.ago)
	}
}

// sourceOf reads "kubelet, node-1", and "{kubelet node-1}" as it was before 1.7.
func sourceOf(text string) (component, host string) {
	if strings.HasPrefix(text, "{") {
		component, host = word(strings.Trim(text, "{}"))
		return component, host
	}
	component, host, _ = strings.Cut(text, ", ")
	return component, host
}

// involved is what the event of a row is about: kind/name in one column, or in two before 1.14.
func (p *parser) involved(row cells) corev1.ObjectReference {
	about := corev1.ObjectReference{Namespace: row.get("NAMESPACE")}
	if about.Namespace == "" {
		about.Namespace = p.command.namespace
	}
	if path := row.get("SUBOBJECT"); isFieldPath(path) {
		about.FieldPath = path
	}
	object := row.get("OBJECT")
	if object == "" {
		object = row.get("KIND")
	}
	kind, name, ok := strings.Cut(object, "/")
	if !ok {
		name = withoutHash(cmp.Or(row.get("NAME"), row.get("POD"), object))
	}
	about.Kind, about.Name = kindOf(kind), name
	if about.Kind == "Node" || about.Kind == "PersistentVolume" {
		about.Namespace = "" // the event itself stands in default
	}
	return about
}

// withoutHash takes ".15c1a2b3c4d5e6f7" off the name of an event, which is the name of what it is about and a time.
func withoutHash(name string) string {
	at := strings.LastIndexByte(name, '.')
	if at < 0 || len(name)-at < 15 || strings.Trim(name[at+1:], "0123456789abcdef") != "" {
		return name
	}
	return name[:at]
}
