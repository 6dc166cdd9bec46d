// Command kube-remedy-webhook puts learned cures into workloads as they are applied.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/webhook"
	"github.com/kube-remedy/kube-remedy/webhook/certs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// flags are what the command line says.
type flags struct {
	kubeconfig, listen, healthListen, namespace, secret, configuration string
	dnsNames, ipAddresses, watcherUser, logLevel                       string
	shutdownDelay                                                      time.Duration
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("kube-remedy-webhook", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; empty for the pod's own service account")
	set.StringVar(&f.listen, "listen", ":8443", "address for admission reviews, over TLS")
	set.StringVar(&f.healthListen, "health-listen", ":8080", "address for /healthz, /readyz and /metrics")
	set.StringVar(&f.namespace, "namespace", process.OwnNamespace(), "namespace of the certificate's secret (default: POD_NAMESPACE, or kube-remedy-system)")
	set.StringVar(&f.secret, "certificate-secret", "kube-remedy-webhook-certificate", "secret that keeps the serving certificate")
	set.StringVar(&f.configuration, "webhook-configuration", "kube-remedy", "MutatingWebhookConfiguration that is to trust the certificate")
	set.StringVar(&f.dnsNames, "dns-names", "", "comma list of DNS names of the certificate (default: kube-remedy-webhook.NAMESPACE.svc)")
	set.StringVar(&f.ipAddresses, "ip-addresses", "", "comma list of IP addresses of the certificate")
	set.StringVar(&f.watcherUser, "watcher-user", "", "user name of the event watcher (default: system:serviceaccount:NAMESPACE:kube-remedy-eventwatcher)")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	set.DurationVar(&f.shutdownDelay, "shutdown-delay", 5*time.Second, "how long to go on serving after SIGTERM, until nobody calls any more")
	if err := set.Parse(args); err != nil {
		return flags{}, err
	}
	if set.NArg() > 0 {
		return flags{}, fmt.Errorf("unexpected argument %q: everything is set by flags", set.Arg(0))
	}
	if f.shutdownDelay < 0 {
		return flags{}, fmt.Errorf("--shutdown-delay %s: it can't be negative", f.shutdownDelay)
	}
	if f.dnsNames == "" {
		f.dnsNames = "kube-remedy-webhook." + f.namespace + ".svc"
	}
	if f.watcherUser == "" {
		f.watcherUser = "system:serviceaccount:" + f.namespace + ":kube-remedy-eventwatcher"
	}
	return f, nil
}

// names reads the names of the certificate.
func (f flags) names() (certs.Names, error) {
	var names certs.Names
	for name := range strings.SplitSeq(f.dnsNames, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names.DNS = append(names.DNS, name)
		}
	}
	for text := range strings.SplitSeq(f.ipAddresses, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		address := net.ParseIP(text)
		if address == nil {
			return certs.Names{}, fmt.Errorf("--ip-addresses: %q is not an IP address", text)
		}
		names.IP = append(names.IP, address)
	}
	return names, nil
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	parsed, err := parse(args, stderr)
	if err == nil {
		err = serve(ctx, parsed, stderr)
	}
	return process.ExitStatus(stderr, "kube-remedy-webhook", err)
}

func serve(ctx context.Context, f flags, stderr io.Writer) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	log, err := process.NewLogger(stderr, f.logLevel)
	if err != nil {
		return err
	}
	config, err := process.RESTConfig(f.kubeconfig, "kube-remedy-webhook")
	if err != nil {
		return err
	}
	server, err := webhook.New(webhook.Options{
		Config: config, Listen: f.listen, HealthListen: f.healthListen,
		Namespace: f.namespace, Secret: f.secret, Configuration: f.configuration, Names: names,
		WatcherUser: f.watcherUser, ShutdownDelay: f.shutdownDelay,
		Log: log, Metrics: process.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
