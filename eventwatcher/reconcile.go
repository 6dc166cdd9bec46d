package eventwatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/redact"
)

// workOn looks at one workload and decides when to look again: at once with back-off after an error, later when
// something is due, otherwise when something changes.
func (w *Watcher) workOn(ctx context.Context, key evidence.Workload) {
	log := w.log.With("kind", key.Kind, "namespace", key.Namespace, "name", key.Name)
	err := w.reconcile(ctx, key)
	switch {
	case err == nil:
		w.metrics.reconciled.WithLabelValues("ok").Inc()
		w.queue.Forget(key)
		return
	case ctx.Err() != nil: // stopping
		return
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause): // nothing can be remembered there any more
		w.queue.Forget(key)
		return
	case apierrors.IsConflict(err):
		w.metrics.reconciled.WithLabelValues("conflict").Inc()
		log.Debug("changed meanwhile, looking again", "error", err)
	default:
		w.metrics.reconciled.WithLabelValues("error").Inc()
		log.Error("could not look at the workload, trying again", "error", err)
	}
	w.queue.AddRateLimited(key)
}

// reconcile learns from the failures of one workload and follows its cures.
func (w *Watcher) reconcile(ctx context.Context, key evidence.Workload) error {
	if err := w.adoptAll(ctx, key); err != nil {
		return err
	}
	if key.Name == "" { // what is known of prefixes of names and of apps, of which none is a workload
		stored, err := w.store.of(ctx, key)
		if err != nil {
			return err
		}
		return w.expireAll(ctx, target{workload: key, stored: stored})
	}
	workload, known, err := w.owners.workloadOf(ctx, key)
	if err != nil {
		return err
	}
	if !known {
		return w.passOver(ctx, key, workload)
	}
	if workload != key { // one worker at a time
		w.queue.Add(workload)
		return w.expireBelow(ctx, key)
	}
	live, err := w.owners.read(ctx, workload)
	if err != nil {
		return err
	}
	if live != nil {
		if workload, err = w.known(workload, live); err != nil {
			return err
		}
	}
	kind, _ := w.kind(groupKind(workload))
	of := target{workload: workload, live: live, template: kind.template}
	if of.stored, err = w.store.of(ctx, workload); err != nil {
		return err
	}
	if err := w.expireAll(ctx, of); err != nil || live == nil {
		return err // a workload that is gone keeps its cure for when it is applied again
	}
	if of.controllers, err = w.owners.controllersOf(live); err != nil {
		return err
	}
	if of.pods, err = podsOf(w.caches.pods.GetIndexer(), of.controllers); err != nil {
		return err
	}
	of.gone = w.gone.beside(of.controllers, of.pods)
	observed, err := gather(workload, of.controllers, slices.Concat(of.pods, of.gone), w.eventCaches(), w.clock.Now())
	if err != nil {
		return err
	}
	if observed.Nodes, err = lostNodesOf(w.caches.nodeIndexer(), of.pods); err != nil {
		return err
	}
	if err := w.learnAll(ctx, of, observed); err != nil {
		return err
	}
	return w.followAll(ctx, of)
}

// target is a workload with what is known of it.
type target struct {
	workload    evidence.Workload
	live        *unstructured.Unstructured // nil when it is gone
	template    remedy.Template            // where it has its pod template
	controllers []types.UID                // of its pods: itself, and what stands between
	stored      map[string]*v1alpha1.Remediation
	pods        []*corev1.Pod
	gone        []*corev1.Pod // that went with their nodes
}

// key is what stands for the workload on the queue and elsewhere: pods are known by their own names alone there.
func (t *target) key() evidence.Workload {
	key := t.workload
	key.GenerateName, key.AppName = "", ""
	return key
}

func (w *Watcher) eventCaches() eventCaches {
	return eventCaches{pods: w.caches.events.GetIndexer(), owners: w.caches.ownerEvents.GetIndexer()}
}

