package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Bounds of the logs that are read.
const (
	logLines = 400
	logBytes = 256 << 10 // of one log
	maxLogs  = 200       // in all
	atOnce   = 4         // that are read at a time
)

// readLogs keeps the ends of the logs of containers in trouble, and of the runs before.
func (o *observer) readLogs(ctx context.Context, pods []*corev1.Pod) error {
	var wanted []evidence.Log
	for _, pod := range pods {
		wanted = append(wanted, logsOf(pod)...)
	}
	if len(wanted) > maxLogs {
		o.noteOnce("there are %d logs to read, and only %d are; name a workload to have all of its", len(wanted), maxLogs)
		wanted = wanted[:maxLogs]
	}
	errs := make([]error, len(wanted))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range wanted {
		group.Go(func() error {
			wanted[i].Text, errs[i] = o.readLog(within, wanted[i])
			return within.Err()
		})
		o.waiting.at("reading log %d of %d", i+1, len(wanted))
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, log := range wanted {
		switch err := errs[i]; {
		case apierrors.IsForbidden(err):
			o.noteOnce("you may not read logs in namespace %s: left out", log.Namespace)
		case apierrors.IsNotFound(err) || apierrors.IsBadRequest(err): // it is gone, or did not begin yet
		case err != nil:
			o.noteOnce("the log of pod %s/%s, container %s could not be read: %v", log.Namespace, log.Pod, log.Container, err)
		case len(log.Text) > 0:
			o.logs = append(o.logs, log)
		}
	}
	return nil
}

// logsOf names the logs of a pod that say something.
func logsOf(pod *corev1.Pod) []evidence.Log {
	var wanted []evidence.Log
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			log := evidence.Log{Namespace: pod.Namespace, Pod: pod.Name, Container: status.Name}
			if status.LastTerminationState.Terminated != nil || status.RestartCount > 0 {
				log.Previous = true
				wanted = append(wanted, log)
				log.Previous = false
			}
			ended := status.State.Terminated
			if ended != nil && (ended.ExitCode != 0 || ended.Reason != "Completed") || status.State.Running != nil && !status.Ready {
				wanted = append(wanted, log)
			}
		}
	}
	return wanted
}

func (o *observer) readLog(ctx context.Context, of evidence.Log) ([]byte, error) {
	lines, most := int64(logLines), int64(logBytes)
	stream, err := o.typed.CoreV1().Pods(of.Namespace).GetLogs(of.Pod, &corev1.PodLogOptions{
		Container: of.Container, Previous: of.Previous, TailLines: &lines, LimitBytes: &most,
	}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, logBytes))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return text, nil
}

// addUsage keeps what the metrics API measured of pods, or of all in a namespace; where there is none, nothing.
func (o *observer) addUsage(ctx context.Context, namespace string, pods []*corev1.Pod) {
	client := o.objects.Resource(measurements).Namespace(namespace)
	if pods == nil {
		list, err := client.List(ctx, metav1.ListOptions{})
		if o.unmeasured(namespace, err) {
			return
		}
		for i := range list.Items {
			o.measured(&list.Items[i])
		}
		return
	}
	for _, pod := range pods {
		found, err := client.Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) && namesObject(err) {
			continue
		}
		if o.unmeasured(namespace, err) {
			return
		}
		o.measured(found)
	}
}

// unmeasured reports whether nothing was measured, and notes it if somebody could do something about that.
func (o *observer) unmeasured(namespace string, err error) bool {
	if apierrors.IsForbidden(err) {
		o.noteOnce("you may not read what pods use in namespace %s: left out", namespace)
	}
	var status apierrors.APIStatus
	if err != nil && !apierrors.IsForbidden(err) && errors.As(err, &status) && status.Status().Code == http.StatusServiceUnavailable {
		o.noteOnce("the metrics API does not answer: what pods use is left out")
	}
	return err != nil
}

func (o *observer) measured(pod *unstructured.Unstructured) {
	containers, _, _ := unstructured.NestedSlice(pod.Object, "containers")
	for _, container := range containers {
		container, ok := container.(map[string]any)
		if !ok {
			continue
		}
		usage, _ := container["usage"].(map[string]any)
		amount := func(name string) resource.Quantity {
			text, _ := usage[name].(string)
			amount, err := resource.ParseQuantity(text)
			if err != nil {
				return resource.Quantity{}
			}
			return amount
		}
		name, _ := container["name"].(string)
		memory, cpu := amount("memory"), amount("cpu")
		o.usage = append(o.usage, evidence.Usage{
			Namespace: pod.GetNamespace(), Pod: pod.GetName(), Container: name, Memory: memory.Value(), CPU: cpu.MilliValue(),
		})
	}
}

// troubled reports whether a pod failed, is kept from running by something that the API says, or is not ready though it
// runs.
func troubled(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodFailed {
		return true
	}
	if pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse ||
			condition.Type == corev1.PodReady && condition.Status != corev1.ConditionTrue {
			return true
		}
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			if failedRun(status.State.Terminated) || failedRun(status.LastTerminationState.Terminated) || stuck(status) {
				return true
			}
		}
	}
	return false
}

// failedRun reports whether a run of a container ended otherwise than with success. An OOM-killed init container can
// report exit code 0 (k8s.io/kubernetes/pkg/kubelet/kuberuntime/helpers.go).
func failedRun(end *corev1.ContainerStateTerminated) bool {
	return end != nil && (end.ExitCode != 0 || end.Reason != "Completed")
}

// stuck reports whether a container waits for something else than what every container waits for at first.
func stuck(status corev1.ContainerStatus) bool {
	waiting := status.State.Waiting
	return waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing"
}
