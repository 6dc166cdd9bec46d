// Package process is what every long-running program of kube-remedy does alike: log, connect to the cluster,
// and serve health and metrics.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// NewLogger writes structured lines to w from level on ("debug", "info", "warn" or "error"), and sends
// client-go's klog lines the same way. It is an error when level is none of these.
func NewLogger(w io.Writer, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	handler := slog.NewTextHandler(w, &slog.HandlerOptions{Level: least})
	klog.SetLogger(logr.FromSlogHandler(handler))
	return slog.New(handler), nil
}

// ExitStatus is the status a program ends with: 0 when nothing went wrong or help was asked for, otherwise 1, with
// the error told on stderr under the program's name.
func ExitStatus(stderr io.Writer, name string, err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, name+":", err)
	return 1
}

// RESTConfig reads the kubeconfig file, or takes the pod's own service account when it is empty. userAgent names
// the program to the API server.
func RESTConfig(kubeconfig, userAgent string) (*rest.Config, error) {
	read := func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", kubeconfig) }
	if kubeconfig == "" {
		read = rest.InClusterConfig // the other one would warn of it
	}
	config, err := read()
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster (kubeconfig %q): %w", kubeconfig, err)
	}
	config.UserAgent = userAgent
	return config, nil
}

// version is written by the linker (-X) where a version is asked for: in the images that hack/images makes.
var version string

// Version is the version of this program: the one that it was built as, or else what the Go toolchain stamped, which is
// a tag, or a pseudo-version of the commit.
func Version() string {
	if version != "" {
		return version
	}
	if built, ok := debug.ReadBuildInfo(); ok && built.Main.Version != "" {
		return built.Main.Version
	}
	return "unknown"
}

// OwnNamespace is the namespace this program runs in: POD_NAMESPACE, which the chart sets through the downward
// API, or kube-remedy-system.
func OwnNamespace() string {
	if namespace := os.Getenv("POD_NAMESPACE"); namespace != "" {
		return namespace
	}
	return "kube-remedy-system"
}

// NewRegistry gives a registry of metrics that has those of the process, of the Go runtime, of the build and of requests to
// the API server already.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	built := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "kube_remedy_build_info", Help: "1, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": Version(), "go_version": runtime.Version()},
	})
	built.Set(1)
	registry.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(), built, requests, requestTime, limited,
	)
	countRequests()
	return registry
}

// Health answers probes and metrics.
type Health struct {
	// Ready says why the program can't do its work yet; nil when it can.
	Ready func() error
	// Metrics are those served at /metrics.
	Metrics prometheus.Gatherer
	// Status gives what is served as JSON at /status; nil for nothing.
	Status func() any
}

// Handler serves /healthz, /readyz, /metrics and /status.
func (h Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := h.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	if h.Status != nil {
		mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(h.Status())
		})
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{}))
	return mux
}

// Serve runs server on listener until ctx ends, then lets requests under way finish for at most drain. It
// closes the listener. A server with a TLSConfig speaks TLS.
func Serve(ctx context.Context, server *http.Server, listener net.Listener, drain time.Duration) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("drain %s: %w", listener.Addr(), err), server.Close())
	}
	return nil
}

// Profiles serves /debug/pprof/, for whoever asked for it.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
