package devcluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cniConfig gets: the bridge, the pods' range, the directory of leases.
const cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "kube-remedy",
  "plugins": [
    {
      "type": "bridge", "bridge": %q, "isGateway": true, "ipMasq": false, "hairpinMode": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": %q}
    }
  ]
}
`

// proxyConfig gets: kubeconfig, node, health address, metrics address, the pods' range, the host's address.
// Its conntrack numbers mean: leave the kernel's settings alone.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %q}
hostnameOverride: %q
healthzBindAddress: %q
metricsBindAddress: %q
clusterCIDR: %q
nodePortAddresses: [%s/32]
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`

// addHostAddress gives this machine an address that is nobody else's and not loopback.
func addHostAddress(ctx context.Context, l layout) error {
	return run(ctx, program("ip"), "address", "replace", l.hostIP+"/32", "dev", "lo")
}

func writeCNIConfig(l layout) error {
	if err := os.MkdirAll(l.path("cni", "conf"), 0o700); err != nil {
		return fmt.Errorf("making the directory of CNI configurations: %w", err)
	}
	config := fmt.Sprintf(cniConfig, bridgeName, podCIDR, l.path("cni", "leases"))
	if err := write(l.path("cni", "conf", "kube-remedy.conflist"), []byte(config)); err != nil {
		return fmt.Errorf("writing the CNI configuration: %w", err)
	}
	return nil
}

func kubeProxy(l layout, p programs) (component, error) {
	config := fmt.Sprintf(proxyConfig, l.kubeconfig("proxy"), nodeName, l.onLoopback(portProxyHealth),
		l.onLoopback(portProxyMetrics), podCIDR, l.hostIP)
	if err := write(l.config("kube-proxy.yaml"), []byte(config)); err != nil {
		return component{}, fmt.Errorf("writing kube-proxy's configuration: %w", err)
	}
	return component{
		name: "kube-proxy", path: filepath.Join(p.kubernetes, "kube-proxy"),
		args: []string{"--config=" + l.config("kube-proxy.yaml")},
		env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin:" + os.Getenv("PATH")},
		ports: []listener{
			{"127.0.0.1", l.port(portProxyHealth)}, {"127.0.0.1", l.port(portProxyMetrics)},
		},
		ready: answers(&http.Client{Timeout: 2 * time.Second}, "http://"+l.onLoopback(portProxyHealth)+"/livez"),
	}, nil
}

// removeNetwork removes the address, the bridge and kube-proxy's tables; what is not there is fine.
func removeNetwork(ctx context.Context, l layout) error {
	ip, nft := program("ip"), program("nft")
	for _, args := range [][]string{
		{ip, "link", "delete", bridgeName},
		{ip, "address", "delete", l.hostIP + "/32", "dev", "lo"},
		{nft, "delete", "table", "ip", "kube-proxy"},
		{nft, "delete", "table", "ip6", "kube-proxy"},
	} {
		if err := run(ctx, args[0], args[1:]...); err != nil && !isAbsent(err) {
			return err
		}
	}
	// libcni keeps results outside any directory it can be told; ours carry the network's name.
	results, _ := filepath.Glob("/var/lib/cni/results/kube-remedy-*")
	return removeFiles(results, "/var/lib/cni/results", "/var/lib/cni/cache/results", "/var/lib/cni/cache", "/var/lib/cni")
}

// isAbsent recognizes what ip and nft say about things that do not exist.
func isAbsent(err error) bool {
	for _, text := range []string{"Cannot find device", "Cannot assign requested address", "No such file or directory"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
