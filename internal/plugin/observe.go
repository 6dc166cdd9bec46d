package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/pager"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Bounds of what is read of one workload.
const (
	maxPods   = 5  // pods of one workload fail alike
	maxClaims = 10 // of one pod
	maxLeases = 5  // of nodes that are not ready
)

// observer reads from a cluster what a diagnosis wants to know, with the rights of whoever asks. What may not be read is
// left out and noted, once.
type observer struct {
	*cluster
	waiting *waiting
	seen    map[types.UID]bool
	found   []runtime.Object
	logs    []evidence.Log
	usage   []evidence.Usage
	noted   map[string]bool
	only    func(*corev1.Pod) bool // pods that are looked at; all when it is nil
	unread  map[string]bool        // types that may not be listed
}

func newObserver(of *cluster, waiting *waiting) *observer {
	return &observer{cluster: of, waiting: waiting, seen: map[types.UID]bool{}, noted: map[string]bool{}, unread: map[string]bool{}}
}

// observations are all that was read.
func (o *observer) observations() evidence.Observations {
	return evidence.Observations{Objects: o.found, Logs: o.logs, Usage: o.usage, At: o.clock.Now()}
}

// noteOnce notes what was left out.
func (o *observer) noteOnce(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !o.noted[text] {
		o.noted[text] = true
		o.note("%s", text)
	}
}

// add keeps an object, each once.
func (o *observer) add(item runtime.Object) {
	named, err := meta.Accessor(item)
	if err != nil || named.GetUID() != "" && o.seen[named.GetUID()] {
		return
	}
	o.seen[named.GetUID()] = true
	o.found = append(o.found, item)
}

// lister asks for a page of objects.
type lister func(context.Context, metav1.ListOptions) (runtime.Object, error)

// each calls with all objects of a list. What may not be read, or is not served, is left out.
func (o *observer) each(ctx context.Context, what, namespace string, options metav1.ListOptions, list lister, with func(runtime.Object)) error {
	where := ""
	if namespace != "" {
		where = " in namespace " + namespace
	}
	o.waiting.at("reading %s%s", what, where)
	err := pager.New(pager.ListPageFunc(list)).EachListItem(ctx, options, func(item runtime.Object) error {
		with(item)
		return nil
	})
	switch {
	case apierrors.IsForbidden(err):
		o.unread[what] = true
		o.noteOnce("you may not list %s%s: left out", what, where)
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("list %s%s: %w", what, where, err)
	}
	return nil
}

// madeByControllers are kinds of objects that come and go, with the lists in which they are read before events are.
var madeByControllers = map[string]string{"Pod": "pods", "ReplicaSet": "replicasets", "Job": "jobs"}

// observeAll reads everything of a namespace, or of all when it is empty, with the nodes.
func (o *observer) observeAll(ctx context.Context, namespace string) error {
	core, apps, batch := o.typed.CoreV1(), o.typed.AppsV1(), o.typed.BatchV1()
	var pods []*corev1.Pod
	there := map[string]bool{} // what controllers made and is there
	for _, kind := range []struct {
		what string
		list lister
	}{
		{"pods", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return core.Pods(namespace).List(ctx, p)
		}},
		{"deployments", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return apps.Deployments(namespace).List(ctx, p)
		}},
		{"replicasets", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return apps.ReplicaSets(namespace).List(ctx, p)
		}},
		{"statefulsets", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return apps.StatefulSets(namespace).List(ctx, p)
		}},
		{"daemonsets", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return apps.DaemonSets(namespace).List(ctx, p)
		}},
		{"jobs", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return batch.Jobs(namespace).List(ctx, p)
		}},
		{"cronjobs", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return batch.CronJobs(namespace).List(ctx, p)
		}},
		{"replicationcontrollers", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return core.ReplicationControllers(namespace).List(ctx, p)
		}},
		{"events", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return core.Events(namespace).List(ctx, p)
		}},
		{"persistentvolumeclaims", func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return core.PersistentVolumeClaims(namespace).List(ctx, p)
		}},
	} {
		if err := o.each(ctx, kind.what, namespace, metav1.ListOptions{}, kind.list, func(item runtime.Object) {
			switch item := item.(type) {
			case *corev1.Pod:
				pods = append(pods, item)
				there["Pod/"+item.Namespace+"/"+item.Name] = true
			case *appsv1.ReplicaSet:
				there["ReplicaSet/"+item.Namespace+"/"+item.Name] = true
			case *batchv1.Job:
				there["Job/"+item.Namespace+"/"+item.Name] = true
			case *corev1.Event: // those about what is gone tell of yesterday
				about := item.InvolvedObject
				if list, made := madeByControllers[about.Kind]; made && !o.unread[list] && !there[about.Kind+"/"+about.Namespace+"/"+about.Name] {
					return
				}
			}
			o.add(item)
		}); err != nil {
			return err
		}
	}
	if err := o.addBounds(ctx, namespace); err != nil {
		return err
	}
	if err := o.addNodes(ctx); err != nil {
		return err
	}
	o.addUsage(ctx, namespace, nil)
	return o.readLogs(ctx, worstOfEach(pods))
}

