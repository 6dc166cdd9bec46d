// Package cached keeps what takes long to make, as programs that are built and packages that are installed, in the user's
// cache, where each is made once.
package cached

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir gives a directory of the cache by its name, which may have several parts. Where it is not there yet, fill makes what
// belongs into it in another place; under its own name it is always complete. Who made it at the same time is no error.
func Dir(name string, fill func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache for %s: %w", name, err)
	}
	dir := filepath.Join(cache, "kube-remedy", name)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("directory for %s: %w", name, err)
	}
	temporary, err := os.MkdirTemp(parent, "making-")
	if err != nil {
		return "", fmt.Errorf("directory for %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // moved by then, unless something failed
	if err := fill(temporary); err != nil {
		return "", err
	}
	if err := os.Rename(temporary, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("move %s into the cache: %w", name, err)
	}
	return dir, nil
}
