package catalog

import (
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Cause is why a workload fails.
type Cause struct {
	// ID names it; unique in the catalogue.
	ID          string
	FailureType v1alpha1.FailureType
	// Signatures are those of which any makes the cause worth considering; each that was seen adds its weight.
	Signatures []string
	// Weights replace the weight of a signature for this cause.
	Weights map[string]float64
	// When must hold; always if nil.
	When *Condition
	// Confidence is what When adds.
	Confidence float64
	// Supports add to the confidence where they hold, Contradictions take away.
	Supports, Contradictions []Weighted
	// Generic causes lose against any that says more.
	Generic bool
	// Over are ids of causes that this one replaces where both hold.
	Over []string
	// Sentence states the cause with the values found.
	Sentence Template
	// Fixes are what helps, the best first.
	Fixes []Fix
	// Origin is file and line.
	Origin string
}

// Weighted is a condition with its weight, a probability.
type Weighted struct {
	When   *Condition
	Weight float64
}

// Fix is something that helps.
type Fix struct {
	// Action is one of the closed set of actions, or empty for what only a person can do.
	Action string
	// Text says what to do.
	Text Template
}

// Actions are the names of the closed set of actions that a fix may name.
var actions = []string{
	"increaseMemory", "relaxStartup", "fixImage", "reduceRequests", "adjustProbe", "fixReference", "tolerate",
	"avoidNode", "setCommand", "adjustHeap",
}

// maxConfidence bounds the confidence of any cause: nothing is certain.
const maxConfidence = 0.99

// Finding is a cause that holds, with how sure that is.
type Finding struct {
	Cause *Cause
	// Confidence is a probability.
	Confidence float64
	scope      *Scope
}

// Sentence states the cause with the values found.
func (f Finding) Sentence() string { return f.Cause.Sentence.render(f.scope) }

// Fixes are the texts of the cause's fixes, in their order, with the values found.
func (f Finding) Fixes() []string {
	fixes := make([]string, 0, len(f.Cause.Fixes))
	for _, fix := range f.Cause.Fixes {
		fixes = append(fixes, fix.Text.render(f.scope))
	}
	return fixes
}

// Evaluate gives the finding if the cause holds in the scope. A condition that can't be evaluated there, because
// it costs too much or names what is missing, does not hold.
func (c *Cause) Evaluate(scope *Scope) (Finding, bool) {
	if c.When != nil && !c.When.holds(scope) {
		return Finding{}, false
	}
	doubt := 1.0
	if c.When != nil {
		doubt *= 1 - c.Confidence
	}
	for _, id := range c.Signatures {
		hit := scope.hits.first(id)
		if hit == nil {
			continue
		}
		weight := hit.Weight()
		if own, ok := c.Weights[id]; ok {
			weight = own
		}
		doubt *= 1 - weight
	}
	for _, support := range c.Supports {
		if support.When.holds(scope) {
			doubt *= 1 - support.Weight
		}
	}
	confidence := min(1-doubt, maxConfidence)
	for _, contradiction := range c.Contradictions {
		if contradiction.When.holds(scope) {
			confidence *= 1 - contradiction.Weight
		}
	}
	return Finding{Cause: c, Confidence: confidence, scope: scope}, true
}
