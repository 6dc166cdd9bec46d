package eventwatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// lastApplied is where kubectl apply keeps the file it applied last.
const lastApplied = corev1.LastAppliedConfigAnnotation

// armed gives the annotation's value that makes kubectl send its next apply, and whether it differs from the
// present one.
//
// kubectl apply compares the file with this annotation and with the live object. It sends nothing when all three
// agree, so the unchanged file of a failing workload would never reach admission. kubectl writes the annotation
// as JSON with a trailing newline (k8s.io/kubectl/pkg/util/apply.go, GetModifiedConfiguration, through a
// streaming encoder); the same JSON without it means the same, differs in bytes, and is written back by that
// very apply.
func armed(value string) (string, bool) {
	trimmed := strings.TrimRight(value, "\n")
	return trimmed, trimmed != value
}

// armable reports whether the next apply could change what exists of a kind. Of a Job or a Pod it can't: its owner
// deletes it and applies it again, which reaches admission anyway.
func armable(kind string) bool { return kind != "Job" && kind != "Pod" }

// arm makes the next kubectl apply of the live workload reach admission. It does nothing for a workload that was
// not applied client-side, and reports whether it wrote. The write is refused when the annotation or the spec changed
// since live was read; that is a conflict to start over from. An apply that was healed meanwhile leaves the annotation
// as it was.
func (w *Watcher) arm(ctx context.Context, live *unstructured.Unstructured) (bool, error) {
	if !armable(live.GetKind()) {
		return false, nil
	}
	old, applied := live.GetAnnotations()[lastApplied]
	value, differs := armed(old)
	if !applied || !differs {
		return false, nil
	}
	path := "/metadata/annotations/" + strings.ReplaceAll(lastApplied, "/", "~1")
	patch, err := json.Marshal([]remedy.Operation{
		{Op: "test", Path: "/metadata/generation", Value: live.GetGeneration()},
		{Op: "test", Path: path, Value: old},
		{Op: "replace", Path: path, Value: value},
	})
	if err != nil {
		return false, fmt.Errorf("encode the arming patch: %w", err)
	}
	of, _ := w.kind(live.GroupVersionKind().GroupKind())
	_, err = w.owners.objects.Resource(of.resource).Namespace(live.GetNamespace()).
		Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	switch {
	case apierrors.IsInvalid(err): // the test failed: somebody applied meanwhile
		return false, apierrors.NewConflict(of.resource.GroupResource(), live.GetName(), err)
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("arm %s %s/%s: %w", live.GetKind(), live.GetNamespace(), live.GetName(), err)
	}
	w.metrics.armed.Inc()
	w.log.Info("armed for the next apply", "kind", live.GetKind(), "namespace", live.GetNamespace(), "name", live.GetName())
	return true, nil
}
