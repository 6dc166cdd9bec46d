package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
)

// namespace is the demo's own; it is deleted before the story is told.
const namespace = "kube-remedy-demo"

//go:embed web.yaml
var manifest string

// story is the demo being told.
type story struct {
	ctx     context.Context
	out     io.Writer
	cluster *devcluster.Cluster
	file    string
}

// tell tells it. It is an error when the cluster does not do what the story says.
func (s *story) tell() error {
	if err := os.WriteFile(s.file, []byte(manifest), 0o600); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	for _, chapter := range []func() error{s.before, s.fails, s.learns, s.heals, s.explains} {
		if err := chapter(); err != nil {
			return err
		}
	}
	s.say(`That was the whole story. kube-remedy's two programs end now; the cluster and the Deployment stay as they are.

  look around:       export KUBECONFIG=%s PATH=%s:$PATH
  leave no trace:    make demo-clean`, s.cluster.Kubeconfig(), filepath.Dir(s.cluster.Kubectl()))
	return nil
}

// before begins with a namespace in which nothing was ever learned.
func (s *story) before() error {
	if _, err := s.kubectl("delete", "namespace", namespace, "--ignore-not-found"); err != nil {
		return err
	}
	_, err := s.kubectl("create", "namespace", namespace)
	return err
}

func (s *story) fails() error {
	s.say("A web server needs about 200 MiB of memory, but its manifest allows 128Mi. Its owner applies it:")
	if _, err := s.show("apply", "-f", s.file); err != nil {
		return err
	}
	const last = ".status.containerStatuses[0].lastState.terminated"
	const ended = "custom-columns=POD:.metadata.name,LAST_STATE:" + last + ".reason,EXIT_CODE:" + last + ".exitCode,RESTARTS:.status.containerStatuses[0].restartCount"
	if err := s.wait("the kernel to kill it", func() (bool, error) {
		out, err := s.kubectl("-n", namespace, "get", "pods", "-o", ended)
		return strings.Contains(out, "OOMKilled"), err
	}); err != nil {
		return err
	}
	s.say("The kernel kills it:")
	_, err := s.show("-n", namespace, "get", "pods", "-o", ended)
	return err
}

func (s *story) learns() error {
	if err := s.wait("the cure to be learned", func() (bool, error) {
		out, err := s.kubectl("-n", namespace, "get", "remediations", "-o", "jsonpath={.items[*].status.phase}")
		return out == "Learned", err
	}); err != nil {
		return err
	}
	s.say("The event watcher saw it, found the cause, and stored the cure as a Remediation:")
	if _, err := s.show("-n", namespace, "get", "remediations"); err != nil {
		return err
	}
	if _, err := s.show("-n", namespace, "get", "remediation", "deployment-web-oomkilled-app", "-o", "yaml"); err != nil {
		return err
	}
	return s.wait("the next apply to be expected", func() (bool, error) {
		out, err := s.kubectl("-n", namespace, "get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`)
		return !strings.HasSuffix(out, "\n"), err
	})
}

func (s *story) heals() error {
	s.say("The owner applies the same, unchanged file again. The cure is in the object before it is stored:")
	out, err := s.show("apply", "-f", s.file)
	if err != nil {
		return err
	}
	if !strings.Contains(out, "memory limit 128Mi → 256Mi") {
		return fmt.Errorf("the apply was not healed: kubectl said %q", out)
	}
	s.say("It runs:")
	if _, err := s.show("-n", namespace, "rollout", "status", "deployment/web", "--timeout=60s"); err != nil {
		return err
	}
	if _, err := s.show("-n", namespace, "get", "pods", "--field-selector=status.phase=Running"); err != nil {
		return err
	}
	if err := s.wait("the cure to be verified", func() (bool, error) {
		out, err := s.kubectl("-n", namespace, "get", "remediations", "-o", "jsonpath={.items[*].status.phase}")
		return out == "Verified", err
	}); err != nil {
		return err
	}
	_, err = s.show("-n", namespace, "get", "remediations")
	return err
}

func (s *story) explains() error {
	s.say("What was changed, and why, stands on the object (indented here):")
	args := []string{"-n", namespace, "get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.kube-remedy\.io/audit}`}
	fmt.Fprintf(s.out, "$ kubectl %s\n", quoted(args))
	out, err := s.kubectl(args...)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(out), "", "  "); err != nil {
		return fmt.Errorf("read the audit annotation %q: %w", out, err)
	}
	fmt.Fprintln(s.out, indented.String())
	return nil
}

// say tells a person what comes next.
func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, "\n"+format+"\n\n", args...) }

// show runs kubectl as a person would, printing the command and everything it answers.
func (s *story) show(args ...string) (string, error) {
	fmt.Fprintf(s.out, "$ kubectl %s\n", quoted(args))
	out, err := s.kubectl(args...)
	fmt.Fprintln(s.out, strings.TrimRight(out, "\n"))
	return out, err
}

// quoted writes arguments as a shell would take them.
func quoted(args []string) string {
	words := make([]string, 0, len(args))
	for _, arg := range args {
		if strings.ContainsAny(arg, " {}[]\\*\"") {
			arg = "'" + arg + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// kubectl runs the cluster's kubectl and gives both of its outputs as one text.
func (s *story) kubectl(args ...string) (string, error) {
	command := exec.CommandContext(s.ctx, s.cluster.Kubectl(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.cluster.Kubeconfig())
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", quoted(args), err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

// wait waits for something, for two minutes at most, and says every five seconds that it does.
func (s *story) wait(what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Minute)
	defer cancel()
	begun, told := time.Now(), time.Now()
	for {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		if time.Since(told) > 5*time.Second {
			fmt.Fprintf(s.out, "… waiting for %s (%s)\n", what, time.Since(begun).Round(time.Second))
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(250 * time.Millisecond):
		}
	}
}
