// Package e2e tests kube-remedy on a real Kubernetes with a real node, through the kubectl that belongs to it:
// programs are really killed by the kernel, and healed by really applying their manifest again.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
)

// window is how long pods must stay Ready here until a cure counts as verified.
const window = 3 * time.Second

// The cluster and the pair that all tests share. Each test has a namespace of its own.
var (
	cluster *devcluster.Cluster
	pair    *install.Pair
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	options := devcluster.Options{Progress: os.Stderr}
	_, foundErr := devcluster.Find(options)
	if cluster, err = devcluster.Up(ctx, options); err != nil {
		return 1, err
	}
	if foundErr != nil && os.Getenv("KEEP") == "" { // we started it
		defer func() {
			if downErr := devcluster.Down(ctx, options); err == nil {
				err = downErr
			}
		}()
	}
	dir, err := os.MkdirTemp("", "kube-remedy-e2e-")
	if err != nil {
		return 1, err
	}
	if pair, err = install.New(cluster, filepath.Join(dir, "pair"), window); err != nil {
		return 1, err
	}
	if err = pair.Install(ctx); err != nil {
		return 1, err
	}
	if err = pair.Start(ctx); err != nil {
		return 1, err
	}
	code = m.Run()
	if all := flag.Lookup("test.run"); code == 0 && all.Value.String() == "" {
		if err := checkRights(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "the rights of the pair are not those that it used:\n%v\n", err)
			code = 1
		}
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "webhook log ends:\n%s\n\neventwatcher log ends:\n%s\n", pair.Webhook.LogTail(), pair.Watcher.LogTail())
	}
	if err = pair.Stop(); err != nil {
		return code, err
	}
	return code, pair.Uninstall(ctx)
}
