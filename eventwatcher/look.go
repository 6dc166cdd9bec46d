package eventwatcher

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Bounds of one look at a failing workload.
const (
	maxPods   = 5   // read in full; pods of one workload fail alike
	maxBounds = 100 // quotas, and limit ranges, of one namespace
	maxClaims = 10  // read of one pod
	maxLeases = 5   // of nodes that are not ready
)

// Bounds of how often a workload is looked at closely.
const (
	// lookPause lies between two looks at a workload that keeps changing.
	lookPause = 3 * time.Second
	// lookSoon is when a workload in trouble is looked at again in which nothing was found yet, as long as a pod of it is
	// younger than settled: what an old one shows it has shown before.
	lookSoon = 15 * time.Second
	settled  = 10 * time.Minute
	// lookAgain is when a workload that has not changed is looked at again: nodes, quotas and registries change too.
	lookAgain = 10 * time.Minute
	// maxLooked bounds how many workloads are remembered; one that is forgotten is only looked at once more.
	maxLooked = 10_000
)

// looked is a close look at a workload that was taken.
type looked struct {
	at   time.Time
	seen uint64 // what the caches showed
}

// dueToLook tells how long to wait before a workload is looked at closely, zero for at once; false when it looks as
// it did the last time.
func (w *Watcher) dueToLook(workload evidence.Workload, seen uint64) (time.Duration, bool) {
	kept, ok := w.looked.Get(workload)
	last, known := kept.(looked)
	switch ago := w.clock.Now().Sub(last.at); {
	case !ok || !known:
		return 0, true
	case last.seen == seen:
		return 0, false
	default:
		return max(lookPause-ago, 0), true
	}
}

// unsettled reports whether a pod is in trouble, or not ready, and young enough that more of it is still to come.
func (w *Watcher) unsettled(pod *corev1.Pod) bool {
	if w.clock.Now().Sub(pod.CreationTimestamp.Time) > settled || pod.Status.Phase == corev1.PodSucceeded {
		return false
	}
	ready := slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
	return troubled(pod) || !ready
}

// fingerprint stands for what the caches show of a workload and what is stored for it, but for what changes while
// nothing happens. A failure that is new changes it.
func fingerprint(observed evidence.Evidence, stored map[string]*v1alpha1.Remediation) uint64 {
	hash := fnv.New64a()
	for _, container := range observed.Containers {
		fmt.Fprintln(hash, container.PodUID, container.Name, container.RestartCount, container.Ready, reasonOf(container.State), reasonOf(container.LastState), container.Marks)
	}
	for _, node := range observed.Nodes {
		fmt.Fprintln(hash, node.Name)
	}
	for _, pod := range observed.Pods {
		fmt.Fprintln(hash, pod.UID, pod.Status.Phase, pod.Status.Reason)
	}
	reasons := map[string]bool{}
	for _, event := range observed.Events {
		reasons[event.Pod+" "+event.Reason+" "+event.Message] = true
	}
	for _, reason := range sortedKeys(reasons) {
		fmt.Fprintln(hash, reason)
	}
	for _, name := range sortedKeys(stored) {
		fmt.Fprintln(hash, name)
	}
	return hash.Sum64()
}

func reasonOf(state corev1.ContainerState) string {
	switch {
	case state.Waiting != nil:
		return state.Waiting.Reason
	case state.Terminated != nil:
		return state.Terminated.Reason + " " + state.Terminated.FinishedAt.String()
	default:
		return ""
	}
}

// look observes a failing workload closely: its pods as the API server has them, what bounds them, what they claim
// and were measured to use, the nodes, since when the kubelets of those that are not ready are silent, and what their
// containers wrote last. What the watcher has no right to see is left out; nothing is then concluded from it.
func (w *Watcher) look(ctx context.Context, of target) (evidence.Evidence, error) {
	pods, err := w.readPods(ctx, of.pods)
	if err != nil {
		return evidence.Evidence{}, err
	}
	pods = append(pods, of.gone...)
	observed, err := gather(of.workload, of.controllers, pods, w.eventCaches(), w.clock.Now())
	if err != nil {
		return evidence.Evidence{}, err
	}
	waits := slices.ContainsFunc(pods, func(pod *corev1.Pod) bool { return pod.Spec.NodeName == "" })
	if observed.Nodes, err = nodesOf(w.caches.nodeIndexer(), w.caches.pods.GetIndexer(), waits); err != nil {
		return evidence.Evidence{}, err
	}
	scale, err := w.scaleOf(ctx, of)
	if err != nil {
		return evidence.Evidence{}, err
	}
	observed.Replicas = scale.replicas
	observed.Conditions = conditionsOf(of.live)
	for _, add := range []func(context.Context, string, *evidence.Evidence) error{w.addBounds, w.addClaims} {
		if err := add(ctx, of.workload.Namespace, &observed); err != nil {
			return evidence.Evidence{}, err
		}
	}
	if err := w.addLeases(ctx, pods, observed.Nodes); err != nil {
		return evidence.Evidence{}, err
	}
	w.addUsage(ctx, of.workload.Namespace, &observed)
	w.addLogs(ctx, &observed)
	return observed, nil
}