// observe reads what a workload, or one pod, says about itself.
func (o *observer) observe(ctx context.Context, live object) error {
	top, err := o.climb(ctx, live)
	if err != nil {
		return err
	}
	o.addLive(top.Unstructured)
	if err := o.addEvents(ctx, top.GetNamespace(), top.GetKind(), top.GetName()); err != nil {
		return err
	}
	if !scoped(top.mapping) || top.GetKind() == "PersistentVolumeClaim" {
		return nil
	}
	pods, err := o.podsOf(ctx, top, live)
	if err != nil {
		return err
	}
	waits := false
	for _, pod := range pods {
		o.add(pod)
		waits = waits || pod.Spec.NodeName == ""
		if err := o.addEvents(ctx, pod.Namespace, "Pod", pod.Name); err != nil {
			return err
		}
		if err := o.addClaims(ctx, pod); err != nil {
			return err
		}
	}
	if err := o.addBounds(ctx, top.GetNamespace()); err != nil {
		return err
	}
	if waits {
		err = o.addNodes(ctx)
	} else {
		err = o.addNodesOf(ctx, pods)
	}
	if err != nil {
		return err
	}
	o.addUsage(ctx, top.GetNamespace(), pods)
	return o.readLogs(ctx, pods)
}

// servedAs tells where the API server serves a namespaced kind; false for one that it does not serve so.
func (o *observer) servedAs(of schema.GroupVersionKind) (*meta.RESTMapping, bool) {
	mapping, err := o.mapper.RESTMapping(of.GroupKind(), of.Version)
	return mapping, err == nil && scoped(mapping)
}

// climb gives what the owner of an object applies: what controls it, up to the top, as far as that may be read.
func (o *observer) climb(ctx context.Context, from object) (object, error) {
	for range maxOwners {
		controller := metav1.GetControllerOf(from)
		if controller == nil {
			break
		}
		of := kindOf(controller.APIVersion, controller.Kind)
		mapping, known := o.servedAs(of)
		if !known {
			break
		}
		above, err := o.resource(mapping, from.GetNamespace()).Get(ctx, controller.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return from, nil
		case apierrors.IsForbidden(err):
			o.noteOnce("you may not read %s in namespace %s, to which %s belongs: left out", argumentOf(controller.Kind, controller.Name), from.GetNamespace(), from.title())
			return from, nil
		case err != nil:
			return object{}, fmt.Errorf("read %s: %w", argumentOf(controller.Kind, controller.Name), err)
		}
		o.addLive(from.Unstructured)
		from = object{above, mapping}
	}
	return from, nil
}

// addLive keeps an object that was read untyped, if it is of a type of Kubernetes.
func (o *observer) addLive(live *unstructured.Unstructured) {
	typed, err := scheme.Scheme.New(live.GroupVersionKind())
	if err == nil && runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, typed) == nil {
		o.add(typed)
	}
}

