package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// atOnce is how many writes are under way, at most: more do not make the API server faster, but kwok, which has the
// heartbeats of all nodes to write, wait.
const atOnce = 8

// filling puts the objects of a cluster into a real one.
type filling struct {
	*cluster
	clients  kubernetes.Interface
	progress io.Writer
}

// prepare creates everything but pods, and waits until pods can be created.
func (f filling) prepare(ctx context.Context, names []types.NamespacedName) error {
	namespaces := append(namespacesOf(names), leaseNamespace)
	err := each(ctx, f.progress, "creating namespaces", len(namespaces), atOnce, func(ctx context.Context, i int) error {
		return create(ctx, func() error {
			_, err := f.clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaces[i]}}, metav1.CreateOptions{})
			return err
		})
	})
	if err != nil {
		return err
	}
	err = each(ctx, f.progress, "creating nodes", f.nodes, atOnce, func(ctx context.Context, i int) error {
		return create(ctx, func() error {
			_, err := f.clients.CoreV1().Nodes().Create(ctx, f.bareNode(i), metav1.CreateOptions{})
			return err
		})
	})
	if err != nil {
		return err
	}
	err = until(ctx, f.progress, "all nodes are ready", 5*time.Minute, func(ctx context.Context) (bool, error) {
		unready, err := unreadyNodes(ctx, f.clients)
		return unready == 0, err
	})
	if err != nil {
		return err
	}
	return until(ctx, f.progress, "all namespaces have a service account", 5*time.Minute, func(ctx context.Context) (bool, error) {
		for ; len(namespaces) > 0; namespaces = namespaces[1:] {
			_, err := f.clients.CoreV1().ServiceAccounts(namespaces[0]).Get(ctx, "default", metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// unreadyNodes counts the nodes that are not ready.
func unreadyNodes(ctx context.Context, clients kubernetes.Interface) (int, error) {
	nodes, err := clients.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("list nodes: %w", err)
	}
	unready := len(nodes.Items)
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				unready--
			}
		}
	}
	return unready, nil
}

// silentSince counts the nodes that Kubernetes believed lost since then, because kwok was late with their heartbeats. kwok
// makes the nodes ready again at once, but not their pods.
func silentSince(ctx context.Context, clients kubernetes.Interface, since time.Time) (int, error) {
	events, err := clients.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Node,reason=NodeNotReady"})
	if err != nil {
		return 0, fmt.Errorf("list events about nodes: %w", err)
	}
	silent := map[string]bool{}
	for _, event := range events.Items {
		if !event.LastTimestamp.Time.Before(since.Truncate(time.Second)) {
			silent[event.InvolvedObject.Name] = true
		}
	}
	return len(silent), nil
}

// fill creates the pods, waits until all of them run and are ready, and gives their mean size.
func (f filling) fill(ctx context.Context) (perPod float64, err error) {
	began := time.Now()
	watching, stop := context.WithCancel(ctx)
	seen, err := watchStarts(watching, f.clients)
	defer func() { stop(); seen.ended() }()
	if err != nil {
		return 0, err
	}
	err = each(ctx, f.progress, "creating pods", f.pods, atOnce, func(ctx context.Context, i int) error {
		return create(ctx, func() error {
			_, err := f.clients.CoreV1().Pods(f.templates[i%f.workloads].Namespace).Create(ctx, f.lonePod(i), metav1.CreateOptions{})
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	told := follow(f.progress, "running and ready", f.pods, seen.ready)
	defer told()
	for last, since := -1, time.Now(); ; time.Sleep(100 * time.Millisecond) {
		ready := seen.ready()
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case ready >= f.pods:
			return seen.meanSize(), nil
		case ready != last:
			last, since = ready, time.Now()
		case time.Since(since) > 2*time.Minute:
			silent, err := silentSince(ctx, f.clients, began)
			return 0, errors.Join(fmt.Errorf("%d of %d pods are ready, and no more of them for two minutes; %d nodes counted as lost, whose pods do not become ready again: this machine is too busy for so many -nodes or -pods",
				ready, f.pods, silent), err)
		}
	}
}

// starts is a watch that keeps of each pod whether it is ready, and its size.
type starts struct {
	store cache.Store
	ended func() // waits for the end of the watch
}

type startedPod struct {
	metav1.ObjectMeta
	ready bool
	size  int
}

// watchStarts watches pods until ctx ends.
func watchStarts(ctx context.Context, clients kubernetes.Interface) (starts, error) {
	informer := coreinformers.NewPodInformer(clients, metav1.NamespaceAll, 0, cache.Indexers{})
	s := starts{store: informer.GetStore(), ended: func() {}}
	if err := informer.SetTransform(func(object any) (any, error) {
		pod, ok := object.(*corev1.Pod)
		if !ok {
			return object, nil
		}
		return &startedPod{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion},
			ready:      runs(pod), size: pod.Size(),
		}, nil
	}); err != nil {
		return s, fmt.Errorf("watch pods start: %w", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); informer.RunWithContext(ctx) }()
	s.ended = func() { <-done }
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return s, errors.Join(errors.New("watch pods start"), ctx.Err())
	}
	return s, nil
}

// runs reports whether a pod runs and is ready.
func runs(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodRunning {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (s starts) ready() int {
	count := 0
	for _, object := range s.store.List() {
		if pod, ok := object.(*startedPod); ok && pod.ready {
			count++
		}
	}
	return count
}

func (s starts) meanSize() float64 {
	all := s.store.List()
	sum := 0
	for _, object := range all {
		if pod, ok := object.(*startedPod); ok {
			sum += pod.size
		}
	}
	return float64(sum) / float64(max(1, len(all)))
}
