// Command bench-webhook measures the webhook's handler beside a usual one, its server beside one that only echoes, and
// its index at several sizes, all in one run, and reports which goals were reached. The measuring itself is in
// webhook/*_bench_test.go. It exits with 0 when everything was measured, whatever came of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often everything is measured; the report has medians")
	root := flag.String("root", "..", "the repository")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench-webhook:", err)
		os.Exit(1)
	}
}

// passes are what one round runs. Within each, contenders come one directly after the other, so that what else the
// machine does hits them alike.
var passes = []struct{ benchmarks, time string }{
	{"^Benchmark(Handler|Index)$", "200ms"},
	{"^BenchmarkParts$", "50ms"},
	{"^BenchmarkTLS$", "400x"}, // requests to each server
}

func run(ctx context.Context, root string, rounds int) error {
	folder, err := os.MkdirTemp("", "bench-webhook-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	program := filepath.Join(folder, "webhook.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./webhook")
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the benchmarks: %w", err)
	}
	var all results
	for round := range max(1, rounds) {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for _, pass := range passes {
			measure := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench="+pass.benchmarks, "-test.benchtime="+pass.time)
			measure.Dir, measure.Stderr = filepath.Join(root, "webhook"), os.Stderr
			output, err := measure.Output()
			if err != nil {
				return fmt.Errorf("measure %s: %w\n%s", pass.benchmarks, err, output)
			}
			if err := all.add(string(output)); err != nil {
				return err
			}
		}
	}
	report{all, os.Stdout}.print(ctx, root, rounds)
	return nil
}
