package webhook

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// recordedWatcher is the user name under which the recording armed a workload.
const recordedWatcher = "system:serviceaccount:kube-remedy-system:kube-remedy-eventwatcher"

// TestRecordedReviews asks of each review that the API server really sent (make record-reviews) whether an owner
// applies the object.
func TestRecordedReviews(t *testing.T) {
	text, err := os.ReadFile("testdata/reviews/expected.yaml")
	require.NoError(t, err)
	var expected map[string]struct {
		Apply bool   `json:"apply"`
		Why   string `json:"why"`
	}
	require.NoError(t, yaml.UnmarshalStrict(text, &expected))
	files, err := filepath.Glob("testdata/reviews/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(expected))
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			want, known := expected[filepath.Base(file)]
			require.True(t, known, "nothing is expected of it")
			reader := recorded(t, file)
			who := reapplyOf(&reader.review, recordedWatcher)
			who.kind = builtIn[schema.GroupKind{Group: string(reader.group), Kind: string(reader.kind)}]
			who.object, err = decode(reader.object)
			require.NoError(t, err)
			_, err := who.readOld(&reader.review)
			require.NoError(t, err)
			require.Equal(t, want.Apply, who.is(), want.Why)
		})
	}
}

// recorded reads a recorded review, in both ways.
func recorded(t *testing.T, file string) *reader {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	reader := newReader().(*reader)
	require.NoError(t, reader.fill(bytes.NewReader(body), int64(len(body))))
	rest, err := reader.readHead()
	require.NoError(t, err)
	head := reader.review
	require.NoError(t, reader.readAll())
	require.Equal(t, string(reader.uid), string(head.uid))
	require.Equal(t, string(reader.kind), string(head.kind))
	require.Equal(t, string(reader.user), string(head.user))
	require.Equal(t, string(reader.name), string(head.name))
	require.Contains(t, string(rest), string(reader.object), "the object comes after what the head has")
	require.Less(t, len(body)-len(rest), 4<<10, "the head is short")
	return reader
}
