package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// behave does what the options say and returns the exit code. The end of ctx is SIGTERM.
func behave(ctx context.Context, o options, stdout, stderr io.Writer, log *slog.Logger) int {
	for _, line := range o.stdout {
		fmt.Fprintln(stdout, line)
	}
	for _, line := range o.stderr {
		fmt.Fprintln(stderr, line)
	}
	if o.startDelay > 0 {
		log.Info("starting slowly", "delay", o.startDelay)
		if !sleep(ctx, o.startDelay) {
			return terminated(o, log)
		}
	}
	if err := demand(ctx, o); err != nil {
		if ctx.Err() != nil {
			return terminated(o, log)
		}
		fmt.Fprintln(stderr, err)
		return 1
	}
	failed := make(chan error, 1)
	go func() { failed <- serve(ctx, o, log) }()
	if o.logRate > 0 {
		go chatter(ctx, o, stdout)
	}
	if o.allocate > 0 && !allocate(ctx, o, log) {
		return terminated(o, log)
	}
	return end(ctx, o, failed, stderr, log)
}

// demand fails as programs fail whose configuration or surroundings are incomplete.
func demand(ctx context.Context, o options) error {
	for _, name := range o.requireEnv {
		if os.Getenv(name) == "" {
			return fmt.Errorf("Error: required environment variable %s is not set", name)
		}
	}
	for _, path := range o.requireFile {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("Error: open %s: no such file or directory", path)
		}
		if err != nil {
			return fmt.Errorf("Error: %w", err)
		}
		file.Close()
	}
	if o.waitFor == "" {
		return nil
	}
	for deadline := time.Now().Add(o.waitTimeout); ; {
		connection, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, "tcp", o.waitFor)
		if err == nil {
			return connection.Close()
		}
		if !time.Now().Before(deadline) {
			return fmt.Errorf("Error: could not connect to %s: %w", o.waitFor, err)
		}
		if !sleep(ctx, min(500*time.Millisecond, time.Until(deadline))) {
			return ctx.Err()
		}
	}
}

// allocate takes memory in steps and writes to every page, so that it counts. It reports whether it came
// to the end.
func allocate(ctx context.Context, o options, log *slog.Logger) bool {
	const page, steps = 4096, 50
	log.Info("allocating memory", "bytes", int64(o.allocate), "over", o.over)
	var held [][]byte
	for step := range int64(steps) {
		bytes := int64(o.allocate)*(step+1)/steps - int64(o.allocate)*step/steps
		block := make([]byte, bytes)
		for i := 0; i < len(block); i += page {
			block[i] = byte(i/page) | 1
		}
		held = append(held, block)
		if !sleep(ctx, o.over/steps) {
			return false
		}
	}
	log.Info("allocated memory", "bytes", int64(o.allocate), "hold", o.hold)
	if !o.hold {
		held = nil
		debug.FreeOSMemory()
		return true
	}
	// Somebody must hold on to the memory for as long as the program runs.
	go func() {
		<-ctx.Done()
		runtime.KeepAlive(held)
	}()
	return true
}

// end exits when that was asked for, and waits for SIGTERM otherwise.
func end(ctx context.Context, o options, failed <-chan error, stderr io.Writer, log *slog.Logger) int {
	var exit <-chan time.Time // nil: never
	if o.exit >= 0 {
		exit = time.After(o.after)
	}
	for {
		select {
		case <-ctx.Done():
			return terminated(o, log)
		case <-exit:
			log.Info("exiting", "code", o.exit)
			return o.exit
		case err := <-failed:
			if err != nil {
				fmt.Fprintln(stderr, "Error:", err)
				return 1
			}
		}
	}
}

func terminated(o options, log *slog.Logger) int {
	log.Info("received SIGTERM, exiting", "code", o.termExit)
	return o.termExit
}

// chatter prints the log line at its rate, many lines at once when the rate is high.
func chatter(ctx context.Context, o options, stdout io.Writer) {
	began, printed := time.Now(), 0.0
	for sleep(ctx, min(time.Duration(float64(time.Second)/o.logRate), time.Second)) {
		for due := time.Since(began).Seconds() * o.logRate; printed+1 <= due; printed++ {
			fmt.Fprintln(stdout, o.logLine)
		}
	}
}

// sleep reports whether it slept to the end; false means SIGTERM came.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
