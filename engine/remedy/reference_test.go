package remedy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestTheClassOfAClaimIsCorrectedOnCreation(t *testing.T) {
	class := []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.StorageClass, Name: "fats", Replacement: "fast"}}}
	other := []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.ConfigMap, Name: "fats", Replacement: "fast"}}}
	for _, test := range []struct {
		name, object string
		actions      []v1alpha1.Action
		fit          remedy.Fit
		obstacle     remedy.Obstacle
		after        string
	}{
		{
			name: "a mistyped class", object: `{"kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":{"storageClassName":"fats"}}`, actions: class,
			after: `{"kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":{"storageClassName":"fast"}}`,
		},
		{name: "the class that is right", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":"fast"}}`, actions: class, fit: remedy.InEffect},
		{name: "another class", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":"slow"}}`, actions: class, fit: remedy.Exceeded},
		{name: "no class, which is the default one", object: `{"kind":"PersistentVolumeClaim","spec":{}}`, actions: class, fit: remedy.Exceeded},
		{name: "the empty class, which asks for none", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":""}}`, actions: class, fit: remedy.Exceeded},
		{name: "a class of null", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":null}}`, actions: class, fit: remedy.Exceeded},
		{name: "a class that is a list", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":["fats"]}}`, actions: class, fit: remedy.Exceeded},
		{name: "a claim without a spec", object: `{"kind":"PersistentVolumeClaim"}`, actions: class, fit: remedy.Misfit, obstacle: remedy.NoTemplate},
		{
			name: "a claim that exists", object: `{"kind":"PersistentVolumeClaim","metadata":{"uid":"1"},"spec":{"storageClassName":"fats"}}`, actions: class,
			fit: remedy.Misfit, obstacle: remedy.Immutable,
		},
		{name: "a claim names no ConfigMap", object: `{"kind":"PersistentVolumeClaim","spec":{"storageClassName":"fats"}}`, actions: other, fit: remedy.Exceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			resolved := remedy.Resolve(test.actions, decode(t, []byte(test.object)))
			require.Equal(t, test.fit, resolved.Fit, resolved.Reason)
			require.Equal(t, test.obstacle, resolved.Obstacle)
			holds(t, test.actions, []byte(test.object), nil, resolved)
			if test.after != "" {
				require.JSONEq(t, test.after, string(apply(t, []byte(test.object), resolved.Operations)))
				require.Equal(t, "spec.storageClassName", resolved.Modifications[0].Field)
			}
		})
	}
}

func TestTheRegistryOfAnImageIsWhereARuntimeWouldAsk(t *testing.T) {
	for image, registry := range map[string]string{
		"web": "docker.io", "shop/web:1": "docker.io", "docker.io/shop/web": "docker.io", "index.docker.io/shop/web": "docker.io",
		"registry.example.org/web": "registry.example.org", "localhost/web": "localhost", "registry:5000/web": "registry:5000",
		"EVIL/web:1": "EVIL", "Web:1": "docker.io", "web@sha256:00": "docker.io",
	} {
		require.Equal(t, registry, remedy.ParseImage(image).Registry(), image)
	}
}
