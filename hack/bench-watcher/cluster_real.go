package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/eventwatcher"
	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// onCluster measures everything on a real API server, of a cluster of its own, and reports.
func onCluster(ctx context.Context, o options) (err error) {
	folder, err := os.MkdirTemp("", "bench-watcher-real-")
	if err != nil {
		return fmt.Errorf("make a folder for the cluster: %w", err)
	}
	at := devcluster.Options{StateDir: filepath.Join(folder, "cluster"), Simulated: true, PortBase: o.portBase, Progress: os.Stderr}
	// Also after an interrupt, and after a start that failed half way.
	defer func() { err = errors.Join(err, takeDown(context.WithoutCancel(ctx), at, folder)) }()
	before := load()
	running, err := devcluster.Up(ctx, at)
	if err != nil {
		return fmt.Errorf("start a cluster: %w", err)
	}
	pair, err := install.New(running, filepath.Join(folder, "pair"), 0)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "defining Remediations")
	if err := pair.Define(ctx); err != nil {
		return fmt.Errorf("define Remediations: %w", err)
	}
	b, err := newRealBench(o, running, newCluster(o.size), os.Stderr)
	if err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	b.report.printReal(ctx, before, b.versions(ctx))
	return nil
}

// takeDown leaves nothing of the cluster.
func takeDown(ctx context.Context, at devcluster.Options, folder string) error {
	fmt.Fprintln(at.Progress, "taking the cluster down")
	if err := devcluster.Down(ctx, at); err != nil {
		return fmt.Errorf("take the cluster down (try again with devcluster down --state %s): %w", at.StateDir, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the cluster's folder: %w", err)
	}
	return nil
}

// realBench measures on a real API server that nobody else uses.
type realBench struct {
	options
	report   report
	filling  filling
	updates  updates
	clients  kubernetes.Interface
	learned  *remediations.Clientset
	connect  []string // variables of the measured processes
	progress io.Writer
}

func newRealBench(o options, running *devcluster.Cluster, made *cluster, progress io.Writer) (*realBench, error) {
	config, err := running.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // without a limit: the API server has its own
	config.UserAgent = "bench-watcher"
	config.WarningHandler = rest.NoWarnings{} // the same one for every pod
	learned, err := remediations.NewClientset(config)
	if err != nil {
		return nil, err
	}
	config.ContentType = apiruntime.ContentTypeProtobuf
	config.AcceptContentTypes = apiruntime.ContentTypeProtobuf + "," + apiruntime.ContentTypeJSON
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for pods: %w", err)
	}
	return &realBench{
		options: o, clients: clients, learned: learned, progress: progress,
		report:  report{options: o, to: os.Stdout, results: map[string][]result{}},
		filling: filling{made, clients, progress}, updates: updates{clients, made.loneNames(), progress},
		connect: []string{configVariable + "=" + running.Kubeconfig()},
	}, nil
}

// measure measures all processes without pods, then creates the pods, and measures them with these.
func (b *realBench) measure(ctx context.Context) error {
	rounds := max(1, b.rounds)
	if err := b.filling.prepare(ctx, b.updates.names); err != nil {
		return err
	}
	for round := range rounds {
		if err := b.run(ctx, round, baseOurs, asWatcher, nil); err != nil {
			return err
		}
		if err := b.run(ctx, round, baseUsual, asUsual, nil); err != nil {
			return err
		}
	}
	size, err := b.filling.fill(ctx)
	if err != nil {
		return err
	}
	for round := range rounds {
		by := newSchedule(b.options, round)
		if err := b.run(ctx, round, usual, asUsual, func(ctx context.Context) (churned, error) {
			return b.updates.send(ctx, b.options, by.withoutFailures(), newLedger())
		}); err != nil {
			return err
		}
		if err := b.runWatched(ctx, round, by); err != nil {
			return err
		}
		if round+1 == rounds {
			break
		}
		if err := b.clear(ctx, by); err != nil {
			return err
		}
	}
	for _, results := range b.report.results {
		for i := range results {
			results[i].onWire = size
		}
	}
	return nil
}

// runWatched measures the watcher while pods fail, and watches what it stores.
func (b *realBench) runWatched(ctx context.Context, round int, by schedule) error {
	seen := newLedger()
	watching, stop := context.WithCancel(ctx)
	informer := remediations.NewInformer(b.learned, metav1.NamespaceAll, clock.RealClock{})
	if _, err := informer.AddEventHandler(seen.handler()); err != nil {
		stop()
		return fmt.Errorf("watch Remediations: %w", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); informer.RunWithContext(watching) }()
	defer func() { stop(); <-done }()
	if !cache.WaitForCacheSync(watching.Done(), informer.HasSynced) {
		return fmt.Errorf("watch Remediations: %w", ctx.Err())
	}
	return b.run(ctx, round, ours, asWatcher, func(ctx context.Context) (churned, error) {
		return b.updates.send(ctx, b.options, by, seen)
	})
}

// run measures one process and keeps the result.
func (b *realBench) run(ctx context.Context, round int, name, as string, send churn) error {
	fmt.Fprintf(b.progress, "round %d of %d: %s\n", round+1, max(1, b.rounds), name)
	ready := settle
	if as == asWatcher {
		ready = b.holdsLease
	}
	came, err := observe(ctx, b.options, as, b.connect, ready, send)
	if err != nil {
		return fmt.Errorf("measure the %s: %w", name, err)
	}
	b.report.results[name] = append(b.report.results[name], came)
	return nil
}

// holdsLease waits until the watcher works, which it does not as long as the lease is another's.
func (b *realBench) holdsLease(ctx context.Context, m *measured) error {
	return until(ctx, b.progress, "the watcher holds its lease", time.Minute, func(ctx context.Context) (bool, error) {
		leases, err := b.clients.CoordinationV1().Leases(leaseNamespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + eventwatcher.LeaseName})
		if err != nil || len(leases.Items) == 0 {
			return false, err
		}
		holder := leases.Items[0].Spec.HolderIdentity
		return holder != nil && *holder == identity(m.command.Process.Pid), nil
	})
}

// clear makes the cluster as it was before a round, so that the next one is no different.
func (b *realBench) clear(ctx context.Context, by schedule) error {
	if err := b.updates.mend(ctx, by); err != nil {
		return err
	}
	namespaces := namespacesOf(b.updates.names)
	return each(ctx, b.progress, "removing what was learned", len(namespaces), atOnce, func(ctx context.Context, i int) error {
		if err := b.learned.Remediations(namespaces[i]).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return fmt.Errorf("remove Remediations of %s: %w", namespaces[i], err)
		}
		if err := b.clients.CoreV1().Events(namespaces[i]).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return fmt.Errorf("remove events of %s: %w", namespaces[i], err)
		}
		return nil
	})
}

// versions names what the processes were measured with; what is not told is left out.
func (b *realBench) versions(ctx context.Context) string {
	var all []string
	if version, err := b.clients.Discovery().ServerVersion(); err == nil {
		all = append(all, "Kubernetes "+version.GitVersion)
	}
	nodes, err := b.clients.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
	if err == nil && len(nodes.Items) > 0 {
		all = append(all, playedBy(&nodes.Items[0]))
	}
	return strings.Join(all, ", ")
}

// playedBy is what kwok calls itself in the nodes that it plays.
func playedBy(node *corev1.Node) string {
	return strings.Replace(node.Status.NodeInfo.KubeletVersion, "kwok-", "kwok ", 1)
}
