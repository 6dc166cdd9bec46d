package devcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// component is one daemon of the cluster: how to start it and how to see that it works.
type component struct {
	name  string
	path  string // the program; its base name is argv[0]
	args  []string
	env   []string // added to this process's environment
	ports []listener
	// ready returns nil once the component does its work; it is asked again and again.
	ready func(ctx context.Context) error
	// patience is how long ready may take; zero means a minute.
	patience time.Duration
}

// listener is an address that a component needs for itself.
type listener struct {
	ip   string
	port int
}

// componentNames are all daemons, in an order in which they can be stopped: first those that need others.
func componentNames() []string {
	return []string{
		"kwok", "metrics-server", "kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager",
		"containerd", "registry", "kube-apiserver", "etcd",
	}
}

// crew starts components and remembers which of them it started.
type crew struct {
	layout  layout
	options Options
	mu      sync.Mutex
	started []string
}

// startAll starts components side by side and waits until all of them are ready.
func (c *crew) startAll(ctx context.Context, components ...component) error {
	errs := make([]error, len(components))
	var wait sync.WaitGroup
	for i, one := range components {
		wait.Go(func() { errs[i] = c.start(ctx, one) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// start starts a component unless it runs already, and waits until it is ready.
func (c *crew) start(ctx context.Context, one component) error {
	began := time.Now()
	p := readProcess(c.layout.pidFile(one.name))
	running := p.alive(birth)
	if !running {
		if err := checkPorts(one); err != nil {
			return err
		}
		var err error
		if p, err = spawn(one, c.layout.log(one.name), c.layout.pidFile(one.name)); err != nil {
			return fmt.Errorf("starting %s: %w", one.name, err)
		}
		c.mu.Lock()
		c.started = append(c.started, one.name)
		c.mu.Unlock()
	}
	if err := c.await(ctx, one, p); err != nil {
		return err
	}
	if !running {
		c.options.say("%s is ready (%.1fs)", one.name, time.Since(began).Seconds())
	}
	return nil
}

// await waits for ready. It gives up at once when the process has died.
func (c *crew) await(ctx context.Context, one component, p process) error {
	patience := one.patience
	if patience == 0 {
		patience = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := one.ready(ctx)
		if err == nil {
			return nil
		}
		if !p.alive(birth) {
			return fmt.Errorf("%s died while starting%s", one.name, logTail(c.layout.log(one.name)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready after %s (%w)%s", one.name, patience, err, logTail(c.layout.log(one.name)))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stopStarted stops what this crew started, newest first, after a failed start.
func (c *crew) stopStarted() {
	for i := len(c.started) - 1; i >= 0; i-- {
		if err := stopComponent(c.layout, c.started[i]); err != nil {
			c.options.say("%v", err)
		}
	}
}

func stopComponent(l layout, name string) error {
	p := readProcess(l.pidFile(name))
	if err := p.stop(birth, 10*time.Second); err != nil {
		return fmt.Errorf("stopping %s: %w", name, err)
	}
	if err := os.Remove(l.pidFile(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the PID file of %s: %w", name, err)
	}
	return nil
}

// logTail is the last lines of a log and where the rest is, ready to be appended to an error.
func logTail(path string) string {
	const lines, width = 12, 400
	data, err := os.ReadFile(path)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return "; its log, " + path + ", is empty"
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > width {
			all[i] = line[:width] + "…"
		}
	}
	return "; the last lines of its log, " + path + ":\n    " + strings.Join(all, "\n    ")
}

// answers is a ready check: an HTTP GET that must be answered with 200.
func answers(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}
