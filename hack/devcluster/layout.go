package devcluster

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Addresses and names of a cluster with a real node. Only one can exist on a machine.
const (
	realHostIP      = "10.245.0.1"
	simulatedHostIP = "127.0.0.1"
	serviceCIDR     = "10.96.0.0/16"
	apiServiceIP    = "10.96.0.1"
	dnsServiceIP    = "10.96.0.10"
	podCIDR         = "10.244.0.0/24"
	bridgeName      = "kuberemedy0"
	cgroupName      = "kube-remedy"
	nodeName        = "devcluster"
)

// port is an offset from the cluster's first port.
type port int

const (
	portAPIServer port = iota
	portEtcd
	portEtcdPeer
	portControllerManager
	portScheduler
	portKubelet
	portKubeletHealth
	portProxyMetrics
	portProxyHealth
	portRegistry
	portMetricsServer
	portKwok
)

// layout is where everything of one cluster is: its paths, its address, its ports.
type layout struct {
	dir    string // the state directory, absolute
	hostIP string
	base   int // first port
}

func (l layout) path(elem ...string) string {
	return filepath.Join(append([]string{l.dir}, elem...)...)
}

func (l layout) kubeconfig(name string) string { return l.path("kubeconfig", name) }
func (l layout) adminKubeconfig() string       { return l.kubeconfig("admin") }
func (l layout) config(name string) string     { return l.path("config", name) }
func (l layout) pki(name string) string        { return l.path("pki", name) }
func (l layout) log(component string) string   { return l.path("log", component+".log") }
func (l layout) auditLog() string              { return l.path("log", "audit.log") }
func (l layout) pidFile(component string) string {
	return l.path("run", component+".json")
}
func (l layout) containerdSocket() string { return l.path("containerd.sock") }

func (l layout) port(p port) int          { return l.base + int(p) }
func (l layout) portString(p port) string { return strconv.Itoa(l.port(p)) }
func (l layout) onHost(p port) string     { return net.JoinHostPort(l.hostIP, l.portString(p)) }
func (l layout) onLoopback(p port) string { return net.JoinHostPort("127.0.0.1", l.portString(p)) }
func (l layout) apiServer() string        { return "https://" + l.onHost(portAPIServer) }
func (l layout) registryAddress() string  { return l.onHost(portRegistry) }

// contents are the entries Up may create in the state directory; Down removes these and no others, so
// that a state directory set to a place with other people's files costs nobody anything.
func (l layout) contents() []string {
	return []string{
		"cluster.json", "config", "kubeconfig", "pki", "run", "log", "etcd", "containerd", "containerd.sock",
		"containerd.sock.ttrpc", "runc", "cni", "kubelet", "pod-logs", "registry", "kubectl-cache",
	}
}

func (l layout) makeDirs() error {
	for _, dir := range []string{"config", "kubeconfig", "pki", "run", "log"} {
		if err := os.MkdirAll(l.path(dir), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// write puts a file into place in one step, readable by its owner only: kubeconfigs and keys hold secrets.
func write(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
