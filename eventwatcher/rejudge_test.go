package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
