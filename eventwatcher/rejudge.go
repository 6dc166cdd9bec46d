package eventwatcher

import (
	"context"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// rejudge takes away what was concluded from a failure that is seen for what it is only now: the runtime may say that a
// container was killed for its memory seconds after it said that it ended with status 137.
func (w *Watcher) rejudge(ctx context.Context, of target, diagnoses []engine.Diagnosis) error {
	for _, name := range sortedKeys(of.stored) {
		known := of.stored[name]
		if !misjudged(known, diagnoses) {
			continue
		}
		if err := w.store.remove(ctx, known); err != nil {
			return err
		}
		w.log.Info("remediation removed: the same failure turned out to be another", "namespace", known.Namespace, "name", name)
		delete(of.stored, name)
	}
	return nil
}

// misjudged reports whether a Remediation that nobody applied yet is about nothing but a failure that is diagnosed as one
// of another type by now.
func misjudged(known *v1alpha1.Remediation, diagnoses []engine.Diagnosis) bool {
	seen := known.Status.Observed
	if known.Status.Phase != v1alpha1.PhaseLearned || known.Status.Outcome.Attempt > 1 || seen.FirstSeen == nil || seen.LastSeen == nil || !seen.FirstSeen.Equal(seen.LastSeen) {
		return false
	}
	for _, diagnosis := range diagnoses {
		if diagnosis.FailureType == known.Spec.FailureType {
			return false
		}
	}
	return slices.ContainsFunc(diagnoses, func(diagnosis engine.Diagnosis) bool {
		return diagnosis.Container != "" && diagnosis.Container == containerOf(known) &&
			slices.ContainsFunc(diagnosis.Failures, func(failure engine.Failure) bool { return failure.Ran > 0 && failure.Time.Equal(seen.LastSeen.Time) })
	})
}

// containerOf gives the container that a Remediation is about; empty for the pod as a whole.
func containerOf(known *v1alpha1.Remediation) string {
	if failing := known.Status.Observed.Failing; failing != nil {
		return failing.Container
	}
	for _, action := range known.Spec.Actions {
		if container := action.Container(); container != "" {
			return container
		}
	}
	return ""
}
