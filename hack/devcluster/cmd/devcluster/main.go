// Command devcluster starts, shows and stops a real Kubernetes on this machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		return 1
	}
	return 0
}

func command() *cobra.Command {
	options := devcluster.Options{Progress: os.Stderr}
	root := &cobra.Command{
		Use: "devcluster", Short: "A real Kubernetes on this machine", SilenceErrors: true, SilenceUsage: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&options.StateDir, "state", "", "directory of the cluster (default $KUBE_REMEDY_STATE or ~/.local/state/kube-remedy/devcluster)")
	flags.StringVar(&options.CacheDir, "cache", "", "directory of the built programs (default $KUBE_REMEDY_CACHE or ~/.cache/kube-remedy/devcluster)")
	up := &cobra.Command{
		Use: "up", Short: "Start the cluster, or find the running one", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return up(cmd.Context(), options) },
	}
	up.Flags().BoolVar(&options.Simulated, "simulated", false, "a simulated node even where a real one is possible")
	up.Flags().IntVar(&options.PortBase, "port-base", 0, "first of twelve consecutive ports (default 21000, simulated 22000)")
	root.AddCommand(up,
		&cobra.Command{
			Use: "down", Short: "Stop the cluster and remove all it made", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return devcluster.Down(cmd.Context(), options) },
		},
		&cobra.Command{
			Use: "status", Short: "Show the cluster's components", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return status(cmd.Context(), options) },
		})
	return root
}

func up(ctx context.Context, options devcluster.Options) error {
	began := time.Now()
	cluster, err := devcluster.Up(ctx, options)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the cluster is ready (%.1fs)\n", time.Since(began).Seconds())
	printUse(cluster.Kubeconfig(), cluster.Kubectl())
	return nil
}

func status(ctx context.Context, options devcluster.Options) error {
	s, err := devcluster.ReadStatus(ctx, options)
	if err != nil {
		return err
	}
	if !s.Exists {
		return fmt.Errorf("%w in %s", s.Problem, s.StateDir)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tSTATE\tLOG")
	for _, one := range s.Components {
		state := "running"
		if !one.Running {
			state = "dead"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", one.Name, one.PID, state, one.Log)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if s.RealNode != nil {
		fmt.Println(s.RealNode)
	}
	printUse(s.Kubeconfig, s.Kubectl)
	if !s.Ready {
		return fmt.Errorf("the cluster is not ready: %w", s.Problem)
	}
	return nil
}

func printUse(kubeconfig, kubectl string) {
	fmt.Printf("export KUBECONFIG=%s\nkubectl: %s\n", kubeconfig, kubectl)
}
