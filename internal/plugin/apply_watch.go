package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Times of watching a rollout.
const (
	// lookEvery is between two close looks at a workload that does not come up though nothing seems to fail.
	lookEvery = 15 * time.Second
	// patient is how long such a workload is only looked at before what is found counts.
	patient = 30 * time.Second
	// nameless is how long a failure may go on without a cause being found before it counts without one.
	nameless = 20 * time.Second
)

// failure is a diagnosis of a part with the evidence it rests on.
type failure struct {
	engine.Diagnosis
	observed evidence.Evidence
	part     *part
}

// watched is a part while it comes up.
type watched struct {
	*part
	looked   time.Time // when it was looked at closely last
	troubled time.Time // since when something fails
	says     string
	up       bool
}

// watch waits until all workloads run and went on running for a while, one fails, or there is no time left.
func (a *applying) watch(ctx context.Context) (failures []failure, status, says string, err error) {
	var parts []*watched
	for _, part := range a.parts {
		if _, _, has := rollout(part.live); has {
			parts = append(parts, &watched{part: part, looked: a.clock.Now()})
		}
	}
	if len(parts) == 0 {
		return nil, running, fmt.Sprintf("%d objects applied; none of them has a rollout to watch", len(a.parts)), nil
	}
	began, last := a.clock.Now(), a.clock.Now()
	var stable time.Time // since when all are up
	for {
		all := true
		for _, part := range parts {
			found, why, err := a.look(ctx, part, began)
			if err != nil {
				return nil, "", "", err
			}
			failures = append(failures, found...)
			if why != "" && len(found) == 0 {
				return nil, failing, part.title() + ": " + why, nil
			}
			all = all && part.up
		}
		now := a.clock.Now()
		if len(failures) > 0 {
			slices.SortStableFunc(failures, func(x, y failure) int { return int(y.Finding.Confidence - x.Finding.Confidence) })
			return failures, failing, "", nil
		}
		switch {
		case !all:
			stable = time.Time{}
		case stable.IsZero():
			stable = now
		}
		if !stable.IsZero() && now.Sub(stable) >= a.options.stable {
			return nil, running, tellRunning(parts), nil
		}
		if !now.Before(a.deadline) {
			return nil, timedOut, fmt.Sprintf("not all of it runs after %s: %s", a.options.timeout, tellWaiting(parts)), nil
		}
		if now.Sub(last) >= speakUp {
			a.progress("waiting … %s", tellWaiting(parts))
			last = now
		}
		if err := a.pause(ctx, pollEvery); err != nil {
			return nil, "", "", err
		}
	}
}

func tellRunning(parts []*watched) string {
	says := ""
	for i, part := range parts {
		if i > 0 {
			says += "; "
		}
		says += part.title() + " runs: " + part.says
	}
	return says
}

func tellWaiting(parts []*watched) string {
	says := ""
	for _, part := range parts {
		if part.up {
			continue
		}
		if says != "" {
			says += "; "
		}
		says += part.title() + ": " + part.says
	}
	if says == "" {
		return "all of it runs, and is watched for a while longer"
	}
	return says
}

// look sees how a part is doing. It gives what was found to fail, or why it failed when no cause was found.
func (a *applying) look(ctx context.Context, part *watched, began time.Time) ([]failure, string, error) {
	live, err := a.resource(part.mapping, part.GetNamespace()).Get(ctx, part.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, "it was deleted", nil
	case apierrors.IsForbidden(err):
		return nil, "", fmt.Errorf("you may not read %s, and so not watch it: %w", part.title(), err)
	case err != nil:
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		part.says = "it can't be read now: " + err.Error() // the next look may
		return nil, "", nil
	}
	part.live = live
	at, says, _ := rollout(live)
	part.up, part.says = at == up, says
	if says == unseen {
		return nil, "", nil
	}
	only, err := a.podsNow(ctx, live)
	if err != nil {
		return nil, "", err
	}
	trouble, err := a.trouble(ctx, part.part, only)
	if err != nil {
		return nil, "", err
	}
	now := a.clock.Now()
	switch {
	case !trouble:
		part.troubled = time.Time{}
	case part.troubled.IsZero():
		part.troubled = now
	}
	idle := at == progressing && now.Sub(part.looked) >= lookEvery && now.Sub(began) >= patient
	if !trouble && at != down && !idle && !hindered(live) {
		return nil, "", nil
	}
	part.looked = now
	found, err := a.diagnose(ctx, part.part, only)
	switch {
	case err != nil:
		return nil, "", err
	case len(found) > 0:
		return found, "", nil
	case at == down:
		return nil, says, nil
	case trouble && now.Sub(part.troubled) >= nameless:
		return nil, "its containers fail, and no cause was found", nil
	default:
		return nil, "", nil
	}
}

// hindered reports whether a controller says that it can't make pods.
func hindered(live *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(condition any) bool {
		said, ok := condition.(map[string]any)
		return ok && said["type"] == "ReplicaFailure" && said["status"] == "True"
	})
}

