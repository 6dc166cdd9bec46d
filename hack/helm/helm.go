// Package helm builds Helm from its Go module, for what is tested with the real one.
package helm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the one that is built.
const Version = "v4.3.1"

// Build gives the path of Helm, which is built from its Go module where the cache lacks it. A program under
// its final name is always complete.
func Build(ctx context.Context, out io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache for Helm: %w", err)
	}
	dir := filepath.Join(cache, "kube-remedy", "helm", Version)
	path := filepath.Join(dir, "helm")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	fmt.Fprintf(out, "building Helm %s, several minutes the first time\n", Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("directory for Helm: %w", err)
	}
	temporary, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return "", fmt.Errorf("directory to build Helm in: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // empty by then, unless the build failed
	build := exec.CommandContext(ctx, "go", "install", "-trimpath",
		"-ldflags", "-s -w -X helm.sh/helm/v4/internal/version.version="+Version, "helm.sh/helm/v4/cmd/helm@"+Version)
	build.Dir = temporary // outside of any module
	build.Env = append(os.Environ(), "GOBIN="+temporary, "GOWORK=off", "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Helm %s: %w\n%s", Version, err, text)
	}
	if err := os.Rename(filepath.Join(temporary, "helm"), path); err != nil {
		return "", fmt.Errorf("move Helm into the cache: %w", err)
	}
	return path, nil
}
