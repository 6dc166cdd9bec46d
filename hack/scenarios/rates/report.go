package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
)

// report is what one run measured.
type report struct {
	outcomes []*runner.Outcome
	began    time.Time
	took     time.Duration
	parallel int
	cycles   cycles
}

// goals are the shares to reach, in percent: healed at the first and at the second apply after the failure.
var goals = map[string][2]int{
	"oomkilled": {95, 99}, "crashloopbackoff": {85, 92}, "pending": {80, 88}, "probefailure": {90, 96}, "imagepullbackoff": {70, 80}, "nodenotready": {80, 0},
}

// share is a part of a whole.
type share struct{ part, whole int }

func (s *share) count(holds bool) {
	s.whole++
	if holds {
		s.part++
	}
}

func (s share) String() string {
	if s.whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%d/%d (%.0f %%)", s.part, s.whole, 100*float64(s.part)/float64(s.whole))
}

// row is a line of the table.
type row struct {
	name                           string
	scenarios                      int
	detected, cause, first, second share
	changed, passed                share
	goalFirst, goalSecond          int
	learn, heal                    []time.Duration
}

func rowOf(name string, outcomes []*runner.Outcome) row {
	found := row{name: name, scenarios: len(outcomes)}
	for _, o := range outcomes {
		found.detected.count(o.Detected)
		found.cause.count(o.CauseRight)
		found.changed.count(len(o.Changed) > 0)
		found.passed.count(o.Passed())
		if !o.Heals() {
			continue
		}
		found.first.count(o.HealedAt == 1)
		found.second.count(o.HealedAt == 1 || o.HealedAt == 2)
		if o.Learn > 0 {
			found.learn = append(found.learn, o.Learn)
		}
		if o.HealedAt > 0 {
			found.heal = append(found.heal, o.Heal)
		}
	}
	return found
}

// rows are those of the types, and of all.
func (r *report) rows() []row {
	var rows []row
	for _, folder := range scenarios.Types() {
		of := slices.DeleteFunc(slices.Clone(r.outcomes), func(o *runner.Outcome) bool { return o.Type != folder })
		if len(of) == 0 {
			continue
		}
		one := rowOf(string(scenarios.FailureOf(folder)), of)
		one.goalFirst, one.goalSecond = goals[folder][0], goals[folder][1]
		rows = append(rows, one)
	}
	return append(rows, rowOf("all", r.outcomes))
}

// table is for people at a terminal and for Markdown alike.
func (r *report) table() string {
	var out strings.Builder
	out.WriteString("| failure type | scenarios | detected right | cause right | healed at first retry | goal | by second retry | goal | wrongly changed | failure → learned, median (max) | re-apply → healthy, median (max) | as expected in all |\n")
	out.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, one := range r.rows() {
		fmt.Fprintf(&out, "| %s | %d | %s | %s | %s | %s | %s | %s | %d | %s | %s | %s |\n", one.name, one.scenarios, one.detected, one.cause,
			one.first, atLeast(one.goalFirst), one.second, atLeast(one.goalSecond), one.changed.part, spread(one.learn), spread(one.heal), one.passed)
	}
	return out.String()
}

func atLeast(percent int) string {
	if percent == 0 {
		return "–"
	}
	return fmt.Sprintf("≥ %d %%", percent)
}

// spread is the median and the longest.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(times))
	return fmt.Sprintf("%.1f s (%.1f s)", sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}

// page is docs/success-rates.md.
func (r *report) page() string {
	var out strings.Builder
	fmt.Fprintf(&out, `# Success rates

Measured by %smake success-rates%s, which writes this page: %d workloads that really fail, on a real node, healed by applying
the same file again. Each is a folder of hack/scenarios, which says what must become of it: what is found, which cause,
what may change, and that its pods are ready in the end. Of the %d that are to be healed the shares below are
counted; the others must be left as they are: a bug, a dependency that is down, a name that nobody can guess, and what
only looks like a failure. A retry is an apply of the unchanged file after the failure was learned, with 2, 4 and 8 seconds
before each.

%s
`, "`", "`", len(r.outcomes), r.heal(), r.table())
	fmt.Fprintf(&out, "Goals for all types: detected right ≥ 99 %%, cause right ≥ 95 %%, wrongly changed 0.\n\n%s\n", r.cycles)
	r.failing(&out)
	fmt.Fprintf(&out, "\n## How it was measured\n\n%s\n", r.machine())
	return out.String()
}

func (r *report) heal() int {
	count := 0
	for _, o := range r.outcomes {
		if o.Heals() {
			count++
		}
	}
	return count
}

// unexplained stands for the reason of a scenario whose folder gives none.
const unexplained = "not looked into yet"

// failing lists every scenario that was not as expected, with what was seen and the reason that its folder gives.
func (r *report) failing(out *strings.Builder) {
	out.WriteString("## What was not as expected\n\n")
	none := true
	for _, o := range r.outcomes {
		if o.Passed() {
			continue
		}
		none = false
		fmt.Fprintf(out, "- **%s**: %s\n", o.ID(), strings.TrimSuffix(o.About, "."))
		for _, problem := range o.Problems {
			fmt.Fprintf(out, "  - %s\n", strings.ReplaceAll(problem, "\n", " "))
		}
		fmt.Fprintf(out, "  - why: %s\n", cmp.Or(o.Fails, unexplained))
	}
	if none {
		out.WriteString("Nothing.\n")
	}
}

func (r *report) machine() string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, "- "+fmt.Sprintf(format, args...)) }
	add("%s, in %s, %d scenarios at a time", r.began.UTC().Format("2 January 2006, 15:04 UTC"), r.took.Round(time.Second), r.parallel)
	add("%d processors (%s), %s of memory, %s", runtime.NumCPU(), processor(), memory(), kernel())
	add("Kubernetes %s, containerd %s, one real node; the nodes that fail are simulated: the scenario plays their kubelets", devcluster.KubernetesVersion, devcluster.ContainerdVersion)
	add("restarts of containers are backed off for 10 s at most, and a node is missed after 20 s; a cure counts as verified when its pods stayed ready for 3 s and for twice as long as the failure took to come")
	if info, ok := debug.ReadBuildInfo(); ok {
		add("built with %s", info.GoVersion)
	}
	return strings.Join(lines, "\n")
}

func processor() string {
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func memory() string {
	var total int
	if _, err := fmt.Sscanf(read("/proc/meminfo"), "MemTotal: %d kB", &total); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%d GiB", (total+1<<19)>>20)
}

func kernel() string {
	return "Linux " + strings.TrimSpace(read("/proc/sys/kernel/osrelease"))
}

// read gives what a file has, and nothing where there is none.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