// podsOf gives the pods of a workload that say most, and keeps what stands between it and them.
func (o *observer) podsOf(ctx context.Context, top, asked object) ([]*corev1.Pod, error) {
	namespace := top.GetNamespace()
	if asked.GetKind() == "Pod" { // that one alone is meant
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(asked.Object, pod); err != nil {
			return nil, fmt.Errorf("read %s: %w", asked.title(), err)
		}
		return []*corev1.Pod{pod}, nil
	}
	controllers := map[types.UID]bool{top.GetUID(): true}
	between := func(item runtime.Object) {
		named, err := meta.Accessor(item)
		if err != nil {
			return
		}
		if controller := metav1.GetControllerOfNoCopy(named); controller != nil && controllers[controller.UID] {
			controllers[named.GetUID()] = true
			o.add(item)
		}
	}
	selector := metav1.ListOptions{LabelSelector: selectorOf(top)}
	var err error
	switch top.GetKind() {
	case "CronJob":
		err = o.each(ctx, "jobs", namespace, metav1.ListOptions{}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return o.typed.BatchV1().Jobs(namespace).List(ctx, p)
		}, between)
	case "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "ReplicationController", "Pod":
	default:
		err = o.each(ctx, "replicasets", namespace, selector, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
			return o.typed.AppsV1().ReplicaSets(namespace).List(ctx, p)
		}, between)
	}
	if err != nil {
		return nil, err
	}
	for _, item := range slices.Clone(o.found) { // a quota, for example, shows in the events of what creates pods
		if set, ok := item.(*appsv1.ReplicaSet); ok && (set.Spec.Replicas == nil || *set.Spec.Replicas > 0) && controllers[set.UID] {
			err = o.addEvents(ctx, namespace, "ReplicaSet", set.Name)
		}
		if job, ok := item.(*batchv1.Job); ok && controllers[job.UID] && job.UID != top.GetUID() {
			err = o.addEvents(ctx, namespace, "Job", job.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	var pods []*corev1.Pod
	err = o.each(ctx, "pods", namespace, selector, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.CoreV1().Pods(namespace).List(ctx, p)
	}, func(item runtime.Object) {
		pod, ok := item.(*corev1.Pod)
		if !ok {
			return
		}
		controller := metav1.GetControllerOfNoCopy(pod)
		if (controller != nil && controllers[controller.UID] || pod.UID == top.GetUID()) && (o.only == nil || o.only(pod)) {
			pods = append(pods, pod)
		}
	})
	return worst(pods), err
}

// selectorOf gives the label query that finds the pods of a workload; empty where it has none of its own.
func selectorOf(live object) string {
	if live.GetKind() == "CronJob" || live.GetKind() == "Pod" {
		return ""
	}
	written, found, err := unstructured.NestedMap(live.Object, "spec", "selector")
	if err != nil || !found {
		return ""
	}
	if _, labelled := written["matchLabels"]; !labelled && written["matchExpressions"] == nil { // a ReplicationController's
		plain, _, err := unstructured.NestedStringMap(live.Object, "spec", "selector")
		if err != nil {
			return ""
		}
		return labels.SelectorFromSet(plain).String()
	}
	var selector metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(written, &selector) != nil {
		return ""
	}
	return metav1.FormatLabelSelector(&selector)
}

// worst gives the pods that say most: those in trouble first, of these the newest, and one that works if there is one.
func worst(pods []*corev1.Pod) []*corev1.Pod {
	urgency := func(pod *corev1.Pod) int {
		if troubled(pod) {
			return 0
		}
		return 1
	}
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	if len(pods) <= maxPods {
		return pods
	}
	if at := slices.IndexFunc(pods, func(pod *corev1.Pod) bool { return urgency(pod) > 0 }); at >= maxPods {
		pods[maxPods-1] = pods[at]
	}
	return pods[:maxPods]
}

// worstOfEach gives the pods in trouble that say most, of each controller.
func worstOfEach(pods []*corev1.Pod) []*corev1.Pod {
	of := map[types.UID][]*corev1.Pod{}
	var order []types.UID
	for _, pod := range pods {
		if !troubled(pod) {
			continue
		}
		owner := pod.UID
		if controller := metav1.GetControllerOfNoCopy(pod); controller != nil {
			owner = controller.UID
		}
		if of[owner] == nil {
			order = append(order, owner)
		}
		of[owner] = append(of[owner], pod)
	}
	var all []*corev1.Pod
	for _, owner := range order {
		all = append(all, worst(of[owner])...)
	}
	return all
}

// addEvents keeps the events about an object.
func (o *observer) addEvents(ctx context.Context, namespace, kind, name string) error {
	about := fields.SelectorFromSet(fields.Set{"involvedObject.kind": kind, "involvedObject.name": name})
	return o.each(ctx, "events", namespace, metav1.ListOptions{FieldSelector: about.String()}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.CoreV1().Events(namespace).List(ctx, p)
	}, o.add)
}

