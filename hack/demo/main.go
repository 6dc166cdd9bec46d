// Command demo tells the story of kube-remedy on a real Kubernetes: a container is killed by the kernel, the
// cure is learned, and applying the same unchanged file heals the workload. Everything it prints below a $ is
// what the cluster answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
)

func main() {
	clean := flag.Bool("clean", false, "remove everything that the demo left")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := tell
	if *clean {
		do = cleanUp
	}
	if err := do(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// window is how long the healed pod must stay Ready in the demo until the cure counts as verified; the default
// of two minutes would be a long silence.
const window = 5 * time.Second

// directory keeps what the demo needs between telling and cleaning up.
func directory() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "kube-remedy", "demo"), nil
}

// startedFile is left in the demo's directory when the demo started the cluster, so that cleaning up stops it.
const startedFile = "started-the-cluster"

// tell starts what is missing and tells the story.
func tell(ctx context.Context, out io.Writer) (err error) {
	begun := time.Now()
	dir, err := directory()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("directory of the demo: %w", err)
	}
	options := devcluster.Options{Progress: out}
	if _, err := devcluster.Find(options); err != nil {
		if err := os.WriteFile(filepath.Join(dir, startedFile), nil, 0o600); err != nil {
			return fmt.Errorf("remember who started the cluster: %w", err)
		}
	}
	cluster, err := devcluster.Up(ctx, options)
	if err != nil {
		return err
	}
	if err := cluster.RealNode(); err != nil {
		return err
	}
	pair, err := install.New(cluster, filepath.Join(dir, "pair"), window)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "building and starting kube-remedy's webhook and event watcher")
	if err := pair.Install(ctx); err != nil {
		return err
	}
	if err := pair.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Stop()) }()
	s := &story{ctx: ctx, out: out, cluster: cluster, file: filepath.Join(dir, "web.yaml")}
	if err := s.tell(); err != nil {
		return err
	}
	fmt.Fprintf(out, "It took %s, from the start of this command to the end of the story.\n", time.Since(begun).Round(time.Second))
	return nil
}

// cleanUp removes the demo's objects and the pair, and the cluster if the demo started it.
func cleanUp(ctx context.Context, out io.Writer) error {
	dir, err := directory()
	if err != nil {
		return err
	}
	options := devcluster.Options{Progress: out}
	_, err = os.Stat(filepath.Join(dir, startedFile))
	started := err == nil
	if cluster, findErr := devcluster.Find(options); findErr == nil && !started {
		pair, err := install.New(cluster, filepath.Join(dir, "pair"), window)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "removing the demo from the running cluster")
		if _, err := pair.Kubectl(ctx, "", "delete", "namespace", namespace, "--ignore-not-found"); err != nil {
			return err
		}
		if err := pair.Uninstall(ctx); err != nil {
			return err
		}
	}
	if started {
		fmt.Fprintln(out, "stopping the cluster that the demo started")
		if err := devcluster.Down(ctx, options); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the demo's files: %w", err)
	}
	fmt.Fprintln(out, "nothing of the demo is left")
	return nil
}
