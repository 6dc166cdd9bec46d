package main

import (
	"context"
	"fmt"
)

// Figures that there are on a real API server alone.
var (
	failures = func(r result) float64 { return float64(r.churned.marked) }
	writeP50 = func(r result) float64 { return percentile(r.churned.real.writes, 0.5).Seconds() * 1e3 }
	writeP99 = func(r result) float64 { return percentile(r.churned.real.writes, 0.99).Seconds() * 1e3 }
	leftOut  = func(r result) float64 { return float64(r.churned.real.leftOut) }
	others   = func(r result) float64 { return float64(r.churned.real.others) }
	silent   = func(r result) float64 { return float64(r.churned.real.silent) }
)

// printReal reports what was measured on a real API server.
func (r report) printReal(ctx context.Context, before, versions string) {
	r.machine(ctx)
	fmt.Fprintf(r.to, "%s; load before the cluster was started %s\n", versions, before)
	fmt.Fprintln(r.to, "The API server, etcd, kwok and what sends the updates share the machine with the measured processes, so that times have all of them in it.")
	fmt.Fprintf(r.to, "\nA real API server with %d pods of %d templates in %d nodes that kwok plays; a pod is %.1f KiB as protobuf. No pod has a controller.\n",
		r.pods, min(r.workloads, r.pods), r.nodes, r.of(ours, onWire)/1024)
	fmt.Fprintln(r.to, "The watcher keeps pods, nodes, events and Remediations in its caches, the usual informer the pods alone.")
	r.table()
	r.remembered()
	r.doubts()
}

// remembered says how soon failures were remembered.
func (r report) remembered() {
	if r.of(ours, failures) == 0 {
		fmt.Fprintln(r.to, "No pod was made to fail.")
		return
	}
	fmt.Fprintf(r.to, "From when a pod's status was written as OOMKilled until its Remediation was stored: p50 %.0f ms, p99 %.0f ms, of %.0f failures; %.0f of these ms are a pause on purpose.\n",
		r.of(ours, lagP50), r.of(ours, lagP99), r.of(ours, failures), pause.Seconds()*1e3)
	fmt.Fprintf(r.to, "It counts from the API server's answer to the write, which came after %.0f ms (p50) and %.0f ms (p99), until a watch of Remediations showed spec and status.\n",
		r.of(ours, writeP50), r.of(ours, writeP99))
	fmt.Fprintln(r.to, "A lone pod is its own workload: each failure is looked at by itself, and none of them shares a Remediation. Live heap has these in it.")
	if missed := r.of(ours, lost); missed > 0 {
		fmt.Fprintf(r.to, "%.0f failures had no Remediation within %s of the last update.\n", missed, patience)
	}
}

// mostFailing is how many failures a second the watcher can look at: each takes some 15 requests, of which it sends 50 a
// second at most (eventwatcher, clientQPS).
const mostFailing = 3

// doubts says what speaks against the figures.
func (r report) doubts() {
	if r.marks > mostFailing {
		fmt.Fprintf(r.to, "With %d failures a second the lag has the watcher's own limit of requests in it, which is enough for %d.\n", r.marks, mostFailing)
	}
	for _, who := range []string{ours, usual} {
		if count := r.of(who, leftOut); count > 0 {
			fmt.Fprintf(r.to, "Beside the %s %.0f of %d updates were left out: the API server does not take so many here, and the lag is that of a busy one.\n", who, count, r.updates())
		}
		if count := r.of(who, silent); count > 0 {
			fmt.Fprintf(r.to, "Beside the %s %.0f nodes counted as lost, because this machine was too busy for their heartbeats: the figures have that and what followed in them.\n", who, count)
		}
	}
	if count := r.of(ours, others); count > 0 {
		fmt.Fprintf(r.to, "%.0f Remediations were stored for pods that were not made to fail.\n", count)
	}
}
