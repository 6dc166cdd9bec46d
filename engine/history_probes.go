package engine

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Which failures of probes are over.

// overcome reports whether the probes of a pod of whose containers nothing is known go well by now, as an event tells of one
// that failed or that had a container killed: they failed now and then before it was started again, or some time ago.
func (h *history) overcome(event evidence.Event) bool {
	if event.Reason != "Unhealthy" && !killsForProbe(event) || event.Object == "" || event.Time.IsZero() || h.knownState(event.Pod) {
		return false
	}
	about := h.probingOf(event.Object)
	told := about.told
	silent := h.now.Sub(event.Time)
	started, seen := h.done[containerKey{event.Object, "Started"}]
	switch {
	case about.waits:
		return false
	case about.killed:
		return told < toldFreely && about.outlived
	case told < toldFreely && h.fellSilent(event, silent):
		return true
	case event.Count >= flapping, h.probed[containerKey{event.Pod, event.Container}] >= flapping, h.restartedFor(event):
		return false
	}
	switch after := event.Time.Sub(started); {
	case seen && after < 0:
		return event.Count < often || silent >= settled || strings.HasPrefix(event.Message, "Readiness") && told < toldFreely && silent >= noLonger
	case seen && event.Count >= often && told < toldFreely && strings.HasPrefix(event.Message, "Readiness") && silent < toTheSecond &&
		silent >= max(manyPeriods*after/time.Duration(event.Count-1), young):
		return true
	case seen && after <= slowStart && told < toldFreely && strings.Contains(strings.ToLower(event.Message), "connection refused"): // nobody listened yet
		return silent >= noLonger
	case seen && after <= firstLook && event.Count <= 1 && told < toldFreely && !strings.HasPrefix(event.Message, "Liveness") && silent < toTheSecond:
		return silent >= time.Minute // six times the usual period
	case seen && after <= young && event.Count < often && told < toldFreely && silent < settled: // later, ages are too coarse to tell
		return silent >= noLonger
	default:
		return silent >= settled && (event.Pod != "" || seen && after >= 0)
	}
}

// What goes on failing is told of each time until there were so many events about the object, and then every five minutes
// (k8s.io/client-go/tools/record/events_cache.go, defaultSpamBurst and defaultSpamQPS).
const (
	toldFreely = 25
	// noLonger is longer than the periods that probes have.
	noLonger = 3 * time.Minute
	// toldAgain is longer than it takes until what goes on failing is told of again.
	toldAgain = 6 * time.Minute
	// onceOnly is longer than two of the periods that nearly all probes have, 30 seconds at most.
	onceOnly = 75 * time.Second
	// toTheSecond is up to what ages are printed with seconds (k8s.io/apimachinery/pkg/util/duration, HumanDuration).
	toTheSecond = 2 * time.Minute
	// fineAges is up to what ages are printed with minutes and seconds.
	fineAges = 10 * time.Minute
	// manyPeriods is how many periods, as long as they were at most while a probe failed, it is silent once it succeeds.
	manyPeriods = 5
	// firstLook is how long after its start a program may miss the first questions of its probes.
	firstLook = 15 * time.Second
	// slowStart is how long after its start a program's probes may fail that then go well.
	slowStart = 3 * time.Minute
)

// fellSilent reports whether a probe has not failed for so long that it would have, were it still failing: for many of its
// periods where an event tells of several; else, of a container whose start is known, for longer than they are.
func (h *history) fellSilent(event evidence.Event, silent time.Duration) bool {
	at, started := h.done[containerKey{event.Object, "Started"}]
	if event.First.IsZero() { // nobody knows how often it failed, nor whether it is still told of each time
		fresh := event.Time.Sub(at) >= 0 && event.Time.Sub(at) <= time.Minute && silent >= onceOnly
		return !h.restartedFor(event) && (started && (fresh || silent >= toldAgain) || strings.HasPrefix(event.Message, "Readiness") && silent >= toldAgain)
	}
	every := period(event)
	if event.Count > 1 && silent > fineAges { // the minutes are not told that it began and ended in
		every += time.Minute
	}
	several := every > 0 && silent >= manyPeriods*every
	once := event.Count <= 1 && h.probed[containerKey{event.Pod, event.Container}] <= 2 && silent >= onceOnly
	switch {
	case strings.HasPrefix(event.Message, startupFailed):
		return several && silent >= young && (started || event.Count < flapping) || started && (once || silent >= noLonger) // it is asked until it succeeds
	case strings.HasPrefix(event.Message, "Readiness"):
		return several && silent >= young || started && once
	default:
		return started && (once || several && silent >= onceOnly) && !h.restartedFor(event) && !h.probingOf(event.Object).startedAgain
	}
}

