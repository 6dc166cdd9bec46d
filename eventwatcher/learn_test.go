package eventwatcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// oom is a diagnosis of an OOM kill of container app of Deployment shop/web under limit, at each of the times.
func oom(limit string, marks []string, at ...time.Time) engine.Diagnosis {
	diagnosis := engine.Diagnosis{
		Workload:  evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Container: "app", FailureType: v1alpha1.OOMKilled,
		Finding: v1alpha1.Diagnosis{
			RootCauseID: "memory-limit-too-low", RootCause: "under " + limit, Confidence: 92, RiskLevel: v1alpha1.RiskCritical,
			SuggestedFixes: []v1alpha1.SuggestedFix{{Priority: "PRIMARY", Action: "increaseMemory", Description: "raise the limit", Remedy: true}},
		},
	}
	if limit != "" {
		diagnosis.MemoryLimit = resource.MustParse(limit)
	}
	for _, t := range at {
		diagnosis.Failures = append(diagnosis.Failures, engine.Failure{Pod: "web-1", Marks: marks, Time: t})
	}
	return diagnosis
}

func mustLearn(t *testing.T, known *v1alpha1.Remediation, diagnosis engine.Diagnosis) *v1alpha1.Remediation {
	t.Helper()
	next, _, err := learn(known, diagnosis, evidence.Evidence{}, engine.Situation{}, noon.Add(time.Hour))
	require.NoError(t, err)
	return next
}

func TestLearn(t *testing.T) {
	first := mustLearn(t, nil, oom("128Mi", nil, noon))
	mark1 := []string{first.Mark()}
	second := mustLearn(t, first, oom("256Mi", mark1, noon.Add(time.Minute)))
	third := mustLearn(t, second, oom("512Mi", []string{second.Mark()}, noon.Add(2*time.Minute)))
	last := mustLearn(t, third, oom("1Gi", []string{third.Mark()}, noon.Add(3*time.Minute)))
	superseded := first.DeepCopy()
	superseded.Status.Phase = v1alpha1.PhaseSuperseded
	halfWritten := first.DeepCopy()
	halfWritten.Status = v1alpha1.RemediationStatus{}
	suggested := oom("128Mi", nil, noon)
	suggested.Finding.Confidence = 60

	for _, test := range []struct {
		name      string
		known     *v1alpha1.Remediation
		diagnosis engine.Diagnosis
		verdict   verdict
		err       string
		phase     v1alpha1.Phase
		attempt   int32
		seen      int32
		limit     string
		mode      v1alpha1.Mode
	}{
		{name: "the first failure teaches a cure", diagnosis: oom("128Mi", nil, noon), verdict: learned, phase: "Learned", attempt: 1, seen: 1, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "several failures at once are all counted", diagnosis: oom("128Mi", nil, noon, noon.Add(time.Second)), verdict: learned, phase: "Learned", attempt: 1, seen: 2, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "a doubtful diagnosis is only suggested", diagnosis: suggested, verdict: learned, phase: "Learned", attempt: 1, seen: 1, limit: "256Mi", mode: v1alpha1.Suggest},
		{name: "the same failure seen again is nothing new", known: first, diagnosis: oom("128Mi", nil, noon), verdict: nothingNew, phase: "Learned", attempt: 1, seen: 1, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "the failure again without the cure is only counted", known: first, diagnosis: oom("128Mi", nil, noon, noon.Add(time.Minute)), verdict: counted, phase: "Learned", attempt: 1, seen: 2, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "the failure in spite of the cure takes the next value", known: first, diagnosis: oom("256Mi", mark1, noon.Add(time.Minute)), verdict: escalated, phase: "Learned", attempt: 2, seen: 2, limit: "512Mi", mode: v1alpha1.Heal},
		{name: "a mark that is left over on the old value is not the cure", known: first, diagnosis: oom("128Mi", mark1, noon.Add(time.Minute)), verdict: counted, phase: "Learned", attempt: 1, seen: 2, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "a pod with an older attempt does not escalate", known: second, diagnosis: oom("256Mi", mark1, noon.Add(5*time.Minute)), verdict: counted, phase: "Learned", attempt: 2, seen: 3, limit: "512Mi", mode: v1alpha1.Heal},
		{name: "the third attempt is the last", known: third, diagnosis: oom("1Gi", []string{third.Mark()}, noon.Add(5*time.Minute)), verdict: givenUp, phase: "Failed", attempt: 3, seen: 4, limit: "1Gi", mode: v1alpha1.Heal},
		{name: "what was given up stays given up under the old limit", known: last, diagnosis: oom("128Mi", nil, noon.Add(time.Hour)), verdict: counted, phase: "Failed", attempt: 3, seen: 5, limit: "1Gi", mode: v1alpha1.Heal},
		{name: "a greater limit of the owner that is still too low starts anew", known: superseded, diagnosis: oom("512Mi", nil, noon.Add(time.Hour)), verdict: escalated, phase: "Learned", attempt: 1, seen: 2, limit: "1Gi", mode: v1alpha1.Heal},
		{name: "a half-written remediation is written again", known: halfWritten, diagnosis: oom("128Mi", nil, noon), verdict: learned, phase: "Learned", attempt: 1, seen: 1, limit: "256Mi", mode: v1alpha1.Heal},
		{name: "nothing to prescribe is said with the reason", diagnosis: oom("", nil, noon), verdict: noCure, err: "container app has no memory limit that could be raised"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := test.known.DeepCopy()
			next, verdict, err := learn(test.known, test.diagnosis, evidence.Evidence{}, engine.Situation{}, noon.Add(time.Hour))
			require.Equal(t, test.verdict, verdict)
			require.Equal(t, before, test.known, "what was known is not changed")
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "deployment-web-oomkilled-app", next.Name)
			require.Equal(t, test.phase, next.Status.Phase)
			require.Equal(t, test.attempt, next.Status.Outcome.Attempt)
			require.Equal(t, test.seen, next.Status.Observed.Occurrences)
			require.Equal(t, test.limit, next.Spec.Actions[0].IncreaseMemory.Limit.String())
			require.Equal(t, test.mode, next.Spec.Mode)
			require.Equal(t, noon, next.Status.Observed.FirstSeen.Time)
		})
	}
}

