package outcomes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
)

const (
	tooLow  = "memory-limit-too-low"
	missing = "image-tag-missing"
)

var (
	memory = []v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{}}, {AdjustHeap: &v1alpha1.AdjustHeap{}}}
	image  = []v1alpha1.Action{{FixImage: &v1alpha1.FixImage{}}}

	raise  = outcomes.Treatment{RootCauseID: tooLow, Action: "increaseMemory"}
	change = outcomes.Treatment{RootCauseID: missing, Action: "fixImage"}
)

// cure is a Remediation of more memory for a Deployment of namespace shop.
func cure(workload string, phase v1alpha1.Phase, attempt int32) *v1alpha1.Remediation {
	at := metav1.NewTime(time.Date(2026, 3, 1, 12, int(attempt), 0, 0, time.UTC))
	return &v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: workload},
		Spec:       v1alpha1.RemediationSpec{TargetRef: v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: workload}, Actions: memory},
		Status: v1alpha1.RemediationStatus{
			Phase: phase, LearnedAt: &at, Diagnosis: &v1alpha1.Diagnosis{RootCauseID: tooLow}, Outcome: v1alpha1.Outcome{Attempt: attempt},
		},
	}
}

func with(r *v1alpha1.Remediation, change func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	change(r)
	return r
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		name string
		all  []*v1alpha1.Remediation
		want outcomes.Past
	}{
		{"nothing says nothing", nil, outcomes.Past{}},
		{"one that holds at the first attempt", []*v1alpha1.Remediation{cure("a", "Verified", 1)}, outcomes.Past{raise: {First: 1, Attempts: 1}}},
		{"one that holds at the second had one that failed", []*v1alpha1.Remediation{cure("a", "Verified", 2)}, outcomes.Past{raise: {Second: 1, Attempts: 2}}},
		{"one that holds at the third had two", []*v1alpha1.Remediation{cure("a", "Verified", 3)}, outcomes.Past{raise: {Later: 1, Attempts: 3}}},
		{"one that was given up failed at each attempt", []*v1alpha1.Remediation{cure("a", "Failed", 3)}, outcomes.Past{raise: {Failed: 1, Attempts: 3}}},
		{"of the first attempt nothing is known until it ends", []*v1alpha1.Remediation{cure("a", "Learned", 1), cure("b", "Applied", 1)}, outcomes.Past{}},
		{"one that waits or is watched for the third time has not ended", []*v1alpha1.Remediation{cure("a", "Learned", 3), cure("b", "Applied", 3)}, outcomes.Past{raise: {Attempts: 4}}},
		{"one that came back and can't be tried further has failed", []*v1alpha1.Remediation{with(cure("a", "Applied", 1), func(r *v1alpha1.Remediation) {
			r.Status.Tried = []v1alpha1.Trial{{Attempt: 1, RootCauseID: tooLow, Action: "increaseMemory"}}
		})}, outcomes.Past{raise: {Failed: 1, Attempts: 1}}},
		{"what was superseded or expired before it was applied says nothing", []*v1alpha1.Remediation{cure("a", "Superseded", 1), cure("b", "Expired", 1)}, outcomes.Past{}},
		{"what was superseded or expired after it held still held", []*v1alpha1.Remediation{
			with(cure("a", "Superseded", 1), held(1)), with(cure("b", "Expired", 2), held(2)),
		}, outcomes.Past{raise: {First: 1, Second: 1, Attempts: 3}}},
		{"what is only suggested says nothing", []*v1alpha1.Remediation{with(cure("a", "Learned", 1), func(r *v1alpha1.Remediation) { r.Spec.Mode = v1alpha1.Suggest })}, outcomes.Past{}},
		{"what a person declared says nothing", []*v1alpha1.Remediation{with(cure("a", "Verified", 2), func(r *v1alpha1.Remediation) { r.Status.Diagnosis.RootCauseID = v1alpha1.DeclaredCause })}, outcomes.Past{}},
		{"a failure that nothing is known against says nothing", []*v1alpha1.Remediation{with(cure("a", "Failed", 1), func(r *v1alpha1.Remediation) { r.Spec.Actions = nil })}, outcomes.Past{}},
		{"one that is half-written says nothing", []*v1alpha1.Remediation{with(cure("a", "Verified", 1), func(r *v1alpha1.Remediation) { r.Status.Diagnosis = nil })}, outcomes.Past{}},
		{"an attempt with another action failed and held on its own", []*v1alpha1.Remediation{with(cure("a", "Verified", 2), func(r *v1alpha1.Remediation) {
			r.Status.Tried = []v1alpha1.Trial{{Attempt: 1, RootCauseID: missing, Action: "fixImage"}}
		})}, outcomes.Past{change: {Failed: 1, Attempts: 1}, raise: {Second: 1, Attempts: 1}}},
		{"two containers of a workload count once, where it fared worst", []*v1alpha1.Remediation{cure("a", "Verified", 1), cure("a", "Failed", 3), cure("a", "Verified", 2)}, outcomes.Past{raise: {Failed: 1, Attempts: 6}}},
		{"workloads of one name in two namespaces are two", []*v1alpha1.Remediation{cure("a", "Verified", 1), with(cure("a", "Verified", 1), func(r *v1alpha1.Remediation) { r.Namespace = "bank" })}, outcomes.Past{raise: {First: 2, Attempts: 2}}},
		{"what is made from one prefix of names is one workload, and another prefix another", []*v1alpha1.Remediation{
			with(cure("", "Failed", 1), from("a-")), with(cure("", "Failed", 1), from("a-")), with(cure("", "Verified", 1), from("b-")),
		}, outcomes.Past{raise: {First: 1, Failed: 1, Attempts: 3}}},
		{"all pods of one app are one workload, and a prefix of the same letters another", []*v1alpha1.Remediation{
			with(cure("", "Failed", 1), ofApp("a")), with(cure("", "Verified", 1), ofApp("a")), with(cure("", "Verified", 1), from("a")),
		}, outcomes.Past{raise: {First: 1, Failed: 1, Attempts: 3}}},
		{"two causes of a workload are two", []*v1alpha1.Remediation{cure("a", "Verified", 1), with(cure("a", "Failed", 1), func(r *v1alpha1.Remediation) {
			r.Spec.Actions, r.Status.Diagnosis.RootCauseID = image, missing
		})}, outcomes.Past{raise: {First: 1, Attempts: 1}, change: {Failed: 1, Attempts: 1}}},
		{"an attempt out of its bounds is the last there can be", []*v1alpha1.Remediation{cure("a", "Verified", 1<<30), cure("b", "Verified", -1)}, outcomes.Past{raise: {First: 1, Later: 1, Attempts: 4}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := make([]*v1alpha1.Remediation, 0, len(test.all))
			for _, remediation := range test.all {
				before = append(before, remediation.DeepCopy())
			}
			require.Equal(t, test.want, outcomes.Of(slices.Values(test.all)))
			require.Equal(t, before, append([]*v1alpha1.Remediation{}, test.all...), "the Remediations are not changed")
		})
	}
}

