package eventwatcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// maxDiscovered bounds how many groups are remembered with what they serve.
const maxDiscovered = 100

// served is what the API server says of a kind.
type served struct {
	resource string // its plural
	scale    bool   // it has a scale
}

// discover asks the API server where it serves a kind; false when it does not, or does not say. Answers are kept until a
// workload is looked at again anyway.
func (w *Watcher) discover(ctx context.Context, kind schema.GroupVersionKind) (served, bool) {
	version := kind.GroupVersion().String()
	kept, ok := w.discovered.Get(version)
	list, known := kept.(*metav1.APIResourceList)
	if !ok || !known {
		var err error
		if list, err = w.clients.Discovery().ServerResourcesForGroupVersionWithContext(ctx, version); err != nil {
			w.log.Debug("it is not known what is served", "version", version, "error", err)
			return served{}, false
		}
		w.discovered.Add(version, list, lookAgain)
	}
	at := slices.IndexFunc(list.APIResources, func(resource metav1.APIResource) bool {
		return resource.Kind == kind.Kind && !strings.Contains(resource.Name, "/")
	})
	if at < 0 {
		return served{}, false
	}
	name := list.APIResources[at].Name
	return served{resource: name, scale: slices.ContainsFunc(list.APIResources, func(resource metav1.APIResource) bool {
		return resource.Name == name+"/scale"
	})}, true
}

// scale is how many pods a workload is to have, and how it knows them.
type scale struct {
	replicas int32  // zero when nobody knows
	selector string // of labels; empty for a workload that knows its pods otherwise
}

// scaleOf reads the scale of a live workload. Kinds of Kubernetes have it in their spec. So may those that the installation
// adds; where they have a scale that may be read, it knows better where.
func (w *Watcher) scaleOf(ctx context.Context, of target) (scale, error) {
	written := scale{selector: selectorOf(of.live)}
	if replicas, found, err := unstructured.NestedInt64(of.live.Object, "spec", "replicas"); err == nil && found {
		written.replicas = int32(replicas)
	}
	kind, _ := w.kind(groupKind(of.workload))
	if !kind.configured {
		return written, nil
	}
	found, _ := w.discover(ctx, of.live.GroupVersionKind())
	if !found.scale {
		return written, nil
	}
	live, err := w.owners.objects.Resource(kind.resource).Namespace(of.live.GetNamespace()).Get(ctx, of.live.GetName(), metav1.GetOptions{}, "scale")
	switch {
	// Where its replicas are left out there is an internal error
	// (k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go, ScaleREST.Get).
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err), apierrors.IsInternalError(err):
		w.log.Debug("a scale can't be read", "kind", of.workload.Kind, "namespace", of.workload.Namespace, "name", of.workload.Name, "error", err)
		return written, nil
	case err != nil:
		return scale{}, fmt.Errorf("read the scale of %s %s/%s: %w", of.workload.Kind, of.workload.Namespace, of.workload.Name, err)
	}
	replicas, _, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	selector, _, _ := unstructured.NestedString(live.Object, "status", "selector")
	if _, err := labels.Parse(selector); err != nil {
		selector = ""
	}
	return scale{replicas: int32(replicas), selector: selector}, nil
}

// livePods lists the pods of a live workload as the API server has them.
func (w *Watcher) livePods(ctx context.Context, of target) ([]*corev1.Pod, error) {
	scale, err := w.scaleOf(ctx, of)
	if err != nil {
		return nil, err
	}
	list, err := w.clients.CoreV1().Pods(of.workload.Namespace).List(ctx, metav1.ListOptions{LabelSelector: scale.selector})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s %s/%s: %w", of.workload.Kind, of.workload.Namespace, of.workload.Name, err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		pod := &list.Items[i]
		by := pod.UID // where nothing controls it, it is the workload
		if controller := metav1.GetControllerOfNoCopy(pod); controller != nil {
			by = controller.UID
		}
		if slices.Contains(of.controllers, by) {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// selectorOf gives the labels by which a live workload knows its pods; empty for one that knows them otherwise.
func selectorOf(live *unstructured.Unstructured) string {
	written, _, _ := unstructured.NestedMap(live.Object, "spec", "selector")
	if live.GetKind() == "ReplicationController" {
		written = map[string]any{"matchLabels": written}
	}
	var given metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(written, &given) != nil {
		return ""
	}
	selector, err := metav1.LabelSelectorAsSelector(&given)
	if err != nil {
		return ""
	}
	return selector.String()
}
