package eventwatcher

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// followed is what became of a Remediation.
type followed struct {
	next *v1alpha1.Remediation // as it is to be stored; the same pointer when nothing changed
	// arm asks for the workload to be armed: the cure waits for the next apply.
	arm bool
	// again asks to be looked at again after this long; zero when the next change is soon enough.
	again time.Duration
}

// follow tells from the live workload, which has its pod template at the given place, and its pods where a Remediation stands. It changes none of them.
// bounds are what the namespace and the installation allow, as the webhook cuts the cure to it.
func follow(known *v1alpha1.Remediation, live *unstructured.Unstructured, at remedy.Template, pods []*corev1.Pod, bounds map[corev1.ResourceName]remedy.Bound, window time.Duration, now time.Time) (followed, error) {
	if known.KnownFailure() {
		return followFailure(known, live, at, pods, window, now)
	}
	if !known.InForce() {
		return followed{next: known}, nil
	}
	template := at.Of(live.Object)
	annotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	carried := slices.Contains(marksOf(annotations), known.Mark())
	switch fit := remedy.ResolveWithin(known.Spec.Actions, live.Object, at, bounds).Fit; {
	case fit == remedy.InEffect && carried:
		return followApplied(known, at, template, pods, window, now)
	case fit == remedy.Exceeded && !carried && replaces(known) && carriesEarlier(known, annotations):
		// What the last attempt put there is not the owner's choice; the owner's own apply gets this attempt.
		return followed{next: toPhase(known, v1alpha1.PhaseLearned, now), arm: true}, nil
	case fit == remedy.InEffect, fit == remedy.Exceeded:
		return followed{next: toPhase(known, v1alpha1.PhaseSuperseded, now)}, nil
	case fit == remedy.Changes:
		return followed{next: toPhase(known, v1alpha1.PhaseLearned, now), arm: true}, nil
	default: // a manifest that the cure does not fit says nothing about the cure
		return followed{next: known}, nil
	}
}

// followFailure tells whether a failure that nothing could be done about is over: the workload's owner changed it, or it
// runs by now.
func followFailure(known *v1alpha1.Remediation, live *unstructured.Unstructured, at remedy.Template, pods []*corev1.Pod, window time.Duration, now time.Time) (followed, error) {
	hash, err := at.Hash(live.Object)
	if err != nil {
		return followed{}, err
	}
	if hash != known.Status.Observed.Failing.TemplateHash {
		return followed{next: toPhase(known, v1alpha1.PhaseSuperseded, now)}, nil
	}
	left, ready := untilProven(pods, func(*corev1.Pod) bool { return true }, stabilization(known, window), now)
	switch {
	case !ready:
		return followed{next: known}, nil
	case left > 0:
		return followed{next: known, again: left}, nil
	default:
		return followed{next: toPhase(known, v1alpha1.PhaseSuperseded, now)}, nil
	}
}

// proven reports whether a Remediation enters a phase because of how pods are.
func proven(known, next *v1alpha1.Remediation) bool {
	return next.Status.Phase != known.Status.Phase && (next.Status.Phase == v1alpha1.PhaseVerified || known.KnownFailure())
}

// replaces reports whether a cure puts something else in the place of what the owner wrote, and not more of the same.
func replaces(known *v1alpha1.Remediation) bool {
	return slices.ContainsFunc(known.Spec.Actions, func(action v1alpha1.Action) bool {
		return action.FixImage != nil || action.FixReference != nil
	})
}

// carriesEarlier reports whether a pod template carries an earlier attempt of a Remediation.
func carriesEarlier(known *v1alpha1.Remediation, annotations map[string]string) bool {
	return slices.ContainsFunc(marksOf(annotations), func(mark string) bool {
		return mark != known.Mark() && strings.HasPrefix(mark, known.Name+"@")
	})
}

