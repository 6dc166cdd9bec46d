package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// Periods of a played kubelet. The cluster's controller misses a node after 20 s.
const (
	beat         = 500 * time.Millisecond
	leasePeriod  = 4 * time.Second
	statusPeriod = 5 * time.Second
)

// kubelet plays the kubelet of a simulated node: it registers it, renews its lease, posts its status and those of the
// pods bound to it, until it is told to fail. What the cluster makes of that is real.
type kubelet struct {
	scenarios.Node
	clients kubernetes.Interface
	seen    *seen
	end     context.CancelFunc
	ended   chan struct{}

	lock   sync.Mutex
	broken bool
	since  time.Time // when it broke
	posted time.Time
	leased time.Time
}

// play registers a node and begins to report for it.
func play(ctx context.Context, clients kubernetes.Interface, seen *seen, wanted scenarios.Node) (*kubelet, error) {
	labels := map[string]string{corev1.LabelHostname: wanted.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}
	for name, value := range wanted.Labels {
		labels[name] = value
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: wanted.Name, Labels: labels},
		// Nothing but the scenario's workload may come here.
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "dedicated", Value: wanted.Labels["pool"], Effect: corev1.TaintEffectNoSchedule}}},
	}
	if _, err := clients.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("register node %s: %w", wanted.Name, err)
	}
	// It reports until it is stopped, not until the scenario's time is over.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	k := &kubelet{Node: wanted, clients: clients, seen: seen, end: end, ended: make(chan struct{})}
	if err := errors.Join(k.renew(ctx), k.postSoon(ctx)); err != nil {
		end()
		return nil, err
	}
	go k.run(running)
	return k, nil
}

// joinsWithin is how long is waited at most for a new node to take pods.
const joinsWithin = 20 * time.Second

// takesPods reports whether the cluster has seen that the node is ready: until then it bears a taint, and pods that only prefer
// it go elsewhere (k8s.io/kubernetes/plugin/pkg/admission/nodetaint).
func (k *kubelet) takesPods(ctx context.Context) bool {
	node, err := k.clients.CoreV1().Nodes().Get(ctx, k.Name, metav1.GetOptions{})
	return err == nil && !slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == corev1.TaintNodeNotReady })
}

func (k *kubelet) run(ctx context.Context) {
	defer close(k.ended)
	for ctx.Err() == nil {
		k.lock.Lock()
		if k.broken && k.Back > 0 && time.Since(k.since) > time.Duration(k.Back)*time.Second {
			k.broken = false
		}
		if !k.silent() {
			// What fails is done again at the next beat, as a kubelet does.
			if time.Since(k.leased) > leasePeriod {
				_ = k.renew(ctx)
			}
			if time.Since(k.posted) > statusPeriod {
				_ = k.post(ctx)
			}
			k.syncPods(ctx)
		}
		k.lock.Unlock()
		pause(ctx, beat)
	}
}

// silent reports whether nothing is heard of the kubelet.
func (k *kubelet) silent() bool {
	return k.broken && (k.Fails == scenarios.NodeSilent || k.Fails == scenarios.NodeRemoved)
}

// fail breaks the node.
func (k *kubelet) fail(ctx context.Context) error {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.broken, k.since = true, time.Now()
	switch k.Fails {
	case scenarios.NodeRemoved:
		return k.clients.CoreV1().Nodes().Delete(ctx, k.Name, metav1.DeleteOptions{})
	case scenarios.NodeTainted:
		return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			node, err := k.clients.CoreV1().Nodes().Get(ctx, k.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "maintenance", Value: "disks", Effect: corev1.TaintEffectNoExecute})
			_, err = k.clients.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
			return err
		})
	case scenarios.NodeSilent:
		return nil
	default:
		return k.postSoon(ctx)
	}
}

// stop takes the node away with the pods that are left on it.
func (k *kubelet) stop(ctx context.Context) {
	k.end()
	<-k.ended
	now := int64(0)
	pods, err := k.clients.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + k.Name})
	if err == nil {
		for i := range pods.Items {
			_ = k.clients.CoreV1().Pods(pods.Items[i].Namespace).Delete(ctx, pods.Items[i].Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		}
	}
	_ = k.clients.CoreV1().Nodes().Delete(ctx, k.Name, metav1.DeleteOptions{})
	_ = k.clients.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(ctx, k.Name, metav1.DeleteOptions{})
}

// renew renews the node's lease.
func (k *kubelet) renew(ctx context.Context) error {
	leases := k.clients.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	seconds, now := int32(20), metav1.NowMicro()
	lease, err := leases.Get(ctx, k.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: k.Name, Namespace: corev1.NamespaceNodeLease},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &k.Name, LeaseDurationSeconds: &seconds, RenewTime: &now},
		}, metav1.CreateOptions{})
	case err == nil:
		lease.Spec.RenewTime = &now
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("renew the lease of node %s: %w", k.Name, err)
	}
	k.leased = time.Now()
	return nil
}

