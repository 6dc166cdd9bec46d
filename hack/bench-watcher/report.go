package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kube-remedy/kube-remedy/eventwatcher"
)

// report says what was measured and which goals were reached.
type report struct {
	options
	to      io.Writer
	results map[string][]result
}

// of gives the median of a figure over the rounds.
func (r report) of(who string, figure func(result) float64) float64 {
	var all []float64
	for _, one := range r.results[who] {
		all = append(all, figure(one))
	}
	return median(all)
}

// The figures that are reported, each of one round.
var (
	syncSeconds = func(r result) float64 { return r.sync.Seconds() }
	syncCPU     = func(r result) float64 { return r.syncCPU.Seconds() }
	syncPeak    = func(r result) float64 { return float64(r.syncPeak) }
	steady      = func(r result) float64 { return float64(r.steady) }
	peak        = func(r result) float64 { return float64(r.peak) }
	live        = func(r result) float64 { return float64(r.heap.Live) }
	inUse       = func(r result) float64 { return float64(r.heap.InUse) }
	onWire      = func(r result) float64 { return r.onWire }
	share       = func(r result) float64 { return r.churnCPU.Seconds() / r.churned.took.Seconds() }
	rate        = func(r result) float64 { return float64(r.churned.events) / r.churned.took.Seconds() }
	perEvent    = func(r result) float64 { return r.churnCPU.Seconds() / float64(r.churned.events) * 1e6 }
	lagP50      = func(r result) float64 { return percentile(r.churned.lags, 0.5).Seconds() * 1e3 }
	lagP99      = func(r result) float64 { return percentile(r.churned.lags, 0.99).Seconds() * 1e3 }
	lost        = func(r result) float64 { return float64(r.churned.marked - len(r.churned.lags)) }
)

// perPod is the live heap that each pod adds, indexes and all, without what the process needs for everything else.
func (r report) perPod(who, base string) float64 {
	return (r.of(who, live) - r.of(base, live)) / float64(r.pods)
}

func (r report) print(ctx context.Context) {
	r.machine(ctx)
	fmt.Fprintf(r.to, "\nA cluster of %d pods of %d Deployments (%d ReplicaSets), %d nodes, %d events about pods; a pod is %.1f KiB on the wire.\n",
		r.pods, r.workloads, r.workloads*r.revisions, r.nodes, r.events, r.of(ours, onWire)/1024)
	fmt.Fprintln(r.to, "The watcher keeps all of it in its caches, the usual informer the pods alone.")
	r.table()
	fmt.Fprintf(r.to, "From when a failure was due on the watch to the watcher's request for its workload: p50 %.0f ms, p99 %.0f ms; %.0f of these are a pause on purpose.\n",
		r.of(ours, lagP50), r.of(ours, lagP99), pause.Seconds()*1e3)
	if missed := r.of(ours, lost); missed > 0 {
		fmt.Fprintf(r.to, "%.0f failures were not asked for within 10 s.\n", missed)
	}
	r.goals()
}

// mib gives a figure that is in bytes in MiB.
func mib(figure func(result) float64) func(result) float64 {
	return func(r result) float64 { return figure(r) / (1 << 20) }
}

// table has the watcher beside the usual informer.
func (r report) table() {
	table := tabwriter.NewWriter(r.to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\n\twatcher\tusual informer\tratio\t\n")
	row := func(what, format string, figure func(result) float64) {
		mine, other := r.of(ours, figure), r.of(usual, figure)
		fmt.Fprintf(table, "%s\t"+format+"\t"+format+"\t%.3f\t\n", what, mine, other, mine/other)
	}
	mine, other := r.perPod(ours, baseOurs), r.perPod(usual, baseUsual)
	fmt.Fprintf(table, "live heap for each pod\t%.0f B\t%.0f B\t%.3f\t\n", mine, other, mine/other)
	row("live heap in all, after the updates", "%.1f MiB", mib(live))
	row("heap in use then", "%.1f MiB", mib(inUse))
	row("resident while updates come", "%.1f MiB", mib(steady))
	row("highest until the caches were filled", "%.1f MiB", mib(syncPeak))
	row("highest in all", "%.1f MiB", mib(peak))
	row("time until the caches were filled", "%.1f s", syncSeconds)
	row("processor time until then", "%.1f s", syncCPU)
	row("updates a second that were sent", "%.0f", rate)
	row("processor time for each update", "%.1f µs", perEvent)
	row("share of a core while updates come", "%.2f", share)
	_ = table.Flush()
	fmt.Fprintf(r.to, "\nWithout pods the watcher has a live heap of %.1f MiB and %.1f MiB resident, the usual informer %.1f MiB and %.1f MiB.\n",
		r.of(baseOurs, mib(live)), r.of(baseOurs, mib(steady)), r.of(baseUsual, mib(live)), r.of(baseUsual, mib(steady)))
}

// pause is how long the watcher gathers what one failure causes (eventwatcher, debounce).
const pause = 300 * time.Millisecond

func (r report) goals() {
	fmt.Fprintln(r.to, "\nGoals")
	for _, goal := range []struct {
		title     string
		got, most float64
		format    string
	}{
		{"live heap for each healthy pod at most 1,500 B", r.perPod(ours, baseOurs), 1500, "%.0f B"},
		{"resident while updates come at most 256 MiB", r.of(ours, steady) / (1 << 20), 256, "%.1f MiB"},
		{"highest until the caches were filled at most 1.3 times that", r.of(ours, syncPeak) / r.of(ours, steady), 1.3, "%.2f"},
		{fmt.Sprintf("processor time for %d updates less than 90 %% of a core's second", r.rate), r.of(ours, perEvent) * float64(r.rate) / 1e6, 0.9, "%.2f s"},
		{fmt.Sprintf("a second of the sending of %d updates takes at most 1.01 s", r.rate), float64(r.rate) / r.of(ours, rate), 1.01, "%.2f s"},
		{"p99 of the lag at most 1 s above the pause", r.of(ours, lagP99)/1e3 - pause.Seconds(), 1, "%.3f s"},
	} {
		verdict := "reached"
		if !(goal.got <= goal.most) {
			verdict = "missed"
		}
		fmt.Fprintf(r.to, "- %s: %s, "+goal.format+"\n", goal.title, verdict, goal.got)
	}
}

func (r report) machine(ctx context.Context) {
	described, _ := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output() // without git the report does without
	fmt.Fprintf(r.to, "kube-remedy event watcher at scale, %s, commit %s\n", time.Now().UTC().Format(time.RFC3339), strings.TrimSpace(string(described)))
	fmt.Fprintf(r.to, "%s, %d cores, %s %s/%s, load at the end %s\n", processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, load())
	fmt.Fprintf(r.to, "Medians of %d rounds. The measured processes have %d core (GOMAXPROCS) and their own garbage collection (the watcher's target is %d %%, the other's Go's usual one); processor time does not grow when others use the machine, all other times do.\n", max(1, r.rounds), r.cores, eventwatcher.GCPercent)
}

// load gives how busy the machine was lately, where the system tells it.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.TrimSpace(string(text))
}

// processor gives the model of the processor, where the system tells it.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}
