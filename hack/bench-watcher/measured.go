package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measured is a process that is measured, from outside as far as possible.
type measured struct {
	command *exec.Cmd
	address string
	began   time.Time
	stop    func() error
}

// start runs this program as one of the processes, on one core if it is to be so.
func start(ctx context.Context, as string, cores int, more ...string) (*measured, error) {
	itself, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, itself)
	command.Env = append(os.Environ(), asVariable+"="+as, "GOMAXPROCS="+strconv.Itoa(cores))
	command.Env = append(command.Env, more...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	m := &measured{command: command, began: time.Now()}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", as, err)
	}
	m.stop = func() error { _ = input.Close(); return command.Wait() }
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		_ = m.stop()
		return nil, fmt.Errorf("the %s ended at once: %w", as, err)
	}
	m.address = "http://" + strings.TrimSpace(line)
	return m, nil
}

// filled waits for the caches and gives the time it took from the start.
func (m *measured) filled(ctx context.Context) (time.Duration, error) {
	for told := m.began; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(told) >= progressEvery {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "waiting until its caches are filled, %s so far\n", time.Since(m.began).Round(time.Second))
		}
		response, err := http.Get(m.address + "/ready")
		if err != nil {
			return 0, err
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return time.Since(m.began), nil
		}
	}
	return 0, ctx.Err()
}

func (m *measured) heap() (heap, error) {
	var read heap
	response, err := http.Get(m.address + "/heap")
	if err != nil {
		return read, err
	}
	defer response.Body.Close()
	return read, json.NewDecoder(response.Body).Decode(&read)
}

// profile writes one of its profiles to a file.
func (m *measured) profile(name, path string) error {
	response, err := http.Get(m.address + "/debug/pprof/" + name)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = file.ReadFrom(response.Body)
	return errors2(err, file.Close())
}

func errors2(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// memory gives the process' resident memory now and at its highest, in bytes; zero where the system does not tell.
func (m *measured) memory() (now, highest uint64) {
	text, err := os.ReadFile(m.proc("status"))
	if err != nil {
		return 0, 0
	}
	read := func(name string) uint64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kib, _ := strconv.ParseUint(fields[0], 10, 64)
		return kib << 10
	}
	return read("VmRSS"), read("VmHWM")
}

// cpu gives the processor time that the process used; zero where the system does not tell. Linux counts it in
// hundredths of a second (proc_pid_stat(5), utime and stime).
func (m *measured) cpu() time.Duration {
	text, err := os.ReadFile(m.proc("stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may have blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (m *measured) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(m.command.Process.Pid), file)
}
