package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// TestObjectsThatTheAPIServerTakesItTakesHealed asks the API server about random objects before and after random
// actions changed them: what was valid must stay valid.
func TestObjectsThatTheAPIServerTakesItTakesHealed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "samples")
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run=^TestProperties$", "./engine/remedy")
	command.Dir, command.Env = "../..", append(os.Environ(), "PROPERTY_SAMPLES="+file)
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	config, err := cluster.RESTConfig()
	require.NoError(t, err)
	config.QPS = -1
	objects, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	resources := map[string]string{"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
	create := func(object map[string]any) error {
		sent := &unstructured.Unstructured{Object: object}
		sent.SetNamespace("default")
		_, err := objects.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resources[sent.GetKind()]}).
			Namespace("default").Create(t.Context(), sent, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	samples, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, samples.Close()) }()
	lines := json.NewDecoder(samples)
	valid := 0
	for range 2000 {
		var sample struct{ Before, After map[string]any }
		if err := lines.Decode(&sample); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		if kind, _ := sample.Before["kind"].(string); resources[kind] == "" || create(sample.Before) != nil {
			continue
		}
		valid++
		text, err := json.Marshal(sample.After)
		require.NoError(t, err)
		require.NoError(t, create(sample.After), string(text))
	}
	t.Logf("%d of the sampled objects were valid, and stayed so", valid)
	require.Greater(t, valid, 50)
}
