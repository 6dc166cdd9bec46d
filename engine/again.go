package engine

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// What a controller or a kubelet does again and again fails, though no event that is at hand says so.

// again gives the facts that something was done again and again.
func (h *history) again() []catalog.Fact {
	facts := append(h.pulledAgain(), h.madeAgain()...)
	if fact, again := h.startsAgain(); again {
		facts = append(facts, fact)
	}
	return facts
}

// startsAgain gives the fact that a container of which only events are known was started again and again, and a moment ago.
// An event about one that was killed, or that waits for its next start, says more.
func (h *history) startsAgain() (catalog.Fact, bool) {
	if len(h.observed.Containers) > 0 || h.now.IsZero() {
		return catalog.Fact{}, false
	}
	var first time.Time
	var order []containerKey
	last, times := map[containerKey]evidence.Event{}, map[containerKey]int32{}
	for _, event := range h.observed.Events {
		switch {
		case event.Type == corev1.EventTypeWarning && event.Reason != "FailedScheduling" || event.Reason == "Killing":
			return catalog.Fact{}, false
		case event.Time.IsZero():
		case first.IsZero() || event.Time.Before(first):
			first = event.Time
		}
		if found := begun.FindStringSubmatch(event.Message); found != nil {
			if found[2] != "" {
				event.Container = found[2]
			}
			key := containerKey{event.Object, found[1] + found[3] + " " + event.Container}
			if times[key] == 0 {
				order, last[key] = append(order, key), event // the newest comes first
			}
			times[key] += max(event.Count, 1)
		}
	}
	var most containerKey
	for _, key := range order {
		if times[key] > times[most] {
			most = key
		}
	}
	event, starts := last[most], times[most]
	if starts < often || event.Time.Sub(first)/time.Duration(starts) > settled || h.now.Sub(event.Time) > readyPatience {
		return catalog.Fact{}, false
	}
	return catalog.Fact{
		Place: catalog.PodCondition, Pod: event.Pod, Container: event.Container, Type: string(corev1.PodReady), Status: string(corev1.ConditionFalse), Count: 1,
		Source:  event.Object,
		Message: "restarted " + strconv.Itoa(int(starts-1)) + " times, the last time " + h.now.Sub(event.Time).Round(time.Second).String() + " ago",
	}, true
}

// begun is the event of a container that was made or started (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go).
var begun = regexp.MustCompile(`^(Created|Started) container:? ([a-z0-9][-a-z0-9]*)$|^Container (created|started)$`)

// pulledAgain gives the facts that images were pulled several times and never arrived: a kubelet pulls again what it could
// not pull.
func (h *history) pulledAgain() []catalog.Fact {
	type pull struct{ object, image string }
	var order []pull
	last, times, cut := map[pull]evidence.Event{}, map[pull]int32{}, map[string]bool{}
	for _, event := range h.observed.Events {
		switch {
		case isCutPull(event):
			cut[event.Object] = cut[event.Object] || !h.done[containerKey{event.Object, "Pulled"}].After(event.Time)
		case event.Reason == "Pulling" && quoted(event.Message) != "":
			key := pull{event.Object, quoted(event.Message)}
			if times[key] == 0 {
				order, last[key] = append(order, key), event // the newest comes first
			}
			times[key] += max(event.Count, 1)
		}
	}
	var facts []catalog.Fact
	for _, key := range order {
		event := last[key]
		enough := int32(often)
		if cut[key.object] {
			enough = 1
		}
		waits := h.now.Sub(event.Time)
		if h.arrived(key.object, key.image) || h.saysMore(key.object) {
			continue
		}
		if times[key] == 1 && waits >= pullPatience && h.endsWith(event) {
			facts = append(facts, catalog.Fact{
				Place: catalog.PodCondition, Pod: event.Pod, Container: event.Container, Type: "ImagePulled", Status: string(corev1.ConditionFalse), Count: 1,
				Source: key.object, Message: "image " + key.image + " has been pulled for " + waits.Round(time.Minute).String() + " and is not there",
			})
			continue
		}
		if times[key] < enough || waits > settled {
			continue
		}
		facts = append(facts, catalog.Fact{
			Place: catalog.PodCondition, Pod: event.Pod, Container: event.Container, Type: "ImagePulled", Status: string(corev1.ConditionFalse), Count: 1,
			Source: key.object, Message: "image " + key.image + " was pulled " + strconv.Itoa(int(times[key])) + " times and is not there",
		})
	}
	return facts
}

