package eventwatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// FieldManager is the watcher's name in managedFields, for whatever it writes.
const FieldManager = "kube-remedy-eventwatcher"

// store reads and writes Remediations on the API server.
type store struct {
	clients *remediations.Clientset
}

// of gives the Remediations for a workload as they are now, by name. They name it, or the prefix that its name was made
// from or the app it is of, where it is known by that; those for a workload without any are all those of its kind and
// namespace that name prefixes or apps.
func (s store) of(ctx context.Context, workload evidence.Workload) (map[string]*v1alpha1.Remediation, error) {
	target := targetOf(workload)
	selected := fields.Set{"spec.targetRef.kind": target.Kind}
	if target.Name != "" {
		selected["spec.targetRef.name"] = target.Name
	}
	list, err := s.clients.Remediations(workload.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selected.String()})
	if err != nil {
		return nil, fmt.Errorf("list remediations for %s %s/%s: %w", workload.Kind, workload.Namespace, workload.Name, err)
	}
	found := map[string]*v1alpha1.Remediation{}
	for i := range list.Items {
		is, ok := remediations.TargetOf(&list.Items[i])
		ref := list.Items[i].Spec.TargetRef
		same := ref.GenerateName == workload.GenerateName && ref.AppName == workload.AppName
		if ok && is == target && (same || !workload.Anonymous()) {
			found[list.Items[i].Name] = &list.Items[i]
		}
	}
	return found, nil
}

// saveSpec writes the spec of next by server-side apply if it differs from known's, and gives what is stored then.
// known is what next was made from, or nil for a new one. The API server refuses the write with a conflict when the
// stored Remediation is no longer known.
func (s store) saveSpec(ctx context.Context, known, next *v1alpha1.Remediation) (*v1alpha1.Remediation, error) {
	if known != nil && equality.Semantic.DeepEqual(known.Spec, next.Spec) {
		return known, nil
	}
	patch, err := applyPatch(known, next, "spec", next.Spec)
	if err != nil {
		return nil, err
	}
	stored, err := s.clients.Remediations(next.Namespace).Patch(ctx, next.Name, types.ApplyPatchType, patch, applyOptions())
	if err != nil {
		return nil, fmt.Errorf("store remediation %s/%s: %w", next.Namespace, next.Name, err)
	}
	return stored, nil
}

// saveStatus writes the status of next in the same way.
func (s store) saveStatus(ctx context.Context, stored, next *v1alpha1.Remediation) (*v1alpha1.Remediation, error) {
	patch, err := applyPatch(stored, next, "status", next.Status)
	if err != nil {
		return nil, err
	}
	written, err := s.clients.Remediations(next.Namespace).Patch(ctx, next.Name, types.ApplyPatchType, patch, applyOptions(), "status")
	if err != nil {
		return nil, fmt.Errorf("store status of remediation %s/%s: %w", next.Namespace, next.Name, err)
	}
	return written, nil
}

// applyOptions forces ownership: the watcher is the only writer of what it writes, and a person's edit of the
// same field is an edit of the watcher's own record.
func applyOptions() metav1.PatchOptions {
	force := true
	return metav1.PatchOptions{FieldManager: FieldManager, Force: &force}
}

// applyPatch writes one part of a Remediation as a server-side apply patch that holds only for the version
// stored.
func applyPatch(stored, next *v1alpha1.Remediation, part string, value any) ([]byte, error) {
	metadata := map[string]any{"name": next.Name, "namespace": next.Namespace}
	if part == "spec" && next.Status.LearnedAt != nil {
		metadata["annotations"] = map[string]string{v1alpha1.LearnedAnnotation: learnedMark(next)}
	}
	if stored != nil {
		metadata["resourceVersion"] = stored.ResourceVersion
		metadata["uid"] = stored.UID
	}
	patch, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(),
		"kind":       v1alpha1.RemediationKind.Kind,
		"metadata":   metadata,
		part:         value,
	})
	if err != nil {
		return nil, fmt.Errorf("encode remediation %s/%s: %w", next.Namespace, next.Name, err)
	}
	return patch, nil
}

// learnedMark says on the spec what the status will say of it.
func learnedMark(next *v1alpha1.Remediation) string {
	return fmt.Sprintf("%d@%s", next.Status.Outcome.Attempt, next.Status.LearnedAt.UTC().Format(time.RFC3339))
}

// halfWritten gives the attempt that the actions of a Remediation are, and since when, if its status does not know of it
// yet: the watcher stopped between the two writes.
func halfWritten(known *v1alpha1.Remediation) (attempt int32, since metav1.Time, is bool) {
	count, at, found := strings.Cut(known.Annotations[v1alpha1.LearnedAnnotation], "@")
	number, err := strconv.ParseInt(count, 10, 32)
	if err != nil || !found || number < 0 || number > v1alpha1.MaxAttempts {
		return 0, metav1.Time{}, false
	}
	written, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return 0, metav1.Time{}, false
	}
	if last := known.Status.LearnedAt; last != nil && !written.After(last.Time) {
		is = written.Equal(last.Time) && int32(number) != known.Status.Outcome.Attempt
		return int32(number), metav1.NewTime(written), is
	}
	return int32(number), metav1.NewTime(written), true
}
