package config

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// lookEvery is how often the file is read again. A mounted ConfigMap changes by the swap of a symbolic link, which
// reading sees and a watch on the file does not.
const lookEvery = 10 * time.Second

// maxFile bounds the file, in bytes; a ConfigMap has at most 1 MiB.
const maxFile = 1 << 20

// File keeps the settings of a file that may change while it is used. Open makes one, Run follows the file.
type File struct {
	path    string
	clock   clock.WithTicker
	log     *slog.Logger
	read    []byte // what was read last, good or not
	current atomic.Pointer[Config]
	failed  atomic.Pointer[error]
}

// Open reads the file; without a path it gives the defaults. A file that can't be used is an error: there is no
// last good one to go on with.
func Open(path string, clock clock.WithTicker, log *slog.Logger) (*File, error) {
	f := &File{path: path, clock: clock, log: log}
	if path == "" {
		f.current.Store(Default())
		return f, nil
	}
	if err := f.look(); err != nil {
		return nil, err
	}
	return f, nil
}

// Current gives the settings as they are now. They are not changed.
func (f *File) Current() *Config { return f.current.Load() }

// Err says why the file as it is now can't be used; nil when it can.
func (f *File) Err() error {
	if failed := f.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// Register adds the metric that says whether the file can be used.
func (f *File) Register(registry prometheus.Registerer) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kube_remedy_config_valid",
		Help: "1 when the configuration file is in use, 0 when it has a mistake and the last good one is used instead.",
	}, func() float64 {
		if f.Err() != nil {
			return 0
		}
		return 1
	}))
}

// Run follows the file until ctx ends and calls changed after each change that is used. A file with a mistake is
// logged once, and the last good one stays.
func (f *File) Run(ctx context.Context, changed func(*Config)) error {
	if f.path == "" {
		<-ctx.Done()
		return nil
	}
	ticker := f.clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		before, was := f.Current(), f.Err()
		err := f.look()
		switch {
		case err != nil && (was == nil || was.Error() != err.Error()):
			f.log.Error("the configuration can't be used; the last good one stays", "file", f.path, "error", err)
		case err == nil && f.Current() != before:
			f.log.Info("the configuration changed", "file", f.path)
			changed(f.Current())
		}
	}
}

// look reads the file and takes it over if it is another one and good.
func (f *File) look() error {
	data, err := f.load()
	if err == nil && f.read != nil && bytes.Equal(data, f.read) {
		return f.Err()
	}
	f.read = nil
	var config *Config
	if err == nil {
		f.read = data
		config, err = Parse(data)
	}
	if err != nil {
		err = fmt.Errorf("configuration file %s: %w", f.path, err)
		f.failed.Store(&err)
		return err
	}
	f.current.Store(config)
	f.failed.Store(nil)
	return nil
}

func (f *File) load() ([]byte, error) {
	about, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if about.Size() > maxFile {
		return nil, fmt.Errorf("it has %d bytes, more than %d", about.Size(), maxFile)
	}
	return os.ReadFile(f.path)
}
