package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/utils/clock"
)

// Files serves a pair that somebody else puts into two files, and the next one once it is there. Which
// certificate authority the registration trusts is up to who writes the files.
type Files struct {
	// CertFile and KeyFile are the paths, PEM.
	CertFile, KeyFile string
	// Clock and Log are where the time comes from and lines go.
	Clock clock.WithTicker
	Log   *slog.Logger

	served
	last outcome
}

// outcome is what a look at the files showed.
type outcome struct {
	content [sha256.Size]byte
	why     string // the pair is not served; empty when it is
}

// pollEvery is how often the files are read. The kubelet changes a mounted Secret by swapping a symbolic link that
// the paths go through: a watch on the files sees nothing of that, one on the directories differs between systems,
// and reading two small files costs next to nothing and always shows what is there.
const pollEvery = 10 * time.Second

var _ Source = (*Files)(nil)

// Ready reports what is wrong with the files while no valid certificate is served; nil when one is.
func (f *Files) Ready() error { return f.ready(f.Clock.Now()) }

// Run reads the files until ctx ends.
func (f *Files) Run(ctx context.Context) error {
	ticker := f.Clock.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		f.look()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// look reads the files and serves what is in them, if it is good. It says so once per change.
func (f *Files) look() {
	pair, content, err := f.read()
	f.note(err)
	now := outcome{content: content}
	if err != nil {
		now.why = err.Error()
	}
	if now == f.last {
		return
	}
	f.last = now
	if err != nil {
		f.Log.Warn("the certificate files can't be used, what is served stays", "error", err, "not_after", f.NotAfter())
		return
	}
	f.current.Store(pair)
	f.Log.Info("serving the certificate of the files", "file", f.CertFile, "not_after", f.NotAfter())
}

// read gives the pair and a digest of the files. Of a pair that is read while it is swapped, one file may be old
// and the other new: it does not fit together, and the next look finds a whole one.
func (f *Files) read() (*tls.Certificate, [sha256.Size]byte, error) {
	var none [sha256.Size]byte
	certificate, err := os.ReadFile(f.CertFile)
	if err != nil {
		return nil, none, fmt.Errorf("read the serving certificate: %w", err)
	}
	key, err := os.ReadFile(f.KeyFile)
	if err != nil {
		return nil, none, fmt.Errorf("read the serving certificate's key: %w", err)
	}
	pair, err := loaded(certificate, key, f.Clock.Now())
	if err != nil {
		err = fmt.Errorf("load the serving certificate of %s and %s: %w", f.CertFile, f.KeyFile, err)
	}
	text := append(append(certificate, 0), key...) // no PEM has a zero byte
	return pair, sha256.Sum256(text), err
}
