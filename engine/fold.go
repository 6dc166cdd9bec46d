package engine

import (
	"cmp"
	"math"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// fold keeps for each container the cause that explains the others: a crash loop after an OOM kill is the OOM
// kill, a pod that waits for its claim waits for one reason. A cause of the workload as a whole and one of a
// container are told apart in the same way.
func fold(candidates []candidate) []candidate {
	byContainer := map[string][]candidate{}
	for _, candidate := range candidates {
		byContainer[candidate.container] = append(byContainer[candidate.container], candidate)
	}
	best := map[string]candidate{}
	for container, all := range byContainer {
		best[container] = strongest(withoutSymptoms(all))
	}
	whole, found := best[""]
	if found && len(best) > 1 {
		delete(best, "")
		for container, own := range best {
			if own = strongest(withoutSymptoms([]candidate{own, whole})); own.container == "" {
				delete(best, container)
			}
		}
		if len(best) == 0 {
			best[""] = whole
		}
	}
	kept := make([]candidate, 0, len(best))
	for _, candidate := range best {
		kept = append(kept, candidate)
	}
	return kept
}

// withoutSymptoms drops what another candidate explains: generic causes beside specific ones, those that another
// replaces, probes that fail because the process ends by itself, and an end that a probe brought about.
func withoutSymptoms(all []candidate) []candidate {
	has := func(test func(candidate) bool) bool { return slices.ContainsFunc(all, test) }
	specific := has(func(c candidate) bool { return !c.Cause.Generic })
	dies := has(func(c candidate) bool {
		return c.scope.ends && !c.scope.killed && (c.Cause.FailureType == v1alpha1.CrashLoopBackOff || c.Cause.FailureType == v1alpha1.OOMKilled)
	})
	probed := has(func(c candidate) bool { return c.scope.killed && c.Cause.FailureType == v1alpha1.ProbeFailure })
	kept := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
		switch {
		case dies && c.Cause.FailureType == v1alpha1.ProbeFailure:
			return true
		case dies && specific && c.Cause.Generic && !has(func(o candidate) bool { return !o.Cause.Generic && o.Cause.FailureType != v1alpha1.ProbeFailure }):
			return false // the only specific causes are symptoms
		case probed && c.Cause.FailureType == v1alpha1.CrashLoopBackOff:
			return true
		case specific && c.Cause.Generic:
			return true
		default:
			return has(func(o candidate) bool { return o.container == c.container && slices.Contains(o.Cause.Over, c.Cause.ID) })
		}
	})
	if len(kept) == 0 {
		return all // users' rules may each claim to explain the other
	}
	return kept
}

// strongest gives the most confident candidate; of equals the first by id. Without any it gives the zero value.
func strongest(all []candidate) candidate {
	if len(all) == 0 {
		return candidate{}
	}
	return slices.MinFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Cause.ID, b.Cause.ID))
	})
}

// percent gives a probability in percent.
func percent(probability float64) int32 { return int32(math.Round(100 * probability)) }
