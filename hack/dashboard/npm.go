package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/hack/cached"
)

// pageFiles are what the page is made of, beside what npm has.
//
//go:embed page/index.html page/page.tsx page/package.json page/package-lock.json
var pageFiles embed.FS

// findNPM is an error where there is no npm, or no node for it.
func findNPM() error {
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("there is no %s, with which the page that draws the dashboard is built (Debian: apt-get install -y nodejs npm): %w", program, err)
		}
	}
	return nil
}

// npmInstall gives a directory with a node_modules as package-lock.json has it, in the cache. There npm installs it, without
// running what packages bring, where it is not yet.
func npmInstall(ctx context.Context, out io.Writer) (string, error) {
	hash := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			return "", err
		}
		files[name] = text
		hash.Write(text)
	}
	return cached.Dir(filepath.Join("dashboard-page", fmt.Sprintf("%.8x", hash.Sum(nil))), func(dir string) error {
		fmt.Fprintln(out, "installing the packages of the page that draws the dashboard, two minutes the first time")
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				return fmt.Errorf("write what npm installs: %w", err)
			}
		}
		command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		command.Dir = dir
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("npm ci: %w\n%s", err, text)
		}
		return nil
	})
}

// buildPage leaves the page in a directory. Packages is that of npmInstall.
func buildPage(ctx context.Context, packages, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("directory for the page: %w", err)
	}
	index, err := pageFiles.ReadFile("page/index.html")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), index, 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	source, err := pageFiles.ReadFile("page/page.tsx")
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "node", filepath.Join("node_modules", "esbuild", "bin", "esbuild"),
		"--bundle", "--loader=tsx", "--loader:.woff=dataurl", "--loader:.woff2=dataurl", "--jsx=automatic", `--define:process.env.NODE_ENV="production"`,
		"--log-level=warning", "--outfile="+filepath.Join(dir, "page.js"))
	command.Dir, command.Stdin = packages, bytes.NewReader(source)
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("bundle the page: %w\n%s", err, text)
	}
	return nil
}
