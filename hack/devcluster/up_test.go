package devcluster

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testOptions(t *testing.T) Options {
	t.Helper()
	return Options{StateDir: t.TempDir(), CacheDir: t.TempDir(), Progress: io.Discard}
}

func TestFindTellsThatNothingRuns(t *testing.T) {
	_, err := Find(testOptions(t))
	require.ErrorIs(t, err, ErrNotRunning)
}

func TestFindNamesTheDeadComponent(t *testing.T) {
	o := testOptions(t)
	require.NoError(t, record{PortBase: 1, HostIP: "127.0.0.1", Simulated: "x"}.write(o.StateDir))
	_, err := Find(o)
	require.ErrorIs(t, err, ErrNotRunning)
	require.ErrorContains(t, err, "kwok is not there")
}

func TestPlanKeepsTheKindAndThePortsOfACluster(t *testing.T) {
	o := testOptions(t)
	o.Simulated = true
	first, err := plan(o)
	require.NoError(t, err)
	require.Equal(t, simulatedPortBase, first.PortBase)
	require.Contains(t, first.Simulated, "because that was asked for")
	require.NoError(t, first.write(o.StateDir))

	o.Simulated = false
	again, err := plan(o)
	require.NoError(t, err)
	require.Equal(t, first, again)

	o.PortBase = 30000
	_, err = plan(o)
	require.ErrorContains(t, err, "has the ports from 22000 on")
}

func TestPlanRefusesToSimulateOnTopOfARealNode(t *testing.T) {
	o := testOptions(t)
	require.NoError(t, record{PortBase: realPortBase, HostIP: realHostIP}.write(o.StateDir))
	o.Simulated = true
	_, err := plan(o)
	require.ErrorContains(t, err, "was started with a real node")
}

func TestADyingComponentIsReportedWithItsLastWords(t *testing.T) {
	l := testLayout(t)
	c := &crew{layout: l, options: Options{Progress: io.Discard}}
	never := func(context.Context) error { return os.ErrDeadlineExceeded }
	err := c.start(t.Context(), component{name: "etcd", path: "/bin/sh", args: []string{"-c", "echo no space left >&2; exit 1"}, ready: never})
	require.ErrorContains(t, err, "etcd died while starting; the last lines of its log, "+l.log("etcd"))
	require.ErrorContains(t, err, "no space left")
}

func TestLogTailIsShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 5000)+"\n"+strings.Repeat("line\n", 100)), 0o600))
	require.Equal(t, 12, strings.Count(logTail(path), "line\n")+1)
	require.Contains(t, logTail(filepath.Join(t.TempDir(), "none")), "is empty")
}

func TestALockIsWaitedForAndReleased(t *testing.T) {
	o, dir := testOptions(t), t.TempDir()
	release, err := lock(t.Context(), o, dir, "test")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = lock(ctx, o, dir, "test")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	release, err = lock(t.Context(), o, dir, "test")
	require.NoError(t, err)
	release()
}

func TestDownRemovesOnlyItsOwnFiles(t *testing.T) {
	o := testOptions(t)
	require.NoError(t, record{PortBase: 1, HostIP: "127.0.0.1", Simulated: "x"}.write(o.StateDir))
	require.NoError(t, os.MkdirAll(filepath.Join(o.StateDir, "etcd", "member"), 0o755))
	stranger := filepath.Join(o.StateDir, "thesis.tex")
	require.NoError(t, os.WriteFile(stranger, nil, 0o600))
	require.NoError(t, Down(t.Context(), o))
	left, err := os.ReadDir(o.StateDir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "thesis.tex", left[0].Name())
}
