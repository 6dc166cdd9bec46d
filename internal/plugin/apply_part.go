package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
)

// serverSideApply is the field manager of kubectl apply --server-side (k8s.io/kubectl/pkg/cmd/apply/apply.go,
// fieldManagerServerSideApply), and lastAppliedManager the one with which it keeps the annotation of client-side apply up
// to date (fieldManagerLastAppliedAnnotation).
const (
	serverSideApply    = "kubectl"
	lastAppliedManager = "kubectl-last-applied"
)

// part is one object of what is applied.
type part struct {
	object                            // as its owner wrote it
	live   *unstructured.Unstructured // as the API server answered last
	cures  *cures                     // found in process
	marks  []string                   // of the Remediations that it carried at the last apply
	runs   map[types.UID]int32        // restarts of its pods before the last apply
}

// parts reads what is to be applied, as kubectl apply does.
func (c *cluster) parts(options applyOptions) ([]*part, error) {
	builder := resource.NewBuilder(c.getter).Unstructured().NamespaceParam(c.namespace).DefaultNamespace().Flatten()
	files := slices.DeleteFunc(slices.Clone(options.files), func(name string) bool { return name == "-" })
	if len(files) < len(options.files) {
		builder = builder.Stream(c.streams.In, "standard input")
	}
	infos, err := builder.FilenameParam(false, &resource.FilenameOptions{Filenames: files, Kustomize: options.kustomize, Recursive: options.recursive}).Do().Infos()
	if err != nil {
		return nil, fmt.Errorf("--filename: %w", err)
	}
	var parts []*part
	for _, info := range infos {
		value, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("--filename %s: it can't be read", info.Source)
		}
		if value.GetName() == "" {
			return nil, fmt.Errorf("--filename %s: an object with generateName can't be applied", info.Source)
		}
		parts = append(parts, &part{object: object{value, info.Mapping}, cures: &cures{}})
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("--filename: there is no object in it")
	}
	return parts, nil
}

// deploy applies a part server-side, and gives the audit records of what was put into it that it did not carry before.
func (c *cluster) deploy(ctx context.Context, p *part, force bool) ([]audit.Record, error) {
	wanted, records := p.cures.heal(p.object)
	data, err := json.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", p.title(), err)
	}
	live, err := c.resource(p.mapping, p.GetNamespace()).Patch(ctx, p.GetName(), types.ApplyPatchType, data,
		metav1.PatchOptions{FieldManager: serverSideApply, Force: &force})
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("apply %s: %w; --force-conflicts takes the fields over", p.title(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("apply %s: %w", p.title(), err)
	}
	if err := c.keepLastApplied(ctx, p, live); err != nil {
		return nil, err
	}
	fresh := slices.DeleteFunc(slices.Clone(marks(live.Object)), func(mark string) bool { return slices.Contains(p.marks, mark) })
	p.live, p.marks = live, marks(live.Object)
	if len(fresh) > 0 {
		if admitted, err := audit.Parse(annotation(live.Object, v1alpha1.AuditAnnotation)); err == nil {
			records = append(records, admitted...)
		}
	}
	return records, nil
}

// takeOver reads what there is of a part, and hands what client-side apply owned of it over to server-side apply, as
// kubectl does, so that what left the manifest leaves the object. kubectl does it only after the first apply, which ends
// in a conflict where the manifest changed.
func (c *cluster) takeOver(ctx context.Context, p *part) error {
	client := c.resource(p.mapping, p.GetNamespace())
	live, err := client.Get(ctx, p.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", p.title(), err)
	}
	p.live, p.marks = live, marks(live.Object)
	annotated := fieldpath.NewSet(fieldpath.MakePathOrDie("metadata", "annotations", corev1.LastAppliedConfigAnnotation))
	managers := sets.New[string]()
	for _, entry := range csaupgrade.FindFieldsOwners(live.GetManagedFields(), metav1.ManagedFieldsOperationUpdate, annotated) {
		if entry.Manager != lastAppliedManager {
			managers.Insert(entry.Manager)
		}
	}
	if managers.Len() == 0 {
		return nil
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, managers, serverSideApply)
	if err == nil && patch != nil {
		_, err = client.Patch(ctx, p.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return fmt.Errorf("take %s over from client-side apply: %w", p.title(), err)
	}
	return nil
}

// keepLastApplied keeps the annotation of client-side apply up to date where there is one, as kubectl does.
func (c *cluster) keepLastApplied(ctx context.Context, p *part, live *unstructured.Unstructured) error {
	if p.live == nil || annotation(p.live.Object, corev1.LastAppliedConfigAnnotation) == "" {
		return nil
	}
	written, err := withLastApplied(p.Object)
	if err != nil {
		return err
	}
	var kept unstructured.Unstructured
	if err := json.Unmarshal(written, &kept.Object); err != nil {
		return fmt.Errorf("encode %s: %w", p.title(), err)
	}
	value := annotation(kept.Object, corev1.LastAppliedConfigAnnotation)
	if value == annotation(live.Object, corev1.LastAppliedConfigAnnotation) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{corev1.LastAppliedConfigAnnotation: value}}})
	if err != nil {
		return fmt.Errorf("encode %s: %w", p.title(), err)
	}
	if _, err := c.resource(p.mapping, p.GetNamespace()).Patch(ctx, p.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: lastAppliedManager}); err != nil {
		return fmt.Errorf("keep the last applied manifest of %s: %w", p.title(), err)
	}
	return nil
}
