package eventwatcher

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// DefaultExpiry is how long after it last helped, or after its failure was last seen, a Remediation is trusted.
const DefaultExpiry = 30 * 24 * time.Hour

// expired tells what time does to a Remediation: next is as it is to be stored, the same pointer when nothing changed;
// gone says that it is to be deleted, which is as long again after it expired; again is when to look again.
// carried says that the live pod template has the cure, which then helps still. What a person wrote is the person's to
// take away.
func expired(known *v1alpha1.Remediation, carried bool, expiry time.Duration, now time.Time) (next *v1alpha1.Remediation, gone bool, again time.Duration) {
	last := lastOf(known)
	if carried || last.IsZero() || known.Status.Diagnosis != nil && known.Status.Diagnosis.RootCauseID == v1alpha1.DeclaredCause {
		return known, false, 0
	}
	left := expiry - now.Sub(last)
	switch {
	case left > 0:
		return known, false, left
	case known.Status.Phase != v1alpha1.PhaseExpired:
		return toPhase(known, v1alpha1.PhaseExpired, now), false, max(left+expiry, time.Minute)
	case left > -expiry:
		return known, false, left + expiry
	default:
		return known, true, 0
	}
}

// lastOf is when a Remediation was last of use.
func lastOf(known *v1alpha1.Remediation) time.Time {
	var last time.Time
	for _, at := range []*metav1.Time{
		known.Status.LearnedAt, known.Status.Observed.LastSeen, known.Status.Outcome.AppliedAt, known.Status.Outcome.VerifiedAt,
	} {
		if at != nil {
			last = latest(last, at.Time)
		}
	}
	return last
}

// carries reports whether the pod template of a live workload has a cure; false for a workload that is gone.
func carries(live *unstructured.Unstructured, at remedy.Template, known *v1alpha1.Remediation) bool {
	if live == nil {
		return false
	}
	template := at.Of(live.Object)
	annotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	return slices.Contains(marksOf(annotations), known.Mark())
}

// expireAll lets time do its work on the Remediations of a workload, whether it exists or not. What is gone afterwards
// is taken out of stored.
func (w *Watcher) expireAll(ctx context.Context, of target) error {
	stored := of.stored
	for _, name := range sortedKeys(stored) {
		known := stored[name]
		next, gone, again := expired(known, carries(of.live, of.template, known), w.options.Expiry, w.clock.Now())
		switch {
		case gone:
			if err := w.store.remove(ctx, known); err != nil {
				return err
			}
			w.log.Info("remediation removed: it expired long ago", "namespace", known.Namespace, "name", known.Name)
			delete(stored, name)
			continue
		case next != known:
			written, err := w.save(ctx, of.live, known, next, nil)
			if err != nil {
				return err
			}
			stored[name] = written
		}
		if again > 0 {
			w.queue.AddAfter(of.key(), again)
		}
	}
	return nil
}

// expireBelow lets time do its work on what was learned of an object before what stands above it was healed instead.
func (w *Watcher) expireBelow(ctx context.Context, key evidence.Workload) error {
	if found, err := w.caches.remediations.For(targetOf(key)); err != nil || len(found) == 0 {
		return err
	}
	stored, err := w.store.of(ctx, key)
	if err != nil {
		return err
	}
	return w.expireAll(ctx, target{workload: key, stored: stored})
}

// remove deletes a Remediation as it was read.
func (s store) remove(ctx context.Context, known *v1alpha1.Remediation) error {
	err := s.clients.Remediations(known.Namespace).Delete(ctx, known.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &known.UID, ResourceVersion: &known.ResourceVersion},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove remediation %s/%s: %w", known.Namespace, known.Name, err)
	}
	return nil
}
