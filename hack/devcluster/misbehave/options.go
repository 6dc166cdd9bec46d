package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// options are what the program is told to do; durations are Go durations such as 500ms or 2s.
type options struct {
	stdout, stderr lines
	startDelay     time.Duration
	requireEnv     lines
	requireFile    lines
	waitFor        string
	waitTimeout    time.Duration

	allocate size
	over     time.Duration
	hold     bool

	exit  int // -1: do not exit
	after time.Duration

	listenDelay time.Duration
	httpPort    int
	httpPath    string
	httpStatus  int
	httpLatency time.Duration
	grpcPort    int
	grpcStatus  string
	tcpPort     int

	logRate float64
	logLine string

	ignoreTerm bool
	termExit   int
}

func parse(args []string, output io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("misbehave", flag.ContinueOnError)
	f.SetOutput(output)
	f.Usage = func() {
		fmt.Fprintln(output, "misbehave fails on demand. Without flags it runs until SIGTERM and exits with 0.")
		f.PrintDefaults()
	}
	f.Var(&o.stdout, "stdout", "print this `line` to standard output first (repeatable)")
	f.Var(&o.stderr, "stderr", "print this `line` to standard error first (repeatable)")
	f.DurationVar(&o.startDelay, "start-delay", 0, "do nothing for this long before anything else, as slow starters do")
	f.Var(&o.requireEnv, "require-env", "exit with 1 unless the environment variable `NAME` is set and not empty (repeatable)")
	f.Var(&o.requireFile, "require-file", "exit with 1 unless the file `PATH` can be read (repeatable)")
	f.StringVar(&o.waitFor, "wait-for", "", "connect to `HOST:PORT` before going on; exit with 1 when that fails")
	f.DurationVar(&o.waitTimeout, "wait-timeout", 0, "try again for this long before -wait-for fails (default: one attempt)")
	f.Var(&o.allocate, "allocate", "allocate this much memory, `200Mi` for example, and write to every page of it")
	f.DurationVar(&o.over, "over", 0, "spread -allocate evenly over this time (default: at once)")
	f.BoolVar(&o.hold, "hold", true, "keep the memory of -allocate to the end; -hold=false frees it when all is allocated")
	f.IntVar(&o.exit, "exit", -1, "exit with this `code` after everything else has been done (default: run forever)")
	f.DurationVar(&o.after, "after", 0, "wait this long before -exit")
	f.DurationVar(&o.listenDelay, "listen-delay", 0, "open the ports of -http-port, -grpc-port and -tcp-port only after this time")
	f.IntVar(&o.httpPort, "http-port", 0, "serve HTTP on this `port`")
	f.StringVar(&o.httpPath, "http-path", "/healthz", "`path` that answers with -http-status; all others are not found")
	f.IntVar(&o.httpStatus, "http-status", 200, "status `code` of -http-path")
	f.DurationVar(&o.httpLatency, "http-latency", 0, "wait this long before answering any HTTP request")
	f.IntVar(&o.grpcPort, "grpc-port", 0, "serve the gRPC health protocol on this `port`")
	f.StringVar(&o.grpcStatus, "grpc-status", "SERVING", "answer of the gRPC health check: SERVING or NOT_SERVING")
	f.IntVar(&o.tcpPort, "tcp-port", 0, "accept TCP connections on this `port` and close them")
	f.Float64Var(&o.logRate, "log-rate", 0, "print -log-line to standard output this many times per second")
	f.StringVar(&o.logLine, "log-line", "still here", "`line` for -log-rate")
	f.BoolVar(&o.ignoreTerm, "ignore-term", false, "ignore SIGTERM, so that only SIGKILL ends the program (exit code 137)")
	f.IntVar(&o.termExit, "term-exit", 0, "exit with this `code` on SIGTERM")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(f); err != nil {
		fmt.Fprintln(output, "misbehave:", err)
		return o, err
	}
	return o, nil
}

// check refuses flags that would silently do nothing.
func (o options) check(f *flag.FlagSet) error {
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: everything is said with flags", f.Arg(0))
	}
	set := map[string]bool{}
	f.Visit(func(one *flag.Flag) { set[one.Name] = true })
	for _, rule := range []struct{ flag, needs string }{
		{"after", "exit"},
		{"over", "allocate"},
		{"hold", "allocate"},
		{"wait-timeout", "wait-for"},
		{"http-path", "http-port"},
		{"http-status", "http-port"},
		{"http-latency", "http-port"},
		{"grpc-status", "grpc-port"},
		{"log-line", "log-rate"},
	} {
		if set[rule.flag] && !set[rule.needs] {
			return fmt.Errorf("-%s does nothing without -%s", rule.flag, rule.needs)
		}
	}
	if set["listen-delay"] && !set["http-port"] && !set["grpc-port"] && !set["tcp-port"] {
		return errors.New("-listen-delay does nothing without -http-port, -grpc-port or -tcp-port")
	}
	if set["exit"] && (o.exit < 0 || o.exit > 255) {
		return fmt.Errorf("-exit %d is no exit code: choose one from 0 to 255", o.exit)
	}
	if o.grpcStatus != "SERVING" && o.grpcStatus != "NOT_SERVING" {
		return fmt.Errorf("-grpc-status %s is neither SERVING nor NOT_SERVING", o.grpcStatus)
	}
	if o.httpStatus < 200 || o.httpStatus > 599 {
		return fmt.Errorf("-http-status %d is no status code: choose one from 200 to 599", o.httpStatus)
	}
	if o.logRate < 0 {
		return errors.New("-log-rate is negative")
	}
	return nil
}

// lines is a flag that may be repeated.
type lines []string

func (l *lines) String() string { return strings.Join(*l, "\n") }

func (l *lines) Set(line string) error {
	*l = append(*l, line)
	return nil
}

// size is a number of bytes, written as Kubernetes writes them: 1000, 64Ki, 200Mi, 1Gi, 500k, 200M, 1G.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	unit := int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}} {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = number, u.bytes
			break
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || number > (1<<50)/unit {
		return errors.New("want a size such as 200Mi")
	}
	*s = size(number * unit)
	return nil
}
