package runner

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

func TestScenariosWithNodesOfTheirOwnComeLastAndSomeRunAlone(t *testing.T) {
	plain, alone, node := &scenarios.Scenario{Name: "plain"}, &scenarios.Scenario{Name: "alone", Alone: true}, &scenarios.Scenario{Name: "node"}
	node.Prepare.Nodes = []scenarios.Node{{Name: "one"}}
	require.Equal(t, [][]*scenarios.Scenario{{plain, plain}, {alone}, {node}}, Groups([]*scenarios.Scenario{node, alone, plain, plain}))
}

func TestEachRunsAllAndNoMoreAtATimeThanAsked(t *testing.T) {
	var lock sync.Mutex
	var names []string
	running, most := 0, 0
	all := []*scenarios.Scenario{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}
	Each(t.Context(), 2, all, func(s *scenarios.Scenario) {
		lock.Lock()
		running++
		most = max(most, running)
		names = append(names, s.Name)
		lock.Unlock()
		time.Sleep(time.Millisecond)
		lock.Lock()
		running--
		lock.Unlock()
	})
	slices.Sort(names)
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, names)
	require.LessOrEqual(t, most, 2)
}

// learned is a Remediation as the watch has it.
func learned(t *testing.T, name string, failure v1alpha1.FailureType, cause string, mode v1alpha1.Mode, actions ...v1alpha1.Action) *unstructured.Unstructured {
	t.Helper()
	at := metav1.Now()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "uid"},
		Spec: v1alpha1.RemediationSpec{
			TargetRef: v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, FailureType: failure, Mode: mode, Actions: actions,
		},
		Status: v1alpha1.RemediationStatus{
			Phase: v1alpha1.PhaseLearned, LearnedAt: &at, Diagnosis: &v1alpha1.Diagnosis{RootCauseID: cause, Confidence: 95},
		},
	})
	require.NoError(t, err)
	return &unstructured.Unstructured{Object: raw}
}

func TestWhatIsFoundIsJudgedByWhatTheScenarioExpects(t *testing.T) {
	drop := v1alpha1.Action{DropCommandOverride: &v1alpha1.DropCommandOverride{Container: "app", Override: "x"}}
	for _, test := range []struct {
		name            string
		healing         scenarios.Healing
		found           *unstructured.Unstructured
		detected, cause bool
		problem         string
	}{
		{"as expected", scenarios.Default, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Heal", drop), true, true, ""},
		{"nothing", scenarios.Default, nil, false, false, "no failure was found"},
		{"another type", scenarios.Default, learned(t, "deployment-web-crashloopbackoff-app", "CrashLoopBackOff", "gave-up", "Heal", drop), false, false, "instead of OOMKilled"},
		{"another cause", scenarios.Default, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "heap-too-small", "Heal", drop), true, false, "found the cause heap-too-small instead of memory-limit-too-low"},
		{"another container", scenarios.Default, learned(t, "deployment-web-oomkilled-proxy", "OOMKilled", "memory-limit-too-low", "Heal", drop), true, true, `found it in container "proxy"`},
		{"no remedy", scenarios.Default, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Suggest"), true, true, "no remedy was found"},
		{"only a suggestion", scenarios.Default, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Suggest", drop), true, true, "only suggested"},
		{"a suggestion where one is right", scenarios.Suggestion, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Suggest", drop), true, true, ""},
		{"healing where a suggestion is right", scenarios.Suggestion, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Heal", drop), true, true, "it is not suggested"},
		{"healing where nothing is right", scenarios.None, learned(t, "deployment-web-oomkilled-app", "OOMKilled", "memory-limit-too-low", "Heal", drop), true, true, "it is to be healed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &seen{
				pods: indexer(), remediations: indexer(), failed: map[string]time.Time{}, learned: map[string]time.Time{}, ran: map[string]time.Time{},
			}
			if test.found != nil {
				require.NoError(t, s.remediations.Add(test.found))
			}
			one := &run{Runner: &Runner{seen: s}, namespace: "shop", Scenario: &scenarios.Scenario{
				FailureType: "OOMKilled", RootCause: "memory-limit-too-low", Container: "app", Owner: "Deployment/web", Healing: test.healing,
			}}
			one.outcome = &Outcome{Scenario: one.Scenario}
			over, cancel := context.WithCancel(t.Context())
			cancel() // nothing is waited for
			one.expectFailure(over)
			require.Equal(t, test.detected, one.outcome.Detected)
			require.Equal(t, test.cause, one.outcome.CauseRight)
			if test.problem == "" {
				require.Empty(t, one.outcome.Problems)
			} else {
				require.Contains(t, one.outcome.Problems[0], test.problem)
			}
		})
	}
}

func indexer() cache.Indexer {
	return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
}

func TestARevisionThatRanIsRememberedWhenItIsTakenAway(t *testing.T) {
	at := metav1.Now()
	pod := func(stops *metav1.Time, restarts int32) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", DeletionTimestamp: stops,
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", UID: "one", Controller: new(true)}},
			},
			Status: corev1.PodStatus{
				Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
				ContainerStatuses: []corev1.ContainerStatus{{RestartCount: restarts}},
			},
		}
	}
	s := &seen{failed: map[string]time.Time{}, ran: map[string]time.Time{}}
	s.pod(pod(nil, 0))
	s.pod(pod(&at, 1))
	require.Empty(t, s.ran)
	s.pod(pod(&at, 0))
	require.Contains(t, s.ran, "one")
	require.Empty(t, s.failed, "a pod that is ready shows no failure")
}
