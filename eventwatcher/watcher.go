package eventwatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	metricsclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/internal/config"
	"github.com/kube-remedy/kube-remedy/internal/registry"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// DefaultStabilizationWindow is how long pods with a cure must stay Ready before the cure is Verified.
const DefaultStabilizationWindow = 2 * time.Minute

// GCPercent is what a process with a watcher is to set as the target of Go's garbage collection. Nearly all of the heap are
// caches, which stay; what comes and goes is small, so collecting it more often costs little (make bench-watcher).
const GCPercent = 40

// Options are what a Watcher needs from outside.
type Options struct {
	// Config connects to the cluster. It is not changed.
	Config *rest.Config
	// Namespace holds the lease; Identity is this replica's name in it, and must be unique.
	Namespace, Identity string
	// WatchNamespace is the only one whose workloads are looked at, for which rights in that namespace are enough; empty
	// for all. Nothing is known of nodes and storage classes then.
	WatchNamespace string
	// StabilizationWindow is how long pods must stay Ready until a cure is Verified; not negative.
	StabilizationWindow time.Duration
	// Expiry is how long after it was last of use a Remediation is trusted; positive.
	Expiry time.Duration
	// Relist is how long the caches are kept up to date by watching alone, before they list anew; positive.
	Relist time.Duration
	// Workers is how many workloads are looked at in parallel; at least 1.
	Workers int
	// Engine diagnoses.
	Engine *engine.Engine
	// Registry is asked what image registries have; nil when they are not to be asked.
	Registry *registry.Registry
	// AskProbes lets containers be asked, through the API server, for the paths that a failing probe could ask for.
	AskProbes bool
	// Settings are the installation's.
	Settings *config.File
	// Log, Metrics and Clock are where lines and figures go and where the time comes from.
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Clock   clock.WithTicker
}

// Watcher is the event watcher. New makes one, Run runs it.
type Watcher struct {
	options    Options
	log        *slog.Logger
	clock      clock.WithTicker
	metrics    *metrics
	caches     *caches
	owners     owners
	store      store
	clients    kubernetes.Interface
	partial    metadata.Interface
	usage      metricsclient.PodMetricsesGetter
	prober     *http.Client              // nil when containers are not asked
	looked     *utilcache.LRUExpireCache // close looks by workload
	discovered *utilcache.LRUExpireCache // what the API server serves, by group and version
	readmitted readmissions
	past       *past
	gone       *gone
	unseen     workqueue.TypedDelayingInterface[cache.ObjectName] // pods that no scheduler has looked at
	queue      workqueue.TypedRateLimitingInterface[evidence.Workload]
}

// Requests a second to the API server, and how many may come at once. Work is a few requests for each failing
// workload, so this is room for a storm and still far below what one client may take from the API server's
// fair queues.
const (
	clientQPS   = 50
	clientBurst = 100
)

// New connects and prepares caches; nothing runs yet. It is an error when an option is out of its bounds or a
// client can't be made.
func New(options Options) (*Watcher, error) {
	if options.Workers < 1 {
		return nil, fmt.Errorf("workers %d: at least 1 is needed", options.Workers)
	}
	if options.StabilizationWindow < 0 {
		return nil, fmt.Errorf("stabilization window %s: it can't be negative", options.StabilizationWindow)
	}
	if options.Expiry <= 0 {
		return nil, fmt.Errorf("expiry %s: it must be positive", options.Expiry)
	}
	if options.Relist <= 0 {
		return nil, fmt.Errorf("relist %s: it must be positive", options.Relist)
	}
	config := rest.CopyConfig(options.Config)
	config.QPS, config.Burst = clientQPS, clientBurst
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return newRelister(next, options.Relist, options.Clock)
	})
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for workloads: %w", err)
	}
	partial, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for metadata: %w", err)
	}
	own, err := remediations.NewClientset(config)
	if err != nil {
		return nil, err
	}
	usage, err := metricsclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for usage: %w", err)
	}
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for pods and events: %w", err)
	}
	w := &Watcher{
		options: options, log: options.Log, clock: options.Clock, metrics: newMetrics(options.Metrics),
		store: store{own}, clients: clients, partial: partial, usage: usage,
		looked: utilcache.NewLRUExpireCacheWithClock(maxLooked, options.Clock), discovered: utilcache.NewLRUExpireCacheWithClock(maxDiscovered, options.Clock), gone: newGone(options.Expiry, options.Clock),
		unseen: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{Clock: options.Clock}),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.DefaultTypedControllerRateLimiter[evidence.Workload](),
			workqueue.TypedRateLimitingQueueConfig[evidence.Workload]{Clock: options.Clock}),
	}
	options.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kube_remedy_queue_length", Help: "Workloads that wait to be looked at.",
	}, func() float64 { return float64(w.queue.Len()) }))
	if w.caches, err = newCaches(config, options.WatchNamespace, clients, partial, own, options.Clock); err != nil {
		return nil, err
	}
	w.past = newPast(w.caches.remediations, options.Engine, options.Clock)
	if err := options.Metrics.Register(w.past); err != nil {
		return nil, fmt.Errorf("metrics of past outcomes: %w", err)
	}
	if options.AskProbes {
		if w.prober, err = newProber(config); err != nil {
			return nil, err
		}
	}
	w.owners = owners{kinds: w.kind, caches: &ownerCaches{}, metadata: partial, objects: objects}
	for _, metadata := range []map[schema.GroupKind]cache.SharedIndexInformer{w.caches.workloads, w.caches.between} {
		for kind, informer := range metadata {
			w.owners.caches.add(kind, informer.GetIndexer())
		}
	}
	return w, w.enqueueChanges()
}

// Ready reports why the watcher can't do its work yet; nil once its caches are filled.
func (w *Watcher) Ready() error {
	if !w.caches.synced() {
		return errors.New("the caches are not filled yet")
	}
	return nil
}

// Run fills the caches, waits for the lease and works until ctx ends. It waits for everything it started, and
// gives the lease back. It is an error when the lease is lost: another replica works then.
func (w *Watcher) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer w.queue.ShutDown()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	running.Go(func() { w.caches.run(inner) })
	running.Go(func() { w.watchExtraKinds(inner) })
	defer w.unseen.ShutDown()
	running.Go(w.watchUnseen)
	if !w.caches.waitForSync(inner) {
		return nil // ctx ended first
	}
	w.log.Info("caches filled")
	return w.lead(inner)
}

// work takes workloads from the queue until the queue is shut down.
func (w *Watcher) work(ctx context.Context) {
	for {
		workload, down := w.queue.Get()
		if down {
			return
		}
		w.workOn(ctx, workload)
		w.queue.Done(workload)
	}
}
