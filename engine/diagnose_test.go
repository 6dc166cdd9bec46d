package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newEngine(t testing.TB) *engine.Engine {
	t.Helper()
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	return engine.New(known)
}

func ended(reason string, exitCode int32, at time.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: reason, ExitCode: exitCode, StartedAt: metav1.NewTime(at.Add(-4 * time.Second)), FinishedAt: metav1.NewTime(at),
	}}
}

func memory(limit, request string) corev1.ResourceRequirements {
	var required corev1.ResourceRequirements
	if limit != "" {
		required.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}
	}
	if request != "" {
		required.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(request)}
	}
	return required
}

func TestDiagnose(t *testing.T) {
	app := evidence.Container{Pod: "web-1", Name: "app", Kind: evidence.App, Resources: memory("128Mi", "64Mi")}
	with := func(change func(*evidence.Container)) []evidence.Container {
		container := app
		change(&container)
		return []evidence.Container{container}
	}
	for _, test := range []struct {
		name       string
		containers []evidence.Container
		cause      string // empty for healthy
		confidence int32
		failures   int
	}{
		{
			name: "the runtime's verdict on the first process is believed", cause: "memory-limit-too-low", confidence: 92, failures: 1,
			containers: with(func(c *evidence.Container) { c.RestartCount = 1; c.LastState = ended("OOMKilled", 137, noon) }),
		},
		{
			name: "a second kill adds confidence, and both runs count", cause: "memory-limit-too-low", confidence: 96, failures: 2,
			containers: with(func(c *evidence.Container) {
				c.RestartCount = 2
				c.LastState, c.State = ended("OOMKilled", 137, noon), ended("OOMKilled", 137, noon.Add(time.Minute))
			}),
		},
		{
			name: "a killed child process is told from the first process", cause: "child-process-killed", confidence: 0, failures: 1,
			containers: with(func(c *evidence.Container) { c.LastState = ended("OOMKilled", 1, noon) }),
		},
		{
			name: "an init container that ended with 0 was still OOM-killed", cause: "init-container-oom", confidence: 0, failures: 1,
			containers: with(func(c *evidence.Container) { c.Kind = evidence.Init; c.State = ended("OOMKilled", 0, noon) }),
		},
		{
			name: "without a limit there is nothing to raise", cause: "memory-without-limit", confidence: 92, failures: 1,
			containers: with(func(c *evidence.Container) {
				c.Resources = memory("", "64Mi")
				c.LastState = ended("OOMKilled", 137, noon)
			}),
		},
		{
			name:       "exit code 137 alone is not an OOM kill",
			containers: with(func(c *evidence.Container) { c.LastState = ended("Error", 137, noon) }),
		},
		{
			name:       "a container that the kubelet lost is not an OOM kill",
			containers: with(func(c *evidence.Container) { c.LastState = ended("ContainerStatusUnknown", 137, noon) }),
		},
		{
			name: "a program that says Killed and exits is not an OOM kill",
			containers: with(func(c *evidence.Container) {
				c.LastState = ended("Error", 1, noon)
				c.LastState.Terminated.Message = "Killed: out of memory"
			}),
		},
		{name: "a running container is healthy", containers: []evidence.Container{app}},
		{name: "no containers are healthy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := newEngine(t).Diagnose(evidence.Evidence{Workload: evidence.Workload{Kind: "Deployment", Name: "web"}, Containers: test.containers})
			if test.cause == "" {
				for _, other := range found {
					require.NotEqual(t, v1alpha1.OOMKilled, other.FailureType)
				}
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, v1alpha1.OOMKilled, found[0].FailureType)
			require.Equal(t, "app", found[0].Container)
			require.Equal(t, test.cause, found[0].Finding.RootCauseID)
			if test.confidence > 0 {
				require.Equal(t, test.confidence, found[0].Finding.Confidence)
			}
			require.GreaterOrEqual(t, found[0].Finding.Confidence, int32(engine.HealAt))
			require.Equal(t, v1alpha1.RiskCritical, found[0].Finding.RiskLevel)
			require.Len(t, found[0].Failures, test.failures)
			require.NotEmpty(t, found[0].Finding.Evidence)
			require.GreaterOrEqual(t, len(found[0].Finding.SuggestedFixes), 3)
		})
	}
}

