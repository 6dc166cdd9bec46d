// Command rates measures how often kube-remedy heals: it runs all scenarios on the real node, prints a table, and writes
// it to docs/success-rates.md with everything that failed and why.
//
// It ends with status 1 when a scenario fails that has passed before.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/offline"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
)

// window is how long pods must stay ready until a cure counts as verified.
const window = 3 * time.Second

type options struct {
	dir, page, only string
	parallel        int
	capture         bool
	offline         bool
	keep            bool
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "scenarios", "`directory` of the scenarios")
	flag.StringVar(&o.page, "page", "../docs/success-rates.md", "`file` that the table is written to; nothing is written when only some scenarios run")
	flag.StringVar(&o.only, "run", "", "run only scenarios whose TYPE/NAME matches this `regexp`")
	flag.IntVar(&o.parallel, "parallel", 6, "how many run at a time")
	flag.BoolVar(&o.capture, "capture", false, "write the evidence of each scenario into its folder")
	flag.BoolVar(&o.offline, "offline", false, "only diagnose and heal from captured evidence, without a cluster")
	flag.BoolVar(&o.keep, "keep", false, "leave kube-remedy installed, and keep the cluster that was started")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "success rates:", err)
		os.Exit(1)
	}
}

// measure runs the scenarios and tells what became of them.
func measure(ctx context.Context, o options, out io.Writer) (err error) {
	all, err := chosen(o)
	if err != nil {
		return err
	}
	if o.offline {
		return withoutCluster(all, out)
	}
	passed, err := scenarios.ReadPassed(o.dir, scenarios.PassedOnNode)
	if err != nil {
		return err
	}
	options := devcluster.Options{Progress: out}
	_, running := devcluster.Find(options)
	cluster, err := devcluster.Up(ctx, options)
	if err != nil {
		return err
	}
	if running != nil && !o.keep {
		defer func() { err = errors.Join(err, devcluster.Down(context.WithoutCancel(ctx), options)) }()
	}
	if err := cluster.RealNode(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kube-remedy-rates-")
	if err != nil {
		return fmt.Errorf("directory of the pair: %w", err)
	}
	pair, err := install.New(cluster, filepath.Join(dir, "pair"), window)
	if err != nil {
		return err
	}
	if err := errors.Join(pair.Install(ctx), pair.Start(ctx)); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, pair.Stop())
		if !o.keep {
			err = errors.Join(err, pair.Uninstall(context.WithoutCancel(ctx)))
		}
	}()
	measured := &report{began: time.Now(), parallel: o.parallel}
	if measured.outcomes, err = runAll(ctx, o, cluster, pair, all, passed, out); err != nil {
		return err
	}
	measured.took = time.Since(measured.began)
	if o.only == "" {
		if measured.cycles, err = measureCycles(ctx, o, cluster, pair, all, measured, out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s", measured.table())
	return remember(o, measured, passed)
}

// perType is how many scenarios of each type are run once more, one at a time, to measure kube-remedy's own part.
const perType = 2

// measureCycles measures kube-remedy's own part, in what was run and with one scenario at a time.
func measureCycles(ctx context.Context, o options, cluster *devcluster.Cluster, pair *install.Pair, all []*scenarios.Scenario, measured *report, out io.Writer) (cycles, error) {
	many, err := cycleOf(ctx, cluster, pair, fmt.Sprintf("%d scenarios at a time", o.parallel), measured.began, nil)
	if err != nil {
		return nil, err
	}
	before, err := reviewsOf(ctx, pair)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(out, "\nonce more one at a time, for kube-remedy's own part alone:")
	began := time.Now()
	again := o
	again.parallel, again.capture = 1, false
	if _, err := runAll(ctx, again, cluster, pair, someOf(all), &scenarios.Passed{}, out); err != nil {
		return nil, err
	}
	one, err := cycleOf(ctx, cluster, pair, "one scenario at a time", began, before)
	return cycles{one, many}, err
}

// someOf gives a few scenarios of each type that are healed.
func someOf(all []*scenarios.Scenario) []*scenarios.Scenario {
	count := map[string]int{}
	return slices.DeleteFunc(slices.Clone(all), func(s *scenarios.Scenario) bool {
		if !s.Sample || !s.Heals() || count[s.Type] == perType {
			return true
		}
		count[s.Type]++
		return false
	})
}

// withoutCluster prints the table of what can be told from captured evidence.
func withoutCluster(all []*scenarios.Scenario, out io.Writer) error {
	measured := &report{}
	for _, scenario := range all {
		outcome := offline.Run(scenario)
		measured.outcomes = append(measured.outcomes, outcome)
		fmt.Fprintln(out, line(outcome, len(measured.outcomes), len(all), false))
	}
	fmt.Fprintf(out, "\n%s", measured.table())
	return nil
}

// chosen are the scenarios to run.
func chosen(o options) ([]*scenarios.Scenario, error) {
	pattern, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	all, err := scenarios.LoadAll(o.dir)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *scenarios.Scenario) bool { return !pattern.MatchString(s.ID()) })
	if len(all) == 0 {
		return nil, fmt.Errorf("-run %s: no scenario matches", o.only)
	}
	return all, nil
}

