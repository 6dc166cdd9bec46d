package devcluster

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Default first ports. A cluster uses the twelve ports from its first one on.
const (
	realPortBase      = 21000
	simulatedPortBase = 22000
)

// Options says where a cluster lives. The zero value is ready to use.
type Options struct {
	// StateDir holds everything that belongs to one cluster: configuration, certificates, logs, PID files,
	// data. Default: $KUBE_REMEDY_STATE, or ~/.local/state/kube-remedy/devcluster. At most one cluster
	// with a real node can run on a machine; simulated ones may run beside it in other directories.
	StateDir string
	// CacheDir holds the programs that were built, shared by all clusters. Default: $KUBE_REMEDY_CACHE,
	// or kube-remedy/devcluster in the user's cache directory.
	CacheDir string
	// SourceDir is the directory of this Go module, from which the test images and the registry are built.
	// Default: $KUBE_REMEDY_DEVCLUSTER, else where the go command finds the module from the current
	// directory, else where this package was compiled.
	SourceDir string
	// Simulated asks for a simulated node even where a real one is possible.
	Simulated bool
	// PortBase is the first of twelve consecutive TCP ports. Default: 21000, or 22000 for a simulated node.
	PortBase int
	// Progress receives one line per step. Default: nowhere.
	Progress io.Writer
}

func (o Options) withDefaults() (Options, error) {
	var err error
	if o.StateDir, err = directory(o.StateDir, "KUBE_REMEDY_STATE", defaultStateDir); err != nil {
		return o, fmt.Errorf("finding the state directory: %w", err)
	}
	if o.CacheDir, err = directory(o.CacheDir, "KUBE_REMEDY_CACHE", defaultCacheDir); err != nil {
		return o, fmt.Errorf("finding the cache directory: %w", err)
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// directory is the first of: what the caller said, the environment variable, the fallback. The answer
// is absolute, because daemons keep it after the caller's working directory is gone.
func directory(said, variable string, fallback func() (string, error)) (string, error) {
	if said == "" {
		said = os.Getenv(variable)
	}
	if said == "" {
		var err error
		if said, err = fallback(); err != nil {
			return "", err
		}
	}
	return filepath.Abs(said)
}

func defaultStateDir() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "kube-remedy", "devcluster"), nil
}

func defaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kube-remedy", "devcluster"), nil
}

func (o Options) say(format string, args ...any) {
	fmt.Fprintf(o.Progress, format+"\n", args...)
}
