package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestHowLongAContainerIsUpSinceItsLastRestart(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(now.Add(-2 * time.Hour))}}
	for _, test := range []struct {
		name      string
		created   time.Time
		container evidence.Container
		want      time.Duration
	}{
		{"since the end that is known", now.Add(-40 * time.Hour), evidence.Container{RestartCount: 3, LastState: ended}, 2 * time.Hour},
		{"since the start that is known", now.Add(-40 * time.Hour), evidence.Container{
			RestartCount: 3, LastState: ended,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-time.Minute))}},
		}, time.Minute},
		{"as long as each of its runs where it is not", now.Add(-40 * time.Hour), evidence.Container{RestartCount: 3}, 10 * time.Hour},
		{"nobody knows without an age", time.Time{}, evidence.Container{RestartCount: 3}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &history{now: now}
			require.Equal(t, test.want, h.upFor(evidence.Pod{Created: test.created}, test.container))
		})
	}
}

func TestAPodThatHasItsNodeIsNotSaidToWaitForOne(t *testing.T) {
	pod := evidence.Pod{Name: "web-1", Spec: corev1.PodSpec{NodeName: "worker-1"}}
	containers := []evidence.Container{{Pod: "web-1", Name: "web"}}
	require.True(t, newHistory(evidence.Evidence{Pods: []evidence.Pod{pod}, Containers: containers}).hasNode())
	pod.Spec.NodeName = ""
	require.False(t, newHistory(evidence.Evidence{Pods: []evidence.Pod{pod}, Containers: containers}).hasNode())
}
