package eventwatcher

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// liveDeployment is Deployment shop/web with a memory limit and, if marked, a remediations annotation.
func liveDeployment(limit, mark string) *unstructured.Unstructured {
	template := map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "resources": map[string]any{"limits": map[string]any{"memory": limit}}},
	}}}
	if mark != "" {
		template["metadata"] = map[string]any{"annotations": map[string]any{v1alpha1.RemediationsAnnotation: mark}}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop"},
		"spec":     map[string]any{"template": template},
	}}
}

func podWith(mark string, ready corev1.ConditionStatus, since time.Time) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.RemediationsAnnotation: mark}},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: ready, LastTransitionTime: metav1.NewTime(since)},
		}},
	}
}

// waitingPod is one that no node has room for: it has no condition Ready.
func waitingPod(mark string) *corev1.Pod {
	pod := podWith(mark, "", noon)
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"}}
	return pod
}

func TestFollow(t *testing.T) {
	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	mark := known.Mark()
	in := func(phase v1alpha1.Phase) *v1alpha1.Remediation {
		next := known.DeepCopy()
		next.Status.Phase = phase
		return next
	}
	const window = time.Minute
	for _, test := range []struct {
		name  string
		known *v1alpha1.Remediation
		live  *unstructured.Unstructured
		pods  []*corev1.Pod
		phase v1alpha1.Phase
		arm   bool
		again time.Duration
	}{
		{name: "a workload without the cure waits for its next apply", known: in("Learned"), live: liveDeployment("128Mi", ""), phase: "Learned", arm: true},
		{name: "a template that carries the cure was healed", known: in("Learned"), live: liveDeployment("256Mi", mark), phase: "Applied"},
		{name: "pods that are not Ready prove nothing", known: in("Applied"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith(mark, "True", noon.Add(-time.Hour)), podWith(mark, "False", noon)}, phase: "Applied"},
		{name: "a pod that waits for a node proves nothing, nor do those beside it", known: in("Applied"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith(mark, "True", noon.Add(-time.Hour)), waitingPod(mark)}, phase: "Applied"},
		{name: "pods that were Ready for a part of the window are looked at again when it ends", known: in("Applied"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith(mark, "True", noon.Add(-20*time.Second))}, phase: "Applied", again: 40 * time.Second},
		{name: "pods that stayed Ready for the window prove the cure", known: in("Applied"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith(mark, "True", noon.Add(-window))}, phase: "Verified"},
		{name: "pods without the cure prove nothing", known: in("Applied"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith("", "True", noon.Add(-window))}, phase: "Applied"},
		{name: "what was proven stays proven while a pod restarts", known: in("Verified"), live: liveDeployment("256Mi", mark), pods: []*corev1.Pod{podWith(mark, "False", noon)}, phase: "Verified"},
		{name: "more than the cure is the owner's own", known: in("Learned"), live: liveDeployment("512Mi", ""), phase: "Superseded"},
		{name: "more than the cure is the owner's own after healing too", known: in("Verified"), live: liveDeployment("512Mi", mark), phase: "Superseded"},
		{name: "exactly the cure without its mark is the owner's own", known: in("Learned"), live: liveDeployment("256Mi", ""), phase: "Superseded"},
		{name: "a workload that went back to the old value waits again", known: in("Verified"), live: liveDeployment("128Mi", mark), phase: "Learned", arm: true},
		{name: "a manifest that the cure does not fit changes nothing", known: in("Applied"), live: liveDeployment("lots", ""), phase: "Applied"},
		{name: "what was given up is not followed", known: in("Failed"), live: liveDeployment("128Mi", ""), phase: "Failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := test.known.DeepCopy()
			seen, err := follow(test.known, test.live, underSpec, test.pods, nil, window, noon)
			require.NoError(t, err)
			require.Equal(t, before, test.known, "what was known is not changed")
			require.Equal(t, test.phase, seen.next.Status.Phase)
			require.Equal(t, test.arm, seen.arm)
			require.Equal(t, test.again, seen.again)
			if test.phase == v1alpha1.PhaseApplied && test.known.Status.Phase == v1alpha1.PhaseLearned {
				require.Equal(t, noon, seen.next.Status.Outcome.AppliedAt.Time)
				require.NotEmpty(t, seen.next.Status.Outcome.AppliedTemplateHash)
			}
			settled, err := follow(seen.next, test.live, underSpec, test.pods, nil, window, noon)
			require.NoError(t, err)
			if !(test.phase == v1alpha1.PhaseVerified) {
				require.Same(t, seen.next, settled.next, "looking twice writes nothing more")
			}
		})
	}
}

func TestCureThatWasProvenWhileNobodyLookedIsFirstToldToBeApplied(t *testing.T) {
	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	live, pods := liveDeployment("256Mi", known.Mark()), []*corev1.Pod{podWith(known.Mark(), "True", noon.Add(-time.Minute))}
	applied, err := follow(known, live, underSpec, pods, nil, time.Minute, noon)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.PhaseApplied, applied.next.Status.Phase)
	require.Equal(t, debounce, applied.again)
	verified, err := follow(applied.next, live, underSpec, pods, nil, time.Minute, noon)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.PhaseVerified, verified.next.Status.Phase)
}