// interrupted is what a watcher leaves that stopped between writing the spec of next and its status.
func interrupted(known, next *v1alpha1.Remediation) *v1alpha1.Remediation {
	left := known.DeepCopy()
	left.Spec = *next.Spec.DeepCopy()
	left.Annotations = map[string]string{v1alpha1.LearnedAnnotation: learnedMark(next)}
	return left
}

func TestLearningThatWasInterruptedComesToTheSame(t *testing.T) {
	first := mustLearn(t, nil, oom("128Mi", nil, noon))
	superseded := first.DeepCopy()
	superseded.Status.Phase = v1alpha1.PhaseSuperseded
	remembered := first.DeepCopy()
	remembered.Spec.Actions, remembered.Spec.Mode, remembered.Status.Outcome = nil, v1alpha1.Suggest, v1alpha1.Outcome{}
	remembered.Status.Observed.Failing = &v1alpha1.Failing{Container: "app"}

	for _, test := range []struct {
		name      string
		known     *v1alpha1.Remediation
		diagnosis engine.Diagnosis
		verdict   verdict
	}{
		{name: "the next attempt", known: first, diagnosis: oom("256Mi", []string{first.Mark()}, noon.Add(time.Minute)), verdict: escalated},
		{name: "an attempt that starts anew", known: superseded, diagnosis: oom("512Mi", nil, noon.Add(time.Minute)), verdict: escalated},
		{name: "a cure where none was known", known: remembered, diagnosis: oom("128Mi", nil, noon.Add(time.Minute)), verdict: learned},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := noon.Add(2 * time.Hour)
			want, verdict, err := learn(test.known, test.diagnosis, evidence.Evidence{}, engine.Situation{}, now)
			require.NoError(t, err)
			require.Equal(t, test.verdict, verdict)
			left := interrupted(test.known, want)
			next, verdict, err := learn(left, test.diagnosis, evidence.Evidence{}, engine.Situation{}, now.Add(time.Minute))
			require.NoError(t, err)
			require.Equal(t, test.verdict, verdict)
			require.Equal(t, want.Spec, next.Spec)
			require.Equal(t, want.Status, next.Status)
			_, _, is := halfWritten(next)
			require.False(t, is, "once is enough")
		})
	}
}

