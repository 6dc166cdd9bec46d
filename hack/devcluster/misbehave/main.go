// Command misbehave fails in every way a program in a container can fail, on demand: it runs out of
// memory, exits, starts slowly, answers its probes late or wrongly, misses a variable, a file or a
// server, floods its log. Without flags it runs until it gets SIGTERM and exits with 0.
//
// What it is told to do happens in this order: lines to stdout and stderr, start delay, required
// variables and files, waiting for a server, listening for health checks, allocating memory, exiting.
// Health checks, logging and memory go on beside each other until the end.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	o, err := parse(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2 // parse has told why
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if o.ignoreTerm {
		signal.Ignore(syscall.SIGTERM)
	}
	return behave(ctx, o, os.Stdout, os.Stderr, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}
