package webhook

import (
	"bytes"
	"encoding/json"
	"reflect"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Users who write workloads without anybody applying them: with --use-service-account-credentials controllers are
// service accounts in kube-system, and kubelets write their mirror pods.
var (
	kubeSystemAccounts = []byte("system:serviceaccount:kube-system:")
	kubelets           = []byte("system:node:")
)

// isController knows the users of the control plane.
func isController(user []byte) bool {
	switch string(user) {
	case "system:kube-controller-manager", "system:kube-scheduler", "system:apiserver":
		return true
	}
	return bytes.HasPrefix(user, kubeSystemAccounts) || bytes.HasPrefix(user, kubelets)
}

// isApplier knows the field managers of programs that send a manifest as its owner wrote it. kubectl itself is
// what `kubectl apply --server-side` calls itself (k8s.io/kubectl/pkg/cmd/apply/apply.go,
// fieldManagerServerSideApply); client-side apply is kubectl-client-side-apply
// (FieldManagerClientSideApply), and every other command adds its own name.
func isApplier(manager string) bool {
	switch manager {
	case "kubectl", "kubectl-client-side-apply", "kubectl-replace",
		"helm", "argocd-controller", "kustomize-controller", "helm-controller", "Terraform":
		return true
	}
	return false
}

// onlyMetadata knows the field managers of commands that change metadata alone. kubectl-last-applied hands the
// annotation of client-side apply over in the course of the first server-side apply
// (k8s.io/kubectl/pkg/cmd/apply/apply.go, fieldManagerLastAppliedAnnotation).
func onlyMetadata(manager string) bool {
	return manager == "kubectl-annotate" || manager == "kubectl-label" || manager == "kubectl-last-applied"
}

// reapply is what must be known of a request to tell whether it is an owner's apply.
type reapply struct {
	operation, subresource, user []byte
	watcher                      string // the event watcher's user name
	manager                      string // the field manager
	kind                         kind
	object                       map[string]any
	old                          *earlier
	namespace                    func() map[string]string // our annotations of it
}

func reapplyOf(r *review, watcher string) reapply {
	return reapply{operation: r.operation, subresource: r.subresource, user: r.user, watcher: watcher, namespace: unknownNamespace}
}

func unknownNamespace() map[string]string { return nil }

// ruledOut reports whether what stands beside the object says already that nobody applies it. Most requests are
// controllers' and end here, before anything is looked up or decoded.
func (r *reapply) ruledOut() bool {
	return string(r.operation) != "CREATE" && string(r.operation) != "UPDATE" || len(r.subresource) > 0 || isController(r.user)
}

// readOld reads what else decides: the field manager and the old object, which the review has only of an update.
func (r *reapply) readOld(from *review) (*earlier, error) {
	r.manager = fieldManagerOf(from.options)
	r.old = &earlier{raw: from.old}
	return r.old, isObject(from.old)
}

// earlier is an object as it was before. It is decoded once somebody asks for it: most applies are told without it, and
// it would cost as much as the object itself.
type earlier struct {
	raw     []byte
	decoded map[string]any
}

// object gives the object; nil when there is none.
func (e *earlier) object() map[string]any {
	if e.decoded == nil {
		e.decoded, _ = decode(e.raw) // it was read as a part of the review, so it is JSON, and readOld saw an object
	}
	return e.decoded
}

// is reports whether the object's owner, or the owner's deployer, applies the object: a creation, or an update
// that changes the pod template or what was last applied, or that comes from an applier.
func (r *reapply) is() bool {
	if is, decided := r.withoutOld(); decided {
		return is
	}
	old := r.old.object()
	if annotationOf(r.object, corev1.LastAppliedConfigAnnotation) != annotationOf(old, corev1.LastAppliedConfigAnnotation) {
		return true
	}
	return !r.kind.bare && !reflect.DeepEqual(r.kind.template.Of(r.object), r.kind.template.Of(old))
}

// withoutOld decides without the old object, where that is enough.
func (r *reapply) withoutOld() (is, decided bool) {
	metadata, _ := r.object["metadata"].(map[string]any)
	switch {
	case r.ruledOut(), onlyMetadata(r.manager), metadata["deletionTimestamp"] != nil:
		return false, true
	case string(r.user) == r.watcher:
		// The watcher writes to arm a workload, which must not heal it. Only where the owner asked for it does
		// the watcher apply in the owner's place.
		return v1alpha1.Reapplies(annotationsOf(r.object), r.namespace()), true
	case string(r.operation) == "CREATE", isApplier(r.manager):
		return true, true
	default:
		return false, false
	}
}

// fieldManagerOf reads the field manager from a request's options. Patches arrive as UpdateOptions with it.
func fieldManagerOf(options []byte) string {
	var read struct {
		FieldManager string `json:"fieldManager"`
	}
	if len(options) == 0 || json.Unmarshal(options, &read) != nil {
		return ""
	}
	return read.FieldManager
}
