package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/eventwatcher"
	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/internal/process"
)

// The processes that are measured are this program itself, told by these variables what to be and whom to ask.
const (
	asVariable        = "BENCH_WATCHER_AS"
	serverVariable    = "BENCH_WATCHER_SERVER"
	authorityVariable = "BENCH_WATCHER_CA" // the file of the server's certificate
	configVariable    = "BENCH_WATCHER_KUBECONFIG"
)

// The processes there are: our watcher, and one with an informer as it comes.
const (
	asWatcher = "watcher"
	asUsual   = "usual"
)

// leaseNamespace is where the watcher of a benchmark has its lease: nobody else's.
const leaseNamespace = "kube-remedy-bench"

// identity is the watcher's name in its lease.
func identity(pid int) string { return fmt.Sprint("bench-", pid) }

// child is such a process: it watches, and answers what it is asked on a port that it prints.
func child(ctx context.Context, as string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // it ends with the one that started it
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()
	connection, err := connect()
	if err != nil {
		return err
	}
	watch := watchUsually
	if as == asWatcher {
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(eventwatcher.GCPercent)
		}
		watch = watchOurs
	}
	ready, run, err := watch(connection, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	mux := http.NewServeMux()
	mux.Handle("/debug/pprof/", process.Profiles())
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /heap", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC() // the second one frees what was kept for finalizers and pools
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		_ = json.NewEncoder(w).Encode(heap{stats.HeapAlloc, stats.HeapInuse})
	})
	go func() { _ = http.Serve(listener, mux) }() //nolint:gosec // for one client on this machine
	fmt.Fprintln(stdout, listener.Addr())
	return run(ctx)
}

// heap is what is in use after a garbage collection, and the spans that hold it, in bytes.
type heap struct{ Live, InUse uint64 }

func connect() (*rest.Config, error) {
	if path := os.Getenv(configVariable); path != "" {
		return clientcmd.BuildConfigFromFlags("", path)
	}
	server := os.Getenv(serverVariable)
	if server == "" {
		return nil, errors.New("no server was named")
	}
	return &rest.Config{Host: server, TLSClientConfig: rest.TLSClientConfig{CAFile: os.Getenv(authorityVariable)}, UserAgent: "bench-watcher"}, nil
}

// watchOurs runs the event watcher as its program does, without asking registries.
func watchOurs(connection *rest.Config, stderr io.Writer) (ready func() bool, run func(context.Context) error, err error) {
	log, err := process.NewLogger(stderr, "warn")
	if err != nil {
		return nil, nil, err
	}
	settings, err := config.Open("", clock.RealClock{}, log)
	if err != nil {
		return nil, nil, err
	}
	known, err := catalog.BuiltIn()
	if err != nil {
		return nil, nil, err
	}
	watcher, err := eventwatcher.New(eventwatcher.Options{
		Config: connection, Settings: settings, Namespace: leaseNamespace, Identity: identity(os.Getpid()),
		StabilizationWindow: eventwatcher.DefaultStabilizationWindow, Expiry: eventwatcher.DefaultExpiry, Relist: eventwatcher.DefaultRelist, Workers: 2,
		Engine: engine.New(known), Log: log, Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		return nil, nil, err
	}
	return func() bool { return watcher.Ready() == nil }, watcher.Run, nil
}

// watchUsually runs a typed informer of pods as client-go makes it, over protobuf and with an index by namespace.
func watchUsually(connection *rest.Config, stderr io.Writer) (ready func() bool, run func(context.Context) error, err error) {
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	connection.ContentType = apiruntime.ContentTypeProtobuf
	clients, err := kubernetes.NewForConfig(connection)
	if err != nil {
		return nil, nil, err
	}
	informer := coreinformers.NewPodInformer(clients, "", 0, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{}); err != nil {
		return nil, nil, err
	}
	return informer.HasSynced, func(ctx context.Context) error { informer.RunWithContext(ctx); return nil }, nil
}
