package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kube-remedy kind.
const GroupName = "kube-remedy.io"

var (
	// SchemeGroupVersion is kube-remedy.io/v1alpha1.
	SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}
	// RemediationKind is the group, version and kind of a Remediation.
	RemediationKind = SchemeGroupVersion.WithKind("Remediation")
	// RemediationResource is the group, version and plural under which Remediations are served.
	RemediationResource = SchemeGroupVersion.WithResource("remediations")
)

// AddToScheme registers this package's kinds, so that clients can encode and decode them.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, &Remediation{}, &RemediationList{})
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
