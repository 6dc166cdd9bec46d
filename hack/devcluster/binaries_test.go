package devcluster

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCacheKeyChangesWithWhatIsBuilt(t *testing.T) {
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module a"), 0o600))
	base := recipe{name: "tool-v1", ldflags: "-s", source: source}
	first, err := base.key("go1 linux amd64")
	require.NoError(t, err)
	require.Regexp(t, `^tool-v1-[0-9a-f]{10}$`, first)
	for _, test := range []struct {
		name   string
		goes   string
		change func(r *recipe)
	}{
		{"another Go", "go2 linux amd64", func(*recipe) {}},
		{"other flags", "go1 linux amd64", func(r *recipe) { r.ldflags = "" }},
		{"another package version", "go1 linux amd64", func(r *recipe) { r.packages = []string{"x@v2"} }},
		{"other dependencies", "go1 linux amd64", func(r *recipe) {
			require.NoError(t, os.WriteFile(filepath.Join(source, "go.mod"), []byte("module b"), 0o600))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := base
			test.change(&changed)
			key, err := changed.key(test.goes)
			require.NoError(t, err)
			require.NotEqual(t, first, key)
		})
	}
}

func TestACachedProgramIsNotBuiltAgain(t *testing.T) {
	o := Options{CacheDir: t.TempDir()}
	r := recipe{name: "tool-v1", packages: []string{"example.invalid/cannot/be/built@v1"}}
	key, err := r.key("go")
	require.NoError(t, err)
	dir := filepath.Join(o.CacheDir, key)
	require.NoError(t, os.Mkdir(dir, 0o755))
	got, err := r.build(context.Background(), o, "go")
	require.NoError(t, err)
	require.Equal(t, dir, got)
}

func TestAbandonedBuildsAreRemovedAndFinishedOnesKept(t *testing.T) {
	cache := t.TempDir()
	for _, dir := range []string{buildPrefix + "tool-v1-0123456789", "tool-v0-0123456789"} {
		require.NoError(t, os.MkdirAll(filepath.Join(cache, dir, "part"), 0o755))
	}
	require.NoError(t, removeAbandonedBuilds(cache))
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "tool-v0-0123456789", left[0].Name())
}
