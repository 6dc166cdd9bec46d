package remedy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

var update = flag.Bool("update", false, "write what was got as what is wanted")

// goldenCase is what stands above the line --- of a case file: an object as it would be received, and the actions.
type goldenCase struct {
	About    string            `json:"about"`
	Template *string           `json:"template,omitempty"`
	Object   map[string]any    `json:"object"`
	Actions  []v1alpha1.Action `json:"actions"`
}

// goldenResult is what stands below it.
type goldenResult struct {
	Fit           string                `json:"fit"`
	Obstacle      remedy.Obstacle       `json:"obstacle,omitempty"`
	Reason        string                `json:"reason,omitempty"`
	Safety        string                `json:"safety"`
	Does          string                `json:"does"`
	Modifications []remedy.Modification `json:"modifications,omitempty"`
	Patch         []remedy.Operation    `json:"patch,omitempty"`
}

var fits = map[remedy.Fit]string{remedy.Changes: "Changes", remedy.InEffect: "InEffect", remedy.Exceeded: "Exceeded", remedy.Misfit: "Misfit"}

// TestGolden resolves the actions of each case file and compares what comes of it with what the file says.
// go test ./engine/remedy -run TestGolden -update writes it anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	covered := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			head, want, _ := bytes.Cut(text, []byte("\n---\n"))
			var given goldenCase
			require.NoError(t, yaml.UnmarshalStrict(head, &given))
			require.NotEmpty(t, given.About)
			raw, err := json.Marshal(given.Object)
			require.NoError(t, err)
			template := remedy.TemplateOf(given.Object)
			if given.Template != nil {
				template = remedy.ParseTemplate(*given.Template)
			}
			resolved := remedy.ResolveAt(given.Actions, decode(t, raw), template)
			for _, action := range given.Actions {
				covered[remedy.NameOf(action)] = true
			}
			got, err := yaml.Marshal(goldenResult{
				Fit: fits[resolved.Fit], Obstacle: resolved.Obstacle, Reason: resolved.Reason,
				Safety: remedy.SafetyOf(given.Actions...).String(), Does: remedy.Describe(given.Actions),
				Modifications: resolved.Modifications, Patch: resolved.Operations,
			})
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(file, append(append(bytes.TrimRight(head, "\n"), "\n---\n"...), got...), 0o644))
			} else {
				require.Equal(t, string(want), string(got))
			}
			holds(t, given.Actions, raw, template, resolved)
		})
	}
	for _, name := range remedy.Actions() {
		require.True(t, covered[name], "%s has no case", name)
	}
}

// holds checks what Resolve promises of any object: the patch applies, only the fields that the modifications name
// differ afterwards, and nothing is left to do.
func holds(t testing.TB, actions []v1alpha1.Action, raw []byte, template remedy.Template, resolved remedy.Resolution) {
	t.Helper()
	if resolved.Fit != remedy.Changes {
		require.Empty(t, resolved.Operations)
		require.Empty(t, resolved.Modifications)
		return
	}
	require.NotEmpty(t, resolved.Operations)
	require.NotEmpty(t, resolved.Modifications)
	require.NotEmpty(t, resolved.Governs)
	patched := apply(t, raw, resolved.Operations)
	again := remedy.ResolveAt(actions, decode(t, patched), template)
	require.Equal(t, remedy.InEffect, again.Fit, "resolving again after the patch changes nothing: %s", again.Reason)
	require.Empty(t, again.Operations)
}
