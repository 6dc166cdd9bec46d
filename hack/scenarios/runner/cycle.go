package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// How long is waited at most.
const (
	runsWithin    = 60 * time.Second  // for a workload to run that has something to lose
	learnsWithin  = 120 * time.Second // for a failure to be found; a CronJob begins within a minute
	correctWithin = 15 * time.Second  // for a first guess to be corrected
	armsWithin    = 30 * time.Second
	healsWithin   = 110 * time.Second // for an apply to heal; proof takes twice as long as the failure did
	quietFor      = 25 * time.Second  // for nothing to be found where nothing fails
	settlesWithin = 5 * time.Second   // for an apply that must change nothing to have its effect
)

// live applies the manifest and follows it to its end.
func (r *run) live(ctx context.Context) error {
	if _, err := r.kubectl(ctx, "apply", "-f", r.Broken()); err != nil {
		return fmt.Errorf("first apply: %w", err)
	}
	before, err := r.objects(ctx)
	if err != nil {
		return err
	}
	if len(r.kubelets) > 0 {
		if err := r.breakNodes(ctx); err != nil {
			return err
		}
	}
	var known *v1alpha1.Remediation
	if r.FailureType == "" {
		r.expectNothing(ctx)
	} else {
		known = r.expectFailure(ctx)
	}
	if r.Capture {
		if err := r.capture(ctx); err != nil {
			r.outcome.Problem("its evidence could not be captured: %v", err)
		}
	}
	if known != nil && r.Heals() {
		r.heal(ctx, known)
	}
	if !r.Heals() {
		if err := r.applyInVain(ctx); err != nil {
			return err
		}
	}
	after, err := r.objects(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(after)) {
		was, ok := before[id]
		if !ok {
			continue
		}
		r.outcome.Changed = append(r.outcome.Changed, r.Wrong(id, scenarios.FieldsOf(was).Differences(scenarios.FieldsOf(after[id])))...)
	}
	if len(r.outcome.Changed) > 0 {
		r.outcome.Problem("wrongly changed: %s", strings.Join(r.outcome.Changed, "; "))
	}
	return nil
}

// breakNodes waits until the workload runs on the simulated nodes, and breaks them.
func (r *run) breakNodes(ctx context.Context) error {
	want := max(r.After.Ready, 1)
	if r.Kind() == "Job" {
		want = 1
	}
	runs := until(ctx, runsWithin, func() bool {
		on := 0
		for _, pod := range r.pods("") {
			if ready(pod) && slices.ContainsFunc(r.kubelets, func(k *kubelet) bool { return k.Name == pod.Spec.NodeName }) {
				on++
			}
		}
		return on >= want
	})
	if !runs {
		return fmt.Errorf("the workload does not come to run on the node that is to fail")
	}
	pause(ctx, time.Second)
	r.seen.forget(r.namespace)
	for _, played := range r.kubelets {
		if err := played.fail(ctx); err != nil {
			return err
		}
	}
	return nil
}

// expectNothing waits for the workload to run and for nothing to be found.
func (r *run) expectNothing(ctx context.Context) {
	if !until(ctx, runsWithin, func() bool { return r.healthy("") }) {
		r.outcome.Problem("it does not run: %s", r.podsInWords())
	}
	until(ctx, quietFor, func() bool { return len(r.seen.remediationsIn(r.namespace)) > 0 })
	found := r.seen.remediationsIn(r.namespace)
	if len(found) == 0 {
		r.outcome.Detected, r.outcome.CauseRight, r.outcome.PlaceRight = true, true, true
		return
	}
	r.outcome.Found = inWords(found[0])
	r.outcome.Problem("a failure was found where there is none: %s", r.outcome.Found)
}

// expectFailure waits for the failure to be found, and judges what was.
func (r *run) expectFailure(ctx context.Context) *v1alpha1.Remediation {
	until(ctx, learnsWithin, func() bool { return r.detected(r.best()) })
	until(ctx, correctWithin, func() bool {
		known := r.best()
		return known == nil || !r.detected(known) || known.Status.Diagnosis.RootCauseID == r.RootCause && containerOf(known) == r.Container
	})
	known := r.best()
	if known == nil {
		r.outcome.Problem("no failure was found; %s", r.podsInWords())
		return nil
	}
	o := r.outcome
	o.Found = inWords(known)
	o.Detected = r.detected(known)
	o.CauseRight = o.Detected && known.Status.Diagnosis.RootCauseID == r.RootCause
	o.PlaceRight = r.target(known) && containerOf(known) == r.Container
	if failed, learned := r.seen.at(r.seen.failed, r.namespace), r.seen.at(r.seen.learned, r.namespace+"/"+string(known.UID)); o.Detected && !failed.IsZero() {
		o.Learn = max(learned.Sub(failed), 0)
	}
	switch {
	case !o.Detected:
		o.Problem("found %s instead of %s", o.Found, r.FailureType)
	case !o.CauseRight:
		o.Problem("found the cause %s instead of %s", known.Status.Diagnosis.RootCauseID, r.RootCause)
	}
	if !o.PlaceRight {
		o.Problem("found it in container %q of %s/%s", containerOf(known), known.Spec.TargetRef.Kind, known.Spec.TargetRef.Name)
	}
	switch r.Healing {
	case scenarios.Suggestion:
		if len(known.Spec.Actions) == 0 || known.Spec.Mode != v1alpha1.Suggest {
			o.Problem("it is not suggested what would heal it")
		}
	case scenarios.None:
		if known.InForce() && known.Spec.Mode == v1alpha1.Heal {
			o.Problem("it is to be healed, by: %s", remedy.Describe(known.Spec.Actions))
		}
	case scenarios.Default, scenarios.Assertive:
		if !known.InForce() {
			o.Problem("no remedy was found")
			return nil
		}
		if known.Spec.Mode != v1alpha1.Heal {
			o.Problem("what would heal it is only suggested (confidence %d%%): %s", known.Status.Diagnosis.Confidence, remedy.Describe(known.Spec.Actions))
			return nil
		}
	}
	return known
}

