package eventwatcher

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

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

// cameUp tells whether what was suggested about a readiness probe is for nothing, because the pods became ready by
// themselves, only later than the probe first asked; wait is how long until that is sure, zero when it is not so.
func cameUp(known *v1alpha1.Remediation, pods []*corev1.Pod, window time.Duration, now time.Time) (is bool, wait time.Duration) {
	last := known.Status.Observed.LastSeen
	if known.Spec.FailureType != v1alpha1.ProbeFailure || known.Spec.Mode != v1alpha1.Suggest || known.Status.Phase != v1alpha1.PhaseLearned ||
		known.KnownFailure() || known.Status.Outcome.Attempt > 1 || last == nil ||
		slices.ContainsFunc(pods, func(pod *corev1.Pod) bool { return !cameUpLate(pod, last.Time) }) {
		return false, 0
	}
	left, ready := untilProven(pods, func(*corev1.Pod) bool { return true }, stabilization(known, window), now)
	return ready && left <= 0, max(left, 0)
}

// cameUpLate reports whether a pod became ready in its first run, within the time that a start may take and after the
// failure, and has been ready ever since.
func cameUpLate(pod *corev1.Pod, failed time.Time) bool {
	return unspoilt(&pod.Status) && slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		since := condition.LastTransitionTime
		return condition.Type == corev1.PodReady && since.Sub(pod.CreationTimestamp.Time) < settled && !since.Time.Before(failed)
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
