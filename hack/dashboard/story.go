package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// window is how long the healed pod must stay Ready here until its cure counts as verified.
const window = 3 * time.Second

// namespace is the story's own.
const namespace = "kube-remedy-dashboard"

// manifest is a Deployment that needs more memory than it is allowed.
const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ` + namespace + `}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: misbehave:v1
        args: [-allocate=200Mi, -over=2s, -hold]
        resources: {requests: {memory: 64Mi}, limits: {memory: 128Mi}}
`

// story applies the manifest, waits until its failure is learned, applies it again, and waits until the cure is verified.
func story(ctx context.Context, pair *install.Pair, dir string) (err error) {
	file := filepath.Join(dir, "web.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	if _, err := pair.Kubectl(ctx, "", "delete", "namespace", namespace, "--ignore-not-found"); err != nil {
		return err
	}
	if _, err := pair.Kubectl(ctx, "", "create", "namespace", namespace); err != nil {
		return err
	}
	is := func(want string, ask ...string) func() error {
		return func() error {
			got, err := pair.Kubectl(ctx, "", append([]string{"-n", namespace, "get"}, ask...)...)
			if err == nil && got != want {
				err = fmt.Errorf("it is %q", got)
			}
			return err
		}
	}
	apply := func() error {
		_, err := pair.Kubectl(ctx, "", "apply", "-f", file)
		return err
	}
	phase := []string{"remediations", "-o", "jsonpath={.items[*].status.phase}"}
	if err := apply(); err != nil {
		return err
	}
	if err := wait(ctx, "the cure to be learned", is("Learned", phase...)); err != nil {
		return err
	}
	// An armed workload's last-applied configuration lacks the newline at its end.
	if err := wait(ctx, "the next apply to be expected", func() error {
		got, err := pair.Kubectl(ctx, "", "-n", namespace, "get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`)
		if err == nil && strings.HasSuffix(got, "\n") {
			err = errors.New("the workload is not armed")
		}
		return err
	}); err != nil {
		return err
	}
	if err := apply(); err != nil {
		return err
	}
	return wait(ctx, "the cure to be verified", is("Verified", phase...))
}

// wait asks twice a second, for two minutes at most, until there is no error, or a program that is waited for has ended.
func wait(ctx context.Context, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if errors.Is(err, install.ErrExited) {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-time.After(500 * time.Millisecond):
		}
	}
}
