package eventwatcher

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// maxName bounds the name of a Remediation, in bytes. Objects may have longer names; this leaves room for the
// attempt where names stand in annotations, and is still one line on a terminal.
const maxName = 120

// remediationName is the name under which the cure for a diagnosis is stored: the same failure of the same
// container of the same workload always has the same one. Names that are too long, or that another workload and
// container could share because the parts are joined by a character they may contain, end in a hash.
func remediationName(diagnosis engine.Diagnosis) string {
	failure := strings.ToLower(string(diagnosis.FailureType))
	ref := refOf(diagnosis.Workload)
	parts := []string{strings.ToLower(ref.Kind), readable(ref), failure}
	if diagnosis.Container != "" { // a failure of the pod as a whole has none
		parts = append(parts, diagnosis.Container)
	}
	name := strings.Join(parts, "-")
	others := "" // an object may have as its name what others are known by
	switch {
	case ref.GenerateName != "":
		others = ref.GenerateName
	case ref.AppName != "":
		others = ref.Named()
	case len(name) <= maxName && strings.Count(name, failure) == 1:
		return name
	}
	sum := sha256.Sum256([]byte(strings.Join(append(parts, others), "/")))
	return strings.TrimRight(name[:min(len(name), maxName-9)], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// readable gives what a target is known by as a part of a name. The value of a label may have more characters than names.
func readable(ref v1alpha1.TargetRef) string {
	if ref.AppName != "" {
		return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(ref.AppName))
	}
	return strings.Trim(ref.Name+ref.GenerateName, "-.")
}

// refOf names a workload as its Remediations do: by its name, or what its owner knows it by where that is another each time.
func refOf(workload evidence.Workload) v1alpha1.TargetRef {
	ref := v1alpha1.TargetRef{
		APIVersion: workload.APIVersion, Kind: workload.Kind, GenerateName: workload.GenerateName, AppName: workload.AppName,
	}
	if !workload.Anonymous() {
		ref.Name = workload.Name
	}
	return ref
}

// verdict is what learning from a diagnosis comes to, for Events and metrics.
type verdict string

const (
	nothingNew verdict = ""                     // no failure that was not counted before
	counted    verdict = "counted"              // the failure again, without the cure in place
	learned    verdict = "RemediationLearned"   // a cure, the first
	escalated  verdict = "RemediationRenewed"   // the failure in spite of the cure, or of a greater value: the next value
	givenUp    verdict = "RemediationGivenUp"   // the failure in spite of the last attempt
	noCure     verdict = "RemediationNotFound"  // nothing to prescribe
	withdrawn  verdict = "RemediationWithdrawn" // another failure began with the cure
)

// learn decides what a diagnosis means for the Remediation stored for it, which is nil when there is none. It
// returns the Remediation as it is to be stored, or known itself when nothing is new; known is not changed. The
// attempt, and what was tried before, are added to the situation here.
// When nothing can be prescribed the reason is returned as an error, beside a Remediation that remembers the failure;
// there is none beside it when a cure is stored that stays as it is.
func learn(known *v1alpha1.Remediation, diagnosis engine.Diagnosis, observed evidence.Evidence, situation engine.Situation, now time.Time) (*v1alpha1.Remediation, verdict, error) {
	// A Remediation without a diagnosis is half-written: the watcher stopped between spec and status.
	if known == nil || known.Status.Diagnosis == nil {
		return learnFirst(diagnosis, observed, situation, now)
	}
	fresh := failuresSince(diagnosis.Failures, known.Status.Observed.LastSeen)
	if len(fresh) == 0 {
		return known, nothingNew, nil
	}
	next := known.DeepCopy()
	count(next, fresh)
	if attempt, since, is := halfWritten(known); is && len(known.Spec.Actions) > 0 {
		next, outcome := finish(next, diagnosis.Finding, attempt, since)
		return next, outcome, nil
	}
	if len(known.Spec.Actions) == 0 { // nothing could be done about it so far
		return renewOrRemember(next, diagnosis, observed, situation, now)
	}
	inSpite := slices.Contains(diagnosis.Latest().Marks, known.Mark()) && !below(known, diagnosis)
	switch {
	case beyond(known, diagnosis):
		// The owner gave more than the cure would, and it was still too little.
		return renew(next, diagnosis, observed, situation, 1, now)
	case known.Status.Phase == v1alpha1.PhaseFailed, !inSpite:
		return next, counted, nil
	case known.Status.Outcome.Attempt >= v1alpha1.MaxAttempts:
		next.Status.Phase = v1alpha1.PhaseFailed
		return next, givenUp, nil
	default:
		return renew(next, diagnosis, observed, situation, known.Status.Outcome.Attempt+1, now)
	}
}

func learnFirst(diagnosis engine.Diagnosis, observed evidence.Evidence, situation engine.Situation, now time.Time) (*v1alpha1.Remediation, verdict, error) {
	ref := refOf(diagnosis.Workload)
	first := &v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Name: remediationName(diagnosis), Namespace: diagnosis.Workload.Namespace},
		Spec:       v1alpha1.RemediationSpec{TargetRef: ref, FailureType: diagnosis.FailureType},
		Status:     v1alpha1.RemediationStatus{Target: ref.String()},
	}
	count(first, diagnosis.Failures)
	return renewOrRemember(first, diagnosis, observed, situation, now)
}

