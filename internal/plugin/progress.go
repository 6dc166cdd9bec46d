package plugin

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Progress is told of what takes longer than slow, and then every so often.
const (
	slow    = 2 * time.Second
	speakUp = 10 * time.Second
)

// waiting tells that something takes long, until it is stopped.
type waiting struct {
	mu   sync.Mutex
	what string
	stop chan struct{}
	done chan struct{}
}

// wait tells on errs what is waited for once that takes long. Its stop must be called.
func wait(errs io.Writer, clock clock.WithTicker, what string) *waiting {
	w := &waiting{what: what, stop: make(chan struct{}), done: make(chan struct{})}
	begun := clock.Now()
	ticker := clock.NewTicker(slow)
	go func() {
		defer close(w.done)
		defer ticker.Stop()
		next := slow
		for {
			select {
			case <-w.stop:
				return
			case now := <-ticker.C():
				if took := now.Sub(begun); took >= next {
					fmt.Fprintf(errs, "%s … %s\n", w.now(), took.Round(time.Second))
					next = took + speakUp
				}
			}
		}
	}()
	return w
}

// at says what is being waited for now.
func (w *waiting) at(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what = fmt.Sprintf(format, args...)
}

func (w *waiting) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.what
}

func (w *waiting) end() {
	close(w.stop)
	<-w.done
}

// pause waits, unless ctx ends first.
func (c *cluster) pause(ctx context.Context, how time.Duration) error {
	timer := c.clock.NewTimer(how)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}
