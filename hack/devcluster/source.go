package devcluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const modulePath = "github.com/kube-remedy/kube-remedy/hack/devcluster"

// sourceDir is the directory of this module's source code; see Options.SourceDir.
func sourceDir(ctx context.Context, o Options) (string, error) {
	var tried []string
	listed, _ := goCommand(ctx, "list", "-m", "-f", "{{.Dir}}", modulePath).Output()
	_, compiled, _, _ := runtime.Caller(0)
	for _, dir := range []string{o.SourceDir, os.Getenv("KUBE_REMEDY_DEVCLUSTER"), strings.TrimSpace(string(listed)), filepath.Dir(compiled)} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "kube", "go.mod")); err == nil {
			return filepath.Abs(dir)
		}
		tried = append(tried, dir)
	}
	return "", fmt.Errorf("the source code of %s, which the test images are built from, is not in %s: set KUBE_REMEDY_DEVCLUSTER to its directory",
		modulePath, strings.Join(tried, ", "))
}
