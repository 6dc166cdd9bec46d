package engine

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Where what is known of a pod or an object stands: a workload may have thousands of pods and events, and what asks for
// those of one does so for each.

// lookup is nothing before it is first asked for.
type lookup struct {
	all        []*evidence.Container
	containers map[string][]*evidence.Container // by pod
	events     map[string][]*evidence.Event     // by object
	about      map[string][]*evidence.Event     // by pod
	bound      map[string]bool                  // by the name of a claim
	made       map[containerKey]time.Time       // by object and what was made
	probing    map[string]*probing              // by object
	states     map[string]bool                  // by pod: whether one of a container is known
	warned     *bool                            // whether an event about some pod matters
	restart    *bool                            // whether an operator told of one
	severity   Severity
	nodesAt    time.Time
	turns      *turns
	allReady   *bool
	order      map[containerKey]int // by object and reason: where the last such event stands
}

// unknownPod is what is known of a pod that was not observed.
var unknownPod evidence.Pod

// pod gives what was observed of a pod; nothing of one that was not.
func (h *history) pod(name string) *evidence.Pod {
	if known := h.pods[name]; known != nil {
		return known
	}
	return &unknownPod
}

// containersOf gives the containers of a pod.
func (h *history) containersOf(pod string) []*evidence.Container {
	if h.lookup.containers == nil {
		h.lookup.containers = indexed(h.observed.Containers, func(container *evidence.Container) string { return container.Pod })
	}
	return h.lookup.containers[pod]
}

// containersMeant gives the containers that what names a pod, or none, may be about.
func (h *history) containersMeant(pod string) []*evidence.Container {
	if pod != "" {
		return h.containersOf(pod)
	}
	if h.lookup.all == nil {
		for i := range h.observed.Containers {
			h.lookup.all = append(h.lookup.all, &h.observed.Containers[i])
		}
	}
	return h.lookup.all
}

// eventsOf gives the events about an object, in their order.
func (h *history) eventsOf(object string) []*evidence.Event {
	if h.lookup.events == nil {
		h.lookup.events = indexed(h.observed.Events, func(event *evidence.Event) string { return event.Object })
	}
	return h.lookup.events[object]
}

// eventsAbout gives the events about a pod and its containers, in their order; with no name those about no pod.
func (h *history) eventsAbout(pod string) []*evidence.Event {
	if h.lookup.about == nil {
		h.lookup.about = indexed(h.observed.Events, func(event *evidence.Event) string { return event.Pod })
	}
	return h.lookup.about[pod]
}

// indexed gives where the elements with each key stand, in their order.
func indexed[T any](all []T, key func(*T) string) map[string][]*T {
	places := map[string][]*T{}
	for i := range all {
		places[key(&all[i])] = append(places[key(&all[i])], &all[i])
	}
	return places
}

// bound reports whether the object of an event is a claim that has its volume: what failed before is history.
func (h *history) bound(object string) bool {
	name, isClaim := strings.CutPrefix(object, "persistentvolumeclaim/")
	if !isClaim || len(h.observed.Claims) == 0 {
		return false
	}
	if h.lookup.bound == nil {
		h.lookup.bound = map[string]bool{}
		for _, claim := range h.observed.Claims {
			if claim.Phase == string(corev1.ClaimBound) {
				h.lookup.bound[claim.Name] = true
			}
		}
	}
	return h.lookup.bound[name]
}

// created is the event of a controller that made a pod, or could not.
var created = regexp.MustCompile(`^create Pod (\S+) in StatefulSet`)

// madeAt gives when an object last made what its events say, in the words of created; zero when it has not.
func (h *history) madeAt(object, what string) (time.Time, bool) {
	if h.lookup.made == nil {
		h.lookup.made = map[containerKey]time.Time{}
		for _, event := range h.observed.Events {
			if event.Reason != "SuccessfulCreate" {
				continue
			}
			if found := created.FindString(event.Message); found != "" {
				key := containerKey{event.Object, found}
				if last, known := h.lookup.made[key]; !known || event.Time.After(last) {
					h.lookup.made[key] = event.Time
				}
			}
		}
	}
	at, known := h.lookup.made[containerKey{object, what}]
	return at, known
}

// operatorSaw is how an operator tells that a container of its pod was restarted.
var operatorSaw = regexp.MustCompile(`(?i)\b(?:pod|container)\b[^\n]{0,80}\b(?:restarted by kubernetes|is terminated)\b`)

// restartSaid reports whether an operator told that Kubernetes restarted a container.
func (h *history) restartSaid() bool {
	if h.lookup.restart == nil {
		said := slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool { return operatorSaw.MatchString(event.Message) }) ||
			slices.ContainsFunc(h.observed.Logs, func(log evidence.Log) bool { return len(log.Text) < maxPasted && operatorSaw.Match(log.Text) })
		h.lookup.restart = &said
	}
	return *h.lookup.restart
}
