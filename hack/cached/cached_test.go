package cached

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADirectoryIsMadeOnceAndWholeOrNotAtAll(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	made := 0
	fill := func(dir string) error {
		made++
		return os.WriteFile(filepath.Join(dir, "program"), []byte("x"), 0o600)
	}
	_, err := Dir("tools/one", func(dir string) error { return errors.Join(fill(dir), errors.New("it does not build")) })
	require.EqualError(t, err, "it does not build")
	for range 2 {
		dir, err := Dir("tools/one", fill)
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(dir, "program"))
	}
	require.Equal(t, 2, made)

	dir, err := Dir("tools/two", func(dir string) error {
		_, err := Dir("tools/two", fill) // somebody else is faster
		return errors.Join(err, fill(dir))
	})
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing that was not finished stays")
}
