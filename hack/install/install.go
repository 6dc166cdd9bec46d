// Package install puts kube-remedy into a development cluster: the custom resource definition, accounts with
// least rights, the webhook registration, and the two programs as processes of this machine.
//
// The programs run with the rights of their own service accounts, so that what they are allowed here is what
// they are allowed in a pod. They end with the process that started them.
package install

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
)

//go:embed manifests.yaml
var manifests string

// Namespace is where the pair lives.
const Namespace = "kube-remedy-system"

// Ports on which the pair listens on the cluster's host address; the cluster itself uses those from 21000 on. WebhookPort
// is the one for reviews.
const (
	WebhookPort       = "21100"
	webhookHealthPort = "21101"
	watcherHealthPort = "21102"
	standbyHealthPort = "21103"
)

// Pair is kube-remedy installed in a cluster.
type Pair struct {
	cluster *devcluster.Cluster
	root    string // of the repository
	dir     string // for programs, kubeconfigs and logs
	// StabilizationWindow is the watcher's; short, so that a story has an end.
	window time.Duration
	// Webhook and Watcher are the running programs; nil before Start and after they were stopped.
	Webhook, Watcher *Program
}

// New prepares an installation whose programs, kubeconfigs and logs are kept in dir. window is how long pods
// must stay Ready until a cure counts as verified.
func New(cluster *devcluster.Cluster, dir string, window time.Duration) (*Pair, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory for the pair: %w", err)
	}
	return &Pair{cluster: cluster, root: root, dir: dir, window: window}, nil
}

// repository finds the root of the repository above the current directory.
func repository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "charts", "kube-remedy", "files", "crds")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the repository: no directory above %s has charts/kube-remedy/files/crds", start)
		}
	}
}

// Install builds the programs and puts the custom resource definition, accounts and registration in the
// cluster. It can be called again.
func (p *Pair) Install(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", p.dir+"/", "./cmd/webhook", "./cmd/eventwatcher")
	build.Dir = p.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the pair: %w\n%s", err, out)
	}
	if err := p.Configure(""); err != nil {
		return err
	}
	if err := p.Define(ctx); err != nil {
		return err
	}
	_, err := p.Kubectl(ctx, p.rendered(), "apply", "--server-side", "--force-conflicts", "-f", "-")
	return err
}

// Define puts the custom resource definition alone in the cluster and waits until Remediations can be stored. It can be
// called again.
func (p *Pair) Define(ctx context.Context) error {
	if _, err := p.Kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-f", filepath.Join(p.root, "charts", "kube-remedy", "files", "crds")); err != nil {
		return err
	}
	// A definition that was created a moment ago has no conditions yet, which kubectl takes for an error.
	return p.waitFor(ctx, "the definition of Remediations", func() error {
		_, err := p.Kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=30s", "crd/remediations.kube-remedy.io")
		return err
	})
}