// probing is what the events about an object tell of what came of its probes.
type probing struct {
	told         int32 // how many events there were
	killed       bool  // a probe had a container killed
	stopped      bool  // a container was killed for another reason
	waits        bool  // a container waits for its next start, or a probe warns
	startedAgain bool
	outlived     bool
}

// probingOf gives it; it is put together when first asked for.
func (h *history) probingOf(object string) *probing {
	if known := h.lookup.probing[object]; known != nil {
		return known
	}
	about := &probing{}
	for _, event := range h.eventsOf(object) {
		about.told += max(event.Count, 1)
		about.killed = about.killed || killsForProbe(*event)
		about.stopped = about.stopped || event.Reason == "Killing" && !strings.Contains(event.Message, "probe")
		about.waits = about.waits || event.Reason == "BackOff" && (event.Time.IsZero() || h.now.Sub(event.Time) < 3*settled) || event.Reason == "ProbeWarning"
		about.startedAgain = about.startedAgain || event.Reason == "Started" && event.Count > 1
	}
	about.outlived = about.killed && h.outlived(object)
	if h.lookup.probing == nil {
		h.lookup.probing = map[string]*probing{}
	}
	h.lookup.probing[object] = about
	return about
}

// period is how long the periods of a probe are at most that an event tells of; zero when nobody knows.
func period(event evidence.Event) time.Duration {
	if event.Count < 2 || event.First.IsZero() || !event.First.Before(event.Time) {
		return 0
	}
	return event.Time.Sub(event.First) / time.Duration(event.Count-1)
}

// killsForProbe reports whether an event tells that a container is killed because its probe failed.
func killsForProbe(event evidence.Event) bool {
	return event.Reason == "Killing" && (strings.Contains(event.Message, "probe") || strings.Contains(event.Message, "unhealthy"))
}

// knownState reports whether the state of a container of a pod is known.
func (h *history) knownState(pod string) bool {
	known, asked := h.lookup.states[pod]
	if !asked {
		known = slices.ContainsFunc(h.containersOf(pod), func(container *evidence.Container) bool {
			return container.State != (corev1.ContainerState{}) || container.LastState != (corev1.ContainerState{}) || container.RestartCount > 0
		})
		if h.lookup.states == nil {
			h.lookup.states = map[string]bool{}
		}
		h.lookup.states[pod] = known
	}
	return known
}

// outlived reports whether what was started of a pod after a container of it was killed, once, because its probe failed, has now
// run for longer than what had been before, and the probes said nothing since.
func (h *history) outlived(object string) bool {
	var first, killed, again, unhealthy time.Time
	for _, event := range h.eventsOf(object) {
		switch at := event.Time; {
		case at.IsZero() || event.First.IsZero():
			return false
		case killsForProbe(*event):
			if event.Count > 1 || !killed.IsZero() {
				return false
			}
			killed = at
		case event.Reason == "Unhealthy" && at.After(unhealthy):
			unhealthy = at
		case event.Reason == "Pulled" || event.Reason == "Created" || event.Reason == "Started":
			if at.After(again) {
				again = at
			}
			if first.IsZero() || event.First.Before(first) {
				first = event.First
			}
		}
	}
	return !killed.IsZero() && !first.IsZero() && first.Before(killed) && again.After(killed) && again.After(unhealthy) && h.now.Sub(again) > killed.Sub(first) && h.now.Sub(killed) <= fineAges
}

// restartedFor reports whether a probe that fails was followed by another start of its container, which such probes cause.
func (h *history) restartedFor(event evidence.Event) bool {
	const soon = 3 * time.Minute
	if !strings.HasPrefix(event.Message, "Liveness probe failed") && !strings.HasPrefix(event.Message, startupFailed) && event.Message != "" {
		return false
	}
	if h.probingOf(event.Object).stopped {
		return false
	}
	for _, step := range []string{"Pulling", "Pulled", "Created", "Started"} {
		if after := h.done[containerKey{event.Object, step}].Sub(event.Time); after > 0 && after <= soon {
			return true
		}
	}
	return strings.HasPrefix(event.Message, "Liveness") && h.restartSaid()
}

// stopped reports whether the containers of an event's pod were asked to stop before it, and not started again: what
// ends answers no probe.
func (h *history) stopped(event evidence.Event) bool {
	at, asked := h.stops[event.Object]
	return asked && event.Object != "" && !at.After(event.Time)
}

// sawStops notes when the containers of each pod were first asked to stop after they had last been started.
func (h *history) sawStops() {
	for _, event := range h.observed.Events {
		if event.Reason != "Killing" || !strings.HasPrefix(event.Message, "Stopping container") || event.Time.IsZero() ||
			h.done[containerKey{event.Object, "Started"}].After(event.Time) {
			continue
		}
		if first, known := h.stops[event.Object]; !known || event.Time.Before(first) {
			h.stops[event.Object] = event.Time
		}
	}
}