func from(prefix string) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Spec.TargetRef.GenerateName = prefix }
}

func ofApp(name string) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Spec.TargetRef.AppName = name }
}

func held(attempt int32) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) {
		for earlier := range attempt {
			r.Status.Tried = append(r.Status.Tried, v1alpha1.Trial{Attempt: earlier + 1, RootCauseID: tooLow, Action: "increaseMemory", Held: earlier+1 == attempt})
		}
	}
}

// step is a Remediation as it is stored after the last.
type step struct {
	phase   v1alpha1.Phase
	attempt int32
	anew    bool // the actions were learned anew at the same attempt
	image   bool // the treatment is another
}

func TestRememberFollowsTheAttempts(t *testing.T) {
	trial := func(attempt int32, held bool) v1alpha1.Trial {
		return v1alpha1.Trial{Attempt: attempt, RootCauseID: tooLow, Action: "increaseMemory", Held: held}
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  []v1alpha1.Trial
	}{
		{"a first attempt that is watched has not ended", []step{{phase: "Learned", attempt: 1}, {phase: "Applied", attempt: 1}}, nil},
		{"a verified attempt held", []step{{phase: "Learned", attempt: 1}, {phase: "Applied", attempt: 1}, {phase: "Verified", attempt: 1}}, []v1alpha1.Trial{trial(1, true)}},
		{"what held stays so when the owner goes back", []step{{phase: "Verified", attempt: 1}, {phase: "Learned", attempt: 1}, {phase: "Applied", attempt: 1}}, []v1alpha1.Trial{trial(1, true)}},
		{"what holds again is one attempt still", []step{{phase: "Verified", attempt: 1}, {phase: "Learned", attempt: 1}, {phase: "Verified", attempt: 1}}, []v1alpha1.Trial{trial(1, true)}},
		{"what held stays so when the owner's manifest has it", []step{{phase: "Verified", attempt: 1}, {phase: "Superseded", attempt: 1}}, []v1alpha1.Trial{trial(1, true)}},
		{"what held stays so when it expires", []step{{phase: "Verified", attempt: 1}, {phase: "Learned", attempt: 1}, {phase: "Expired", attempt: 1}}, []v1alpha1.Trial{trial(1, true)}},
		{"an attempt that another follows failed", []step{{phase: "Applied", attempt: 1}, {phase: "Learned", attempt: 2}}, []v1alpha1.Trial{trial(1, false)}},
		{"and so did one that had been verified", []step{{phase: "Verified", attempt: 1}, {phase: "Learned", attempt: 2}}, []v1alpha1.Trial{trial(1, false)}},
		{"the second attempt held", []step{{phase: "Applied", attempt: 1}, {phase: "Learned", attempt: 2}, {phase: "Verified", attempt: 2}}, []v1alpha1.Trial{trial(1, false), trial(2, true)}},
		{"the last attempt fails when it is given up, and once", []step{
			{phase: "Applied", attempt: 1}, {phase: "Learned", attempt: 2}, {phase: "Learned", attempt: 3}, {phase: "Failed", attempt: 3}, {phase: "Failed", attempt: 3},
		}, []v1alpha1.Trial{trial(1, false), trial(2, false), trial(3, false)}},
		{"attempts that start anew forget those before", []step{{phase: "Applied", attempt: 1}, {phase: "Learned", attempt: 2}, {phase: "Failed", attempt: 2}, {phase: "Learned", attempt: 1}}, nil},
		{"so does the first that is learned anew", []step{{phase: "Verified", attempt: 1}, {phase: "Superseded", attempt: 1}, {phase: "Learned", attempt: 1, anew: true}}, nil},
		{"each attempt is remembered with its own action", []step{{phase: "Applied", attempt: 1, image: true}, {phase: "Learned", attempt: 2}}, []v1alpha1.Trial{{Attempt: 1, RootCauseID: missing, Action: "fixImage"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var known *v1alpha1.Remediation
			for i, step := range test.steps {
				next := cure("a", step.phase, step.attempt)
				if step.image {
					next.Spec.Actions, next.Status.Diagnosis.RootCauseID = image, missing
				}
				if step.anew {
					at := metav1.NewTime(next.Status.LearnedAt.Add(time.Duration(i) * time.Hour))
					next.Status.LearnedAt = &at
				}
				before := known.DeepCopy()
				tried := outcomes.Remember(known, next)
				require.Equal(t, before, known, "known is not changed")
				next.Status.Tried = tried
				require.ElementsMatch(t, tried, outcomes.Remember(next, next.DeepCopy()), "what did not change is remembered as it is")
				known = next
			}
			require.Equal(t, slices.Concat(test.want), slices.Concat(known.Status.Tried), "in the order of the attempts")
			require.Equal(t, known.Status.Tried, outcomes.Tried(known), "the phase says nothing else")
		})
	}
}

func TestWhatCameBackDidNotHold(t *testing.T) {
	verified := cure("a", "Verified", 2)
	verified.Status.Tried = outcomes.Refuted(verified)
	require.Equal(t, outcomes.Past{raise: {Failed: 1, Attempts: 2}}, outcomes.Of(slices.Values([]*v1alpha1.Remediation{verified})))
	again := verified.DeepCopy()
	again.Status.Observed.Occurrences++
	require.Equal(t, verified.Status.Tried, outcomes.Remember(verified, again), "while it stays in its phase")
	waiting := cure("a", "Learned", 2)
	waiting.Status.Tried = verified.Status.Tried
	again.Status.Tried = outcomes.Remember(waiting, again)
	require.Equal(t, outcomes.Past{raise: {Second: 1, Attempts: 2}}, outcomes.Of(slices.Values([]*v1alpha1.Remediation{again})), "it held after all")
}

func TestPosterior(t *testing.T) {
	for _, test := range []struct {
		name  string
		prior int32
		past  outcomes.Count
		want  int32
	}{
		{"without a past the rule decides", 92, outcomes.Count{}, 92},
		{"attempts alone say nothing", 92, outcomes.Count{Attempts: 5}, 92},
		{"one workload moves it a little", 92, outcomes.Count{Failed: 1}, 84},
		{"at whatever attempt it was cured", 60, outcomes.Count{First: 1, Second: 1, Later: 2}, 71},
		{"many successes make nothing certain", 60, outcomes.Count{First: 1 << 40}, 99},
		{"what was certain stays so while it holds", 100, outcomes.Count{First: 3}, 100},
		{"and not when it fails", 100, outcomes.Count{First: 3, Failed: 1}, 93},
		{"many failures leave nothing", 100, outcomes.Count{Failed: 1 << 40}, 0},
		{"what was never believed may be", 0, outcomes.Count{First: 10}, 50},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, test.past.Posterior(test.prior)) })
	}
}

