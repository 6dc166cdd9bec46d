package plugin

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/process"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// fieldManager owns what the plugin writes in its own name.
const fieldManager = "kubectl-remedy"

// connection is the way to a cluster, with the rights of whoever runs the command. Nobody is asked before it is used.
type connection struct {
	flags   *genericclioptions.ConfigFlags
	streams Streams
	clock   clock.WithTicker
}

func newConnection(streams Streams, clock clock.WithTicker) *connection {
	return &connection{flags: genericclioptions.NewConfigFlags(true), streams: streams, clock: clock}
}

// cluster is a cluster that can be asked.
type cluster struct {
	namespace    string // the one of --namespace or of the context
	typed        kubernetes.Interface
	objects      dynamic.Interface
	remediations *remediations.Clientset
	mapper       meta.RESTMapper
	getter       genericclioptions.RESTClientGetter
	warnings     *warnings
	streams      Streams
	clock        clock.WithTicker
}

// connect reads the kubeconfig. The API server is not asked.
func (c *connection) connect() (*cluster, error) {
	namespace, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	heard := newWarnings(c.streams.Err)
	c.flags.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config = rest.CopyConfig(config)
		config.UserAgent = "kubectl-remedy/" + process.Version()
		config.WarningHandler = heard
		config.QPS, config.Burst = 50, 100 // as kubectl has them
		return config
	}
	config, err := c.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	found := &cluster{namespace: namespace, getter: c.flags, warnings: heard, streams: c.streams, clock: c.clock}
	var errs [4]error
	found.typed, errs[0] = kubernetes.NewForConfig(config)
	found.objects, errs[1] = dynamic.NewForConfig(config)
	found.remediations, errs[2] = remediations.NewClientset(config)
	found.mapper, errs[3] = c.flags.ToRESTMapper()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return found, nil
}

// note tells a person what was left out, or what else to know.
func (c *cluster) note(format string, args ...any) {
	fmt.Fprintf(c.streams.Err, "note: "+format+"\n", args...)
}

// warnings passes on what the API server and its webhooks warn of, each once, and keeps all of it.
type warnings struct {
	mu   sync.Mutex
	to   rest.WarningHandler
	kept []string
}

func newWarnings(errs io.Writer) *warnings {
	return &warnings{to: rest.NewWarningWriter(errs, rest.WarningWriterOptions{Deduplicate: true, Color: colored(errs)})}
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, agent, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code == 299 && text != "" {
		w.kept = append(w.kept, text)
	}
	w.to.HandleWarningHeader(code, agent, text)
}

// lockedWriter lets progress be told beside everything else.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lockedWriter) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(data)
}

// Fd is the terminal behind the writer; none when there is none.
func (l *lockedWriter) Fd() uintptr {
	if file, ok := l.to.(descriptor); ok {
		return file.Fd()
	}
	return ^uintptr(0)
}

// descriptor is what can be a terminal.
type descriptor interface{ Fd() uintptr }

func isTerminal(out io.Writer) bool {
	file, ok := out.(descriptor)
	return ok && term.IsTerminal(int(file.Fd()))
}
