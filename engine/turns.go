package engine

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// turns is what later events tell of earlier ones, of whatever object they are.
type turns struct {
	last     time.Time                       // the newest event
	started  [2]started                      // the newest start of a pod, and of another one
	emptied  bool                            // a pod was asked to stop
	well     map[string]time.Time            // by object: its controller said last that all is well
	unqueued map[string]time.Time            // by object: the scheduler found it deleted last
	starts   map[string]map[string]time.Time // by object and container: it was started first
}

// started is when a pod was.
type started struct {
	pod string
	at  time.Time
}

// saysWell are reasons of events by which controllers say that what they wanted is so, and not NotCompleted.
var saysWell = regexp.MustCompile(`(?:^|[^t])(?:Succeeded|Completed?|Recovered|Resolved|Healthy)$`)

// unknownStart is before any other.
var unknownStart time.Time

// turns puts it together when it is first asked for.
func (h *history) turns() *turns {
	if h.lookup.turns != nil {
		return h.lookup.turns
	}
	t := &turns{well: map[string]time.Time{}, unqueued: map[string]time.Time{}, starts: map[string]map[string]time.Time{}}
	for _, event := range h.observed.Events {
		if event.Time.After(t.last) {
			t.last = event.Time
		}
		switch {
		case event.Reason == "Started" && event.Pod != "":
			t.start(event)
		case event.Reason == "Killing":
			t.emptied = t.emptied || !killsForProbe(event)
		case strings.HasPrefix(event.Message, "skip schedule deleting pod"): // k8s.io/kubernetes/pkg/scheduler/schedule_one.go
			if known, seen := t.unqueued[event.Object]; !seen || event.Time.After(known) {
				t.unqueued[event.Object] = event.Time
			}
		case event.Type != corev1.EventTypeWarning && event.Time.After(t.well[event.Object]) && saysWell.MatchString(event.Reason):
			t.well[event.Object] = event.Time
		}
	}
	h.lookup.turns = t
	return t
}

func (t *turns) start(event evidence.Event) {
	switch {
	case event.Pod == t.started[0].pod:
		if event.Time.After(t.started[0].at) {
			t.started[0].at = event.Time
		}
	case event.Time.After(t.started[0].at):
		t.started[1], t.started[0] = t.started[0], started{event.Pod, event.Time}
	case event.Time.After(t.started[1].at):
		t.started[1] = started{event.Pod, event.Time}
	}
	first := event.First
	if first.IsZero() {
		first = unknownStart // it may have been started before
	}
	of := t.starts[event.Object]
	if of == nil {
		of = map[string]time.Time{}
		t.starts[event.Object] = of
	}
	if name := containerNamed(event); name != "" {
		if known, ok := of[name]; !ok || first.Before(known) {
			of[name] = first
		}
	}
}
