// Package rulefiles reads a user's own rules from a directory, or one file: the same YAML as the built-in ones.
// A mounted ConfigMap is such a directory.
package rulefiles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// Catalog gives the built-in catalogue with the rules at path added; an empty path adds none. Rules with mistakes
// are left out and given as mistakes, each with its file and line. The error is for what can't be read.
func Catalog(path string) (known *catalog.Catalog, mistakes []error, err error) {
	known, err = catalog.BuiltIn()
	if err != nil || path == "" {
		return known, nil, err
	}
	files, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	known, mistakes = known.With(files)
	return known, mistakes, nil
}

// read gives the files ending in .yaml or .yml directly in a directory, by name, or the one file at path. A mounted
// ConfigMap's own folders begin with two dots and are passed over.
func read(path string) ([]catalog.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	names := []string{path}
	if info.IsDir() {
		yaml, _ := filepath.Glob(filepath.Join(path, "*.yaml")) // the pattern is well-formed
		yml, _ := filepath.Glob(filepath.Join(path, "*.yml"))
		names = slices.Concat(yaml, yml)
		slices.Sort(names)
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(filepath.Base(name), ".") })
		if len(names) == 0 {
			return nil, fmt.Errorf("read rules: %w", errors.New(path+" has no file ending in .yaml"))
		}
	}
	var files []catalog.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		files = append(files, catalog.File{Name: name, Data: data})
	}
	return files, nil
}