// learnAll looks closely at a workload that the caches show to fail, and remembers what that teaches.
func (w *Watcher) learnAll(ctx context.Context, of target, cached evidence.Evidence) error {
	key, live, stored := of.key(), of.live, of.stored
	believed, young := w.believe(w.options.Engine.Diagnose(cached), cached)
	if young > 0 {
		w.queue.AddAfter(key, young)
	}
	if len(believed) == 0 {
		if young == 0 && slices.ContainsFunc(of.pods, w.unsettled) {
			w.queue.AddAfter(key, lookSoon) // it may take patience to tell
		}
		return nil
	}
	seen := fingerprint(cached, stored)
	wait, due := w.dueToLook(key, seen)
	if wait > 0 {
		w.queue.AddAfter(key, wait)
	}
	if !due || wait > 0 {
		return nil
	}
	observed, err := w.look(ctx, of)
	if err != nil {
		return err
	}
	diagnoses, younger := w.believe(w.options.Engine.Diagnose(observed), observed)
	if w.answer(ctx, live, diagnoses, &observed) {
		diagnoses, younger = w.believe(w.options.Engine.Diagnose(observed), observed) // the answers decide which fixes have a remedy
	}
	if err := w.rejudge(ctx, of, diagnoses); err != nil {
		return err
	}
	for _, diagnosis := range diagnoses {
		redactedFinding(&diagnosis.Finding)
		if known := worsened(of, diagnosis, observed); known != nil {
			if stored[known.Name], err = w.withdraw(ctx, live, known, diagnosis); err != nil {
				return err
			}
			continue
		}
		if err := w.remember(ctx, of, diagnosis, observed); err != nil {
			return err
		}
	}
	if younger > 0 {
		w.queue.AddAfter(key, younger)
		return nil
	}
	w.looked.Add(key, looked{at: w.clock.Now(), seen: fingerprint(cached, stored)}, lookAgain)
	return nil
}

// believe leaves out what is too young to be believed, and gives how long until the first of it is not.
func (w *Watcher) believe(diagnoses []engine.Diagnosis, observed evidence.Evidence) (believed []engine.Diagnosis, young time.Duration) {
	for _, diagnosis := range diagnoses {
		switch wait := tooYoung(diagnosis, observed, w.clock.Now()); {
		case wait == 0:
			believed = append(believed, diagnosis)
		case young == 0 || wait < young:
			young = wait
		}
	}
	return believed, young
}

// remember stores what a diagnosis teaches, and replaces the Remediation that is known with what was written.
func (w *Watcher) remember(ctx context.Context, of target, diagnosis engine.Diagnosis, observed evidence.Evidence) error {
	live, stored := of.live, of.stored
	if diagnosis.Finding.Confidence < engine.SuggestAt {
		text := fmt.Sprintf("%s: %s (confidence %d%%)", diagnosis.FailureType, diagnosis.Finding.RootCause, diagnosis.Finding.Confidence)
		return w.tell(ctx, refer(live), news{warns: corev1.EventTypeWarning, reason: "FailureDiagnosed", text: text, once: text})
	}
	name := remediationName(diagnosis)
	situation, err := w.situationOf(ctx, of, name)
	if err != nil {
		return err
	}
	known := stored[name]
	next, outcome, cause := learn(known, diagnosis, observed, situation, w.clock.Now())
	if outcome == nothingNew {
		return nil
	}
	w.metrics.verdicts.WithLabelValues(string(diagnosis.FailureType), string(outcome)).Inc()
	told := outcome.news(diagnosis.FailureType, diagnosis.Finding.RootCause, next, cause)
	if outcome == noCure {
		if next == nil || next.Status.Observed.Failing == nil {
			return errors.Join(w.tell(ctx, refer(live), *told), w.cameBack(ctx, stored, name, diagnosis))
		}
		if next.Status.Observed.Failing.TemplateHash, err = of.template.Hash(live.Object); err != nil {
			return err
		}
	}
	written, err := w.save(ctx, live, known, next, told)
	if err != nil {
		return err
	}
	stored[name] = written
	if outcome == learned || outcome == escalated {
		w.readmitted.saw(w.clock.Now())
	}
	return nil
}

// news gives what is told of a verdict; nil for nothing.
func (v verdict) news(failure v1alpha1.FailureType, rootCause string, next *v1alpha1.Remediation, cause error) *news {
	told := &news{warns: corev1.EventTypeNormal, reason: string(v)}
	switch v {
	case learned, escalated:
		told.text = fmt.Sprintf("%s: %s; the next apply gets: %s (attempt %d, confidence %d%%)",
			failure, rootCause, describe(next), next.Status.Outcome.Attempt, next.Status.Diagnosis.Confidence)
	case givenUp:
		told.warns = corev1.EventTypeWarning
		told.text = fmt.Sprintf("%s came back after %d attempts; the next apply is left as its owner writes it", failure, v1alpha1.MaxAttempts)
	case noCure:
		told.warns = corev1.EventTypeWarning
		told.text = fmt.Sprintf("%s: %s; no remedy: %s", failure, rootCause, redact.Text([]byte(cause.Error())))
		told.once = told.text // the failure comes back and back
	default:
		return nil
	}
	return told
}