// detected reports whether a Remediation is about the failure type that is expected, of the owner.
func (r *run) detected(known *v1alpha1.Remediation) bool {
	return known != nil && known.Spec.FailureType == r.FailureType && r.target(known)
}

// best gives the Remediation that is nearest to what is expected.
func (r *run) best() *v1alpha1.Remediation {
	var best *v1alpha1.Remediation
	most := -1
	for _, known := range r.seen.remediationsIn(r.namespace) {
		points := 0
		if known.Spec.FailureType == r.FailureType {
			points += 8
		}
		if r.target(known) {
			points += 4
		}
		if containerOf(known) == r.Container {
			points += 2
		}
		if known.Status.Diagnosis.RootCauseID == r.RootCause {
			points++
		}
		if points > most || points == most && known.Name < best.Name {
			best, most = known, points
		}
	}
	return best
}

// heal applies the same file again, up to three times.
func (r *run) heal(ctx context.Context, known *v1alpha1.Remediation) {
	name := known.Name
	for try := 1; try <= v1alpha1.MaxAttempts; try++ {
		if !r.replacesOwner() && !until(ctx, armsWithin, func() bool { return r.armed(ctx) }) {
			r.outcome.Problem("the workload is not armed for apply %d", try)
		}
		pause(ctx, time.Second<<try)
		if r.named(name) == nil || r.named(name).Status.Phase == v1alpha1.PhaseFailed {
			break
		}
		began := time.Now()
		if err := r.reapply(ctx); err != nil {
			r.outcome.Problem("apply %d: %v", try, err)
			return
		}
		healed := until(ctx, healsWithin, func() bool {
			now := r.named(name)
			if now == nil || now.Status.Phase == v1alpha1.PhaseFailed || int(now.Status.Outcome.Attempt) > try {
				return true
			}
			if r.outcome.Heal == 0 && r.healthy(now.Mark()) {
				r.outcome.Heal = time.Since(began)
			}
			return r.outcome.Heal > 0 && now.Status.Phase == v1alpha1.PhaseVerified
		})
		if now := r.named(name); healed && now != nil && now.Status.Phase == v1alpha1.PhaseVerified && r.outcome.Heal > 0 {
			r.outcome.HealedAt = try
			if try > r.Retries {
				r.outcome.Problem("it took %d applies and not %d", try, r.Retries)
			}
			return
		}
		r.outcome.Heal = 0
	}
	now, phase := r.named(name), "gone"
	if now != nil {
		phase = fmt.Sprintf("%s at attempt %d (%s)", now.Status.Phase, now.Status.Outcome.Attempt, remedy.Describe(now.Spec.Actions))
	}
	r.outcome.Problem("it was not healed; the Remediation is %s; %s", phase, r.podsInWords())
}

// applyInVain applies the same file again, which must change nothing.
func (r *run) applyInVain(ctx context.Context) error {
	pause(ctx, 2*time.Second)
	if _, err := r.kubectl(ctx, "apply", "-f", r.Broken()); err != nil {
		return fmt.Errorf("second apply: %w", err)
	}
	pause(ctx, settlesWithin)
	if !until(ctx, runsWithin, func() bool { return r.healthy("") }) {
		r.outcome.Problem("in the end it is not as it must be: %s", r.podsInWords())
	}
	return nil
}

