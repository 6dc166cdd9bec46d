package eventwatcher

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestAttemptsWaitTwiceAsLongEachTime(t *testing.T) {
	learned := metav1.NewTime(noon)
	for attempt, want := range map[int32]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second} {
		known := &v1alpha1.Remediation{Status: v1alpha1.RemediationStatus{LearnedAt: &learned, Outcome: v1alpha1.Outcome{Attempt: attempt}}}
		require.Equal(t, noon.Add(want), readmitAt(known, 0))
		require.Equal(t, noon.Add(2*want), readmitAt(known, 1))
	}
}

func TestOnlyWhatItsOwnerLetsIsReadmitted(t *testing.T) {
	for _, test := range []struct {
		name, kind  string
		annotations map[string]any
		namespace   string
		want        bool
	}{
		{"nothing is said", "Deployment", nil, "", false},
		{"auto", "Deployment", map[string]any{v1alpha1.ReapplyAnnotation: "auto"}, "", true},
		{"another value", "Deployment", map[string]any{v1alpha1.ReapplyAnnotation: "yes"}, "", false},
		{"what can't be changed", "Job", map[string]any{v1alpha1.ReapplyAnnotation: "auto"}, "auto", false},
		{"the namespace's owner says it", "Deployment", nil, "auto", true},
		{"the workload's owner knows better than the namespace's", "Deployment", map[string]any{v1alpha1.ReapplyAnnotation: "no"}, "auto", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := &unstructured.Unstructured{Object: map[string]any{"kind": test.kind, "metadata": map[string]any{"annotations": test.annotations}}}
			require.Equal(t, test.want, handsFree(live, map[string]string{v1alpha1.ReapplyAnnotation: test.namespace}))
		})
	}
}

func TestAStormIsNotHealed(t *testing.T) {
	var r readmissions
	for range storm {
		r.saw(noon)
	}
	wait, _ := r.admit("a", noon)
	require.Zero(t, wait)
	r.saw(noon)
	wait, why := r.admit("b", noon)
	require.Equal(t, time.Minute, wait)
	require.Equal(t, "41 workloads failed within a minute: that is an outage, and not their manifests", why)
	wait, _ = r.admit("b", noon.Add(time.Minute))
	require.Zero(t, wait, "it is over")
}

func TestReadmissionsArePacedForTheWholeCluster(t *testing.T) {
	var r readmissions
	for i := range readmitPace {
		wait, _ := r.admit(fmt.Sprint(i), noon.Add(time.Duration(i)*time.Second))
		require.Zero(t, wait)
	}
	wait, _ := r.admit("one more", noon.Add(30*time.Second))
	require.Equal(t, 31*time.Second, wait)
	require.Zero(t, r.tries("one more"))
	require.Equal(t, 1, r.tries("0"))
}
