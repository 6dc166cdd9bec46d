package main

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// What a real API server is asked to store: the made-up cluster's objects without what is the server's to say.

// lonePod makes a pod that nothing controls, bound to its node: the garbage collector deletes pods whose owner does not
// exist, and the owners would make pods of their own. It has no generateName and no app, by which pods would share what is
// learned.
func (c *cluster) lonePod(i int) *corev1.Pod {
	its := c.variable(i, 0)
	of := c.templates[i%c.workloads]
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: of.Namespace, Name: of.GenerateName + its.suffix, Annotations: of.Annotations,
		},
		Spec: *of.Spec.DeepCopy(),
	}
	pod.Labels = maps.Clone(of.Labels)
	delete(pod.Labels, v1alpha1.AppNameLabel)
	spec := &pod.Spec
	spec.NodeName = its.node
	// Every namespace has this account; pods of one that is not there are refused.
	spec.ServiceAccountName, spec.DeprecatedServiceAccount = "default", ""
	// Admission sets these, and mounts the account's token.
	spec.Priority, spec.PreemptionPolicy, spec.Tolerations = nil, nil, nil
	token := func(name string) bool { return strings.HasPrefix(name, "kube-api-access-") }
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(volume corev1.Volume) bool { return token(volume.Name) })
	for j := range spec.Containers {
		container := &spec.Containers[j]
		container.VolumeMounts = slices.DeleteFunc(container.VolumeMounts, func(mount corev1.VolumeMount) bool { return token(mount.Name) })
	}
	return pod
}

// bareNode makes a node whose status, but for its size, is left to kwok.
func (c *cluster) bareNode(i int) *corev1.Node {
	of := c.nodeObject(i, 0)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: of.Name, Labels: of.Labels, Annotations: of.Annotations},
		Spec:       of.Spec,
		Status:     corev1.NodeStatus{Capacity: of.Status.Capacity, Allocatable: of.Status.Allocatable, Images: of.Status.Images},
	}
}

// loneNames names all pods.
func (c *cluster) loneNames() []types.NamespacedName {
	names := make([]types.NamespacedName, c.pods)
	for i := range names {
		of := c.templates[i%c.workloads]
		names[i] = types.NamespacedName{Namespace: of.Namespace, Name: of.GenerateName + letters(i, 5)}
	}
	return names
}

// namespacesOf gives the namespaces that have any of the objects.
func namespacesOf(names []types.NamespacedName) []string {
	all := map[string]bool{}
	for _, name := range names {
		all[name.Namespace] = true
	}
	sorted := make([]string, 0, len(all))
	for name := range all {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}
