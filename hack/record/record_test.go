package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const recorded = "../../webhook/testdata/reviews"

// TestTheRecordingsAreThoseOfTheTables fails when a table was changed and nothing was recorded after that.
func TestTheRecordingsAreThoseOfTheTables(t *testing.T) {
	t.Parallel()
	want := map[string]expectation{}
	for _, one := range actions() {
		for _, wanted := range one.reviews {
			require.NotContains(t, want, one.file(wanted), "two reviews would have one file")
			want[one.file(wanted)] = expectation{wanted.apply, wanted.why}
		}
	}
	text, err := os.ReadFile(filepath.Join(recorded, "expected.yaml"))
	require.NoError(t, err)
	var got map[string]expectation
	require.NoError(t, yaml.UnmarshalStrict(text, &got))
	require.Equal(t, want, got, "make record-reviews records anew")

	files, err := filepath.Glob(filepath.Join(recorded, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, len(want))
	for _, file := range files {
		require.Contains(t, want, filepath.Base(file))
	}
}

func TestARecordingIsWhatItsActionWanted(t *testing.T) {
	t.Parallel()
	for _, one := range actions() {
		for _, wanted := range one.reviews {
			body, err := os.ReadFile(filepath.Join(recorded, one.file(wanted)))
			require.NoError(t, err)
			r, err := readReview(body)
			require.NoError(t, err, one.file(wanted))
			require.True(t, wanted.is(r), "%s is %s %s %s by %s", one.file(wanted), r.operation, r.resource, r.name, r.user)
		}
	}
}

func TestAnActionWithoutReviewIsNamed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	s := &session{out: io.Discard, server: &server{}}
	nothing := step{run: func(context.Context, *session) error { return nil }}
	_, err := s.act(ctx, action{name: "kubectl-dream", do: nothing, reviews: []wanted{applies("CREATE deployments web", created)}})
	require.ErrorContains(t, err, `kubectl-dream: no review "CREATE deployments web" by kubernetes-admin arrived`)
}

func TestAPatchThatIsTriedAgainIsOneRequest(t *testing.T) {
	t.Parallel()
	first := review{manager: "kubectl", owners: "helm Apply "}
	require.True(t, review{manager: "kubectl", owners: "helm Apply "}.retries(first))
	require.False(t, review{manager: "kubectl-last-applied", owners: "helm Apply "}.retries(first))
	require.False(t, review{manager: "kubectl", owners: "helm Apply , kubectl Apply "}.retries(first))
}
