package eventwatcher

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// situationOf gives what a prescription goes by beside the diagnosis: what the owner applies, the cures that the
// workload has beside the one of the name, and what its namespace allows.
func (w *Watcher) situationOf(ctx context.Context, live *unstructured.Unstructured, stored map[string]*v1alpha1.Remediation, name string) (engine.Situation, error) {
	situation := engine.Situation{Object: applied(live)}
	for _, other := range sortedKeys(stored) {
		if other != name && stored[other].InForce() {
			situation.InForce = append(situation.InForce, stored[other].Spec.Actions...)
		}
	}
	namespace, err := w.partial.Resource(namespaces).Get(ctx, live.GetNamespace(), metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
		return situation, nil
	case err != nil:
		return engine.Situation{}, fmt.Errorf("read namespace %s: %w", live.GetNamespace(), err)
	}
	situation.Namespace = allowance(namespace.Annotations)
	return situation, nil
}

var namespaces = corev1.SchemeGroupVersion.WithResource("namespaces")

// applied gives what the owner of a live workload applies: what kubectl apply kept of it, with the annotations as they
// are now, or where it kept nothing the live workload.
func applied(live *unstructured.Unstructured) map[string]any {
	var written map[string]any
	if json.Unmarshal([]byte(live.GetAnnotations()[lastApplied]), &written) != nil || written["spec"] == nil {
		return live.Object
	}
	metadata, ok := written["metadata"].(map[string]any)
	if !ok {
		return live.Object
	}
	annotations := map[string]any{}
	for name, value := range live.GetAnnotations() {
		annotations[name] = value
	}
	metadata["annotations"] = annotations
	return written
}

// allowance reads what annotations of a namespace allow. A bound that can't be read bounds nothing.
func allowance(annotations map[string]string) engine.Allowance {
	quantity := func(name string) *resource.Quantity {
		read, err := resource.ParseQuantity(annotations[name])
		if err != nil || read.Sign() <= 0 {
			return nil
		}
		return &read
	}
	return engine.Allowance{
		MaxMemory: quantity(v1alpha1.MaxMemoryAnnotation), MaxCPU: quantity(v1alpha1.MaxCPUAnnotation),
		Assertive: annotations[v1alpha1.AllowAnnotation] == v1alpha1.AllowAssertive,
	}
}
