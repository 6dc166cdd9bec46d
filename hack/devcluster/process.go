package devcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a daemon that Up started, as its PID file remembers it.
type process struct {
	PID int `json:"pid"`
	// Birth tells this process from a later one with the same PID; see birth.
	Birth string `json:"birth"`
	Path  string `json:"path"`
}

// errGone is birth's answer for a PID that no running process has (a zombie does not run).
var errGone = errors.New("no such process")

// births tells when a process was born; a parameter so that tests can recycle PIDs.
type births func(pid int) (string, error)

// alive reports whether the very process that was started still runs. A PID that meanwhile belongs to
// another program counts as gone, so that it is never signalled.
func (p process) alive(born births) bool {
	if p.PID <= 1 || p.Birth == "" {
		return false
	}
	now, err := born(p.PID)
	return err == nil && now == p.Birth
}

// readProcess returns the zero process, which is not alive, when there is no readable PID file.
func readProcess(pidFile string) process {
	var p process
	data, err := os.ReadFile(pidFile)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return process{}
	}
	return p
}

// spawn starts a daemon in a session of its own, its output appended to a log, its PID in a file.
func spawn(c component, logPath, pidFile string) (process, error) {
	output, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return process{}, err
	}
	defer output.Close()
	cmd := exec.Command(c.path, c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Dir = filepath.Dir(logPath)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return process{}, err
	}
	p := process{PID: cmd.Process.Pid, Path: c.path}
	// A daemon that dies while this program still runs must not stay a zombie.
	go func() { _ = cmd.Wait() }()
	if p.Birth, err = birth(p.PID); err != nil {
		return p, nil // died already: not alive, and its log says why
	}
	data, err := json.Marshal(p)
	if err == nil {
		err = write(pidFile, data)
	}
	if err != nil {
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
		return process{}, fmt.Errorf("writing the PID file: %w", err)
	}
	return p, nil
}

// stop ends a process: first politely, after grace by force. It does nothing to a process that is gone.
func (p process) stop(born births, grace time.Duration) error {
	for _, attempt := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 5 * time.Second}} {
		if !p.alive(born) {
			return nil
		}
		if err := syscall.Kill(p.PID, attempt.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("sending %s to process %d (%s): %w", attempt.signal, p.PID, p.Path, err)
		}
		for deadline := time.Now().Add(attempt.wait); p.alive(born) && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if p.alive(born) {
		return fmt.Errorf("process %d (%s) does not end, not even when killed", p.PID, p.Path)
	}
	return nil
}
