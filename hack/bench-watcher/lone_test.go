package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestLonePodsCanBeCreated(t *testing.T) {
	o, err := parse([]string{"-real"}, nil)
	require.NoError(t, err)
	c := newCluster(o.size)
	names := c.loneNames()
	require.Len(t, names, o.pods)
	seen, onNode := map[types.NamespacedName]bool{}, map[string]int{}
	for i, name := range names {
		pod := c.lonePod(i)
		require.Equal(t, name, types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name})
		require.False(t, seen[name], "%s is there twice", name)
		seen[name] = true
		onNode[pod.Spec.NodeName]++
		require.Empty(t, validation.IsDNS1123Subdomain(pod.Name))
		require.Empty(t, pod.GenerateName, "pods with the same prefix would share what is learned")
		require.Empty(t, v1alpha1.AppNameOf(pod), "so would pods of the same app")
		require.Empty(t, pod.OwnerReferences, "the garbage collector would delete it")
		require.Equal(t, "default", pod.Spec.ServiceAccountName, "another may not be there")
		for _, container := range pod.Spec.Containers {
			for _, mount := range container.VolumeMounts {
				require.Equal(t, "settings", mount.Name, "the token is mounted by admission")
			}
		}
	}
	require.Len(t, onNode, o.nodes)
	for node, count := range onNode {
		require.LessOrEqual(t, count, podsOfNode, node)
	}
	require.Len(t, namespacesOf(names), 200)
	require.Len(t, c.templates[0].Spec.Volumes, 2, "templates are not changed")
	for i := range o.nodes {
		node := c.bareNode(i)
		require.Contains(t, onNode, node.Name)
		require.Empty(t, node.Status.Conditions, "kwok sets them")
		require.Equal(t, int64(podsOfNode), node.Status.Allocatable.Pods().Value())
	}
}
