package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// save writes an image as a tarball of an OCI layout, NAME.tar, which containerd, Podman, skopeo, crane and Docker
// read, and the lists of what is in it.
func save(to, name, version string, index v1.ImageIndex, boms map[string][]byte) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	archive, err := archiveOf(name, version, index)
	if err != nil {
		return err
	}
	write := func(name string, data []byte) error { return os.WriteFile(filepath.Join(to, name), data, 0o644) }
	errs := []error{write(name+".tar", archive)}
	for file, text := range boms {
		errs = append(errs, write(file, text))
	}
	return errors.Join(errs...)
}

// archiveOf gives the tarball.
func archiveOf(name, version string, index v1.ImageIndex) ([]byte, error) {
	dir, err := os.MkdirTemp("", "kube-remedy-layout-")
	if err != nil {
		return nil, fmt.Errorf("directory for the layout: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing but what this run made
	written, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, fmt.Errorf("write the layout: %w", err)
	}
	err = written.AppendIndex(index, layout.WithAnnotations(map[string]string{
		// What the chart calls it, so that an image which is loaded into a node is found there.
		"io.containerd.image.name": "ghcr.io/kube-remedy/" + name + ":" + version, "org.opencontainers.image.ref.name": version,
	}))
	if err != nil {
		return nil, fmt.Errorf("add to the layout: %w", err)
	}
	files, err := filesBelow(dir)
	if err != nil {
		return nil, fmt.Errorf("read the layout: %w", err)
	}
	var archive bytes.Buffer
	err = writeTar(&archive, files)
	return archive.Bytes(), err
}

// filesBelow gives what is in a directory, by name.
func filesBelow(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			files = append(files, file{name: filepath.ToSlash(relative) + "/", mode: 0o755})
			return nil
		}
		data, err := os.ReadFile(path)
		files = append(files, file{name: filepath.ToSlash(relative), mode: 0o644, data: data})
		return err
	})
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, err
}

// push puts an image into a registry, with the credentials that Docker's configuration has for it.
func push(ctx context.Context, to string, insecure bool, index v1.ImageIndex) error {
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	target, err := name.NewTag(to, options...)
	if err != nil {
		return fmt.Errorf("push to %q: %w", to, err)
	}
	if err := remote.WriteIndex(target, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push to %s: %w", target, err)
	}
	return nil
}