// addClaims keeps the claims that a pod names, with their events, while it waits for them.
func (o *observer) addClaims(ctx context.Context, pod *corev1.Pod) error {
	read, named := 0, false
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil || read >= maxClaims || pod.Status.Phase != corev1.PodPending {
			continue
		}
		read, named = read+1, true
		name := volume.PersistentVolumeClaim.ClaimName
		claim, err := o.typed.CoreV1().PersistentVolumeClaims(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			o.noteOnce("you may not read persistentvolumeclaims in namespace %s: left out", pod.Namespace)
			return nil
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return fmt.Errorf("read claim %s/%s: %w", pod.Namespace, name, err)
		}
		o.add(claim)
		if err := o.addEvents(ctx, pod.Namespace, "PersistentVolumeClaim", name); err != nil {
			return err
		}
	}
	if !named {
		return nil
	}
	return o.each(ctx, "storageclasses", "", metav1.ListOptions{}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.StorageV1().StorageClasses().List(ctx, p)
	}, o.add)
}

// addBounds keeps what bounds the pods of a namespace.
func (o *observer) addBounds(ctx context.Context, namespace string) error {
	if err := o.each(ctx, "resourcequotas", namespace, metav1.ListOptions{}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.CoreV1().ResourceQuotas(namespace).List(ctx, p)
	}, o.add); err != nil {
		return err
	}
	return o.each(ctx, "limitranges", namespace, metav1.ListOptions{}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.CoreV1().LimitRanges(namespace).List(ctx, p)
	}, o.add)
}

// addNodes keeps all nodes.
func (o *observer) addNodes(ctx context.Context) error {
	if err := o.each(ctx, "nodes", "", metav1.ListOptions{}, func(ctx context.Context, p metav1.ListOptions) (runtime.Object, error) {
		return o.typed.CoreV1().Nodes().List(ctx, p)
	}, o.add); err != nil {
		return err
	}
	return o.addLeases(ctx)
}

// addLeases keeps the leases of the nodes that are kept and not ready: they tell since when their kubelets are silent.
func (o *observer) addLeases(ctx context.Context) error {
	read := 0
	for _, item := range slices.Clone(o.found) {
		node, ok := item.(*corev1.Node)
		if !ok || read == maxLeases || slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		}) {
			continue
		}
		read++
		lease, err := o.typed.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, node.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			o.noteOnce("you may not read leases in namespace %s: left out", corev1.NamespaceNodeLease)
			return nil
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("read the lease of node %s: %w", node.Name, err)
		default:
			o.add(lease)
		}
	}
	return nil
}

// addNodesOf keeps the nodes that pods run on.
func (o *observer) addNodesOf(ctx context.Context, pods []*corev1.Pod) error {
	read := map[string]bool{}
	for _, pod := range pods {
		name := pod.Spec.NodeName
		if read[name] {
			continue
		}
		read[name] = true
		node, err := o.typed.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			o.noteOnce("you may not read nodes: left out")
			return nil
		case apierrors.IsNotFound(err):
		case err != nil:
			return fmt.Errorf("read node %s: %w", name, err)
		default:
			o.add(node)
		}
	}
	return o.addLeases(ctx)
}

// measurements are where the metrics API serves what pods use.
var measurements = schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"}
