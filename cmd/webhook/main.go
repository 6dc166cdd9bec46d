// Command kube-remedy-webhook puts learned cures into workloads as they are applied.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/webhook"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// flags are what the command line says.
type flags struct {
	kubeconfig, listen, healthListen, pprofListen string
	namespace, configuration, config              string
	watcherUser, logLevel                         string
	shutdownDelay                                 time.Duration
	certificate                                   certificateFlags
	clients                                       clientFlags
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("kube-remedy-webhook", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; empty for the pod's own service account")
	set.StringVar(&f.listen, "listen", ":8443", "address for admission reviews, over TLS")
	set.StringVar(&f.healthListen, "health-listen", ":8080", "address for /healthz, /readyz, /metrics and /status")
	set.StringVar(&f.pprofListen, "pprof-listen", "", "address for /debug/pprof/; empty for none")
	set.StringVar(&f.namespace, "namespace", process.OwnNamespace(), "namespace of the certificate's secret (default: POD_NAMESPACE, or kube-remedy-system)")
	set.StringVar(&f.configuration, "webhook-configuration", "kube-remedy", "name of the MutatingWebhookConfiguration and ValidatingWebhookConfiguration that call the webhook")
	set.StringVar(&f.config, "config", "", "file with the installation's settings; empty for the defaults")
	set.StringVar(&f.watcherUser, "watcher-user", "", "user name of the event watcher (default: system:serviceaccount:NAMESPACE:kube-remedy-eventwatcher)")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	set.DurationVar(&f.shutdownDelay, "shutdown-delay", 5*time.Second, "how long to go on serving after SIGTERM, until nobody calls any more")
	f.certificate.register(set)
	f.clients.register(set)
	if err := set.Parse(args); err != nil {
		return flags{}, err
	}
	if set.NArg() > 0 {
		return flags{}, fmt.Errorf("unexpected argument %q: everything is set by flags", set.Arg(0))
	}
	if f.shutdownDelay < 0 {
		return flags{}, fmt.Errorf("--shutdown-delay %s: it can't be negative", f.shutdownDelay)
	}
	if f.certificate.dnsNames == "" {
		f.certificate.dnsNames = "kube-remedy-webhook." + f.namespace + ".svc"
	}
	if f.watcherUser == "" {
		f.watcherUser = "system:serviceaccount:" + f.namespace + ":kube-remedy-eventwatcher"
	}
	return f, nil
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "check" {
		return process.ExitStatus(stderr, "kube-remedy-webhook", check(ctx, args[1:], stderr))
	}
	parsed, err := parse(args, stderr)
	if err == nil {
		err = serve(ctx, parsed, stderr)
	}
	return process.ExitStatus(stderr, "kube-remedy-webhook", err)
}

func serve(ctx context.Context, f flags, stderr io.Writer) error {
	names, err := f.certificate.names()
	if err != nil {
		return err
	}
	log, err := process.NewLogger(stderr, f.logLevel)
	if err != nil {
		return err
	}
	settings, err := config.Open(f.config, clock.RealClock{}, log)
	if err != nil {
		return err
	}
	callers, err := f.clients.authorities()
	if err != nil {
		return err
	}
	connection, err := process.RESTConfig(f.kubeconfig, "kube-remedy-webhook")
	if err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(connection)
	if err != nil {
		return fmt.Errorf("client for the cluster: %w", err)
	}
	certificate, err := f.certificate.source(f.namespace, f.configuration, names, connection, clients, log)
	if err != nil {
		return err
	}
	server, err := webhook.New(webhook.Options{
		Config: connection, Clients: clients, Listen: f.listen, HealthListen: f.healthListen, PprofListen: f.pprofListen,
		Certificate: certificate, Configuration: f.configuration, ClientCAs: callers, ClientNames: split(f.clients.names),
		Settings: settings, WatcherUser: f.watcherUser, ShutdownDelay: f.shutdownDelay,
		Log: log, Metrics: process.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
