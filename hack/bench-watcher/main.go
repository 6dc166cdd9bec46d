// Command bench-watcher measures what the event watcher needs in a large cluster, beside an informer of pods as client-go
// makes it, in the same run. The cluster is made up: a server in this process answers lists and watches as the API server
// would, over TLS and HTTP/2, and the watcher is the real one, in a process of its own. It exits with 0 when everything
// was measured, whatever came of it.
//
// With -real the API server is a real one, of a cluster that is started for this and taken down in the end, also after an
// interrupt. Its nodes are played by kwok: the pods are real objects, and nothing runs in them.
package main

import (
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if as := os.Getenv(asVariable); as != "" {
		if err := child(ctx, as, os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "bench-watcher:", as+":", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-watcher:", err)
		os.Exit(2)
	}
	do := simulate
	if o.real {
		do = onCluster
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-watcher:", err)
		os.Exit(1)
	}
}

// simulate measures everything against the made-up cluster, and reports.
func simulate(ctx context.Context, o options) error {
	without := o.size
	without.pods = 0
	r := report{options: o, to: os.Stdout, results: map[string][]result{}}
	large, empty := newCluster(o.size), newCluster(without)
	for round := range max(1, o.rounds) {
		for _, run := range []struct {
			name, as string
			of       *cluster
			rate     int
		}{
			{baseOurs, asWatcher, empty, 0}, {ours, asWatcher, large, o.rate}, {baseUsual, asUsual, empty, 0}, {usual, asUsual, large, o.rate},
		} {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, max(1, o.rounds), run.name)
			came, err := measure(ctx, o, run.as, run.of, run.rate)
			if err != nil {
				return fmt.Errorf("measure the %s: %w", run.name, err)
			}
			r.results[run.name] = append(r.results[run.name], came)
			runtime.GC() // the server's garbage is no business of the next
		}
	}
	r.print(ctx)
	return nil
}

// What is measured.
const (
	ours      = "watcher"
	baseOurs  = "watcher without pods"
	usual     = "usual informer"
	baseUsual = "usual informer without pods"
)

// result is what was measured of one process.
type result struct {
	sync     time.Duration // from its start until its caches were filled
	syncCPU  time.Duration
	syncPeak uint64 // resident, until then
	steady   uint64 // resident, the median while updates came
	peak     uint64 // resident, in all
	heap     heap   // after a garbage collection, in the end
	onWire   float64
	churned  churned
	churnCPU time.Duration
}

// measure runs one process against a server of its own.
func measure(ctx context.Context, o options, as string, of *cluster, rate int) (came result, err error) {
	s, err := newServer(of)
	if err != nil {
		return came, err
	}
	serving := httptest.NewUnstartedServer(s)
	serving.EnableHTTP2 = true
	serving.StartTLS()
	defer serving.Close()
	defer serving.CloseClientConnections()
	folder, err := os.MkdirTemp("", "bench-watcher-")
	if err != nil {
		return came, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	authority := filepath.Join(folder, "ca.crt")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serving.Certificate().Raw}), 0o600); err != nil {
		return came, err
	}
	var send churn
	if rate > 0 {
		failing := 0
		if as == asWatcher {
			failing = o.marks
		}
		send = func(ctx context.Context) (churned, error) { return s.churn(ctx, rate, failing, o.during) }
	}
	came, err = observe(ctx, o, as, []string{serverVariable + "=" + serving.URL, authorityVariable + "=" + authority}, settle, send)
	if err == nil && of.pods > 0 {
		came.onWire, err = s.perPod()
	}
	return came, err
}

// settle leaves the watcher the time to take its lease.
func settle(context.Context, *measured) error {
	time.Sleep(2 * time.Second)
	return nil
}

// churn is what happens to pods while a process is measured.
type churn func(context.Context) (churned, error)

// observe runs one process, told by the variables whom to ask, and measures it: until its caches are filled, and while
// updates come if any are to. settled is called between the two.
func observe(ctx context.Context, o options, as string, variables []string, settled func(context.Context, *measured) error, send churn) (came result, err error) {
	m, err := start(ctx, as, o.cores, variables...)
	if err != nil {
		return came, err
	}
	defer func() { err = errors2(err, m.stop()) }()
	if came.sync, err = m.filled(ctx); err != nil {
		return came, err
	}
	came.syncCPU = m.cpu()
	_, came.syncPeak = m.memory()
	if err := settled(ctx, m); err != nil {
		return came, err
	}
	if send != nil {
		if err := came.under(ctx, o, m, send, as == asWatcher); err != nil {
			return came, err
		}
	} else {
		came.steady, _ = m.memory()
	}
	_, came.peak = m.memory()
	came.heap, err = m.heap()
	if err == nil && o.profiles != "" && send != nil {
		err = m.profile("heap", filepath.Join(o.profiles, as+"-heap.pprof"))
	}
	return came, err
}

// under sends updates and watches the process meanwhile.
func (r *result) under(ctx context.Context, o options, m *measured, send churn, profiled bool) (err error) {
	if o.profiles != "" && profiled {
		go func() {
			_ = m.profile(fmt.Sprintf("profile?seconds=%d", max(1, int(o.during.Seconds()/2))), filepath.Join(o.profiles, "watcher-cpu.pprof"))
		}()
	}
	sampling, done := context.WithCancel(ctx)
	samples := make(chan []uint64)
	go func() {
		var seen []uint64
		for ; sampling.Err() == nil; time.Sleep(250 * time.Millisecond) {
			now, _ := m.memory()
			seen = append(seen, now)
		}
		samples <- seen
	}()
	before := m.cpu()
	r.churned, err = send(ctx)
	r.churnCPU = m.cpu() - before
	done()
	r.steady = median(<-samples)
	return err
}

func median[N uint64 | float64 | time.Duration](of []N) N {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func percentile(of []time.Duration, share float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
