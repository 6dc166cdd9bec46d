package eventwatcher

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// steps are how far into a pod's life each failure comes. A node that is lost is no step: no cure of a manifest breaks a
// node.
var steps = map[v1alpha1.FailureType]int{
	v1alpha1.Pending: 1, v1alpha1.ImagePullBackOff: 2, v1alpha1.CrashLoopBackOff: 3, v1alpha1.OOMKilled: 3, v1alpha1.ProbeFailure: 3,
}

// worsened gives the Remediation with which a failure of another kind began, nil when there is none. The failure was
// never seen in a pod without that cure, and the cure has not proven itself yet. What a pod only comes to because it
// got further than before was waiting behind the failure that was cured, and is no harm done.
func worsened(of target, diagnosis engine.Diagnosis, observed evidence.Evidence) *v1alpha1.Remediation {
	stored := of.stored
	if stored[remediationName(diagnosis)] != nil {
		return nil // known before
	}
	for _, name := range sortedKeys(stored) {
		known := stored[name]
		unproven := known.Status.Phase == v1alpha1.PhaseLearned || known.Status.Phase == v1alpha1.PhaseApplied
		if !known.InForce() || !unproven || known.Spec.FailureType == diagnosis.FailureType || !sameContainer(known, diagnosis.Container) {
			continue
		}
		without := func(failure engine.Failure) bool { return !of.failedWith(known, failure) }
		if !slices.ContainsFunc(diagnosis.Failures, without) && earlier(known, diagnosis, observed) {
			return known
		}
	}
	return nil
}

// failedWith reports whether a failure happened with a cure in place: in a pod that carries it, or where there is no pod
// yet, since it was learned and now that the template carries it.
func (t *target) failedWith(known *v1alpha1.Remediation, failure engine.Failure) bool {
	if failure.Pod == "" {
		return carries(t.live, t.template, known) && !failure.Time.Before(known.Status.LearnedAt.Time)
	}
	return slices.Contains(failure.Marks, known.Mark())
}

// sameContainer reports whether a cure changes the container; all of them are one for a failure of the pod as a whole.
func sameContainer(known *v1alpha1.Remediation, container string) bool {
	return container == "" || slices.ContainsFunc(known.Spec.Actions, func(action v1alpha1.Action) bool {
		changed := action.Container()
		return changed == "" || changed == container
	})
}

// earlier reports whether a failure keeps a pod from getting as far as it did before the cure.
func earlier(known *v1alpha1.Remediation, diagnosis engine.Diagnosis, observed evidence.Evidence) bool {
	before, now := steps[known.Spec.FailureType], steps[diagnosis.FailureType]
	switch {
	case before == 0 || now == 0 || now > before:
		return false
	case now < before:
		// The pods wait for a node that is on its way.
		return !slices.ContainsFunc(observed.Events, func(event evidence.Event) bool { return event.Reason == "TriggeredScaleUp" })
	default:
		ran, before := diagnosis.Latest().Ran, time.Duration(known.Status.Observed.RanSeconds)*time.Second
		return ran > 0 && ran < before
	}
}

// withdraw takes a cure back with which another failure began: the next apply is left as its owner writes it.
func (w *Watcher) withdraw(ctx context.Context, live *unstructured.Unstructured, known *v1alpha1.Remediation, diagnosis engine.Diagnosis) (*v1alpha1.Remediation, error) {
	next := toPhase(known, v1alpha1.PhaseFailed, w.clock.Now())
	next.Status.Outcome.Withdrawn = engine.Shorten(fmt.Sprintf("%s: %s", diagnosis.FailureType, diagnosis.Finding.RootCause), maxWithdrawn)
	w.metrics.verdicts.WithLabelValues(string(diagnosis.FailureType), string(withdrawn)).Inc()
	return w.save(ctx, live, known, next, &news{warns: corev1.EventTypeWarning, reason: string(withdrawn), text: fmt.Sprintf(
		"%s: another failure began with %s, so the next apply is left as its owner writes it. %s", known.Name, describe(known), next.Status.Outcome.Withdrawn)})
}

// maxWithdrawn is the schema's bound, in bytes.
const maxWithdrawn = 1024