// reapply does what the owner of such a kind does to apply again.
func (r *run) reapply(ctx context.Context) error {
	remove := []string{"delete", strings.ToLower(r.Kind()), r.OwnerName(), "--ignore-not-found", "--timeout=60s"}
	switch r.Replace {
	case scenarios.ReplaceOwnerByForce:
		remove = append(remove, "--force", "--grace-period=0")
		fallthrough
	case scenarios.ReplaceOwner, scenarios.ReplaceOwnerAndClaims:
		if _, err := r.kubectl(ctx, remove...); err != nil {
			return err
		}
	}
	if r.Replace == scenarios.ReplaceOwnerAndClaims {
		if _, err := r.kubectl(ctx, "delete", "pods,persistentvolumeclaims", "--all", "--timeout=60s"); err != nil {
			return err
		}
	}
	if _, err := r.kubectl(ctx, "apply", "-f", r.Broken()); err != nil {
		return err
	}
	if r.Replace != scenarios.ReplacePods && r.Replace != scenarios.ReplacePodsByForce {
		return nil
	}
	stale := []string{"delete", "pods", "--wait=false", "--ignore-not-found"}
	if r.Replace == scenarios.ReplacePodsByForce {
		stale = append(stale, "--force", "--grace-period=0")
	}
	words := len(stale)
	for _, pod := range r.pods("") {
		if controlled(pod) && !ready(pod) {
			stale = append(stale, pod.Name)
		}
	}
	if len(stale) == words { // the controller has been quicker
		return nil
	}
	_, err := r.kubectl(ctx, stale...)
	return err
}

// armed reports whether the next apply of the unchanged file will be sent.
func (r *run) armed(ctx context.Context) bool {
	out, err := r.kubectl(ctx, "get", strings.ToLower(r.Kind()), r.OwnerName(), "-o", `jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`)
	if err != nil {
		return false
	}
	// An object that was healed before differs from the file, and is sent without being armed.
	return !strings.HasSuffix(out, "\n") || slices.ContainsFunc(r.seen.remediationsIn(r.namespace), func(known *v1alpha1.Remediation) bool {
		return known.Status.Outcome.Attempt > 1 || known.Status.Phase == v1alpha1.PhaseApplied || known.Status.Phase == v1alpha1.PhaseVerified
	})
}

func (r *run) named(name string) *v1alpha1.Remediation {
	for _, known := range r.seen.remediationsIn(r.namespace) {
		if known.Name == name {
			return known
		}
	}
	return nil
}

// pods gives the workload's pods that are to stay; with a mark only those that carry it.
func (r *run) pods(mark string) []*corev1.Pod {
	var found []*corev1.Pod
	for _, pod := range r.seen.podsIn(r.namespace) {
		ours := pod.Name == r.OwnerName() || strings.HasPrefix(pod.Name, r.OwnerName()+"-")
		if ours && pod.DeletionTimestamp == nil && strings.Contains(pod.Annotations[v1alpha1.RemediationsAnnotation], mark) {
			found = append(found, pod)
		}
	}
	return found
}

// healthy reports whether as many pods are ready and have succeeded as must.
func (r *run) healthy(mark string) bool {
	isReady, succeeded := 0, 0
	for _, pod := range r.pods(mark) {
		if ready(pod) {
			isReady++
		}
		if pod.Status.Phase == corev1.PodSucceeded {
			succeeded++
		}
	}
	return isReady >= r.After.Ready && succeeded >= r.After.Succeeded
}

// podsInWords says what the pods do.
func (r *run) podsInWords() string {
	var words []string
	for _, pod := range r.pods("") {
		state := string(pod.Status.Phase)
		if pod.Status.Reason != "" {
			state += " " + pod.Status.Reason
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			switch {
			case status.State.Waiting != nil:
				state += fmt.Sprintf(", %s waits: %s", status.Name, status.State.Waiting.Reason)
			case status.State.Terminated != nil:
				state += fmt.Sprintf(", %s ended: %s (%d)", status.Name, status.State.Terminated.Reason, status.State.Terminated.ExitCode)
			}
			if last := status.LastTerminationState.Terminated; last != nil {
				state += fmt.Sprintf(" after %s (%d)", last.Reason, last.ExitCode)
			}
		}
		words = append(words, "a pod is "+state)
	}
	if len(words) == 0 {
		return "it has no pods"
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), "; ")
}

func inWords(known *v1alpha1.Remediation) string {
	return fmt.Sprintf("%s %s (%d%%) of %s/%s %s", known.Spec.FailureType, known.Status.Diagnosis.RootCauseID, known.Status.Diagnosis.Confidence,
		known.Spec.TargetRef.Kind, known.Spec.TargetRef.Name, containerOf(known))
}

// containerOf gives the container that a Remediation is about: what nothing can be done about says it, and the others
// end their names with it.
func containerOf(known *v1alpha1.Remediation) string {
	if failing := known.Status.Observed.Failing; failing != nil {
		return failing.Container
	}
	_, container, _ := strings.Cut(known.Name, "-"+strings.ToLower(string(known.Spec.FailureType)))
	return strings.TrimPrefix(container, "-")
}

// replacesOwner reports whether the owner is deleted before it is applied again. What is created anew need not be armed.
func (r *run) replacesOwner() bool {
	return r.Replace == scenarios.ReplaceOwner || r.Replace == scenarios.ReplaceOwnerAndClaims || r.Replace == scenarios.ReplaceOwnerByForce
}
