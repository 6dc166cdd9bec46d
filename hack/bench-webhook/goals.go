package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// goal is what one of the measured figures should be at most.
type goal struct {
	about string
	got   float64
	most  float64
}

// reached is false too for what was not measured.
func (g goal) reached() bool { return g.got <= g.most }

// group is goals that are told together, with what holds back those that were missed.
type group struct {
	title string
	goals []goal
	back  func(missed []goal) string
}

func (r report) goals() {
	fmt.Fprintln(r.to, "\nGoals")
	for _, g := range []group{
		{"nothing learned: CPU at most 1/20 of the usual handler's", r.compare("nothing-learned", "typical", 1.0/20), r.everything},
		{"nothing learned: at most 10 allocations", r.allocations(), r.everything},
		{"patched: CPU at most 1/2 of the usual handler's", r.compare("patched", "typical", 1.0/2), r.largestParts},
		{"nothing learned: CPU per byte at 1,500 variables at most 1.2 times that at 15", r.perByte("nothing-learned"), r.everything},
		{"patched: CPU per byte at 1,500 variables at most 1.2 times that at 15", r.perByte("patched"), r.largestParts},
		{"TLS, nothing learned: p50 at most 1.25 times the echo's", r.latency("nothing-learned", "p50", 1.25), r.everything},
		{"TLS, nothing learned: p99 at most 1.5 times the echo's", r.latency("nothing-learned", "p99", 1.5), r.tail},
		{"TLS, patched: p50 at most 1.25 times the echo's", r.latency("patched", "p50", 1.25), r.deciding},
		{"TLS, patched: p99 at most 1.5 times the echo's", r.latency("patched", "p99", 1.5), r.deciding},
		{"index: lookups at 1, 100 and 10,000 Remediations within 10 % of each other", r.spread(), r.lookups},
	} {
		r.tell(g)
	}
}

// tell prints a group: reached or not, the worst figure, and for what was missed which ones and why.
func (r report) tell(g group) {
	var missed []goal
	for _, one := range g.goals {
		if !one.reached() {
			missed = append(missed, one)
		}
	}
	worst := slices.MaxFunc(g.goals, func(a, b goal) int {
		if a.got/a.most > b.got/b.most || math.IsNaN(a.got) {
			return 1
		}
		return -1
	})
	verdict := "reached"
	if len(missed) > 0 {
		verdict = fmt.Sprintf("missed in %d of %d", len(missed), len(g.goals))
	}
	fmt.Fprintf(r.to, "- %s: %s; worst %.3g (%s)\n", g.title, verdict, worst.got, worst.about)
	if len(missed) == 0 {
		return
	}
	var told []string
	for _, one := range missed {
		told = append(told, fmt.Sprintf("%s %.3g", one.about, one.got))
	}
	fmt.Fprintf(r.to, "    missed: %s\n    held back by: %s\n", strings.Join(told, ", "), g.back(missed))
}

func (r report) compare(kind, other string, most float64) []goal {
	var goals []goal
	for _, sample := range r.below("Handler/" + kind) {
		at := "Handler/" + kind + "/" + sample + "/"
		goals = append(goals, goal{sample, r.ratio(at+"ours", "cpu-ns/op", at+other, "cpu-ns/op"), most})
	}
	return goals
}

func (r report) allocations() []goal {
	var goals []goal
	for _, sample := range r.below("Handler/nothing-learned") {
		goals = append(goals, goal{sample, r.median("Handler/nothing-learned/"+sample+"/ours", "allocs/op"), 10})
	}
	return goals
}

func (r report) perByte(kind string) []goal {
	cost := func(sample string) float64 {
		at := "Handler/" + kind + "/" + sample + "/ours"
		return r.median(at, "cpu-ns/op") / r.median(at, "body-B")
	}
	return []goal{{"env-1500 : env-15", cost("env-1500") / cost("env-15"), 1.2}}
}

func (r report) latency(kind, percentile string, most float64) []goal {
	var goals []goal
	for _, sample := range r.below("TLS/" + kind) {
		at := "TLS/" + kind + "/" + sample
		goals = append(goals, goal{sample, r.ratio(at, "ours-"+percentile+"-ns", at, "echo-"+percentile+"-ns"), most})
	}
	return goals
}

// spread is the dearest size over the cheapest.
func (r report) spread() []goal {
	var goals []goal
	for _, which := range []string{"present", "absent"} {
		var costs []float64
		for _, size := range r.below("Index") {
			costs = append(costs, r.median("Index/"+size+"/"+which, "cpu-ns/op"))
		}
		goals = append(goals, goal{which, slices.Max(costs) / slices.Min(costs), 1.1})
	}
	return goals
}
