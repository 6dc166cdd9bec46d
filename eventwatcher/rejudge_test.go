package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestMisjudged(t *testing.T) {
	at := metav1.NewTime(noon)
	crash := func(change func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
		known := &v1alpha1.Remediation{
			Spec: v1alpha1.RemediationSpec{FailureType: v1alpha1.CrashLoopBackOff, Mode: v1alpha1.Suggest},
			Status: v1alpha1.RemediationStatus{
				Phase: v1alpha1.PhaseLearned, LearnedAt: &at, Diagnosis: &v1alpha1.Diagnosis{},
				Observed: v1alpha1.Observed{Occurrences: 1, FirstSeen: &at, LastSeen: &at, Failing: &v1alpha1.Failing{Container: "app"}},
			},
		}
		if change != nil {
			change(known)
		}
		return known
	}
	killed := oom("128Mi", nil, noon)
	killed.Failures[0].Ran = 3 * time.Second
	sidecar, later, crashes := killed, oom("128Mi", nil, noon.Add(time.Second)), killed
	sidecar.Container, crashes.FailureType = "sidecar", v1alpha1.CrashLoopBackOff
	later.Failures[0].Ran = 3 * time.Second
	before := metav1.NewTime(noon.Add(-time.Minute))
	for _, test := range []struct {
		name      string
		known     *v1alpha1.Remediation
		diagnoses []engine.Diagnosis
		misjudged bool
	}{
		{"the runtime said only later that it was the memory", crash(nil), []engine.Diagnosis{killed}, true},
		{"another container was killed", crash(nil), []engine.Diagnosis{sidecar}, false},
		{"another run was killed", crash(nil), []engine.Diagnosis{later}, false},
		{"it fails in both ways", crash(nil), []engine.Diagnosis{killed, crashes}, false},
		{"nothing is found any more", crash(nil), nil, false},
		{"it was seen before that", crash(func(r *v1alpha1.Remediation) { r.Status.Observed.FirstSeen = &before }), []engine.Diagnosis{killed}, false},
		{"its cure is in place", crash(func(r *v1alpha1.Remediation) { r.Status.Phase = v1alpha1.PhaseApplied }), []engine.Diagnosis{killed}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.misjudged, misjudged(test.known, test.diagnoses))
		})
	}
}

func TestASuggestionAboutAStartIsForNothingOncePodsCameUp(t *testing.T) {
	const window = time.Minute
	last := metav1.NewTime(noon.Add(-3 * time.Minute))
	known := func(change func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
		made := &v1alpha1.Remediation{
			Spec: v1alpha1.RemediationSpec{FailureType: v1alpha1.ProbeFailure, Mode: v1alpha1.Suggest, Actions: make([]v1alpha1.Action, 1)},
			Status: v1alpha1.RemediationStatus{
				Phase: v1alpha1.PhaseLearned, LearnedAt: &last, Diagnosis: &v1alpha1.Diagnosis{},
				Observed: v1alpha1.Observed{FirstSeen: &last, LastSeen: &last}, Outcome: v1alpha1.Outcome{Attempt: 1},
			},
		}
		if change != nil {
			change(made)
		}
		return made
	}
	pod := func(age, readySince time.Duration, restarts int32) *corev1.Pod {
		made := podWith("", corev1.ConditionTrue, noon.Add(-readySince))
		made.CreationTimestamp = metav1.NewTime(noon.Add(-age))
		made.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", RestartCount: restarts}}
		return made
	}
	unready := pod(4*time.Minute, 2*time.Minute, 0)
	unready.Status.Conditions[0].Status = corev1.ConditionFalse
	for _, test := range []struct {
		name  string
		known *v1alpha1.Remediation
		pods  []*corev1.Pod
		is    bool
		wait  time.Duration
	}{
		{name: "ready a while after it failed, and ever since", known: known(nil), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 0)}, is: true},
		{name: "ready for less than counts", known: known(nil), pods: []*corev1.Pod{pod(4*time.Minute, 20*time.Second, 0)}, wait: 40 * time.Second},
		{name: "one of two is not ready", known: known(nil), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 0), unready}},
		{name: "none is there", known: known(nil)},
		{name: "a restart made it ready", known: known(nil), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 1)}},
		{name: "it was ready before it failed", known: known(nil), pods: []*corev1.Pod{pod(9*time.Minute, 5*time.Minute, 0)}},
		{name: "it comes and goes long after its start", known: known(nil), pods: []*corev1.Pod{pod(time.Hour, 2*time.Minute, 0)}},
		{name: "a cure that heals stays", known: known(func(r *v1alpha1.Remediation) { r.Spec.Mode = v1alpha1.Heal }), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 0)}},
		{name: "another failure stays", known: known(func(r *v1alpha1.Remediation) { r.Spec.FailureType = v1alpha1.CrashLoopBackOff }), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 0)}},
		{name: "one that a person wrote stays", known: known(func(r *v1alpha1.Remediation) { r.Status.Observed = v1alpha1.Observed{} }), pods: []*corev1.Pod{pod(4*time.Minute, 2*time.Minute, 0)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			is, wait := cameUp(test.known, test.pods, window, noon)
			require.Equal(t, test.is, is)
			require.Equal(t, test.wait, wait)
		})
	}
}
