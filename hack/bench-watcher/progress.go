package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is how often it is told how far a step is.
const progressEvery = 2 * time.Second

// follow tells how far a step is until it is stopped, and then how it ended if it took long enough to be told of at all.
func follow(to io.Writer, what string, total int, done func() int) (stop func()) {
	began, ended := time.Now(), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for told := false; ; told = true {
			select {
			case <-ticker.C:
			case <-ended:
				if told {
					fmt.Fprintln(to, progressLine(what, done(), total, time.Since(began)))
				}
				return
			}
			fmt.Fprintln(to, progressLine(what, done(), total, time.Since(began)))
		}
	})
	return func() { close(ended); telling.Wait() }
}

func progressLine(what string, done, total int, after time.Duration) string {
	return fmt.Sprintf("%s: %d of %d after %s (%.0f a second)", what, done, total, after.Round(time.Second), float64(done)/max(after.Seconds(), 0.001))
}

// each does something for every number below count, several at a time, and tells how far it is. After the first error it
// begins nothing new, and returns that.
func each(ctx context.Context, to io.Writer, what string, count, atOnce int, do func(context.Context, int) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var next, done atomic.Int64
	defer follow(to, what, count, func() int { return int(done.Load()) })()
	var working sync.WaitGroup
	for range min(atOnce, count) {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < count && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					fail(fmt.Errorf("%s: %w", what, err))
					return
				}
				done.Add(1)
			}
		})
	}
	working.Wait()
	return context.Cause(ctx)
}

// until asks four times a second until the answer is yes or patience is over, and tells how long it waits.
func until(ctx context.Context, to io.Writer, what string, patience time.Duration, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	began, told := time.Now(), time.Now()
	for ticker := time.NewTicker(250 * time.Millisecond); ; {
		yes, err := ask(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			ticker.Stop()
			return fmt.Errorf("wait until %s: %w", what, err)
		case yes && err == nil:
			ticker.Stop()
			return nil
		}
		select {
		case <-ctx.Done():
			ticker.Stop()
			return fmt.Errorf("wait until %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
		if time.Since(told) >= progressEvery {
			told = time.Now()
			fmt.Fprintf(to, "waiting until %s, %s so far\n", what, time.Since(began).Round(time.Second))
		}
	}
}
