package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestWorsened(t *testing.T) {
	cure := mustLearn(t, nil, oom("128Mi", nil, noon))
	cure.Status.Observed.RanSeconds = 60
	mark := cure.Mark()
	failure := func(kind v1alpha1.FailureType, container string, ran time.Duration, marks ...[]string) engine.Diagnosis {
		found := oom("256Mi", nil, noon)
		found.FailureType, found.Container, found.Failures = kind, container, nil
		for _, carried := range marks {
			found.Failures = append(found.Failures, engine.Failure{Pod: "web-1", Marks: carried, Time: noon, Ran: ran})
		}
		return found
	}
	carried := []string{"other@1", mark}
	verified := cure.DeepCopy()
	verified.Status.Phase = v1alpha1.PhaseVerified
	scaling := evidence.Evidence{Events: []evidence.Event{{Reason: "TriggeredScaleUp"}}}
	for _, test := range []struct {
		name     string
		known    *v1alpha1.Remediation
		found    engine.Diagnosis
		observed evidence.Evidence
		worse    bool
	}{
		{name: "pods that no node has room for any more", known: cure, found: failure(v1alpha1.Pending, "", 0, carried), worse: true},
		{name: "such pods for which a node is on its way", known: cure, found: failure(v1alpha1.Pending, "", 0, carried), observed: scaling},
		{name: "a container that ends sooner than it did", known: cure, found: failure(v1alpha1.CrashLoopBackOff, "app", time.Second, carried), worse: true},
		{name: "a container that got further than it did", known: cure, found: failure(v1alpha1.CrashLoopBackOff, "app", 2*time.Minute, carried)},
		{name: "a container of which nobody knows how long it ran", known: cure, found: failure(v1alpha1.CrashLoopBackOff, "app", 0, carried)},
		{name: "another container", known: cure, found: failure(v1alpha1.CrashLoopBackOff, "sidecar", time.Second, carried)},
		{name: "pods without the cure fail so too", known: cure, found: failure(v1alpha1.CrashLoopBackOff, "app", time.Second, nil, carried)},
		{name: "the failure itself, which is for the next attempt", known: cure, found: failure(v1alpha1.OOMKilled, "app", time.Second, carried)},
		{name: "a node that is lost", known: cure, found: failure(v1alpha1.NodeNotReady, "", 0, carried)},
		{name: "a cure that has proven itself", known: verified, found: failure(v1alpha1.CrashLoopBackOff, "app", time.Second, carried)},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := worsened(target{stored: map[string]*v1alpha1.Remediation{test.known.Name: test.known}}, test.found, test.observed)
			require.Equal(t, test.worse, found != nil)
		})
	}
	for name, mark := range map[string]string{"pods that are refused": mark, "pods that are refused without the cure": ""} {
		t.Run(name, func(t *testing.T) {
			refused := failure(v1alpha1.Pending, "", 0, nil)
			refused.Failures[0].Pod, refused.Failures[0].Time = "", cure.Status.LearnedAt.Time
			of := target{stored: map[string]*v1alpha1.Remediation{cure.Name: cure}, live: liveDeployment("256Mi", mark), template: underSpec}
			require.Equal(t, mark != "", worsened(of, refused, evidence.Evidence{}) != nil)
			refused.Failures[0].Time = cure.Status.LearnedAt.Add(-time.Second)
			require.Nil(t, worsened(of, refused, evidence.Evidence{}), "it was there before the cure")
		})
	}
	t.Run("a failure that was known before", func(t *testing.T) {
		found := failure(v1alpha1.CrashLoopBackOff, "app", time.Second, carried)
		stored := map[string]*v1alpha1.Remediation{cure.Name: cure, remediationName(found): {}}
		require.Nil(t, worsened(target{stored: stored}, found, evidence.Evidence{}))
	})
}

func TestWhatFailsLateIsWaitedForLonger(t *testing.T) {
	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	for _, test := range []struct {
		name   string
		ran    time.Duration
		window time.Duration
	}{
		{"nobody knows how long it ran", 0, time.Minute},
		{"it failed at once", 5 * time.Second, time.Minute},
		{"it failed after an hour", time.Hour, 2 * time.Hour},
		{"it failed after a week", 7 * 24 * time.Hour, 24 * time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			known.Status.Observed.RanSeconds = int64(test.ran / time.Second)
			require.Equal(t, test.window, stabilization(known, time.Minute))
		})
	}
}
