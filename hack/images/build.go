package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// program is what an image is made of.
type program struct {
	name, description string
	root, pkg         string // of its module, and its package there
	versionVariable   string // which the linker sets to the version
}

// build compiles the program for a platform and gives the binary. What the environment could say about the code that
// comes out is said here; git is not asked, so that the sources alone decide.
func (p program) build(ctx context.Context, version string, platform v1.Platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "kube-remedy-image-")
	if err != nil {
		return nil, fmt.Errorf("directory for the binary: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing but what this run made
	path := filepath.Join(dir, p.name)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags=-s -w -buildid= -X "+p.versionVariable+"="+version, "-o", path, p.pkg)
	build.Dir = p.root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture,
		"GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build for %s: %w\n%s", platform, err, text)
	}
	return os.ReadFile(path)
}