// readPods gives the pods of a workload, with those that say most read from the API server.
func (w *Watcher) readPods(ctx context.Context, cached []*corev1.Pod) ([]*corev1.Pod, error) {
	pods := slices.Clone(cached)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { // those in trouble first, of these the newest
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	if len(pods) > maxPods { // one that works says what the others should be like
		if at := slices.IndexFunc(pods, func(pod *corev1.Pod) bool { return urgency(pod) > 0 }); at >= maxPods {
			pods[maxPods-1], pods[at] = pods[at], pods[maxPods-1]
		}
	}
	for i := range min(len(pods), maxPods) {
		full, err := w.clients.CoreV1().Pods(pods[i].Namespace).Get(ctx, pods[i].Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		case err != nil:
			return nil, fmt.Errorf("read pod %s/%s: %w", pods[i].Namespace, pods[i].Name, err)
		case full.UID == pods[i].UID:
			pods[i] = full
		}
	}
	read := pods[:min(len(pods), maxPods)]
	for i := len(read); i < len(pods); i++ {
		pods[i] = likeSibling(pods[i], read)
	}
	return pods, nil
}

// likeSibling gives a cached pod what its owner wrote of it, from a pod of the same controller and with the same cures
// that was read in full; itself when there is none.
func likeSibling(pod *corev1.Pod, read []*corev1.Pod) *corev1.Pod {
	controller := metav1.GetControllerOfNoCopy(pod)
	for _, sibling := range read {
		other := metav1.GetControllerOfNoCopy(sibling)
		if controller == nil || other == nil || controller.UID != other.UID ||
			pod.Annotations[v1alpha1.RemediationsAnnotation] != sibling.Annotations[v1alpha1.RemediationsAnnotation] {
			continue
		}
		like := pod.DeepCopy()
		sibling.Spec.DeepCopyInto(&like.Spec)
		like.Spec.NodeName = pod.Spec.NodeName
		return like
	}
	return pod
}

func urgency(pod *corev1.Pod) int {
	if troubled(pod) {
		return 0
	}
	return 1
}

// addBounds adds what bounds the pods of a namespace.
func (w *Watcher) addBounds(ctx context.Context, namespace string, observed *evidence.Evidence) error {
	quotas, err := w.clients.CoreV1().ResourceQuotas(namespace).List(ctx, metav1.ListOptions{Limit: maxBounds})
	if err != nil && !apierrors.IsForbidden(err) {
		return fmt.Errorf("list quotas of namespace %s: %w", namespace, err)
	}
	if err == nil {
		for i := range quotas.Items {
			observed.Quotas = append(observed.Quotas, evidence.QuotaOf(&quotas.Items[i]))
		}
	}
	ranges, err := w.clients.CoreV1().LimitRanges(namespace).List(ctx, metav1.ListOptions{Limit: maxBounds})
	if err != nil && !apierrors.IsForbidden(err) {
		return fmt.Errorf("list limit ranges of namespace %s: %w", namespace, err)
	}
	if err == nil {
		for _, bounds := range ranges.Items {
			observed.LimitRanges = append(observed.LimitRanges, evidence.LimitRange{Name: bounds.Name, Limits: bounds.Spec.Limits})
		}
	}
	return nil
}

// addClaims adds the claims of the first pod that waits for a node, and the classes that there are.
func (w *Watcher) addClaims(ctx context.Context, namespace string, observed *evidence.Evidence) error {
	at := slices.IndexFunc(observed.Pods, func(pod evidence.Pod) bool { return pod.Spec.NodeName == "" })
	if at < 0 {
		return nil
	}
	for _, volume := range observed.Pods[at].Spec.Volumes {
		if volume.PersistentVolumeClaim == nil || len(observed.Claims) >= maxClaims {
			continue
		}
		claim, err := w.clients.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, volume.PersistentVolumeClaim.ClaimName, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		case err != nil:
			return fmt.Errorf("read claim %s/%s: %w", namespace, volume.PersistentVolumeClaim.ClaimName, err)
		default:
			observed.Claims = append(observed.Claims, evidence.ClaimOf(claim))
		}
	}
	if len(observed.Claims) == 0 {
		return nil
	}
	classes, err := w.clients.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{Limit: maxBounds})
	if err != nil && !apierrors.IsForbidden(err) {
		return fmt.Errorf("list storage classes: %w", err)
	}
	if err == nil {
		for _, class := range classes.Items {
			observed.StorageClasses = append(observed.StorageClasses, class.Name)
		}
	}
	return nil
}

// addUsage adds what the metrics API measured, where there is one.
func (w *Watcher) addUsage(ctx context.Context, namespace string, observed *evidence.Evidence) {
	asked := 0
	for _, pod := range observed.Pods {
		if asked >= maxPods || pod.Spec.NodeName == "" {
			continue
		}
		asked++
		measured, err := w.usage.PodMetricses(namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			w.log.Debug("usage is not known", "namespace", namespace, "pod", pod.Name, "error", err)
			if !apierrors.IsNotFound(err) {
				return // no metrics API, or not for us
			}
			continue
		}
		for _, container := range measured.Containers {
			for j := range observed.Containers {
				if known := &observed.Containers[j]; known.Pod == pod.Name && known.Name == container.Name {
					known.MemoryUsage, known.CPUUsage = container.Usage.Memory().Value(), container.Usage.Cpu().MilliValue()
				}
			}
		}
	}
}

// conditionsOf gives the conditions of a live workload.
func conditionsOf(live *unstructured.Unstructured) []evidence.Condition {
	var typed interface {
		runtime.Object
		metav1.Object
	}
	switch live.GetKind() {
	case "Deployment":
		typed = &appsv1.Deployment{}
	case "StatefulSet":
		typed = &appsv1.StatefulSet{}
	case "DaemonSet":
		typed = &appsv1.DaemonSet{}
	case "ReplicaSet":
		typed = &appsv1.ReplicaSet{}
	case "Job":
		typed = &batchv1.Job{}
	case "ReplicationController":
		typed = &corev1.ReplicationController{}
	default:
		return nil
	}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, typed) != nil {
		return nil
	}
	return evidence.ConditionsOf(strings.ToLower(live.GetKind())+"/"+live.GetName(), typed)
}

func sortedKeys[V any](all map[string]V) []string {
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