// runAll runs all scenarios, some at a time. Those with nodes of their own come last: further nodes would be seen by
// the scheduler of the others.
func runAll(ctx context.Context, o options, cluster *devcluster.Cluster, pair *install.Pair, all []*scenarios.Scenario, passed *scenarios.Passed, out io.Writer) ([]*runner.Outcome, error) {
	r, err := runner.New(ctx, cluster, pair, o.dir)
	if err != nil {
		return nil, err
	}
	r.Capture = o.capture
	var lock sync.Mutex
	var outcomes []*runner.Outcome
	tell := func(outcome *runner.Outcome) {
		lock.Lock()
		defer lock.Unlock()
		outcomes = append(outcomes, outcome)
		fmt.Fprintln(out, line(outcome, len(outcomes), len(all), passed.Has(outcome.ID())))
	}
	for _, group := range runner.Groups(all) {
		runner.Each(ctx, o.parallel, group, func(scenario *scenarios.Scenario) { tell(r.Run(ctx, scenario)) })
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	slices.SortFunc(outcomes, func(a, b *runner.Outcome) int { return slices.Index(all, a.Scenario) - slices.Index(all, b.Scenario) })
	return outcomes, nil
}

// line tells of one scenario.
func line(o *runner.Outcome, done, of int, before bool) string {
	verdict := "passed"
	if !o.Passed() {
		verdict = "FAILED"
		if before {
			verdict = "FAILED, passed before"
		}
	}
	text := fmt.Sprintf("%3d/%d  %-46s %-7s %4.0f s", done, of, o.ID(), verdict, o.Took.Seconds())
	if o.Heal > 0 {
		text += fmt.Sprintf("  healed at apply %d, learned in %.1f s, healthy in %.1f s", o.HealedAt, o.Learn.Seconds(), o.Heal.Seconds())
	}
	for _, problem := range o.Problems {
		text += "\n           " + problem
	}
	if o.Passed() && o.Fails != "" {
		text += "\n           its folder says that it fails: " + o.Fails
	}
	return text
}

// remember writes the page and which scenarios have passed, and is an error when one did before and does not now.
func remember(o options, measured *report, passed *scenarios.Passed) error {
	var now, worse []string
	for _, outcome := range measured.outcomes {
		switch {
		case outcome.Passed():
			now = append(now, outcome.ID())
		case passed.Has(outcome.ID()):
			worse = append(worse, outcome.ID())
		}
	}
	if err := passed.Add(now...); err != nil {
		return err
	}
	if o.only == "" {
		if err := os.WriteFile(o.page, []byte(measured.page()), 0o644); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
	}
	if len(worse) > 0 {
		return fmt.Errorf("%d scenarios fail that have passed before: %v", len(worse), worse)
	}
	return nil
}
