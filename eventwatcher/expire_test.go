package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestExpired(t *testing.T) {
	const day = 24 * time.Hour
	learned := metav1.NewTime(noon)
	at := func(days int) *metav1.Time {
		then := metav1.NewTime(noon.Add(time.Duration(days) * day))
		return &then
	}
	for _, test := range []struct {
		name    string
		phase   v1alpha1.Phase
		seen    *metav1.Time
		helped  *metav1.Time
		carried bool
		cause   string
		day     int
		want    v1alpha1.Phase
		gone    bool
		again   time.Duration
	}{
		{name: "a young one stays", phase: "Learned", day: 10, want: "Learned", again: 20 * day},
		{name: "one whose failure is still seen stays", phase: "Learned", seen: at(40), day: 50, want: "Learned", again: 20 * day},
		{name: "one that helped a short while ago stays", phase: "Superseded", helped: at(40), day: 50, want: "Superseded", again: 20 * day},
		{name: "one that a pod template carries helps for ever", phase: "Verified", carried: true, day: 1000, want: "Verified"},
		{name: "one that a person wrote is never taken away", phase: "Learned", cause: v1alpha1.DeclaredCause, day: 1000, want: "Learned"},
		{name: "one that nothing needs expires", phase: "Superseded", day: 30, want: "Expired", again: 30 * day},
		{name: "one that failed expires too", phase: "Failed", day: 31, want: "Expired", again: 29 * day},
		{name: "an expired one is kept for a while", phase: "Expired", day: 40, want: "Expired", again: 20 * day},
		{name: "and then removed", phase: "Expired", day: 60, want: "Expired", gone: true},
		{name: "a failure that comes back in spite of that keeps it", phase: "Expired", seen: at(59), day: 60, want: "Expired", again: 29 * day},
	} {
		t.Run(test.name, func(t *testing.T) {
			known := &v1alpha1.Remediation{Status: v1alpha1.RemediationStatus{
				Diagnosis: &v1alpha1.Diagnosis{RootCauseID: test.cause},
				Phase:     test.phase, LearnedAt: &learned, Observed: v1alpha1.Observed{LastSeen: test.seen}, Outcome: v1alpha1.Outcome{VerifiedAt: test.helped},
			}}
			before := known.DeepCopy()
			next, gone, again := expired(known, test.carried, DefaultExpiry, noon.Add(time.Duration(test.day)*day))
			require.Equal(t, test.want, next.Status.Phase)
			require.Equal(t, test.gone, gone)
			require.Equal(t, test.again, again)
			require.Equal(t, before, known, "what was known is not changed")
		})
	}
}
