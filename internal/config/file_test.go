package config

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
)

// followed is a file that is followed in a bubble.
type followed struct {
	*File
	registry *prometheus.Registry
	changes  []*Config // is written while time passes

	mu    sync.Mutex
	lines bytes.Buffer
}

// Write takes the lines of the log.
func (f *followed) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lines.Write(line)
}

// logged counts the lines with some words.
func (f *followed) logged(words string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Count(f.lines.String(), words)
}

func follow(t *testing.T, path string) *followed {
	t.Helper()
	f := &followed{registry: prometheus.NewRegistry()}
	var err error
	f.File, err = Open(path, clock.RealClock{}, slog.New(slog.NewTextHandler(f, nil)))
	require.NoError(t, err)
	f.Register(f.registry)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, func(config *Config) { f.changes = append(f.changes, config) }) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return f
}

// look lets the file be read once more.
func (f *followed) look() {
	time.Sleep(lookEvery)
	synctest.Wait()
}

// requireValid wants the metric to say whether the file is in use.
func (f *followed) requireValid(t *testing.T, valid bool) {
	t.Helper()
	metrics, err := f.registry.Gather()
	require.NoError(t, err)
	require.Len(t, metrics, 1)
	require.Equal(t, "kube_remedy_config_valid", metrics[0].GetName())
	require.Equal(t, valid, metrics[0].GetMetric()[0].GetGauge().GetValue() == 1)
	require.Equal(t, valid, f.Err() == nil)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestTheLastGoodFileStaysInUse(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		err   string
	}{
		{"a mistake", func(t *testing.T, path string) { write(t, path, head+"mode: on\n") }, "mode: Unsupported value"},
		{"nothing in it", func(t *testing.T, path string) { write(t, path, "") }, "apiVersion: Unsupported value"},
		{"half of it", func(t *testing.T, path string) { write(t, path, head[:20]) }, "the configuration"},
		{"the file is gone", func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, "no such file or directory"},
		{"it is a folder", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "is a directory"},
		{"it is too large", func(t *testing.T, path string) {
			write(t, path, head+"#"+strings.Repeat("x", maxFile))
		}, "more than 1048576"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			write(t, path, head+"mode: suggest\n")
			synctest.Test(t, func(t *testing.T) {
				f := follow(t, path)
				good := f.Current()
				f.requireValid(t, true)
				test.spoil(t, path)
				for range 3 {
					f.look()
					require.Same(t, good, f.Current())
					require.ErrorContains(t, f.Err(), test.err)
					require.ErrorContains(t, f.Err(), "configuration file "+path+": ")
					f.requireValid(t, false)
				}
				require.Equal(t, 1, f.logged("the last good one stays"), "it is told once")
				require.Empty(t, f.changes)

				require.NoError(t, os.RemoveAll(path))
				write(t, path, head+"mode: heal\n")
				f.look()
				f.requireValid(t, true)
				require.Equal(t, "heal", f.Current().Mode)
				require.Len(t, f.changes, 1)
				require.Same(t, f.Current(), f.changes[0])
				require.Equal(t, 1, f.logged("the configuration changed"))
			})
		})
	}
}

func TestAnotherMistakeIsToldOnceMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, head)
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, path)
		for i, text := range []string{"mode: on\n", "mode: no\n", "allow: all\n"} {
			write(t, path, head+text)
			f.look()
			f.look()
			require.Equal(t, i+1, f.logged("the last good one stays"))
		}
		write(t, path, head)
		f.look()
		f.requireValid(t, true)
		write(t, path, head+"allow: all\n")
		f.look()
		require.Equal(t, 4, f.logged("the last good one stays"), "also the one that it had before")
	})
}

func TestAFileThatStaysTheSameChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, head)
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, path)
		good := f.Current()
		for range 5 {
			f.look()
			write(t, path, head)
		}
		require.Same(t, good, f.Current())
		require.Empty(t, f.changes)
		require.Zero(t, f.logged("configuration"))
	})
}

// TestAConfigMapIsFollowed changes a mounted ConfigMap as the kubelet does: files are links into a folder that is a link
// itself, and that one is replaced (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go).
func TestAConfigMapIsFollowed(t *testing.T) {
	mount := t.TempDir()
	publish := func(t *testing.T, version, text string) {
		t.Helper()
		require.NoError(t, os.Mkdir(filepath.Join(mount, version), 0o700))
		write(t, filepath.Join(mount, version, "config.yaml"), text)
		next := filepath.Join(mount, "..data_tmp")
		require.NoError(t, os.Symlink(version, next))
		require.NoError(t, os.Rename(next, filepath.Join(mount, "..data")))
	}
	publish(t, "..1", head+"mode: suggest\n")
	path := filepath.Join(mount, "config.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "config.yaml"), path))
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, path)
		require.Equal(t, "suggest", f.Current().Mode)
		for i, mode := range []string{"off", "heal", "suggest"} {
			publish(t, "..v"+mode, head+"mode: "+mode+"\n")
			f.look()
			require.Equal(t, mode, f.Current().Mode)
			require.Len(t, f.changes, i+1)
		}
		publish(t, "..bad", "mode: 1")
		f.look()
		require.Equal(t, "suggest", f.Current().Mode)
		f.requireValid(t, false)
	})
}

func TestWithoutAFileThereAreDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, "")
		f.look()
		require.Equal(t, Default(), f.Current())
		f.requireValid(t, true)
		require.Empty(t, f.changes)
	})
}

func TestAFirstFileThatCanNotBeUsedIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	_, err := Open(path, clock.RealClock{}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "configuration file "+path+": ")
	write(t, path, "mode: on")
	_, err = Open(path, clock.RealClock{}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "mode: Unsupported value")
}
