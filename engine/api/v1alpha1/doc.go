// Package v1alpha1 is the API of kube-remedy: the Remediation, a learned cure for one failure of one
// workload. It is the contract between the event watcher, which writes Remediations, and the webhook, which
// reads them; the custom resource definition in charts/kube-remedy/files/crds is generated from it.
//
// The package promises plain data: no clients, no behaviour beyond small questions a Remediation answers
// about itself.
//
// +kubebuilder:object:generate=true
// +groupName=kube-remedy.io
package v1alpha1
