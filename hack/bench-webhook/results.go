package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are what benchmarks measured: values by benchmark and unit, one for each round.
type results struct {
	names  []string // in the order of their first appearance
	values map[string]map[string][]float64
}

// processors is what the go command adds to names.
var processors = regexp.MustCompile(`-\d+$`)

// add takes over what a run of benchmarks printed.
func (r *results) add(output string) error {
	if r.values == nil {
		r.values = map[string]map[string][]float64{}
	}
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if r.values[name] == nil {
			r.names, r.values[name] = append(r.names, name), map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return fmt.Errorf("read what was measured: %q: %w", line, err)
			}
			r.values[name][fields[i+1]] = append(r.values[name][fields[i+1]], value)
		}
	}
	return nil
}

// median of the rounds; not a number when it was not measured.
func (r *results) median(name, unit string) float64 {
	values := slices.Sorted(slices.Values(r.values[name][unit]))
	if len(values) == 0 {
		return math.NaN()
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// least of the rounds; not a number when it was not measured.
func (r *results) least(name, unit string) float64 {
	if len(r.values[name][unit]) == 0 {
		return math.NaN()
	}
	return slices.Min(r.values[name][unit])
}

// ratio compares two benchmarks: the median of what the rounds say, each of which measured both at about the same time.
func (r *results) ratio(name, unit, other, otherUnit string) float64 {
	ours, theirs := r.values[name][unit], r.values[other][otherUnit]
	var ratios results
	ratios.values = map[string]map[string][]float64{"": {}}
	for i := range min(len(ours), len(theirs)) {
		ratios.values[""][""] = append(ratios.values[""][""], ours[i]/theirs[i])
	}
	return ratios.median("", "")
}

// below gives the names directly below a prefix, in order.
func (r *results) below(prefix string) []string {
	var found []string
	for _, name := range r.names {
		if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
			part, _, _ := strings.Cut(rest, "/")
			if !slices.Contains(found, part) {
				found = append(found, part)
			}
		}
	}
	return found
}