// followAll brings every Remediation of the workload up to date, and arms the workload if one waits.
func (w *Watcher) followAll(ctx context.Context, of target) error {
	key, live, stored := of.key(), of.live, of.stored
	if len(stored) == 0 {
		return nil
	}
	namespace, err := w.annotationsOf(ctx, live.GetNamespace())
	if err != nil {
		return err
	}
	bounds := w.boundsOf(namespace)
	off := w.options.Settings.Current().ModeFor(live.GetAnnotations(), namespace) == v1alpha1.ModeOff
	waiting := false
	for _, name := range sortedKeys(stored) {
		known := stored[name]
		if of.workload.Anonymous() && !carries(live, of.template, known) {
			continue // what else was made from the prefix, or is of the app, says nothing about the cure
		}
		if attempt, since, is := halfWritten(known); is && known.InForce() {
			// What failed is gone; what was learned from it is not.
			next, outcome := finish(known.DeepCopy(), *known.Status.Diagnosis, attempt, since)
			written, err := w.save(ctx, live, known, next, outcome.news(known.Spec.FailureType, known.Status.Diagnosis.RootCause, next, nil))
			if err != nil {
				return err
			}
			known = written
		}
		switch up, wait := cameUp(known, of.pods, w.options.StabilizationWindow, w.clock.Now()); {
		case up:
			if err := w.store.remove(ctx, known); err != nil {
				return err
			}
			w.log.Info("remediation removed: the pods became ready by themselves", "namespace", known.Namespace, "name", name)
			delete(stored, name)
			continue
		case wait > 0:
			w.queue.AddAfter(key, wait)
		}
		seen, err := follow(known, live, of.template, of.pods, bounds, w.options.StabilizationWindow, w.clock.Now())
		if err == nil && proven(known, seen.next) {
			// Pods that are Ready in the cache may have failed since.
			if of.pods, err = w.livePods(ctx, of); err == nil {
				seen, err = follow(known, live, of.template, of.pods, bounds, w.options.StabilizationWindow, w.clock.Now())
			}
		}
		if err != nil {
			return err
		}
		switch {
		case !seen.arm || off:
		case handsFree(live, namespace) && w.readmits(seen.next):
			// Arming would be healed at once, without the pause.
			if err := w.readmit(ctx, key, live, seen.next); err != nil {
				return err
			}
		default:
			waiting = true
		}
		if seen.again > 0 {
			w.queue.AddAfter(key, seen.again)
		}
		if seen.next == known {
			continue
		}
		if _, err := w.save(ctx, live, known, seen.next, w.entered(known, seen.next)); err != nil {
			return err
		}
	}
	if !waiting {
		return nil
	}
	_, err = w.arm(ctx, live)
	return err
}

// entered gives what is told of the phase that a Remediation enters; nil when it stays in the one it is in.
func (w *Watcher) entered(before, after *v1alpha1.Remediation) *news {
	if before.Status.Phase == after.Status.Phase {
		return nil
	}
	var words string
	switch after.Status.Phase {
	case v1alpha1.PhaseApplied:
		words = "the pod template carries " + describe(after)
	case v1alpha1.PhaseVerified:
		words = fmt.Sprintf("pods with %s are Ready and free of %s for %s", describe(after), after.Spec.FailureType, stabilization(after, w.options.StabilizationWindow))
	case v1alpha1.PhaseSuperseded:
		if len(after.Spec.Actions) == 0 {
			words = "what failed is no longer there, or runs by now"
			break
		}
		words = "the owner's manifest already gives as much as " + describe(after)
	case v1alpha1.PhaseLearned:
		words = "the pod template no longer carries " + describe(after) + "; the next apply gets it again"
	}
	reason := "Remediation" + string(after.Status.Phase)
	if after.Status.Phase == v1alpha1.PhaseLearned {
		reason = "RemediationReverted"
	}
	return &news{warns: corev1.EventTypeNormal, reason: reason, text: after.Name + ": " + words}
}

// save writes a Remediation with its conditions and what its attempts came to, tells of it on the workload and on
// itself where there is something to tell, and counts and logs the phase it enters. The status is written last: without it the rest is done again.
func (w *Watcher) save(ctx context.Context, live *unstructured.Unstructured, known, next *v1alpha1.Remediation, told *news) (*v1alpha1.Remediation, error) {
	next = next.DeepCopy()
	next.Status.Tried = outcomes.Remember(known, next)
	setConditions(next, w.clock.Now())
	stored, err := w.store.saveSpec(ctx, known, next)
	if err != nil {
		return nil, err
	}
	if told != nil {
		if err := told.since(stored); err != nil {
			return nil, err
		}
		if err := w.tellEach(ctx, []corev1.ObjectReference{refer(live), referTo(stored)}, *told); err != nil {
			return nil, err
		}
	}
	written, err := w.store.saveStatus(ctx, stored, next)
	if err != nil {
		return nil, err
	}
	if known == nil || known.Status.Phase != written.Status.Phase {
		w.metrics.entered(known, written, w.clock.Now())
		w.log.Info("remediation", "namespace", written.Namespace, "name", written.Name,
			"phase", written.Status.Phase, "attempt", written.Status.Outcome.Attempt, "does", describe(written))
	}
	return written, nil
}
