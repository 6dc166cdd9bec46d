package engine_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/kube-remedy/kube-remedy/"

// TestWallsHold looks at everything that a package imports, however far away: a linter sees only what a file
// itself imports.
func TestWallsHold(t *testing.T) {
	for _, wall := range []struct {
		packages string
		never    []string // import paths; what is below them counts too
		because  string
	}{
		{"./...", []string{"k8s.io/client-go", module + "internal", module + "webhook", module + "eventwatcher"}, "the engine is pure: it has no client, and imports flow from cmd down to it"},
		{"./evidence", []string{module}, "evidence is a leaf"},
		{"./match", []string{module, "k8s.io"}, "match finds patterns in bytes and knows nothing of Kubernetes"},
		{"./gist", []string{module + "engine/catalog", module + "engine/evidence", module + "engine/match", module + "engine/remedy"}, "gist knows words and no rules"},
		{"./evidence/text", []string{module + "engine/catalog", module + "engine/remedy", module + "engine/match"}, "reading text and knowing what it means are apart"},
		{"./catalog", []string{module + "engine/remedy", module + "engine/audit", module + "engine/evidence/text"}, "the catalogue sees evidence, wherever it comes from, and says what it means"},
		{"../webhook/...", []string{module + "eventwatcher"}, "webhook and watcher share the Remediation and nothing else"},
		{"../eventwatcher/...", []string{module + "webhook"}, "webhook and watcher share the Remediation and nothing else"},
		{"../...", []string{"sigs.k8s.io/controller-runtime"}, "informers come from client-go"},
	} {
		own := list(t, wall.packages)
		for _, imported := range list(t, "-deps", wall.packages) {
			for _, never := range wall.never {
				inside := imported == never || strings.HasPrefix(imported, strings.TrimSuffix(never, "/")+"/")
				require.False(t, inside && !slices.Contains(own, imported), "%s imports %s: %s", wall.packages, imported, wall.because)
			}
		}
	}
}

// TestEngineImportsNoEffects holds the engine's own files to data in, data out; what its libraries import for
// other purposes (apimachinery knows net/http) is not called from here.
func TestEngineImportsNoEffects(t *testing.T) {
	for _, imported := range list(t, "-f", `{{join .Imports "\n"}}`, "./...") {
		require.NotContains(t, []string{"net", "net/http", "os", "os/exec", "io/fs", "syscall", "math/rand", "math/rand/v2", "crypto/rand"}, imported)
	}
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}