// Configure writes the configuration file that both programs follow; more is what is added to its head.
func (p *Pair) Configure(more string) error {
	text := "apiVersion: config.kube-remedy.io/v1alpha1\nkind: Configuration\n" + more
	if err := os.WriteFile(p.configFile(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

func (p *Pair) configFile() string { return filepath.Join(p.dir, "config.yaml") }

// WebhookStatus asks the webhook what it tells of itself.
func (p *Pair) WebhookStatus(ctx context.Context) (string, error) {
	return p.ask(ctx, webhookHealthPort, "/status")
}

// MetricsAddresses are the hosts and ports on which the running webhook and watcher serve /metrics.
func (p *Pair) MetricsAddresses() (webhook, watcher string) {
	host := p.cluster.HostIP()
	return host + ":" + webhookHealthPort, host + ":" + watcherHealthPort
}

// Metrics gives what both programs count, as Prometheus reads it.
func (p *Pair) Metrics(ctx context.Context) (string, error) {
	webhook, errWebhook := p.ask(ctx, webhookHealthPort, "/metrics")
	watcher, errWatcher := p.ask(ctx, watcherHealthPort, "/metrics")
	return webhook + watcher, errors.Join(errWebhook, errWatcher)
}

// ask gets a path from one of the programs.
func (p *Pair) ask(ctx context.Context, port, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.cluster.HostIP()+":"+port+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask for %s: %w", path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// Uninstall takes away what Install put into the cluster, Remediations included.
func (p *Pair) Uninstall(ctx context.Context) error {
	// The registration goes first: without its server it would only delay the other deletions.
	_, errRegistration := p.Kubectl(ctx, "", "delete", "--ignore-not-found", "mutatingwebhookconfiguration/kube-remedy", "validatingwebhookconfiguration/kube-remedy")
	_, errRest := p.Kubectl(ctx, p.rendered(), "delete", "--ignore-not-found", "-f", "-")
	_, errCRD := p.Kubectl(ctx, "", "delete", "--ignore-not-found", "-f", filepath.Join(p.root, "charts", "kube-remedy", "files", "crds"))
	return errors.Join(errRegistration, errRest, errCRD, os.RemoveAll(p.dir))
}

func (p *Pair) rendered() string {
	return strings.ReplaceAll(manifests, "${WEBHOOK_URL}", "https://"+p.cluster.HostIP()+":"+WebhookPort)
}

// Start runs the pair and waits until both are ready and the API server can call the webhook.
func (p *Pair) Start(ctx context.Context) error {
	return errors.Join(p.StartWebhook(ctx), p.StartWatcher(ctx))
}

// StartWebhook runs the webhook and waits until the API server can call it.
func (p *Pair) StartWebhook(ctx context.Context) error {
	host := p.cluster.HostIP()
	webhook, err := p.start(ctx, "webhook", webhookHealthPort,
		"--listen="+host+":"+WebhookPort, "--health-listen="+host+":"+webhookHealthPort,
		"--namespace="+Namespace, "--ip-addresses="+host, "--shutdown-delay=1s", "--config="+p.configFile())
	if err != nil {
		return err
	}
	p.Webhook = webhook
	return p.waitFor(ctx, "the caBundle of the webhook", func() error {
		out, err := p.Kubectl(ctx, "", "get", "mutatingwebhookconfiguration", "kube-remedy", "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}")
		if err == nil && strings.TrimSpace(out) == "" {
			err = errors.New("it is empty")
		}
		return err
	})
}

// StartWatcher runs the event watcher and waits until its caches are filled.
func (p *Pair) StartWatcher(ctx context.Context) error {
	watcher, err := p.startWatcher(ctx, watcherHealthPort)
	if err != nil {
		return err
	}
	p.Watcher = watcher
	return nil
}

// StartStandby runs a second event watcher, which waits for the first to give up the lease. The caller stops it.
func (p *Pair) StartStandby(ctx context.Context) (*Program, error) {
	return p.startWatcher(ctx, standbyHealthPort)
}

// StartWatcherOf runs another event watcher, which looks at one namespace alone. The caller stops it.
func (p *Pair) StartWatcherOf(ctx context.Context, namespace string) (*Program, error) {
	return p.start(ctx, "eventwatcher", standbyHealthPort, p.watcherFlags(standbyHealthPort, "--watch-namespace="+namespace)...)
}

func (p *Pair) startWatcher(ctx context.Context, healthPort string) (*Program, error) {
	return p.start(ctx, "eventwatcher", healthPort, p.watcherFlags(healthPort)...)
}

func (p *Pair) watcherFlags(healthPort string, more ...string) []string {
	return append([]string{
		"--health-listen=" + p.cluster.HostIP() + ":" + healthPort, "--namespace=" + Namespace, "--stabilization-window=" + p.window.String(),
		"--registry-mirror=_default=" + p.cluster.RegistryURL(), "--ask-probes", "--config=" + p.configFile(),
	}, more...)
}

// Stop ends the programs that run, as a node would: SIGTERM, then waiting.
func (p *Pair) Stop() error {
	var errs []error
	for _, program := range []*Program{p.Webhook, p.Watcher} {
		if program != nil {
			errs = append(errs, program.Stop())
		}
	}
	p.Webhook, p.Watcher = nil, nil
	return errors.Join(errs...)
}

// start runs one program of the pair with the rights of its service account.
func (p *Pair) start(ctx context.Context, name, healthPort string, args ...string) (*Program, error) {
	kubeconfig, err := p.kubeconfig(ctx, "kube-remedy-"+name)
	if err != nil {
		return nil, err
	}
	program, err := StartProgram(filepath.Join(p.dir, name), filepath.Join(p.dir, name+"-"+healthPort+".log"), append(args, "--kubeconfig="+kubeconfig)...)
	if err != nil {
		return nil, err
	}
	ready := "http://" + p.cluster.HostIP() + ":" + healthPort + "/readyz"
	err = p.waitFor(ctx, name+" to be ready", func() error { return program.Ready(ctx, ready) })
	if err != nil {
		return nil, errors.Join(err, program.Stop(), fmt.Errorf("its log ends:\n%s", program.LogTail()))
	}
	return program, nil
}

// kubeconfig writes a kubeconfig that speaks as a service account.
func (p *Pair) kubeconfig(ctx context.Context, account string) (string, error) {
	token, err := p.Kubectl(ctx, "", "create", "token", account, "-n", Namespace, "--duration=24h")
	if err != nil {
		return "", err
	}
	admin, err := os.ReadFile(p.cluster.Kubeconfig())
	if err != nil {
		return "", fmt.Errorf("read the cluster's kubeconfig: %w", err)
	}
	text, err := asToken(admin, strings.TrimSpace(token))
	if err != nil {
		return "", err
	}
	path := filepath.Join(p.dir, account+".kubeconfig")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write kubeconfig of %s: %w", account, err)
	}
	return path, nil
}

// Kubectl runs the cluster's kubectl as its administrator, with input on its standard input. It gives standard
// output; the error has standard error in it.
func (p *Pair) Kubectl(ctx context.Context, input string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, p.cluster.Kubectl(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+p.cluster.Kubeconfig())
	command.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// waitFor asks every 100 ms, for 30 s at most.
func (p *Pair) waitFor(ctx context.Context, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrExited) {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
