package eventwatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// situationOf gives what a prescription goes by beside the diagnosis: what the owner applies, the cures that the
// workload has beside the one of the name, what became of cures before, and what its namespace allows.
func (w *Watcher) situationOf(ctx context.Context, of target, name string) (engine.Situation, error) {
	live, stored := of.live, of.stored
	situation := engine.Situation{
		Object: created(applied(live)), Template: of.template, Install: installed(w.options.Settings.Current()), Past: w.past.known(),
	}
	for _, other := range sortedKeys(stored) {
		if other != name && stored[other].InForce() {
			situation.InForce = append(situation.InForce, stored[other].Spec.Actions...)
		}
	}
	annotations, err := w.annotationsOf(ctx, live.GetNamespace())
	situation.Namespace = allowance(annotations)
	return situation, err
}

// annotationsOf reads what a namespace says; nothing for one that may not be read or is gone.
func (w *Watcher) annotationsOf(ctx context.Context, name string) (map[string]string, error) {
	namespace, err := w.partial.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err) || apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read namespace %s: %w", name, err)
	}
	return namespace.Annotations, nil
}

// boundsOf gives what the webhook cuts cures to in a namespace that says so much.
func (w *Watcher) boundsOf(namespace map[string]string) map[corev1.ResourceName]remedy.Bound {
	bounds := map[corev1.ResourceName]remedy.Bound{}
	for _, who := range []struct {
		name string
		engine.Allowance
	}{{"the installation", installed(w.options.Settings.Current())}, {"the namespace", allowance(namespace)}} { // the latter wins
		if who.MaxMemory != nil {
			bounds[corev1.ResourceMemory] = remedy.Bound{Most: *who.MaxMemory, Who: who.name}
		}
		if who.MaxCPU != nil {
			bounds[corev1.ResourceCPU] = remedy.Bound{Most: *who.MaxCPU, Who: who.name}
		}
	}
	return bounds
}

// installed gives what the installation allows.
func installed(settings *config.Config) engine.Allowance {
	return engine.Allowance{MaxMemory: settings.MaxMemory, MaxCPU: settings.MaxCPU, Assertive: settings.Allow == v1alpha1.AllowAssertive}
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

// created gives an object of a kind that can't be changed once it exists as its owner creates it the next time.
func created(object map[string]any) map[string]any {
	kind, _ := object["kind"].(string)
	metadata, ok := object["metadata"].(map[string]any)
	if !ok || armable(kind) {
		return object
	}
	anew := maps.Clone(object)
	metadata = maps.Clone(metadata)
	delete(metadata, "uid")
	anew["metadata"] = metadata
	return anew
}

// allowance reads what annotations of a namespace allow. A bound that can't be read bounds nothing.
func allowance(annotations map[string]string) engine.Allowance {
	quantity := func(name string) *resource.Quantity {
		read, err := remedy.ParseQuantity(annotations[name])
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
