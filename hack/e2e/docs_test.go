package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryTestThatADocumentNamesExists looks for the tests that documents name as their witnesses.
func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	require.NoError(t, err)
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, documents)
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, tests.String(), "func "+name[1]+"(", "%s names it", document)
		}
	}
}

// TestWhatIsServedIsOnThePageOfMetrics asks both programs for their metrics.
func TestWhatIsServedIsOnThePageOfMetrics(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	served, err := pair.Metrics(t.Context())
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^# (HELP|TYPE) (kube_remedy_\S+) (.*)$`).FindAllStringSubmatch(served, -1)
	require.NotEmpty(t, found)
	for _, line := range found {
		row := regexp.MustCompile("(?m)^\\| `" + line[2] + "[`{].*$").FindString(string(page))
		require.Contains(t, row, line[3])
	}
}
