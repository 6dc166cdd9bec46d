package devcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// ErrNotRunning is what Find returns, wrapped, when the state directory has no complete cluster.
var ErrNotRunning = errors.New("no cluster is running")

// Cluster is a running cluster. It holds no connections and needs no closing.
type Cluster struct {
	layout layout
	record record
}

// record is what a cluster's state directory says about it, from before its first process starts.
type record struct {
	PortBase int    `json:"portBase"`
	HostIP   string `json:"hostIP"`
	// Simulated is why the node is a simulated one; empty when it is real.
	Simulated string `json:"simulated,omitempty"`
	// Kubernetes is the directory of the Kubernetes programs.
	Kubernetes string `json:"kubernetes"`
	// DevicePlugins tells whether the kubelet's socket in /var/lib/kubelet, which no setting moves, is
	// ours to remove: no kubelet had been there before.
	DevicePlugins bool `json:"devicePlugins,omitempty"`
	// Settings are kernel settings as they were before.
	Settings map[string]string `json:"settings,omitempty"`
}

func (r record) layout(dir string) layout {
	return layout{dir: dir, hostIP: r.HostIP, base: r.PortBase}
}

// components are the names of the daemons that such a cluster has, in the order they can be stopped in.
func (r record) components() []string {
	var names []string
	for _, name := range componentNames() {
		onlySimulated := name == "kwok"
		onlyReal := name == "metrics-server" || name == "kubelet" || name == "kube-proxy" || name == "containerd" || name == "registry"
		if r.Simulated != "" && !onlyReal || r.Simulated == "" && !onlySimulated {
			names = append(names, name)
		}
	}
	return names
}

// readRecord returns an error that is fs.ErrNotExist when there is no cluster in dir.
func readRecord(dir string) (record, error) {
	var r record
	path := filepath.Join(dir, "cluster.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", path, err)
	}
	return r, nil
}

func (r record) write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "cluster.json"), append(data, '\n'))
}

// Find returns the cluster in o.StateDir if all its processes run, else an error that is ErrNotRunning
// and names what does not. It starts nothing.
func Find(o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	r, err := readRecord(o.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, o.StateDir)
	}
	if err != nil {
		return nil, err
	}
	c := &Cluster{layout: r.layout(o.StateDir), record: r}
	for _, name := range r.components() {
		if !readProcess(c.layout.pidFile(name)).alive(birth) {
			return nil, fmt.Errorf("%w in %s: %s is not there", ErrNotRunning, o.StateDir, name)
		}
	}
	return c, nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.layout.adminKubeconfig() }

// Kubectl is the path of the kubectl that belongs to the cluster's version.
func (c *Cluster) Kubectl() string { return filepath.Join(c.record.Kubernetes, "kubectl") }

// HostIP is the address under which the API server and pods reach processes of this machine:
// 10.245.0.1, or 127.0.0.1 where the node is simulated.
func (c *Cluster) HostIP() string { return c.layout.hostIP }

// AuditLog is the path of the API server's audit log, one JSON event a line: metadata of all requests,
// bodies of writes to the groups apps and kube-remedy.io. It is rotated at 100 MB.
func (c *Cluster) AuditLog() string { return c.layout.auditLog() }

// AuditLogs are the paths of the audit log and before it of what was rotated last, if something was.
func (c *Cluster) AuditLogs() []string {
	current := c.layout.auditLog()
	rotated, _ := filepath.Glob(strings.TrimSuffix(current, ".log") + "-*.log") // the pattern is well formed
	return append(rotated, current)
}

// RegistryURL is the address of the local registry, which every registry is mirrored by.
func (c *Cluster) RegistryURL() string { return "http://" + c.layout.registryAddress() }

// RealNode returns nil when pods really run, else one sentence that says why they do not and what to do.
func (c *Cluster) RealNode() error {
	if c.record.Simulated == "" {
		return nil
	}
	return errors.New(c.record.Simulated)
}

// RESTConfig is the administrator's client configuration.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's kubeconfig: %w", err)
	}
	return config, nil
}

// PushImage makes an image available to the node's pods under ref, for example shop/web:1.2 or
// ghcr.io/shop/web:1.2: the local registry stands in for all registries. Images outlive the registry's
// process, and are gone after Down. With a simulated node, where nothing is pulled, it does nothing.
func (c *Cluster) PushImage(ctx context.Context, ref string, image v1.Image) error {
	if c.record.Simulated != "" {
		return nil
	}
	return pushImage(ctx, c.layout, ref, image)
}
