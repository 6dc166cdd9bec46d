package certs

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// mount is a directory in which files are swapped as the kubelet swaps those of a mounted Secret.
type mount struct {
	directory string
	swaps     int
}

// swap puts data into the directory, all at once.
func (m *mount) swap(t *testing.T, data map[string][]byte) {
	t.Helper()
	m.swaps++
	fresh := filepath.Join(m.directory, ".."+strings.Repeat("x", m.swaps))
	require.NoError(t, os.Mkdir(fresh, 0o700))
	for _, key := range []string{certKey, keyKey} {
		if text, ok := data[key]; ok {
			require.NoError(t, os.WriteFile(filepath.Join(fresh, key), text, 0o600))
		}
		_ = os.Symlink(filepath.Join("..data", key), filepath.Join(m.directory, key))
	}
	link := filepath.Join(m.directory, "..next")
	require.NoError(t, os.Symlink(filepath.Base(fresh), link))
	require.NoError(t, os.Rename(link, filepath.Join(m.directory, "..data")))
}

// mounted gives a directory with data and who serves it.
func mounted(t *testing.T, data map[string][]byte, now clock.WithTicker) (*mount, *Files, *bytes.Buffer) {
	t.Helper()
	m := &mount{directory: t.TempDir()}
	m.swap(t, data)
	var lines bytes.Buffer
	return m, &Files{
		CertFile: filepath.Join(m.directory, certKey), KeyFile: filepath.Join(m.directory, keyKey),
		Clock: now, Log: slog.New(slog.NewTextHandler(&lines, nil)),
	}, &lines
}

// requireServing wants a source to serve the certificate in data.
func requireServing(t *testing.T, source Source, data map[string][]byte) {
	t.Helper()
	current, err := source.GetCertificate(nil)
	require.NoError(t, err)
	require.Equal(t, string(data[certKey]), string(encodeCertificates(current.Leaf)))
	require.Equal(t, current.Leaf.NotAfter, source.NotAfter())
}

func TestFilesKeepTheLastGoodPair(t *testing.T) {
	first, second := issued(t, called, noon), issued(t, called, noon)
	with := func(certificate, key []byte) map[string][]byte {
		return map[string][]byte{certKey: certificate, keyKey: key}
	}
	for _, test := range []struct {
		name string
		bad  map[string][]byte
		why  string
	}{
		{"no certificate", map[string][]byte{keyKey: first[keyKey]}, "read the serving certificate: "},
		{"no key", map[string][]byte{certKey: first[certKey]}, "read the serving certificate's key: "},
		{"a key of another certificate", with(second[certKey], first[keyKey]), "private key does not match public key"},
		{"no PEM", with([]byte("certificate"), first[keyKey]), "failed to find any PEM data"},
		{"nothing in them", with(nil, nil), "failed to find any PEM data"},
		{"an expired one", issued(t, called, noon.Add(-90*day)), "it has expired at 2026-03-01T12:00:00Z"},
		{"one that is not valid yet", issued(t, called, noon.Add(time.Hour)), "it is not valid before 2026-03-01T12:55:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := clocktesting.NewFakeClock(noon)
			m, f, lines := mounted(t, test.bad, now)
			require.EqualError(t, f.Ready(), "no serving certificate is loaded yet")
			f.look()
			require.ErrorContains(t, f.Ready(), "no serving certificate is loaded yet: ")
			require.ErrorContains(t, f.Ready(), test.why)
			require.Zero(t, f.NotAfter())

			m.swap(t, first)
			f.look()
			require.NoError(t, f.Ready())
			requireServing(t, f, first)

			lines.Reset()
			m.swap(t, test.bad)
			f.look()
			f.look()
			require.NoError(t, f.Ready())
			requireServing(t, f, first)
			require.Equal(t, 1, strings.Count(lines.String(), "\n"), "said once: %s", lines)
			require.Contains(t, lines.String(), test.why)

			m.swap(t, second)
			f.look()
			requireServing(t, f, second)
		})
	}
}

func TestFilesAreNotReadyOnceTheirCertificateHasExpired(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	_, f, lines := mounted(t, issued(t, called, noon), now)
	f.look()
	lines.Reset()
	now.Step(90 * day)
	require.EqualError(t, f.Ready(), "the serving certificate: it has expired at 2026-05-30T12:00:00Z")
	f.look()
	f.look()
	require.Equal(t, 1, strings.Count(lines.String(), "\n"), "%s", lines)
	require.ErrorContains(t, f.Ready(), "it has expired at 2026-05-30T12:00:00Z")
}

func TestFilesBecomeValidByTheClock(t *testing.T) {
	now := clocktesting.NewFakeClock(noon)
	data := issued(t, called, noon.Add(time.Hour))
	_, f, _ := mounted(t, data, now)
	f.look()
	require.Error(t, f.Ready())
	now.Step(time.Hour)
	f.look()
	require.NoError(t, f.Ready())
	requireServing(t, f, data)
}

func TestFilesAreReadEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := issued(t, called, time.Now()), issued(t, called, time.Now())
		m, f, _ := mounted(t, first, clock.RealClock{})
		ended := make(chan error, 1)
		go func() { ended <- f.Run(t.Context()) }()
		synctest.Wait()
		requireServing(t, f, first)
		m.swap(t, second)
		time.Sleep(pollEvery - time.Second)
		requireServing(t, f, first)
		time.Sleep(2 * time.Second)
		requireServing(t, f, second)
		t.Cleanup(func() { require.NoError(t, <-ended) })
	})
}