func TestArmed(t *testing.T) {
	for _, test := range []struct {
		name, value, want string
		differs           bool
	}{
		{name: "kubectl's trailing newline is taken away", value: "{\"a\":1}\n", want: `{"a":1}`, differs: true},
		{name: "an armed annotation stays as it is", value: `{"a":1}`, want: `{"a":1}`},
		{name: "an absent annotation stays absent", value: "", want: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, differs := armed(test.value)
			require.Equal(t, test.want, got)
			require.Equal(t, test.differs, differs)
		})
	}
}

func TestConditionsFollowThePhase(t *testing.T) {
	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	statuses := func(phase v1alpha1.Phase) map[string]metav1.ConditionStatus {
		next := toPhase(known, phase, noon).DeepCopy()
		setConditions(next, noon)
		found := map[string]metav1.ConditionStatus{}
		for _, condition := range next.Status.Conditions {
			found[condition.Type] = condition.Status
		}
		return found
	}
	require.Equal(t, map[string]metav1.ConditionStatus{"Applied": "False", "Verified": "False"}, statuses(v1alpha1.PhaseLearned))
	require.Equal(t, map[string]metav1.ConditionStatus{"Applied": "True", "Verified": "False"}, statuses(v1alpha1.PhaseApplied))
	require.Equal(t, map[string]metav1.ConditionStatus{"Applied": "True", "Verified": "True"}, statuses(v1alpha1.PhaseVerified))
	require.Equal(t, map[string]metav1.ConditionStatus{"Applied": "False", "Verified": "False"}, statuses(v1alpha1.PhaseSuperseded))
}

func TestWhatTheLastAttemptPutThereIsNotTheOwnersChoice(t *testing.T) {
	known := &v1alpha1.Remediation{ObjectMeta: metav1.ObjectMeta{Name: "web-image"}}
	at := metav1.NewTime(noon)
	known.Status.Diagnosis, known.Status.LearnedAt = &v1alpha1.Diagnosis{}, &at
	known.Spec.Actions = []v1alpha1.Action{{FixImage: &v1alpha1.FixImage{Container: "app", Image: "shop/web:9", Replacement: "shop/web:7"}}}
	known.Status.Phase, known.Status.Outcome.Attempt = v1alpha1.PhaseLearned, 2
	live := liveDeployment("128Mi", "web-image@1")
	containers, _, err := unstructured.NestedSlice(live.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	containers[0].(map[string]any)["image"] = "shop/web:8" // what attempt 1 put there
	require.NoError(t, unstructured.SetNestedSlice(live.Object, containers, "spec", "template", "spec", "containers"))
	seen, err := follow(known, live, underSpec, nil, nil, time.Minute, noon)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.PhaseLearned, seen.next.Status.Phase)
	require.True(t, seen.arm)

	unstructured.RemoveNestedField(live.Object, "spec", "template", "metadata")
	seen, err = follow(known, live, underSpec, nil, nil, time.Minute, noon)
	require.NoError(t, err)
	require.Equal(t, v1alpha1.PhaseSuperseded, seen.next.Status.Phase, "without a mark the image is the owner's own")
}

func TestCureIsProvenByPodsAsTheAPIServerHasThem(t *testing.T) {
	pod := func(name, controller string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, Labels: map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: controller, UID: types.UID(controller), Controller: new(true)}},
		}}
	}
	unlike := pod("web-3", "web-a")
	unlike.Labels = nil
	w := &Watcher{clients: fake.NewClientset(pod("web-1", "web-a"), pod("web-2", "other"), unlike)}
	live := liveDeployment("256Mi", "")
	require.NoError(t, unstructured.SetNestedStringMap(live.Object, map[string]string{"app": "web"}, "spec", "selector", "matchLabels"))
	found, err := w.livePods(t.Context(), target{
		workload: evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		live:     live, controllers: []types.UID{"web-a"},
	})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "web-1", found[0].Name, "with its labels, and created by what it controls")

	known := mustLearn(t, nil, oom("128Mi", nil, noon))
	require.True(t, proven(known, toPhase(known, v1alpha1.PhaseVerified, noon)))
	require.False(t, proven(known, toPhase(known, v1alpha1.PhaseApplied, noon)))
	require.False(t, proven(known, known))
}

func TestSelectorOf(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		selector   any
		want       string
	}{
		{name: "labels that must match", kind: "Deployment", selector: map[string]any{"matchLabels": map[string]any{"app": "web"}}, want: "app=web"},
		{name: "expressions", kind: "StatefulSet", selector: map[string]any{"matchExpressions": []any{map[string]any{"key": "app", "operator": "In", "values": []any{"a", "b"}}}}, want: "app in (a,b)"},
		{name: "a ReplicationController has labels alone", kind: "ReplicationController", selector: map[string]any{"app": "web"}, want: "app=web"},
		{name: "a CronJob has none", kind: "CronJob"},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := map[string]any{}
			if test.selector != nil {
				spec["selector"] = test.selector
			}
			require.Equal(t, test.want, selectorOf(&unstructured.Unstructured{Object: map[string]any{"kind": test.kind, "spec": spec}}))
		})
	}
}
