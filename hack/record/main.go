// Command record makes the recordings with which the webhook's question "is this request an owner's apply?" is
// tested. It registers a webhook of its own for a namespace of its own in the running development cluster, really
// does what people, deployers and controllers do, and saves the AdmissionReviews that the API server sent, byte
// for byte.
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
)

//go:embed manifests
var manifests embed.FS

//go:embed chart
var chart embed.FS

//go:embed setup.yaml
var setup string

func main() {
	to := flag.String("to", "../webhook/testdata/reviews", "the `directory` of the recordings, whose files are replaced")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *to); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

// run records everything and replaces the files; it leaves them as they were when anything went wrong.
func run(ctx context.Context, out io.Writer, to string) error {
	cluster, err := devcluster.Find(devcluster.Options{})
	if err != nil {
		return fmt.Errorf("find the cluster, which make cluster-up starts: %w", err)
	}
	if err := cluster.RealNode(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kube-remedy-record-")
	if err != nil {
		return fmt.Errorf("directory for manifests: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing but what this run made
	s := &session{out: out, cluster: cluster, dir: dir}
	recordings, err := s.record(ctx, actions())
	if err != nil {
		return err
	}
	v, err := s.versions(ctx)
	if err != nil {
		return err
	}
	if err := save(to, recordings, v); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d reviews are in %s\n", len(recordings), to)
	return nil
}

// actions are all actions, in the order in which they are done. Later ones find what earlier ones made.
func actions() []action {
	var all []action
	for _, some := range [][]action{
		clientSide(), commands(), autoscaling(), replacing(),
		serverSide(), migration(), namesakes(), kustomize(), creates(),
		deployments(), workloads(), jobs(), pods(), equivalent(), helmReleases(),
	} {
		all = append(all, some...)
	}
	return all
}