func TestDiagnoseCitesWhatItRestsOn(t *testing.T) {
	found := newEngine(t).Diagnose(evidence.Evidence{
		Containers: []evidence.Container{{
			Pod: "web-1", Name: "app", RestartCount: 1, Resources: memory("128Mi", ""), LastState: ended("OOMKilled", 137, noon),
		}},
		Events: []evidence.Event{
			{Object: "pod/other", Reason: "BackOff", Message: "of another pod"},
			{Object: "pod/web-1", Reason: "BackOff", Message: "Back-off restarting failed container app", Time: noon},
		},
	})
	require.Len(t, found, 1)
	require.Equal(t, "container app needs more memory than its limit of 128Mi: the kernel killed it 4s after its start", found[0].Finding.RootCause)
	var cited []string
	for _, citation := range found[0].Finding.Evidence {
		cited = append(cited, citation.Source+": "+citation.Text)
	}
	require.Equal(t, []string{
		"pod/web-1 container app: previous run terminated: reason OOMKilled, exit code 137",
	}, cited)
}

func TestPrescribe(t *testing.T) {
	diagnose := func(limit, request string) (engine.Diagnosis, evidence.Evidence) {
		observed := evidence.Evidence{Containers: []evidence.Container{
			{Name: "app", Resources: memory(limit, request), LastState: ended("OOMKilled", 137, noon)},
		}}
		found := newEngine(t).Diagnose(observed)
		require.Len(t, found, 1)
		return found[0], observed
	}
	t.Run("a limit that was too low is doubled", func(t *testing.T) {
		diagnosis, observed := diagnose("128Mi", "64Mi")
		prescribed, err := engine.Prescribe(diagnosis, observed, engine.Situation{})
		require.NoError(t, err)
		actions := prescribed.Actions
		require.Equal(t, v1alpha1.Heal, prescribed.Mode)
		require.Len(t, actions, 1)
		require.Equal(t, "128Mi", actions[0].IncreaseMemory.FailedLimit.String())
		require.Equal(t, "256Mi", actions[0].IncreaseMemory.Limit.String())
		require.Equal(t, "128Mi", actions[0].IncreaseMemory.Request.String())
	})
	t.Run("a container without a limit has no remedy, and the reason is given", func(t *testing.T) {
		diagnosis, observed := diagnose("", "")
		_, err := engine.Prescribe(diagnosis, observed, engine.Situation{})
		require.EqualError(t, err, "container app has no memory limit that could be raised")
	})
	t.Run("a failure type without a remedy is refused by name", func(t *testing.T) {
		_, err := engine.Prescribe(engine.Diagnosis{FailureType: v1alpha1.NodeNotReady}, evidence.Evidence{}, engine.Situation{})
		require.EqualError(t, err, "no remedy is known for NodeNotReady ()")
	})
}

func TestAStartupProbeMayFailForAsLongAsItLetsTheProgramStart(t *testing.T) {
	observed := evidence.Evidence{
		Workload:   evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		ObservedAt: noon,
		Pods:       []evidence.Pod{{Name: "web-1", UID: "1", Created: noon.Add(-50 * time.Second), Status: corev1.PodStatus{Phase: corev1.PodRunning}}},
		Containers: []evidence.Container{{
			Pod: "web-1", Name: "app", Kind: evidence.App,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-48 * time.Second))}},
			Spec:  corev1.Container{Name: "app", Image: "web", StartupProbe: &corev1.Probe{PeriodSeconds: 2, FailureThreshold: 150}},
		}},
		Events: []evidence.Event{{
			Object: "pod/web-1", Pod: "web-1", Container: "app", Type: "Warning", Reason: "Unhealthy", Count: 24, Time: noon.Add(-time.Second),
			Message: `Startup probe failed: Get "http://10.0.0.7:8080/healthz": dial tcp 10.0.0.7:8080: connect: connection refused`,
		}},
	}
	require.Empty(t, newEngine(t).Diagnose(observed))
	observed.Containers[0].Spec.StartupProbe.FailureThreshold = 20
	require.NotEmpty(t, newEngine(t).Diagnose(observed), "when its time is over it has failed")
}
