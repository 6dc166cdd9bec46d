package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	jsondiff "gomodules.xyz/jsonpatch/v2"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// BenchmarkPrescribe cures an OOM kill in a Deployment of ten containers: the prescription and the patch, as built,
// beside what it takes to get the same patch by comparing the object before and after.
func BenchmarkPrescribe(b *testing.B) {
	containers := make([]any, 0, 10)
	observed := evidence.Evidence{Workload: evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}}
	for i := range 10 {
		name := fmt.Sprintf("app-%d", i)
		containers = append(containers, map[string]any{
			"name": name, "image": "registry.example.com/shop/web:1.4",
			"env":           []any{map[string]any{"name": "MODE", "value": "shop"}, map[string]any{"name": "LEVEL", "value": "info"}},
			"ports":         []any{map[string]any{"containerPort": int64(8080 + i)}},
			"livenessProbe": map[string]any{"httpGet": map[string]any{"path": "/healthz", "port": int64(8080 + i)}},
			"resources":     map[string]any{"limits": map[string]any{"memory": "128Mi"}, "requests": map[string]any{"memory": "64Mi", "cpu": "100m"}},
		})
		container := evidence.Container{Pod: "web-1", Name: name, Kind: evidence.App, Resources: memory("128Mi", "64Mi"), Ready: i != 7}
		if i == 7 {
			container.RestartCount, container.LastState = 3, ended("OOMKilled", 137, noon)
		}
		observed.Containers = append(observed.Containers, container)
	}
	object := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": "shop"},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": containers}}},
	}
	raw, err := json.Marshal(object)
	require.NoError(b, err)
	found := newEngine(b).Diagnose(observed)
	require.Len(b, found, 1)
	situation := engine.Situation{Object: object, Template: remedy.TemplateOf(object)}
	prescribed, err := engine.Prescribe(found[0], observed, situation)
	require.NoError(b, err)
	built := remedy.Resolve(prescribed.Actions, object).Operations
	require.Len(b, built, 2)
	operations, err := json.Marshal(built)
	require.NoError(b, err)
	patch, err := jsonpatch.DecodePatch(operations)
	require.NoError(b, err)
	after, err := patch.Apply(raw)
	require.NoError(b, err)

	b.Run("prescribe and resolve", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			given, err := engine.Prescribe(found[0], observed, situation)
			if err != nil || len(remedy.Resolve(given.Actions, object).Operations) != 2 {
				b.Fatal(err)
			}
		}
	})
	direct := 0.0 // nanoseconds for a patch as it is built
	b.Run("patch as built", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			remedy.Resolve(prescribed.Actions, object)
		}
		direct = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	})
	b.Run("patch by comparing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got, err := jsondiff.CreatePatch(raw, after); err != nil || len(got) != 2 {
				b.Fatal(len(got), err)
			}
		}
		if direct > 0 {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/direct, "times-built")
		}
	})
}
