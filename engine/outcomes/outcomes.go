// Package outcomes counts what became of cures, by the cause that they were for and the action that they took, and says
// how sure that makes the next one.
//
// It promises:
//   - Each workload counts at most once for a cause and an action, however many containers, attempts and Remediations it
//     has: one that fails again and again does not speak for the cluster.
//   - Only what pods ran with counts. What waits, is only suggested, was never applied, or was declared by a person, of
//     which nobody knows what it is for, says nothing.
//   - The order of the Remediations does not matter, and nothing of them is kept but numbers.
package outcomes

import (
	"iter"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Treatment is what is tried against a cause, whatever its values.
type Treatment struct {
	// RootCauseID names the cause in the catalogue.
	RootCauseID string
	// Action is the name of the action as it stands in a Remediation; of several that are applied together the first
	// one's, which the others go along with.
	Action string
}

// TreatmentOf names what actions are as a treatment of a cause. It is false when there are none, or a kind that is not
// known, and for what a person declared.
func TreatmentOf(rootCauseID string, actions []v1alpha1.Action) (Treatment, bool) {
	if len(actions) == 0 || rootCauseID == v1alpha1.DeclaredCause {
		return Treatment{}, false
	}
	action := remedy.NameOf(actions[0])
	return Treatment{RootCauseID: rootCauseID, Action: action}, action != ""
}

// Count is how workloads fared with a treatment. Its zero value is that of one that nothing is known of.
type Count struct {
	// First, Second and Later are workloads that it cured, by the attempt that held; Failed are those in which the
	// failure came back in spite of the last attempt with it. One that is still being tried counts as none of them: the
	// next value is part of the treatment. A workload of which several containers were treated counts where it fared
	// worst.
	First, Second, Later, Failed int
	// Attempts are those that held and those that did not, in all of these workloads.
	Attempts int
}

// Held is how many workloads it cured, at whatever attempt.
func (c Count) Held() int { return c.First + c.Second + c.Later }

// Past is how workloads fared with each treatment that was tried. Its zero value knows of none.
type Past map[Treatment]Count

// Of counts the outcomes of Remediations, which it does not change.
func Of(remediations iter.Seq[*v1alpha1.Remediation]) Past {
	// The API group is not part of what tells workloads apart: two of one kind and name count as one, which only errs on
	// the side of knowing too little. So do all that are made from one prefix of names, and all pods of one app.
	type once struct {
		Treatment
		namespace, kind, name, prefix, app string
	}
	fared := map[once]ended{}
	past := Past{}
	for remediation := range remediations {
		target := remediation.Spec.TargetRef
		for treatment, end := range endsOf(Tried(remediation)) {
			count := past[treatment]
			count.Attempts += end.attempts
			past[treatment] = count
			if underWay(remediation, treatment) {
				continue
			}
			workload := once{treatment, remediation.Namespace, target.Kind, target.Name, target.GenerateName, target.AppName}
			fared[workload] = max(fared[workload], end.ended)
		}
	}
	for workload, end := range fared {
		count := past[workload.Treatment]
		*count.at(end)++
		past[workload.Treatment] = count
	}
	return past
}

// underWay reports whether a treatment is what a Remediation tries now, of which nobody knows yet how it ends.
func underWay(remediation *v1alpha1.Remediation, treatment Treatment) bool {
	phase, attempt := remediation.Status.Phase, attemptOf(remediation)
	now, ok := current(remediation)
	return ok && now == treatment && (phase == v1alpha1.PhaseLearned || phase == v1alpha1.PhaseApplied) &&
		!slices.ContainsFunc(remediation.Status.Tried, func(trial v1alpha1.Trial) bool { return trial.Attempt == attempt })
}

// ended is how a treatment of a workload ended, the better the less.
type ended int

const (
	heldFirst ended = iota
	heldSecond
	heldLater
	failed
)

func (c *Count) at(end ended) *int {
	return [...]*int{heldFirst: &c.First, heldSecond: &c.Second, heldLater: &c.Later, failed: &c.Failed}[end]
}

type end struct {
	ended
	attempts int
}

// endsOf gives how each treatment of one Remediation ended: as the last attempt with it did.
func endsOf(tried []v1alpha1.Trial) map[Treatment]end {
	ends := make(map[Treatment]end, len(tried))
	for _, trial := range tried {
		treatment := Treatment{RootCauseID: trial.RootCauseID, Action: trial.Action}
		next := end{ended: failed, attempts: ends[treatment].attempts + 1}
		if trial.Held {
			next.ended = ended(min(max(trial.Attempt-1, 0), int32(heldLater)))
		}
		ends[treatment] = next
	}
	return ends
}