// pullPatience is longer than large images take on slow lines.
const pullPatience = 20 * time.Minute

// endsWith reports whether an event is the newest of several about its object, of which nothing else is known, nor of its
// workload: what somebody printed of one pod is whole more often than what he cut from a list.
func (h *history) endsWith(event evidence.Event) bool {
	about := len(h.eventsOf(event.Object))
	return len(h.observed.Containers) == 0 && about > 1 && about == len(h.observed.Events) && !event.Time.IsZero() && h.now.Sub(event.Time) < recentEnd &&
		!event.Time.Before(h.turns().last)
}

// isCutPull reports whether the message of an event was cut off, and can have said nothing but that an image can't be pulled,
// or nothing at all. A back-off from pulling is of type Normal (k8s.io/kubernetes/pkg/kubelet/images/image_manager.go).
func isCutPull(event evidence.Event) bool {
	message := strings.TrimRight(event.Message, ".…")
	isCutOf := func(whole string) bool { return len(message) <= len(whole) && message == whole[:len(message)] }
	switch {
	case event.Reason == "Failed":
		return isCutOf("Failed to pull image") || isCutOf("Error: ErrImagePull")
	case event.Reason == "BackOff" && event.Type == corev1.EventTypeNormal:
		return isCutOf("Back-off pulling image")
	default:
		return false
	}
}

// arrived reports whether an image was pulled for an object, or its containers were made.
func (h *history) arrived(object, image string) bool {
	return slices.ContainsFunc(h.eventsOf(object), func(event *evidence.Event) bool {
		return event.Reason == "Pulled" && (quoted(event.Message) == image || quoted(event.Message) == "")
	})
}

// saysMore reports whether an event says why the containers of an object don't start, or that they did.
func (h *history) saysMore(object string) bool {
	return slices.ContainsFunc(h.eventsOf(object), func(event *evidence.Event) bool {
		return strings.HasPrefix(event.Message, "Readiness probe failed") || (event.Reason == "BackOff" || event.Reason == "Failed") && !isCutPull(*event)
	})
}

// remade is the event of a StatefulSet about a pod that it made or deleted
// (k8s.io/kubernetes/pkg/controller/statefulset/stateful_pod_control.go, recordPodEvent), or that it makes again because it
// failed (stateful_set_control.go).
var (
	remade     = regexp.MustCompile(`^(?:create|delete) Pod (\S+) in StatefulSet \S+ successful`)
	remadeFail = regexp.MustCompile(`^StatefulSet \S+ is recreating (?:failed|terminated) Pod (\S+)`)
)

// madeAgain gives the facts that pods of the same name were made and deleted, or failed, several times within a short time.
func (h *history) madeAgain() []catalog.Fact {
	times := map[containerKey]int32{}
	var facts []catalog.Fact
	for _, event := range h.observed.Events {
		form, key := remade, event.Reason
		if strings.HasPrefix(key, "Recreating") {
			form, key = remadeFail, "SuccessfulDelete"
		}
		found := form.FindStringSubmatch(event.Message)
		if found == nil || event.Time.IsZero() || h.now.Sub(event.Time) > settled {
			continue
		}
		at := containerKey{found[1], key}
		before := times[at]
		times[at] += max(event.Count, 1)
		if key != "SuccessfulDelete" || before >= often || times[at] < often || h.pod(found[1]).Status.Phase == corev1.PodRunning {
			continue
		}
		facts = append(facts, catalog.Fact{
			Place: catalog.PodCondition, Pod: found[1], Type: string(corev1.PodReady), Status: string(corev1.ConditionFalse), Count: 1,
			Source: event.Object, Message: "made again " + strconv.Itoa(int(times[at])) + " times",
		})
	}
	return facts
}
