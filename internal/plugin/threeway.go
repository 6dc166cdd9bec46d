package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// clientSideApply is the field manager of kubectl apply (k8s.io/kubectl/pkg/cmd/apply/apply.go,
// FieldManagerClientSideApply); the webhook knows an owner's apply by it.
const clientSideApply = "kubectl-client-side-apply"

// ownersPatch gives the patch that kubectl apply would send of the manifest that it applied last, so that the object
// becomes what its owner wrote. cures are the Remediations of the object: a field that one of them added, which the
// manifest has not, is removed too; kubectl apply alone would leave it.
func ownersPatch(live map[string]any, cures []*v1alpha1.Remediation) ([]byte, types.PatchType, error) {
	written := lastApplied(live)
	if written == nil {
		return nil, "", errors.New("there is no " + corev1.LastAppliedConfigAnnotation)
	}
	current, err := json.Marshal(live)
	if err != nil {
		return nil, "", fmt.Errorf("encode the object: %w", err)
	}
	original, err := json.Marshal(healedBy(written, live, cures))
	if err != nil {
		return nil, "", fmt.Errorf("encode the healed manifest: %w", err)
	}
	modified, err := withLastApplied(written)
	if err != nil {
		return nil, "", err
	}
	kind, _ := live["kind"].(string)
	version, _ := live["apiVersion"].(string)
	return threeWay(version, kind, original, modified, current)
}

// healedBy gives a manifest with the cures that the live object carries.
func healedBy(written, live map[string]any, cures []*v1alpha1.Remediation) map[string]any {
	healed := written
	for _, cure := range cures {
		if !carries(live, cure.Name) {
			continue
		}
		if next, err := patched(healed, remedy.Resolve(cure.Spec.Actions, healed).Operations); err == nil {
			healed = next
		}
	}
	return healed
}

// patched applies operations to an object, which is not changed.
func patched(value map[string]any, operations []remedy.Operation) (map[string]any, error) {
	if len(operations) == 0 {
		return value, nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(operations)
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		return nil, err
	}
	if raw, err = patch.Apply(raw); err != nil {
		return nil, err
	}
	var after map[string]any
	return after, json.Unmarshal(raw, &after)
}

// withLastApplied gives a manifest with itself in the annotation, as kubectl apply sends it
// (k8s.io/kubectl/pkg/util/apply.go, GetModifiedConfiguration).
func withLastApplied(written map[string]any) ([]byte, error) {
	bare, err := json.Marshal(written)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	var copied map[string]any
	if err := json.Unmarshal(bare, &copied); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	metadata, _ := copied["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
	}
	annotations[corev1.LastAppliedConfigAnnotation] = strings.TrimRight(string(bare), "\n") + "\n"
	metadata["annotations"] = annotations
	return json.Marshal(copied)
}

// threeWay gives the patch that turns current into modified, where original was before; fields of others stay. Kinds of
// Kubernetes are merged strategically, others as JSON, as kubectl apply does.
func threeWay(version, kind string, original, modified, current []byte) ([]byte, types.PatchType, error) {
	typed, err := scheme.Scheme.New(kindOf(version, kind))
	if runtime.IsNotRegisteredError(err) {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, current)
		if err != nil {
			return nil, "", fmt.Errorf("compare with the last applied manifest: %w", err)
		}
		return patch, types.MergePatchType, nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("look up %s %s: %w", version, kind, err)
	}
	lookup, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, "", fmt.Errorf("look up %s %s: %w", version, kind, err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(original, modified, current, lookup, true)
	if err != nil {
		return nil, "", fmt.Errorf("compare with the last applied manifest: %w", err)
	}
	return patch, types.StrategicMergePatchType, nil
}
