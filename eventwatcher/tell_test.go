package eventwatcher

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestNewsAreToldOnce(t *testing.T) {
	clients := fake.NewClientset()
	w := &Watcher{clients: clients, clock: clock.RealClock{}, log: slog.New(slog.DiscardHandler)}
	live := liveDeployment("128Mi", "")
	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	tell := func(known *v1alpha1.Remediation, reason string) {
		told := news{warns: corev1.EventTypeNormal, reason: reason, text: "app memory limit 128Mi → 256Mi"}
		require.NoError(t, told.since(known))
		require.NoError(t, w.tell(t.Context(), refer(live), told))
	}
	count := func() int {
		events, err := clients.CoreV1().Events(live.GetNamespace()).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(events.Items)
	}
	tell(known, "RemediationApplied")
	tell(known, "RemediationApplied")
	require.Equal(t, 1, count(), "the same from where the same stood")
	tell(known, "RemediationVerified")
	require.Equal(t, 2, count(), "something else")
	tell(toPhase(toPhase(known, v1alpha1.PhaseApplied, noon), v1alpha1.PhaseLearned, noon.Add(time.Hour)), "RemediationApplied")
	require.Equal(t, 2, count(), "where nothing differs, nothing is told")
	again := known.DeepCopy()
	again.Status.Observed.Occurrences++
	tell(again, "RemediationApplied")
	require.Equal(t, 3, count(), "the same from where something else stood")
}

func TestTellGivesUpOnlyWhatMayNotBeWritten(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		again bool
	}{
		{name: "an Event that is forbidden is left out", err: apierrors.NewForbidden(corev1.Resource("events"), "web", errors.New("quota"))},
		{name: "an Event of a namespace that is gone is left out", err: apierrors.NewNotFound(corev1.Resource("namespaces"), "shop")},
		{name: "an API server that does not answer is asked again", err: context.DeadlineExceeded, again: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			clients := fake.NewClientset()
			clients.PrependReactor("create", "events", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			w := &Watcher{clients: clients, clock: clock.RealClock{}, log: slog.New(slog.DiscardHandler)}
			err := w.tell(t.Context(), refer(liveDeployment("128Mi", "")), news{reason: "RemediationApplied"})
			require.Equal(t, test.again, err != nil)
		})
	}
}

func TestNamesOfEventsAreValid(t *testing.T) {
	live := liveDeployment("128Mi", "")
	live.SetName(strings.Repeat("w", maxEventName-1) + "." + strings.Repeat("w", 50))
	name := eventName(refer(live), news{reason: "RemediationApplied"})
	require.LessOrEqual(t, len(name), 253)
	require.NotContains(t, name, "..")
}