func TestHalfWritten(t *testing.T) {
	for _, test := range []struct {
		name, mark string
		attempt    int32 // of the status, which was learned at noon
		is         bool
	}{
		{name: "a Remediation that says nothing of it is whole", attempt: 1},
		{name: "actions that are as old as the status go with it", mark: "1@2026-03-01T12:00:00Z", attempt: 1},
		{name: "actions that are older than the status were followed by others", mark: "1@2026-03-01T11:00:00Z", attempt: 2},
		{name: "actions that are newer than the status wait for theirs", mark: "1@2026-03-01T12:00:01Z", attempt: 1, is: true},
		{name: "actions of another attempt in the same second wait for theirs", mark: "2@2026-03-01T12:00:00Z", attempt: 1, is: true},
		{name: "an attempt that does not exist is not believed", mark: "9@2026-03-01T13:00:00Z", attempt: 1},
		{name: "what can't be read is not believed", mark: "2@soon", attempt: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := metav1.NewTime(noon)
			known := &v1alpha1.Remediation{Status: v1alpha1.RemediationStatus{LearnedAt: &at, Outcome: v1alpha1.Outcome{Attempt: test.attempt}}}
			known.Annotations = map[string]string{v1alpha1.LearnedAnnotation: test.mark}
			_, _, is := halfWritten(known)
			require.Equal(t, test.is, is)
		})
	}
}

func TestRemediationName(t *testing.T) {
	name := func(workload, container string) string {
		diagnosis := oom("1Mi", nil, noon)
		diagnosis.Workload.Name, diagnosis.Container = workload, container
		return remediationName(diagnosis)
	}
	require.Equal(t, "deployment-web-oomkilled-app", name("web", "app"))
	require.Equal(t, "deployment-web-oomkilled", name("web", ""), "a failure of the pod as a whole has no container")
	long := name(strings.Repeat("w", 253), "app")
	require.Len(t, long, maxName)
	require.NotEqual(t, long, name(strings.Repeat("w", 253), "app2"), "long names differ by their hash")
	require.NotEqual(t, name("a", "b-oomkilled-c"), name("a-oomkilled-b", "c"), "parts that could be split two ways differ by their hash")
	require.Equal(t, name("a", "b-oomkilled-c"), name("a", "b-oomkilled-c"))
}

func TestWhatIsKnownByPrefixOrAppHasANameOfItsOwn(t *testing.T) {
	name := func(change func(*evidence.Workload)) string {
		diagnosis := oom("1Mi", nil, noon)
		diagnosis.Workload = evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "worker-3f9c2d1e"}
		change(&diagnosis.Workload)
		first := mustLearn(t, nil, func() engine.Diagnosis { diagnosis.MemoryLimit = resource.MustParse("1Mi"); return diagnosis }())
		require.Equal(t, remediationName(diagnosis), first.Name)
		require.Equal(t, refOf(diagnosis.Workload), first.Spec.TargetRef)
		require.Equal(t, first.Spec.TargetRef.String(), first.Status.Target)
		require.Empty(t, validation.IsDNS1123Subdomain(first.Name))
		return first.Name
	}
	app := func(of string) string { return name(func(w *evidence.Workload) { w.AppName = of }) }
	names := []string{
		name(func(*evidence.Workload) {}), name(func(w *evidence.Workload) { w.Name = "worker" }), name(func(w *evidence.Workload) { w.GenerateName = "worker" }),
		name(func(w *evidence.Workload) { w.GenerateName = "worker-" }), app("worker"), app("Worker"), app("my_worker"), app("my.worker"), app("my..worker"), app(strings.Repeat("W", 63)),
	}
	require.Equal(t, "pod-worker-3f9c2d1e-oomkilled-app", names[0])
	require.Equal(t, "pod-worker-oomkilled-app", names[1])
	require.Regexp(t, "^pod-worker-oomkilled-app-[0-9a-f]{8}$", names[4])
	require.Regexp(t, "^pod-my-worker-oomkilled-app-[0-9a-f]{8}$", names[6])
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names))
	require.Equal(t, app("worker"), name(func(w *evidence.Workload) { w.Name, w.AppName = "worker-x7k2p", "worker" }), "whatever the pod is called")
}

func TestCountNeverOverflows(t *testing.T) {
	remediation := &v1alpha1.Remediation{}
	remediation.Status.Observed.Occurrences = 1<<31 - 1
	first := metav1.NewTime(noon)
	remediation.Status.Observed.FirstSeen = &first
	count(remediation, []engine.Failure{{Time: noon}})
	require.EqualValues(t, 1<<31-1, remediation.Status.Observed.Occurrences)
}
