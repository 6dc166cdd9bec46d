package remediations

import (
	"sync"

	"k8s.io/apimachinery/pkg/watch"
)

// heard is a watch that calls hear at each event. Unlike watch.Filter it lets go of an event that nobody takes once it
// is stopped.
type heard struct {
	from    watch.Interface
	events  chan watch.Event
	stopped chan struct{}
	stop    func()
}

func listen(from watch.Interface, hear func()) watch.Interface {
	h := &heard{from: from, events: make(chan watch.Event), stopped: make(chan struct{})}
	h.stop = sync.OnceFunc(func() { close(h.stopped) })
	go h.pass(hear)
	return h
}

// pass hands events on until there are no more, or nobody wants them.
func (h *heard) pass(hear func()) {
	defer close(h.events)
	for event := range h.from.ResultChan() {
		hear()
		select {
		case h.events <- event:
		case <-h.stopped:
			return
		}
	}
}

// ResultChan gives the events.
func (h *heard) ResultChan() <-chan watch.Event { return h.events }

// Stop ends the watch.
func (h *heard) Stop() {
	h.stop()
	h.from.Stop()
}
