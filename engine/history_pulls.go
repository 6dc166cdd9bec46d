package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Which images that could not be pulled were pulled later.

// maxMissing bounds the images of a pod that are asked for one by one; no pod has as many.
const maxMissing = 64

// pulls is what the events about an object tell of its images.
type pulls struct {
	// missing are the images that could not be pulled, up to one more than maxMissing.
	missing []string
	pulled  map[string]pulled
	// tries is how often each was asked for.
	tries map[string]int32
	// failed is where the events without a time stand that tell of pulls that failed, by their messages: they are in the order
	// of time.
	failed map[string]int
	// untimed is where the last event of an image that was pulled stands that has no time; -1 when there is none.
	untimed int
	// first is when the last image was asked for of which a first pull came right.
	first time.Time
}

// pulled is when an image was pulled last, and where the last event of that stands that has no time; -1 when there is none.
type pulled struct {
	at      time.Time
	untimed int
}

// pullsOf gives what the events about an object tell of its images.
func (h *history) pullsOf(object string) *pulls {
	if h.pulls == nil {
		h.sawPulls()
	}
	return h.pulls[object]
}

// sawPulls goes through the events once.
func (h *history) sawPulls() {
	h.pulls = map[string]*pulls{}
	of := func(object string) *pulls {
		known := h.pulls[object]
		if known == nil {
			known = &pulls{pulled: map[string]pulled{}, failed: map[string]int{}, tries: map[string]int32{}, untimed: -1}
			h.pulls[object] = known
		}
		return known
	}
	for i, event := range h.observed.Events {
		switch {
		case event.Reason == "Pulled":
			about := of(event.Object)
			image := quoted(event.Message)
			last, known := about.pulled[image]
			if !known {
				last.untimed = -1
			}
			if event.Time.IsZero() {
				last.untimed, about.untimed = i, i
			} else if event.Time.After(last.at) {
				last.at = event.Time
			}
			about.pulled[image] = last
		case isPull(event):
			about := of(event.Object)
			if image := quoted(event.Message); image != "" && len(about.missing) <= maxMissing && !slices.Contains(about.missing, image) {
				about.missing = append(about.missing, image)
			}
			if _, known := about.failed[event.Reason+event.Message]; !known && event.Time.IsZero() {
				about.failed[event.Reason+event.Message] = i
			}
		}
	}
	for _, event := range h.observed.Events {
		if event.Reason == "Pulling" {
			of(event.Object).tries[quoted(event.Message)] += max(event.Count, 1)
		}
		if event.Reason != "Pulling" || event.Count > 1 || event.Time.IsZero() {
			continue
		}
		if about := of(event.Object); !about.pulled[quoted(event.Message)].at.Before(event.Time) && event.Time.After(about.first) {
			about.first = event.Time
		}
	}
}

// pulledLater reports whether the image that an event says can't be pulled was pulled later, or one that somebody put in its
// place; where it names none, whether all that the pod lacked were.
func (h *history) pulledLater(event evidence.Event) bool {
	if event.Reason != "Failed" && event.Reason != "BackOff" && event.Reason != "InspectFailed" || !isPull(event) {
		return false
	}
	about := h.pullsOf(event.Object)
	later := func(image string) bool {
		last, known := about.pulled[image]
		if cut := about.pulled[""]; cut.at.After(last.at) && len(about.missing) == 1 && len(about.pulled) == 1 {
			last.at, known = cut.at, true // of which nobody knows the image, and only one is missing
		}
		if event.Time.IsZero() {
			return known && last.untimed > about.failed[event.Reason+event.Message]
		}
		return known && last.at.After(event.Time)
	}
	// A kubelet asks for all that a pod needs one after the other: a first pull after several failures is of an image that was
	// corrected.
	corrected := !event.Time.IsZero() && event.Count >= often && about.first.After(event.Time)
	switch image := quoted(event.Message); {
	case image != "":
		return corrected || later(image)
	case len(about.missing) == 0 && !event.Time.IsZero(): // nothing names an image, and one was pulled after several tries
		only := len(about.pulled) == 1
		for image := range about.pulled {
			only = only && later(image) && about.tries[image] > 1
		}
		return only
	case len(about.missing) == 0:
		return about.untimed > about.failed[event.Reason+event.Message]
	case len(about.missing) > maxMissing:
		return false
	default:
		return corrected || !slices.ContainsFunc(about.missing, func(image string) bool { return !later(image) })
	}
}

// quoted gives the first quotation of a message; empty when it has none.
func quoted(message string) string {
	_, rest, _ := strings.Cut(message, `"`)
	inside, _, _ := strings.Cut(rest, `"`)
	return inside
}

// isPull reports whether an event tells of an image that could not be pulled.
func isPull(event evidence.Event) bool {
	return event.Reason == "InspectFailed" || strings.Contains(event.Message, "InvalidImageName") || strings.Contains(event.Message, "ImagePull") || strings.Contains(event.Message, " to pull image ") || strings.HasPrefix(event.Message, "Back-off pulling image ")
}
