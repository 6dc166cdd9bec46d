// Package helm builds Helm from its Go module, for what is tested with the real one.
package helm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/hack/cached"
)

// Version is the one that is built.
const Version = "v4.3.1"

// Build gives the path of Helm, which is built from its Go module where the cache lacks it.
func Build(ctx context.Context, out io.Writer) (string, error) {
	dir, err := cached.Dir(filepath.Join("helm", Version, "bin"), func(dir string) error {
		fmt.Fprintf(out, "building Helm %s, several minutes the first time\n", Version)
		build := exec.CommandContext(ctx, "go", "install", "-trimpath",
			"-ldflags", "-s -w -X helm.sh/helm/v4/internal/version.version="+Version, "helm.sh/helm/v4/cmd/helm@"+Version)
		build.Dir = dir // outside of any module
		build.Env = append(os.Environ(), "GOBIN="+dir, "GOWORK=off", "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build Helm %s: %w\n%s", Version, err, text)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "helm"), nil
}
