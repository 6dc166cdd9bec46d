package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestWhatKeepsAYoungPodFromStartingIsNotBelievedAtOnce(t *testing.T) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}
	for _, test := range []struct {
		name  string
		pod   string
		age   time.Duration
		last  corev1.ContainerState
		young time.Duration
	}{
		{"a pod that was just made", "a", 2 * time.Second, corev1.ContainerState{}, 13 * time.Second},
		{"one that had its time", "a", 15 * time.Second, corev1.ContainerState{}, 0},
		{"one whose container ended", "a", 2 * time.Second, ended, 0},
		{"a failure without a pod", "", 2 * time.Second, corev1.ContainerState{}, 0},
		{"a pod that was not observed", "b", 2 * time.Second, corev1.ContainerState{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			observed := evidence.Evidence{
				Pods:       []evidence.Pod{{Name: "a", Created: noon}},
				Containers: []evidence.Container{{Pod: "a", LastState: test.last}},
			}
			diagnosis := engine.Diagnosis{Failures: []engine.Failure{{Pod: test.pod}}}
			require.Equal(t, test.young, tooYoung(diagnosis, observed, noon.Add(test.age)))
		})
	}
}

func TestOnlyWhatIsOldEnoughIsBelieved(t *testing.T) {
	w := &Watcher{clock: clocktesting.NewFakeClock(noon.Add(10 * time.Second))}
	observed := evidence.Evidence{Pods: []evidence.Pod{{Name: "old", Created: noon.Add(-time.Hour)}, {Name: "young", Created: noon}, {Name: "younger", Created: noon.Add(5 * time.Second)}}}
	failure := func(pod string) engine.Diagnosis { return engine.Diagnosis{Failures: []engine.Failure{{Pod: pod}}} }
	believed, young := w.believe([]engine.Diagnosis{failure("younger"), failure("old"), failure("young")}, observed)
	require.Equal(t, []engine.Diagnosis{failure("old")}, believed)
	require.Equal(t, 5*time.Second, young, "until the first of the others is old enough")
}
