package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// TestARefusalAtTheStartDoesNotExplainSlowAnswers has a readiness probe that met a closed port as the container started, and
// slow answers from then on.
func TestARefusalAtTheStartDoesNotExplainSlowAnswers(t *testing.T) {
	confidence := func(refusals, timeouts int32) int32 {
		unhealthy := func(why string, count int32) evidence.Event {
			return evidence.Event{
				Object: "pod/tiles-1", Pod: "tiles-1", Container: "app", Type: corev1.EventTypeWarning, Reason: "Unhealthy", Count: count,
				Message: `Readiness probe failed: Get "http://10.244.1.7:8080/ready": ` + why, Time: noon.Add(40 * time.Second),
			}
		}
		found := newEngine(t).Diagnose(evidence.Evidence{
			Workload: evidence.Workload{Kind: "Deployment", Name: "tiles"}, ObservedAt: noon.Add(42 * time.Second),
			Pods: []evidence.Pod{{Name: "tiles-1", Created: noon, Status: corev1.PodStatus{Phase: corev1.PodRunning}}},
			Containers: []evidence.Container{{
				Pod: "tiles-1", Name: "app", Kind: evidence.App, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
				Spec: corev1.Container{Name: "app", ReadinessProbe: &corev1.Probe{TimeoutSeconds: 1, PeriodSeconds: 4}},
			}},
			Events: []evidence.Event{
				unhealthy("dial tcp 10.244.1.7:8080: connect: connection refused", refusals),
				unhealthy("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", timeouts),
			},
		})
		require.NotEmpty(t, found)
		if found[0].Finding.RootCauseID != "probe-slow-answer" {
			return 0
		}
		return found[0].Finding.Confidence
	}
	require.GreaterOrEqual(t, confidence(1, 8), int32(engine.HealAt))
	require.Less(t, confidence(4, 8), int32(engine.HealAt), "a port that is closed for long is another matter")
}
