package main

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestScheduleFailsEveryPodOnceAtEqualDistances(t *testing.T) {
	o := options{size: size{pods: 1000}, rate: 50, marks: 2, during: 10 * time.Second, rounds: 2}
	everFailed := map[int]bool{}
	var schedules []schedule
	for round := range o.rounds {
		by := newSchedule(o, round)
		schedules = append(schedules, by)
		failed := 0
		for n := range o.updates() {
			pod, fails := by.at(n)
			require.Equal(t, n%25 == 24, fails)
			again, _ := by.at(n)
			require.Equal(t, pod, again, "the same update is always of the same pod")
			if fails {
				failed++
				require.False(t, everFailed[pod], "it fails in one round only")
				everFailed[pod] = true
			}
		}
		require.Equal(t, o.failures(), failed)
	}
	updated := map[int]bool{}
	for _, by := range schedules {
		for n := range o.updates() {
			if pod, fails := by.at(n); !fails {
				require.False(t, everFailed[pod], "pods that fail are not updated otherwise")
				updated[pod] = true
			}
			_, fails := by.withoutFailures().at(n)
			require.False(t, fails)
		}
	}
	require.Greater(t, len(updated), 500, "updates are of random pods")
}

func TestScheduleWithoutFailures(t *testing.T) {
	o := options{size: size{pods: 3}, rate: 10, during: time.Second}
	require.Zero(t, o.failures())
	for n := range o.updates() {
		_, fails := newSchedule(o, 0).at(n)
		require.False(t, fails)
	}
}

func TestPaceLeavesOutWhatIsTooLateButNoFailure(t *testing.T) {
	o := options{size: size{pods: 1000}, rate: 100, marks: 1, during: 10 * time.Second}
	for _, c := range []struct {
		name      string
		takes     time.Duration // of each write
		sent      int
		most      time.Duration
		leavesOut bool
	}{
		{name: "an API server that keeps up", takes: 50 * time.Millisecond, sent: 1000, most: 10050 * time.Millisecond},
		{name: "one that takes 16 a second", takes: 500 * time.Millisecond, sent: 180, most: 12 * time.Second, leavesOut: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				by, began := newSchedule(o, 0), time.Now()
				var failed atomic.Int32
				sent, err := pace(t.Context(), io.Discard, o, by, func(_ context.Context, _, _ int, fails bool) error {
					time.Sleep(c.takes)
					if fails {
						failed.Add(1)
					}
					return nil
				})
				require.NoError(t, err)
				require.LessOrEqual(t, sent, c.sent)
				require.Equal(t, c.leavesOut, sent < o.updates())
				require.LessOrEqual(t, time.Since(began), c.most)
				require.Equal(t, int32(o.failures()), failed.Load())
			})
		})
	}
}

func TestPatchesOfStatuses(t *testing.T) {
	// As kwok leaves it (hack/devcluster/stages.yaml).
	pod := &corev1.Pod{Status: corev1.PodStatus{
		Conditions:        []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true}, {Name: "istio-proxy", Ready: true}},
	}}
	apply := func(to *corev1.Pod, what []patch) *corev1.Pod {
		before, err := json.Marshal(to)
		require.NoError(t, err)
		raw, err := json.Marshal(what)
		require.NoError(t, err)
		operations, err := jsonpatch.DecodePatch(raw)
		require.NoError(t, err)
		after, err := operations.Apply(before)
		require.NoError(t, err)
		patched := &corev1.Pod{}
		require.NoError(t, json.Unmarshal(after, patched))
		return patched
	}
	require.NotEqual(t, apply(pod, healthyPatch(1)), apply(pod, healthyPatch(2)), "each is another, else there is no event")
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	failed := apply(pod, failingPatch(now))
	first := failed.Status.ContainerStatuses[0]
	require.Equal(t, int32(1), first.RestartCount)
	require.Equal(t, "OOMKilled", first.LastTerminationState.Terminated.Reason)
	require.True(t, now.Equal(first.LastTerminationState.Terminated.FinishedAt.Time))
	require.Equal(t, pod.Status.ContainerStatuses[1], failed.Status.ContainerStatuses[1])
	require.Equal(t, pod.Status, apply(failed, mendingPatch()).Status)
}

func TestLedger(t *testing.T) {
	l := newLedger()
	name := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: "shop", Name: name}
	}
	remediation := func(name string, phase v1alpha1.Phase) *v1alpha1.Remediation {
		return &v1alpha1.Remediation{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: v1alpha1.RemediationSpec{TargetRef: v1alpha1.TargetRef{Name: name}},
			Status: v1alpha1.RemediationStatus{Phase: phase},
		}
	}
	sent := time.Now().Add(-time.Hour)
	l.wrote(name("a"), sent, sent.Add(20*time.Millisecond))
	l.wrote(name("b"), sent, sent.Add(40*time.Millisecond))
	l.saw(remediation("a", ""))
	lags, failures := l.lags()
	require.Empty(t, lags, "a Remediation without a status is not whole")
	require.Equal(t, 2, failures)
	l.saw(remediation("a", v1alpha1.PhaseLearned))
	l.saw(remediation("c", v1alpha1.PhaseLearned))
	lags, failures = l.lags()
	require.Len(t, lags, 1)
	require.InDelta(t, time.Hour-20*time.Millisecond, lags[0], float64(10*time.Second))
	require.Equal(t, 2, failures)
	l.saw(remediation("a", v1alpha1.PhaseLearned))
	again, _ := l.lags()
	require.Equal(t, lags, again, "the first time counts")
	require.ElementsMatch(t, []time.Duration{20 * time.Millisecond, 40 * time.Millisecond}, l.writes())
	require.Equal(t, 1, l.others())
}
