package outcomes

import (
	"cmp"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Tried gives how the attempts of a Remediation ended, by attempt, as far as it is known: what its status remembers and,
// where that has no entry, what its phase says. A Verified one held at its attempt, a Failed one did not, and for
// either and every other phase the attempts before failed. The Remediation is not changed.
func Tried(remediation *v1alpha1.Remediation) []v1alpha1.Trial {
	tried := slices.Clone(remediation.Status.Tried)
	if treatment, ok := current(remediation); ok {
		attempt := attemptOf(remediation)
		for earlier := int32(1); earlier < attempt; earlier++ {
			tried = put(tried, treatment.trial(earlier, false), false)
		}
		if held, known := verdict(remediation.Status.Phase); known {
			tried = put(tried, treatment.trial(attempt, held), false)
		}
	}
	slices.SortFunc(tried, func(a, b v1alpha1.Trial) int { return cmp.Compare(a.Attempt, b.Attempt) })
	return tried
}

// Remember gives what the status of next is to remember of its attempts, by attempt. next is to be stored in the place
// of known, which is nil for the first; neither is changed. An attempt that another follows has failed, one that is
// Verified holds until then, and attempts that start anew forget those before.
func Remember(known, next *v1alpha1.Remediation) []v1alpha1.Trial {
	var tried []v1alpha1.Trial
	attempt := attemptOf(next)
	if known != nil {
		tried = Tried(known)
		if next.Status.Outcome.Attempt == known.Status.Outcome.Attempt+1 {
			tried = Refuted(known)
		}
		anew := !known.Status.LearnedAt.Equal(next.Status.LearnedAt)
		tried = slices.DeleteFunc(tried, func(trial v1alpha1.Trial) bool {
			return trial.Attempt > attempt || trial.Attempt == attempt && anew
		})
	}
	held, ends := verdict(next.Status.Phase)
	if treatment, ok := current(next); ok && ends && (known == nil || known.Status.Phase != next.Status.Phase) {
		tried = put(tried, treatment.trial(attempt, held), true)
	}
	return tried
}

// Refuted gives how the attempts of a Remediation ended, by attempt, when the failure came back in spite of the current
// one, whatever its phase says. The Remediation is not changed.
func Refuted(remediation *v1alpha1.Remediation) []v1alpha1.Trial {
	tried := Tried(remediation)
	if treatment, ok := current(remediation); ok {
		tried = put(tried, treatment.trial(attemptOf(remediation), false), true)
	}
	return tried
}

// current gives the treatment that a Remediation stands for now.
func current(remediation *v1alpha1.Remediation) (Treatment, bool) {
	if remediation.Status.Diagnosis == nil {
		return Treatment{}, false
	}
	return TreatmentOf(remediation.Status.Diagnosis.RootCauseID, remediation.Spec.Actions)
}

// attemptOf gives the attempt that a Remediation is at, within the schema's bounds.
func attemptOf(remediation *v1alpha1.Remediation) int32 {
	return min(max(remediation.Status.Outcome.Attempt, 1), v1alpha1.MaxAttempts)
}

// verdict says what a phase tells of the attempt that a Remediation is at.
func verdict(phase v1alpha1.Phase) (held, known bool) {
	return phase == v1alpha1.PhaseVerified, phase == v1alpha1.PhaseVerified || phase == v1alpha1.PhaseFailed
}

func (t Treatment) trial(attempt int32, held bool) v1alpha1.Trial {
	return v1alpha1.Trial{Attempt: attempt, RootCauseID: t.RootCauseID, Action: t.Action, Held: held}
}

// put adds a trial, or replaces the one of the same attempt if it is to.
func put(tried []v1alpha1.Trial, trial v1alpha1.Trial, replace bool) []v1alpha1.Trial {
	at := slices.IndexFunc(tried, func(known v1alpha1.Trial) bool { return known.Attempt == trial.Attempt })
	switch {
	case at < 0:
		return append(tried, trial)
	case replace:
		tried[at] = trial
	}
	return tried
}