// followApplied follows a cure that the live pod template carries.
func followApplied(known *v1alpha1.Remediation, at remedy.Template, template map[string]any, pods []*corev1.Pod, window time.Duration, now time.Time) (followed, error) {
	hash, err := templateHash(template)
	if err != nil {
		return followed{}, err
	}
	next := known
	if known.Status.Phase != v1alpha1.PhaseVerified {
		next = toPhase(known, v1alpha1.PhaseApplied, now)
	}
	// A Pod is its own template: each one of an app is another, and so it is after each change of its status.
	if next.Status.Outcome.AppliedTemplateHash != hash && (len(at) > 0 || next != known) {
		if next == known {
			next = known.DeepCopy()
		}
		next.Status.Outcome.AppliedTemplateHash = hash
	}
	again := next.Status.Phase == v1alpha1.PhaseVerified
	if again && (next.Status.Outcome.VerifiedAt == nil || now.Sub(next.Status.Outcome.VerifiedAt.Time) < provenAgain) {
		return followed{next: next}, nil
	}
	carry := func(pod *corev1.Pod) bool { return slices.Contains(marksOf(pod.Annotations), known.Mark()) }
	left, ready := untilProven(pods, carry, stabilization(known, window), now)
	switch {
	case !ready:
		return followed{next: next}, nil
	case left > 0:
		return followed{next: next, again: left}, nil
	case again:
		if next == known {
			next = known.DeepCopy()
		}
		verified := metav1.NewTime(now.UTC().Truncate(time.Second))
		next.Status.Outcome.VerifiedAt = &verified
		return followed{next: next}, nil
	case known.Status.Phase != v1alpha1.PhaseApplied:
		// A phase that passed while nobody looked is told like any other.
		return followed{next: next, again: debounce}, nil
	default:
		return followed{next: toPhase(next, v1alpha1.PhaseVerified, now)}, nil
	}
}

// provenAgain is how long after a cure was found to hold it is noted again: what is known of Jobs and Pods, which come
// and go, expires by when it last helped.
const provenAgain = 24 * time.Hour

// maxStabilization bounds how long a cure is waited for to prove itself: what fails less than once a day is not told from
// what does not fail.
const maxStabilization = 24 * time.Hour

// stabilization is how long pods must stay Ready until a cure is Verified: the window, and twice as long as the failure
// took to come before.
func stabilization(known *v1alpha1.Remediation, window time.Duration) time.Duration {
	return max(window, min(2*time.Duration(known.Status.Observed.RanSeconds)*time.Second, maxStabilization))
}

// untilProven tells how much of the stabilisation window is left for the pods that count, counted from when the last
// of them became Ready or failed; false while there is none or one is not Ready. What ran to its end with success has
// proven itself.
func untilProven(pods []*corev1.Pod, counts func(*corev1.Pod) bool, window time.Duration, now time.Time) (time.Duration, bool) {
	var since time.Time
	carrying, ended := 0, 0
	for _, pod := range pods {
		if !counts(pod) {
			continue
		}
		carrying++
		if pod.Status.Phase == corev1.PodSucceeded {
			ended++
			continue
		}
		at := slices.IndexFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool { return condition.Type == corev1.PodReady })
		if at < 0 || pod.Status.Conditions[at].Status != corev1.ConditionTrue { // a pod without a node has no such condition
			return 0, false
		}
		since = latest(since, pod.Status.Conditions[at].LastTransitionTime.Time)
	}
	switch {
	case carrying > 0 && ended == carrying:
		return 0, true
	case carrying == 0 || since.IsZero():
		return 0, false
	}
	return window - now.Sub(since), true
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// toPhase gives the Remediation in another phase with the times and conditions that go with it; itself when it
// is there already.
func toPhase(known *v1alpha1.Remediation, phase v1alpha1.Phase, now time.Time) *v1alpha1.Remediation {
	if known.Status.Phase == phase {
		return known
	}
	next := known.DeepCopy()
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	next.Status.Phase = phase
	switch phase {
	case v1alpha1.PhaseApplied:
		next.Status.Outcome.AppliedAt = &at
	case v1alpha1.PhaseVerified:
		next.Status.Outcome.VerifiedAt = &at
	default:
		next.Status.Outcome = v1alpha1.Outcome{Attempt: known.Status.Outcome.Attempt}
	}
	switch phase {
	case v1alpha1.PhaseVerified, v1alpha1.PhaseSuperseded, v1alpha1.PhaseExpired: // what fails from now on is another story
		next.Status.Observed.FailingSince = nil
	}
	return next
}

// setConditions writes the phase once more in the form that kubectl wait understands: the conditions Applied
// and Verified.
func setConditions(remediation *v1alpha1.Remediation, now time.Time) {
	phase := remediation.Status.Phase
	for _, next := range []struct {
		kind  string
		holds bool
	}{
		{"Applied", phase == v1alpha1.PhaseApplied || phase == v1alpha1.PhaseVerified},
		{"Verified", phase == v1alpha1.PhaseVerified},
	} {
		condition := metav1.Condition{
			Type: next.kind, Status: metav1.ConditionFalse, Reason: string(phase), Message: describe(remediation),
			LastTransitionTime: metav1.NewTime(now.UTC().Truncate(time.Second)),
		}
		if next.holds {
			condition.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&remediation.Status.Conditions, condition)
	}
}

// templateHash identifies a pod template: the first 16 hexadecimal digits of its SHA-256.
func templateHash(template map[string]any) (string, error) {
	text, err := json.Marshal(template) // members come out sorted
	if err != nil {
		return "", fmt.Errorf("encode pod template: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}
