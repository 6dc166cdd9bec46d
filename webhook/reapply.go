package webhook

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// controllerUsers write workloads without anybody applying them. With
// --use-service-account-credentials controllers are service accounts in kube-system instead.
var controllerUsers = []string{"system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"}

const kubeSystemAccounts = "system:serviceaccount:kube-system:"

// appliers are the field managers of programs that send a manifest as its owner wrote it. kubectl itself is
// what `kubectl apply --server-side` calls itself (k8s.io/kubectl/pkg/cmd/apply/apply.go,
// fieldManagerServerSideApply); client-side apply is kubectl-client-side-apply
// (FieldManagerClientSideApply), and every other command adds its own name.
var appliers = []string{
	"kubectl", "kubectl-client-side-apply", "kubectl-replace",
	"helm", "argocd-controller", "kustomize-controller", "helm-controller", "Terraform",
}

// neverAppliers are field managers of commands that change metadata alone.
var neverAppliers = []string{"kubectl-annotate", "kubectl-label"}

// reapply is what must be known of a request to tell whether it is an owner's apply.
type reapply struct {
	operation    admissionv1.Operation
	subresource  string
	user         string
	watcher      string // the event watcher's user name
	fieldManager string
	object, old  map[string]any
}

// ruledOut reports whether what stands beside the object says already that nobody applies it. Most requests are
// controllers' and end here, before anything is looked up or decoded.
func (r reapply) ruledOut() bool {
	return r.operation != admissionv1.Create && r.operation != admissionv1.Update ||
		r.subresource != "" ||
		slices.Contains(controllerUsers, r.user) ||
		strings.HasPrefix(r.user, kubeSystemAccounts) ||
		slices.Contains(neverAppliers, r.fieldManager)
}

// is reports whether the object's owner, or the owner's deployer, applies the object: a creation, or an update
// that changes the pod template or what was last applied, or that comes from an applier.
func (r reapply) is() bool {
	metadata, _ := r.object["metadata"].(map[string]any)
	switch {
	case r.ruledOut(), metadata["deletionTimestamp"] != nil:
		return false
	case r.user == r.watcher:
		// The watcher writes to arm a workload, which must not heal it. Only where the owner asked for it does
		// the watcher apply in the owner's place.
		return annotationOf(r.object, v1alpha1.ReapplyAnnotation) == v1alpha1.ReapplyAuto
	case r.operation == admissionv1.Create, slices.Contains(appliers, r.fieldManager):
		return true
	}
	return !reflect.DeepEqual(templateOf(r.object), templateOf(r.old)) ||
		annotationOf(r.object, corev1.LastAppliedConfigAnnotation) != annotationOf(r.old, corev1.LastAppliedConfigAnnotation)
}

// fieldManagerOf reads the field manager from a request's options. Patches arrive as UpdateOptions with it.
func fieldManagerOf(request *admissionv1.AdmissionRequest) string {
	var options struct {
		FieldManager string `json:"fieldManager"`
	}
	if len(bytes.TrimSpace(request.Options.Raw)) == 0 || json.Unmarshal(request.Options.Raw, &options) != nil {
		return ""
	}
	return options.FieldManager
}

func templateOf(object map[string]any) any {
	spec, _ := object["spec"].(map[string]any)
	return spec["template"]
}

// annotationOf reads an annotation of an object; empty when there is none.
func annotationOf(object map[string]any, name string) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[name].(string)
	return value
}
