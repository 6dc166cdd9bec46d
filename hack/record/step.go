package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// step is one thing that is done: a command, or a file that is written.
type step struct {
	text string // the command as a person would type it
	run  func(context.Context, *session) error
}

// kubectl runs the cluster's kubectl in the recording's namespace.
func kubectl(args ...string) step {
	return step{text: typed("kubectl", args), run: func(ctx context.Context, s *session) error {
		_, err := s.command(ctx, nil, s.cluster.Kubectl(), append([]string{"--namespace=" + namespace}, args...)...)
		return err
	}}
}

// edit runs kubectl edit with a sed expression in the place of a person.
func edit(expression, object string) step {
	editor := "KUBE_EDITOR=sed -i " + expression
	return step{text: "KUBE_EDITOR='sed -i " + expression + "' kubectl edit " + object, run: func(ctx context.Context, s *session) error {
		_, err := s.command(ctx, []string{editor}, s.cluster.Kubectl(), "--namespace="+namespace, "edit", object)
		return err
	}}
}

// helm runs the pinned Helm in the recording's namespace.
func helm(args ...string) step {
	return step{text: typed("helm", args), run: func(ctx context.Context, s *session) error {
		_, err := s.command(ctx, nil, s.helm, append([]string{"--namespace=" + namespace}, args...)...)
		return err
	}}
}

// write writes a manifest into the session's directory. The object is named like the file.
func write(file, manifest, version string) step {
	return step{run: func(_ context.Context, s *session) error {
		text, err := manifests.ReadFile("manifests/" + manifest)
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", manifest, err)
		}
		path := filepath.Join(s.dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("directory of %s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		filled := strings.NewReplacer("${name}", name, "${version}", version).Replace(string(text))
		if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		return nil
	}}
}

// command runs a program in the session's directory and gives its standard output.
func (s *session) command(ctx context.Context, env []string, program string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = s.dir
	command.Env = append(append(os.Environ(), s.env()...), env...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", typed(filepath.Base(program), args), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// env keeps what a person has set up for kubectl and Helm out of the recording.
func (s *session) env() []string {
	env := []string{"KUBECONFIG=" + s.cluster.Kubeconfig(), "KUBECACHEDIR=" + filepath.Join(s.dir, "kubectl-cache"), "KUBERC=off", "KUBECTL_KUBERC=false"}
	for _, directory := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		env = append(env, directory+"="+filepath.Join(s.dir, strings.ToLower(directory)))
	}
	return env
}

// typed writes a command as a person would type it.
func typed(program string, args []string) string {
	words := []string{program}
	for _, arg := range args {
		if strings.ContainsAny(arg, " {}[]\\*\"|") {
			arg = "'" + arg + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