// post posts the node's status.
func (k *kubelet) post(ctx context.Context) error {
	node, err := k.clients.CoreV1().Nodes().Get(ctx, k.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read node %s: %w", k.Name, err)
	}
	has := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi"),
		corev1.ResourcePods: resource.MustParse("110"), corev1.ResourceEphemeralStorage: resource.MustParse("20Gi"),
	}
	node.Status.Capacity, node.Status.Allocatable = has, has
	node.Status.NodeInfo.Architecture, node.Status.NodeInfo.OperatingSystem = "amd64", "linux"
	set := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) {
		now := metav1.Now()
		for i := range node.Status.Conditions {
			if known := &node.Status.Conditions[i]; known.Type == kind {
				if known.Status != status {
					known.LastTransitionTime = now
				}
				known.Status, known.Reason, known.Message, known.LastHeartbeatTime = status, reason, message, now
				return
			}
		}
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now,
		})
	}
	set(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available")
	set(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure")
	set(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available")
	set(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status")
	if k.broken {
		switch k.Fails {
		case scenarios.NodeNotReady, scenarios.NodeShutDown:
			set(corev1.NodeReady, corev1.ConditionFalse, "KubeletNotReady", k.Message)
		case scenarios.NodeEvicts:
			set(corev1.NodeMemoryPressure, corev1.ConditionTrue, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
		}
	}
	if _, err := k.clients.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("post the status of node %s: %w", k.Name, err)
	}
	k.posted = time.Now()
	return nil
}

// postSoon posts the node's status though controllers write on the node at the same time.
func (k *kubelet) postSoon(ctx context.Context) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error { return k.post(ctx) })
}

// syncPods runs the pods that are bound to the node, and ends those that are to end.
func (k *kubelet) syncPods(ctx context.Context) {
	for _, object := range k.seen.pods.List() {
		pod, ok := object.(*corev1.Pod)
		if !ok || pod.Spec.NodeName != k.Name {
			continue
		}
		now := int64(0)
		switch {
		case pod.DeletionTimestamp != nil:
			_ = k.clients.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		case k.broken && (k.Fails == scenarios.NodeShutDown || k.Fails == scenarios.NodeEvicts):
			if pod.Status.Phase != corev1.PodFailed {
				k.endPod(ctx, pod)
			}
		case pod.Status.Phase == corev1.PodPending:
			k.runPod(ctx, pod)
		}
	}
}

// runPod posts that all containers of a pod run and are ready.
func (k *kubelet) runPod(ctx context.Context, pod *corev1.Pod) {
	pod = pod.DeepCopy()
	now := metav1.Now()
	yes := true
	pod.Status.Phase, pod.Status.StartTime, pod.Status.PodIP = corev1.PodRunning, &now, "10.99.0.1"
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodReadyToStartContainers} {
		setPodCondition(pod, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	pod.Status.ContainerStatuses = nil
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: "docker.io/library/" + container.Image, Ready: true, Started: &yes,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	_, _ = k.clients.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

// endPod ends a pod as a kubelet does that evicts it, or that shuts down.
func (k *kubelet) endPod(ctx context.Context, pod *corev1.Pod) {
	pod = pod.DeepCopy()
	now := metav1.Now()
	pod.Status.Phase = corev1.PodFailed
	pod.Status.Reason, pod.Status.Message = "Terminated", "Pod was terminated in response to imminent node shutdown."
	if k.Fails == scenarios.NodeEvicts {
		pod.Status.Reason = "Evicted"
		pod.Status.Message = fmt.Sprintf("The node was low on resource: memory. Threshold quantity: 100Mi, available: 48Mi. Container %s was using 180Mi, request is 0, has larger consumption of memory. ", pod.Spec.Containers[0].Name)
		// A kubelet tells it with an event too; the watcher must not need it.
		_, _ = k.clients.CoreV1().Events(pod.Namespace).Create(ctx, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
			InvolvedObject: corev1.ObjectReference{
				APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
			},
			Type: corev1.EventTypeWarning, Reason: "Evicted", Message: pod.Status.Message, Count: 1,
			Source: corev1.EventSource{Component: "kubelet", Host: k.Name}, FirstTimestamp: now, LastTimestamp: now,
		}, metav1.CreateOptions{})
	}
	setPodCondition(pod, corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: corev1.PodReasonTerminationByKubelet,
		Message: pod.Status.Message, LastTransitionTime: now,
	})
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.ContainersReady} {
		setPodCondition(pod, corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: "PodFailed", LastTransitionTime: now})
	}
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		began := now
		if status.State.Running != nil {
			began = status.State.Running.StartedAt
		}
		status.Ready = false
		status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0, Reason: "Completed", StartedAt: began, FinishedAt: now}}
	}
	_, _ = k.clients.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

func setPodCondition(pod *corev1.Pod, condition corev1.PodCondition) {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == condition.Type {
			pod.Status.Conditions[i] = condition
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}
