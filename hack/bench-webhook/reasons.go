package main

import (
	"fmt"
	"math"
	"strings"
)

// What holds missed goals back, as far as the figures of the same run tell.

// largestParts names the parts of the dearest reviews' way.
func (r report) largestParts(missed []goal) string {
	var told []string
	for _, one := range missed {
		sample := strings.Fields(one.about)[0]
		whole := r.median("Handler/patched/"+sample+"/ours", "cpu-ns/op")
		share := func(part string) float64 { return 100 * r.median("Parts/"+sample+"/"+part, "cpu-ns/op") / whole }
		told = append(told, fmt.Sprintf("%s: %.0f %% is trying the patch on the text received (json-patch), %.0f %% decoding, %.0f %% reading strictly",
			sample, share("try-patch"), share("decode"), share("read")))
	}
	return strings.Join(told, "; ")
}

// deciding compares what the handler does with the whole of an echo.
func (r report) deciding(missed []goal) string {
	var told []string
	for _, one := range missed {
		told = append(told, fmt.Sprintf("%s: deciding takes %s where a whole echo takes %s", one.about,
			micro(r.median("Handler/patched/"+one.about+"/ours", "cpu-ns/op")), micro(r.median("TLS/patched/"+one.about, "echo-p50-ns"))))
	}
	return strings.Join(told, "; ") + "; an echo reads nothing of what it gets, and a patch is tried before it is sent"
}

func (r report) everything(missed []goal) string {
	var told []string
	for _, one := range missed {
		sample := strings.Fields(one.about)[0]
		told = append(told, fmt.Sprintf("%s: %s in the handler", sample, micro(r.median("Handler/nothing-learned/"+sample+"/ours", "cpu-ns/op"))))
	}
	return strings.Join(told, "; ")
}

// tail is for the slowest answers: the handler's own cost does not explain them.
func (r report) tail(missed []goal) string {
	return r.everything(missed) + "; the rest of a tail is the scheduler's: compare the least of both"
}

// lookups sets the spread beside the cheapest review, in which one lookup stands.
func (r report) lookups([]goal) string {
	spread, cheapest := 0.0, math.Inf(1)
	for _, which := range []string{"present", "absent"} {
		for _, size := range r.below("Index") {
			spread = max(spread, r.median("Index/"+size+"/"+which, "cpu-ns/op")-r.median("Index/1/"+which, "cpu-ns/op"))
		}
	}
	for _, sample := range r.below("Handler/nothing-learned") {
		cheapest = min(cheapest, r.median("Handler/nothing-learned/"+sample+"/ours", "cpu-ns/op"))
	}
	return fmt.Sprintf("with one Remediation most parts of the index are empty and all lookups meet the same key; with more, entries and their keys miss the nearest cache. It is at most %.0f ns, %.1f %% of the cheapest review",
		spread, 100*spread/cheapest)
}
