package devcluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAlive(t *testing.T) {
	running := func(birth string) births { return func(int) (string, error) { return birth, nil } }
	gone := func(int) (string, error) { return "", errGone }
	for _, test := range []struct {
		name string
		p    process
		born births
		want bool
	}{
		{"the process that was started runs", process{PID: 42, Birth: "boot/100"}, running("boot/100"), true},
		{"another process has got its PID", process{PID: 42, Birth: "boot/100"}, running("boot/999"), false},
		{"another process has got its PID after a reboot, at the same tick", process{PID: 42, Birth: "boot/100"}, running("later/100"), false},
		{"no process has its PID", process{PID: 42, Birth: "boot/100"}, gone, false},
		{"there was no PID file", process{}, running(""), false},
		{"the PID file names init", process{PID: 1, Birth: "boot/1"}, running("boot/1"), false},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, test.p.alive(test.born)) })
	}
}

func TestStopLeavesARecycledPIDAlone(t *testing.T) {
	stranger := exec.Command("sleep", "60")
	require.NoError(t, stranger.Start())
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	p := process{PID: stranger.Process.Pid, Birth: "an earlier process's birth"}
	require.NoError(t, p.stop(birth, time.Second))
	_, err := birth(stranger.Process.Pid)
	require.NoError(t, err, "the stranger still runs")
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	dir := t.TempDir()
	stubborn := component{name: "stubborn", path: "/bin/sh", args: []string{"-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"}}
	p, err := spawn(stubborn, filepath.Join(dir, "log"), filepath.Join(dir, "pid"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return string(log) == "ready\n"
	}, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, p, readProcess(filepath.Join(dir, "pid")), "the PID file remembers it")
	require.True(t, p.alive(birth))
	require.NoError(t, p.stop(birth, 100*time.Millisecond))
	require.False(t, p.alive(birth))
}

func TestReadProcessTakesAHalfWrittenPIDFileForNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(path, []byte(`{"pid": 12`), 0o600))
	require.False(t, readProcess(path).alive(birth))
}
