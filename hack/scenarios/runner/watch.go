package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// seen is what the cluster shows of all scenarios, and when it first did. One watch serves all: asking for each
// scenario would load the node that is being measured.
type seen struct {
	pods, remediations cache.Indexer

	lock sync.Mutex
	// failed is when the first sign of a failure was seen in a namespace, learned when each Remediation was, by
	// namespace and name.
	failed  map[string]time.Time
	learned map[string]time.Time
	// ran is when a pod of a ReplicaSet was asked to stop that was ready and had never been restarted, by the UID of
	// the set.
	ran map[string]time.Time
}

func watch(ctx context.Context, config *rest.Config, clients kubernetes.Interface) (*seen, error) {
	dynamics, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("dynamic client of the cluster: %w", err)
	}
	shared := informers.NewSharedInformerFactory(clients, 0)
	others := dynamicinformer.NewDynamicSharedInformerFactory(dynamics, 0)
	pods, events := shared.Core().V1().Pods().Informer(), shared.Core().V1().Events().Informer()
	remediations := others.ForResource(v1alpha1.RemediationResource).Informer()
	s := &seen{failed: map[string]time.Time{}, learned: map[string]time.Time{}, ran: map[string]time.Time{}}
	if err := errors.Join(handle(pods, s.pod), handle(events, s.event), handle(remediations, s.remediation)); err != nil {
		return nil, fmt.Errorf("watch the cluster: %w", err)
	}
	s.pods, s.remediations = pods.GetIndexer(), remediations.GetIndexer()
	shared.Start(ctx.Done())
	others.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), pods.HasSynced, events.HasSynced, remediations.HasSynced) {
		return nil, fmt.Errorf("watch the cluster: %w", ctx.Err())
	}
	return s, nil
}

func handle(informer cache.SharedIndexInformer, see func(any)) error {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, object any) { see(object) }})
	return err
}

// first remembers the first time of something.
func (s *seen) first(of map[string]time.Time, key string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, known := of[key]; !known {
		of[key] = time.Now()
	}
}

func (s *seen) at(of map[string]time.Time, key string) time.Time {
	s.lock.Lock()
	defer s.lock.Unlock()
	return of[key]
}

// forget forgets a namespace, so that it can begin anew.
func (s *seen) forget(namespace string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.failed, namespace)
}

func (s *seen) pod(object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	if shows(pod) {
		s.first(s.failed, pod.Namespace)
	}
	again := func(status corev1.ContainerStatus) bool { return status.RestartCount > 0 }
	if by := metav1.GetControllerOf(pod); by != nil && pod.DeletionTimestamp != nil && ready(pod) && !slices.ContainsFunc(pod.Status.ContainerStatuses, again) {
		s.first(s.ran, string(by.UID))
	}
}

// shows reports whether the status of a pod shows a failure.
func shows(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodFailed {
		return true
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return true
		}
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, status := range statuses {
			for _, end := range []*corev1.ContainerStateTerminated{status.State.Terminated, status.LastTerminationState.Terminated} {
				if end != nil && (end.ExitCode != 0 || end.Reason != "Completed") {
					return true
				}
			}
			if waiting := status.State.Waiting; waiting != nil && waiting.Reason != "" && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
				return true
			}
		}
	}
	return false
}

func (s *seen) event(object any) {
	if event, ok := object.(*corev1.Event); ok && event.Type == corev1.EventTypeWarning && event.Source.Component != "kube-remedy-eventwatcher" {
		s.first(s.failed, event.InvolvedObject.Namespace)
	}
}

func (s *seen) remediation(object any) {
	known, err := remediationOf(object)
	if err == nil && known.Status.Diagnosis != nil {
		s.first(s.learned, known.Namespace+"/"+string(known.UID))
	}
}

func remediationOf(object any) (*v1alpha1.Remediation, error) {
	raw, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("expected a Remediation, not %T", object)
	}
	known := &v1alpha1.Remediation{}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, known)
	return known, err
}

// remediationsIn gives the Remediations of a namespace that have been diagnosed.
func (s *seen) remediationsIn(namespace string) []*v1alpha1.Remediation {
	objects, err := s.remediations.ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return nil
	}
	var found []*v1alpha1.Remediation
	for _, object := range objects {
		if known, err := remediationOf(object); err == nil && known.Status.Diagnosis != nil {
			found = append(found, known)
		}
	}
	return found
}

// podsIn gives the pods of a namespace.
func (s *seen) podsIn(namespace string) []*corev1.Pod {
	objects, err := s.pods.ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return nil
	}
	var found []*corev1.Pod
	for _, object := range objects {
		if pod, ok := object.(*corev1.Pod); ok {
			found = append(found, pod)
		}
	}
	return found
}

func ready(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func controlled(pod *corev1.Pod) bool { return metav1.GetControllerOf(pod) != nil }