// TestMoreSuccessesNeverLowerConfidence adds, one after the other, workloads that were cured, at any attempt, and workloads that
// were not, to random ones; and counts them in another order.
func TestMoreSuccessesNeverLowerConfidence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the same cases each time
	phases := []v1alpha1.Phase{"Learned", "Applied", "Verified", "Failed", "Superseded", "Expired"}
	for range 2000 {
		var all []*v1alpha1.Remediation
		for range random.IntN(30) {
			all = append(all, cure(fmt.Sprint(random.IntN(12)), phases[random.IntN(len(phases))], int32(1+random.IntN(3))))
		}
		prior := int32(random.IntN(101))
		sure := func(all ...*v1alpha1.Remediation) int32 {
			got := outcomes.Of(slices.Values(all))[raise].Posterior(prior)
			require.GreaterOrEqual(t, got, int32(0))
			require.LessOrEqual(t, got, max(prior, 99))
			return got
		}
		before := outcomes.Of(slices.Values(all))
		confidence := sure(all...)
		require.GreaterOrEqual(t, sure(append(slices.Clone(all), cure("another", "Verified", int32(1+random.IntN(3))))...), confidence, "prior %d, %v", prior, before)
		require.LessOrEqual(t, sure(append(slices.Clone(all), cure("another", "Failed", int32(1+random.IntN(3))))...), confidence, "prior %d, %v", prior, before)
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		require.Equal(t, before, outcomes.Of(slices.Values(all)), "the order does not matter")
	}
}

// TestOneWorkloadDoesNotSpeakForTheCluster has one workload fail in all its containers, again and again.
func TestOneWorkloadDoesNotSpeakForTheCluster(t *testing.T) {
	var all []*v1alpha1.Remediation
	for range 100 {
		all = append(all, cure("a", "Failed", 3))
	}
	require.EqualValues(t, 84, outcomes.Of(slices.Values(all))[raise].Posterior(92))
}
