package remedy

import (
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Safety is how much an action trusts to what is known.
type Safety int

// The classes, the safest first.
const (
	// Safe actions change amounts and times; what runs stays the same. They heal by default.
	Safe Safety = iota
	// Proven actions go back to what this workload ran before. They heal by default.
	Proven
	// Assertive actions change what runs or what is asked. They are suggestions until the owner allows them.
	Assertive
)

// String names the class.
func (s Safety) String() string { return [...]string{"safe", "proven", "assertive"}[s] }

// SafetyOf gives the class of actions that are applied together: that of the least safe.
func SafetyOf(actions ...v1alpha1.Action) Safety {
	safety := Safe
	for _, action := range actions {
		switch {
		case action.FixImage != nil && action.FixImage.Source == v1alpha1.ImageRan:
			safety = max(safety, Proven)
		case action.FixImage != nil, action.FixReference != nil, action.DropCommandOverride != nil,
			action.AdjustProbe != nil && action.AdjustProbe.To != nil:
			safety = Assertive
		}
	}
	return safety
}

// Actions are the names of the actions that Resolve can carry out, as they stand in a Remediation.
func Actions() []string {
	return []string{
		"increaseMemory", "adjustHeap", "raiseRequest", "raiseCPU", "reduceRequests", "relaxStartup", "adjustProbe", "fixImage",
		"fixReference", "dropCommandOverride", "avoidNode",
	}
}

// NameOf gives the name of an action as it stands in a Remediation; empty for one of an unknown kind.
func NameOf(action v1alpha1.Action) string {
	for i, set := range [...]bool{
		action.IncreaseMemory != nil, action.AdjustHeap != nil, action.RaiseRequest != nil, action.RaiseCPU != nil, action.ReduceRequests != nil,
		action.RelaxStartup != nil, action.AdjustProbe != nil, action.FixImage != nil, action.FixReference != nil, action.DropCommandOverride != nil,
		action.AvoidNode != nil,
	} {
		if set {
			return Actions()[i]
		}
	}
	return ""
}
