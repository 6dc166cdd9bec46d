// Command kube-remedy-eventwatcher watches workloads fail and remembers the cures as Remediations.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/eventwatcher"
	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/internal/registry"
	"github.com/kube-remedy/kube-remedy/internal/rulefiles"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(eventwatcher.GCPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// drain is how long probes under way may take in the end. Connections that were not used yet are waited for up
// to 5 s (net/http, Server.Shutdown).
const drain = 10 * time.Second

// flags are what the command line says.
type flags struct {
	kubeconfig, namespace, watch, healthListen, logLevel, rules string
	config                                                      string
	window, expiry                                              time.Duration
	workers                                                     int
	askRegistries, askProbes                                    bool
	network                                                     registry.Network
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("kube-remedy-eventwatcher", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; empty for the pod's own service account")
	set.StringVar(&f.namespace, "namespace", process.OwnNamespace(), "namespace of the lease (default: POD_NAMESPACE, or kube-remedy-system)")
	set.StringVar(&f.watch, "watch-namespace", "", "look at the workloads of this namespace alone, for which rights in it are enough; nothing is known of nodes then (default: all)")
	set.StringVar(&f.healthListen, "health-listen", ":8081", "address for /healthz, /readyz and /metrics")
	set.StringVar(&f.config, "config", "", "file with the installation's settings; empty for the defaults")
	set.StringVar(&f.rules, "rules", "", "file or directory with rules of your own, added to the built-in ones or replacing them by id")
	set.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	set.DurationVar(&f.window, "stabilization-window", eventwatcher.DefaultStabilizationWindow, "how long pods with a cure must stay Ready until it counts as verified")
	set.DurationVar(&f.expiry, "expire-after", eventwatcher.DefaultExpiry, "how long after it last helped, or after its failure was last seen, a remediation is trusted; it is removed as long again after that")
	set.IntVar(&f.workers, "workers", 2, "how many workloads are looked at in parallel")
	set.BoolVar(&f.askRegistries, "ask-registries", true, "ask image registries which tags exist when an image can't be pulled; only public addresses unless more is allowed here")
	set.BoolVar(&f.askProbes, "ask-probes", false, "when a probe asks for a path that is not there, ask the container for the usual ones, through the API server; needs the right to get pods/proxy")
	set.Func("private-registry", "network (as 10.20.0.0/16) with registries that may be asked although it is not public; may be repeated", func(value string) error {
		network, err := netip.ParsePrefix(value)
		f.network.Private = append(f.network.Private, network)
		return err
	})
	set.Func("registry-mirror", "HOST=ADDRESS: ask ADDRESS (as https://mirror.example.com) in place of the registry HOST, or with "+registry.AnyHost+" in place of all others; may be repeated", func(value string) error {
		host, address, found := strings.Cut(value, "=")
		if !found || host == "" {
			return errors.New("it must be HOST=ADDRESS")
		}
		if f.network.Mirrors == nil {
			f.network.Mirrors = map[string]string{}
		}
		f.network.Mirrors[host] = address
		return nil
	})
	set.Func("insecure-registry", "host (with port) of a registry that speaks plain HTTP; may be repeated", func(value string) error {
		f.network.Insecure = append(f.network.Insecure, value)
		return nil
	})
	if err := set.Parse(args); err != nil {
		return flags{}, err
	}
	if set.NArg() > 0 {
		return flags{}, fmt.Errorf("unexpected argument %q: everything is set by flags", set.Arg(0))
	}
	return f, nil
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	parsed, err := parse(args, stderr)
	if err == nil {
		err = watch(ctx, parsed, stderr)
	}
	return process.ExitStatus(stderr, "kube-remedy-eventwatcher", err)
}

// registry gives who asks image registries; nil when they are not to be asked.
func (f flags) registry() (*registry.Registry, error) {
	if !f.askRegistries {
		return nil, nil
	}
	return registry.New(registry.Options{Network: f.network, UserAgent: "kube-remedy-eventwatcher", Clock: clock.RealClock{}})
}

func watch(ctx context.Context, f flags, stderr io.Writer) error {
	log, err := process.NewLogger(stderr, f.logLevel)
	if err != nil {
		return err
	}
	settings, err := config.Open(f.config, clock.RealClock{}, log)
	if err != nil {
		return err
	}
	connection, err := process.RESTConfig(f.kubeconfig, "kube-remedy-eventwatcher")
	if err != nil {
		return err
	}
	known, mistakes, err := rulefiles.Catalog(f.rules)
	if err != nil {
		return err
	}
	for _, mistake := range mistakes {
		log.Error("rule left out", "error", mistake)
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this replica: %w", err)
	}
	metrics := process.NewRegistry()
	asked, err := f.registry()
	if err != nil {
		return err
	}
	watcher, err := eventwatcher.New(eventwatcher.Options{
		Config: connection, Settings: settings, Namespace: f.namespace, WatchNamespace: f.watch, Identity: host + "_" + uuid.NewString(),
		StabilizationWindow: f.window, Expiry: f.expiry, Relist: eventwatcher.DefaultRelist, Workers: f.workers,
		Engine: engine.New(known), Registry: asked, AskProbes: f.askProbes, Log: log, Metrics: metrics, Clock: clock.RealClock{},
	})
	if err != nil {
		return err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", f.healthListen)
	if err != nil {
		return fmt.Errorf("listen for health: %w", err)
	}
	// Until the API server answers, client-go tries again without a word.
	log.Info("filling the caches", "health", listener.Addr())
	health := &http.Server{
		Handler:           process.Health{Ready: watcher.Ready, Metrics: metrics}.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return process.Serve(ctx, health, listener, drain) })
	settings.Register(metrics)
	group.Go(func() error { return settings.Run(ctx, func(*config.Config) {}) })
	group.Go(func() error { return watcher.Run(ctx) })
	return group.Wait()
}
