package plugin

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// state is where the rollout of a workload stands.
type state int

const (
	progressing state = iota
	up
	down // it will not come up by itself
)

// rollout says where the rollout of a live workload stands, in the terms of kubectl rollout status
// (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go); watched is false for a kind that has none.
func rollout(live *unstructured.Unstructured) (at state, says string, watched bool) {
	typed, err := scheme.Scheme.New(live.GroupVersionKind())
	if err != nil || runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, typed) != nil {
		return up, "", false
	}
	switch workload := typed.(type) {
	case *appsv1.Deployment:
		at, says = deploymentRollout(workload)
	case *appsv1.StatefulSet:
		at, says = statefulSetRollout(workload)
	case *appsv1.DaemonSet:
		at, says = daemonSetRollout(workload)
	case *appsv1.ReplicaSet:
		at, says = countRollout(workload.Generation, workload.Status.ObservedGeneration, workload.Spec.Replicas, workload.Status.AvailableReplicas)
	case *corev1.ReplicationController:
		at, says = countRollout(workload.Generation, workload.Status.ObservedGeneration, workload.Spec.Replicas, workload.Status.AvailableReplicas)
	case *batchv1.Job:
		at, says = jobRollout(workload)
	case *corev1.Pod:
		at, says = podRollout(workload)
	default:
		return up, "", false
	}
	return at, says, true
}

const unseen = "its controller has not seen it yet"

func deploymentRollout(workload *appsv1.Deployment) (state, string) {
	status, wanted := workload.Status, int32(1)
	if workload.Spec.Replicas != nil {
		wanted = *workload.Spec.Replicas
	}
	if status.ObservedGeneration < workload.Generation {
		return progressing, unseen
	}
	for _, condition := range status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
			return down, condition.Message
		}
	}
	switch {
	case status.UpdatedReplicas < wanted:
		return progressing, fmt.Sprintf("%d of %d new pods are there", status.UpdatedReplicas, wanted)
	case status.Replicas > status.UpdatedReplicas:
		return progressing, fmt.Sprintf("%d old pods are left", status.Replicas-status.UpdatedReplicas)
	case status.AvailableReplicas < status.UpdatedReplicas:
		return progressing, fmt.Sprintf("%d of %d pods are available", status.AvailableReplicas, status.UpdatedReplicas)
	default:
		return up, fmt.Sprintf("%d of %d pods are available", status.AvailableReplicas, wanted)
	}
}

func statefulSetRollout(workload *appsv1.StatefulSet) (state, string) {
	status, wanted, kept := workload.Status, int32(1), int32(0)
	if workload.Spec.Replicas != nil {
		wanted = *workload.Spec.Replicas
	}
	if rolling := workload.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		kept = *rolling.Partition
	}
	switch {
	case status.ObservedGeneration < workload.Generation:
		return progressing, unseen
	case status.ReadyReplicas < wanted:
		return progressing, fmt.Sprintf("%d of %d pods are ready", status.ReadyReplicas, wanted)
	case status.UpdatedReplicas < wanted-kept:
		return progressing, fmt.Sprintf("%d of %d pods are new", status.UpdatedReplicas, wanted-kept)
	default:
		return up, fmt.Sprintf("%d of %d pods are ready", status.ReadyReplicas, wanted)
	}
}

func daemonSetRollout(workload *appsv1.DaemonSet) (state, string) {
	status := workload.Status
	switch {
	case status.ObservedGeneration < workload.Generation:
		return progressing, unseen
	case status.UpdatedNumberScheduled < status.DesiredNumberScheduled && workload.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType:
		return progressing, fmt.Sprintf("%d of %d pods are new", status.UpdatedNumberScheduled, status.DesiredNumberScheduled)
	case status.NumberAvailable < status.DesiredNumberScheduled:
		return progressing, fmt.Sprintf("%d of %d pods are available", status.NumberAvailable, status.DesiredNumberScheduled)
	default:
		return up, fmt.Sprintf("%d of %d pods are available", status.NumberAvailable, status.DesiredNumberScheduled)
	}
}

func countRollout(generation, seen int64, replicas *int32, available int32) (state, string) {
	wanted := int32(1)
	if replicas != nil {
		wanted = *replicas
	}
	switch {
	case seen < generation:
		return progressing, unseen
	case available < wanted:
		return progressing, fmt.Sprintf("%d of %d pods are available", available, wanted)
	default:
		return up, fmt.Sprintf("%d of %d pods are available", available, wanted)
	}
}

func jobRollout(workload *batchv1.Job) (state, string) {
	for _, condition := range workload.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete, batchv1.JobSuspended:
			return up, "it is " + string(condition.Type)
		case batchv1.JobFailed:
			return down, condition.Message
		}
	}
	return progressing, fmt.Sprintf("%d pods run, %d succeeded", workload.Status.Active, workload.Status.Succeeded)
}

func podRollout(pod *corev1.Pod) (state, string) {
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		return up, "it succeeded"
	case corev1.PodFailed:
		return down, pod.Status.Message
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return up, "it is ready"
		}
	}
	return progressing, "it is not ready"
}

// ofThisTemplate gives what knows the pods of the pod template that a workload has now from those of earlier ones.
func ofThisTemplate(live *unstructured.Unstructured, newest string) func(*corev1.Pod) bool {
	switch live.GetKind() {
	case "Deployment":
		if newest == "" {
			return nil
		}
		return func(pod *corev1.Pod) bool { return pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] == newest }
	case "StatefulSet":
		revision, _, _ := unstructured.NestedString(live.Object, "status", "updateRevision")
		if revision == "" {
			return nil
		}
		return func(pod *corev1.Pod) bool { return pod.Labels[appsv1.ControllerRevisionHashLabelKey] == revision }
	case "DaemonSet": // k8s.io/kubernetes/pkg/controller/daemon/util/daemonset_util.go, CreatePodTemplate
		generation := live.GetAnnotations()[appsv1.DeprecatedTemplateGeneration]
		if generation == "" {
			return nil
		}
		return func(pod *corev1.Pod) bool {
			of, labelled := pod.Labels["pod-template-generation"]
			return !labelled || of == generation
		}
	default:
		return nil
	}
}