// podsNow gives what knows the pods of the pod template that a workload has now; nil for all.
func (a *applying) podsNow(ctx context.Context, live *unstructured.Unstructured) (func(*corev1.Pod) bool, error) {
	newest := ""
	if live.GetKind() == "Deployment" {
		sets, err := a.typed.AppsV1().ReplicaSets(live.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selectorOf(object{Unstructured: live})})
		if err != nil && !apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("list replicasets in namespace %s: %w", live.GetNamespace(), err)
		}
		if err == nil {
			const revision = "deployment.kubernetes.io/revision"
			for _, set := range sets.Items {
				if metav1.IsControlledBy(&set, live) && set.Annotations[revision] == live.GetAnnotations()[revision] {
					newest = set.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
				}
			}
		}
	}
	return ofThisTemplate(live, newest), nil
}

// podsOf gives the pods of a part, of the present template.
func (a *applying) podsOf(ctx context.Context, part *part, only func(*corev1.Pod) bool) ([]corev1.Pod, error) {
	of := object{part.live, part.mapping}
	if of.GetKind() == "Pod" {
		pod, err := a.typed.CoreV1().Pods(of.GetNamespace()).Get(ctx, of.GetName(), metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", part.title(), err)
		}
		return []corev1.Pod{*pod}, nil
	}
	list, err := a.typed.CoreV1().Pods(of.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selectorOf(of)})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", part.title(), err)
	}
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || only != nil && !only(&pod)
	}), nil
}

// rememberRuns notes how often the pods of a part were restarted before it is applied again.
func (a *applying) rememberRuns(ctx context.Context, part *part) {
	part.runs = map[types.UID]int32{}
	if part.live == nil {
		return
	}
	pods, err := a.podsOf(ctx, part, nil)
	if err != nil {
		return // then a failure from before counts too
	}
	for i := range pods {
		part.runs[pods[i].UID] = restarts(&pods[i])
	}
}

func restarts(pod *corev1.Pod) int32 {
	var sum int32
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		sum += status.RestartCount
	}
	return sum
}

// trouble reports whether a pod of a part fails since it was applied, or is kept from running.
func (a *applying) trouble(ctx context.Context, part *part, only func(*corev1.Pod) bool) (bool, error) {
	pods, err := a.podsOf(ctx, part, only)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
		if pod.Status.Phase == corev1.PodFailed || restarts(&pod) > part.runs[pod.UID] {
			return true
		}
		if slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
			return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable
		}) {
			return true
		}
		return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(status corev1.ContainerStatus) bool {
			return stuck(status) || failedRun(status.State.Terminated)
		})
	}), nil
}

// diagnose looks at a part closely and gives what is sure enough to be told.
func (a *applying) diagnose(ctx context.Context, part *part, only func(*corev1.Pod) bool) ([]failure, error) {
	waiting := wait(a.streams.Err, a.clock, "looking at "+part.title())
	defer waiting.end()
	seen := newObserver(a.cluster, waiting)
	seen.only = only
	if err := seen.observe(ctx, object{part.live, part.mapping}); err != nil {
		return nil, err
	}
	var found []failure
	for _, observed := range seen.observations().Collect() {
		if observed.Workload.Kind == "Node" {
			continue
		}
		for _, diagnosis := range a.engine.Diagnose(observed) {
			if diagnosis.Finding.Confidence >= engine.SuggestAt {
				found = append(found, failure{diagnosis, observed, part})
			}
		}
	}
	return found, nil
}

// awaitCure waits until a cure was learned for a part that it does not carry yet. It says why there is none.
func (a *applying) awaitCure(ctx context.Context, part *part) (reason string) {
	until := a.clock.Now().Add(learnWithin)
	for {
		all, err := a.list(ctx, part.GetNamespace(), metav1.ListOptions{FieldSelector: "spec.targetRef.kind=" + part.GetKind()})
		if apierrors.IsForbidden(err) {
			return "" // it shows at the next apply
		}
		if err != nil {
			return err.Error()
		}
		cured, why := a.cureIn(forLive(all, part.mapping.GroupVersionKind.GroupKind(), part), part)
		if cured {
			return ""
		}
		if !a.clock.Now().Before(until) || !a.clock.Now().Before(a.deadline) {
			if why == "" {
				why = fmt.Sprintf("none was learned within %s; kubectl remedy status shows whether the event watcher runs", learnWithin)
			}
			return why
		}
		if a.pause(ctx, pollEvery) != nil {
			return "interrupted"
		}
	}
}

// cureIn reports whether there is a cure that the next apply can put in, or says what is in the way.
func (a *applying) cureIn(learned []*v1alpha1.Remediation, part *part) (cured bool, why string) {
	for _, remediation := range learned {
		switch {
		case remediation.KnownFailure():
			why = "no cure is known: kubectl remedy explain " + remediation.Name + " -n " + remediation.Namespace
		case !remediation.InForce():
		case slices.Contains(part.marks, remediation.Mark()): // it did not help, and the next attempt is not learned yet
		case remedy.Resolve(remediation.Spec.Actions, part.asAnnotated()).Fit != remedy.Changes: // it is about something else
		case modeOf(remediation) == v1alpha1.Suggest && (annotation(part.live.Object, v1alpha1.AllowAnnotation) != v1alpha1.AllowAssertive || remedy.SafetyOf(remediation.Spec.Actions...) != remedy.Assertive):
			why = fmt.Sprintf("%s waits for approval: kubectl remedy approve %s -n %s", remedy.Describe(remediation.Spec.Actions), remediation.Name, remediation.Namespace)
		default:
			return true, ""
		}
	}
	return false, why
}