// renewOrRemember gives a Remediation without actions its first ones, or if there are none what failed, so that the
// applier of the same can be told.
func renewOrRemember(remediation *v1alpha1.Remediation, diagnosis engine.Diagnosis, observed evidence.Evidence, situation engine.Situation, now time.Time) (*v1alpha1.Remediation, verdict, error) {
	remediation.Spec.Mode = "" // nobody can have chosen it
	next, _, cause := renew(remediation, diagnosis, observed, situation, 1, now)
	if cause == nil {
		next.Status.Observed.Failing = nil
		return next, learned, nil
	}
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	remediation.Spec.Mode = v1alpha1.Suggest
	remediation.Status.Phase, remediation.Status.LearnedAt = v1alpha1.PhaseLearned, &at
	remediation.Status.Diagnosis = diagnosis.Finding.DeepCopy()
	remediation.Status.Observed.Failing = failingOf(diagnosis, observed)
	remediation.Status.Outcome = v1alpha1.Outcome{}
	return remediation, noCure, cause
}

// failingOf recognises what failed: the container, and the image that can't be pulled.
func failingOf(diagnosis engine.Diagnosis, observed evidence.Evidence) *v1alpha1.Failing {
	failing := &v1alpha1.Failing{Container: diagnosis.Container}
	if diagnosis.FailureType == v1alpha1.ImagePullBackOff {
		for _, container := range observed.Containers {
			if container.Name == diagnosis.Container && container.Spec.Image != "" {
				failing.Image = engine.Shorten(container.Spec.Image, maxImage)
			}
		}
	}
	return failing
}

// maxImage is the schema's bound for an image, in bytes.
const maxImage = 512

// renew gives a Remediation the actions of a diagnosis, as the given attempt.
func renew(remediation *v1alpha1.Remediation, diagnosis engine.Diagnosis, observed evidence.Evidence, situation engine.Situation, attempt int32, now time.Time) (*v1alpha1.Remediation, verdict, error) {
	situation.Attempt = attempt
	if attempt > 1 {
		situation.Before = remediation.Spec.Actions
	}
	prescribed, err := engine.Prescribe(diagnosis, observed, situation)
	if err != nil {
		return remediation, noCure, err
	}
	if tellsSecret(prescribed.Actions) {
		return remediation, noCure, errors.New("it would repeat what looks like a secret, which is stored nowhere else")
	}
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	remediation.Spec.Actions = prescribed.Actions
	// A later attempt never lifts a mode that a person lowered.
	if remediation.Spec.Mode == "" || prescribed.Mode == v1alpha1.Suggest {
		remediation.Spec.Mode = prescribed.Mode
	}
	remediation.Status.Phase = v1alpha1.PhaseLearned
	remediation.Status.LearnedAt = &at
	remediation.Status.Diagnosis = diagnosis.Finding.DeepCopy()
	remediation.Status.Diagnosis.Confidence = prescribed.Confidence
	remediation.Status.Outcome = v1alpha1.Outcome{Attempt: attempt}
	return remediation, escalated, nil
}

// finish gives a Remediation whose actions are stored already the status that goes with them.
func finish(next *v1alpha1.Remediation, finding v1alpha1.Diagnosis, attempt int32, since metav1.Time) (*v1alpha1.Remediation, verdict) {
	outcome := escalated
	if next.Status.Observed.Failing != nil { // nothing could be done about it before
		next.Status.Observed.Failing, outcome = nil, learned
	}
	next.Status.Phase, next.Status.LearnedAt = v1alpha1.PhaseLearned, &since
	next.Status.Diagnosis = finding.DeepCopy()
	next.Status.Outcome = v1alpha1.Outcome{Attempt: attempt}
	return next, outcome
}

// below reports whether the newest failure happened under a value less than the one the Remediation gives: a
// pod template keeps its mark when its owner switches healing off and applies the old value again.
func below(known *v1alpha1.Remediation, diagnosis engine.Diagnosis) bool {
	for _, action := range known.Spec.Actions {
		if action.IncreaseMemory != nil && diagnosis.MemoryLimit.Cmp(action.IncreaseMemory.Limit) < 0 {
			return true
		}
	}
	return false
}

// beyond reports whether the newest failure happened under a value greater than the one the Remediation gives.
func beyond(known *v1alpha1.Remediation, diagnosis engine.Diagnosis) bool {
	for _, action := range known.Spec.Actions {
		if action.IncreaseMemory != nil && diagnosis.MemoryLimit.Cmp(action.IncreaseMemory.Limit) > 0 {
			return true
		}
	}
	return false
}

// failuresSince gives those failures that ended after the last one counted; all when none was.
func failuresSince(failures []engine.Failure, last *metav1.Time) []engine.Failure {
	if last == nil {
		return failures
	}
	return slices.DeleteFunc(slices.Clone(failures), func(failure engine.Failure) bool { return !failure.Time.After(last.Time) })
}

// count adds failures, the oldest first and at least one, to what was observed.
func count(remediation *v1alpha1.Remediation, failures []engine.Failure) {
	observed := &remediation.Status.Observed
	first := metav1.NewTime(failures[0].Time.UTC())
	if observed.FirstSeen == nil {
		observed.FirstSeen = first.DeepCopy()
	}
	if observed.FailingSince == nil {
		observed.FailingSince = first.DeepCopy()
	}
	last := metav1.NewTime(failures[len(failures)-1].Time.UTC())
	observed.LastSeen = &last
	for _, failure := range failures {
		observed.RanSeconds = max(observed.RanSeconds, int64(failure.Ran/time.Second))
	}
	observed.Occurrences = int32(min(int64(observed.Occurrences)+int64(len(failures)), math.MaxInt32))
}

// describe is what a Remediation would do, in a line for an Event.
func describe(remediation *v1alpha1.Remediation) string {
	return remedy.Describe(remediation.Spec.Actions)
}
