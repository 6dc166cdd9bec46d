package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestTheAPIServerTakesEveryHealedObject sends the object of each golden case, with the patch of its actions, to the
// API server as a dry run. Kinds that it does not serve are passed over.
func TestTheAPIServerTakesEveryHealedObject(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../engine/remedy/testdata/*/*.yaml")
	require.NoError(t, err)
	sent := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		head, want, found := bytes.Cut(text, []byte("\n---\n"))
		require.True(t, found, file)
		var given struct {
			Object map[string]any `json:"object"`
		}
		var wanted struct {
			Fit   string           `json:"fit"`
			Patch []map[string]any `json:"patch"`
		}
		require.NoError(t, yaml.Unmarshal(head, &given))
		require.NoError(t, yaml.Unmarshal(want, &wanted))
		if kind := given.Object["kind"]; wanted.Fit != "Changes" || kind == "Rollout" || kind == "Game" {
			continue
		}
		sent++
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "../../engine/remedy/testdata/"), ".yaml"), func(t *testing.T) {
			metadata, ok := given.Object["metadata"].(map[string]any)
			require.True(t, ok)
			metadata["namespace"] = "default"
			delete(metadata, "uid")
			raw, err := json.Marshal(given.Object)
			require.NoError(t, err)
			operations, err := json.Marshal(wanted.Patch)
			require.NoError(t, err)
			patch, err := jsonpatch.DecodePatch(operations)
			require.NoError(t, err)
			healed, err := patch.Apply(raw)
			require.NoError(t, err)
			out, err := pair.Kubectl(t.Context(), string(healed), "create", "--dry-run=server", "--validate=warn", "-f", "-")
			require.NoError(t, err, out)
		})
	}
	require.Greater(t, sent, 30)
}
