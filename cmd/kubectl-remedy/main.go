// Command kubectl-remedy is a kubectl plugin, kubectl remedy: it tells why workloads fail and what helps.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	klog.SetLogger(logr.Discard()) // what client-go logs, the errors say too
	command := plugin.New(plugin.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, clock.RealClock{})
	if err := command.ExecuteContext(ctx); err != nil {
		var exit plugin.Exit
		if errors.As(err, &exit) {
			os.Exit(exit.Status)
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
