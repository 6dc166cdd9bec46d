package devcluster

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// kubeletHome is where a kubelet keeps its socket for device plugins, whatever its root directory is.
const kubeletHome = "/var/lib/kubelet"

// kubeletConfig gets: address, port, health port, certificate authority, certificate, key, containerd's
// socket, cgroup, pod logs, volume plugins, DNS address.
// Its short periods serve quick tests; its eviction limits are low because a test machine may be full.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
port: %[2]d
healthzBindAddress: 127.0.0.1
healthzPort: %[3]d
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[4]q}
authorization: {mode: Webhook}
tlsCertFile: %[5]q
tlsPrivateKeyFile: %[6]q
containerRuntimeEndpoint: unix://%[7]s
cgroupDriver: cgroupfs
cgroupRoot: /%[8]s
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
podLogsDir: %[9]q
volumePluginDir: %[10]q
makeIPTablesUtilChains: false
clusterDNS: [%[11]s]
clusterDomain: cluster.local
featureGates: {KubeletCrashLoopBackOffMax: true}
crashLoopBackOff: {maxContainerRestartPeriod: 10s}
syncFrequency: 5s
nodeStatusUpdateFrequency: 5s
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%%, imagefs.available: 1%%, nodefs.inodesFree: 1%%}
`

func kubelet(l layout, p programs) (component, error) {
	config := fmt.Sprintf(kubeletConfig, l.hostIP, l.port(portKubelet), l.port(portKubeletHealth), l.pki("ca.crt"),
		l.pki("kubelet.crt"), l.pki("kubelet.key"), l.containerdSocket(), cgroupName, l.path("pod-logs"),
		l.path("kubelet", "volume-plugins"), dnsServiceIP)
	if err := write(l.config("kubelet.yaml"), []byte(config)); err != nil {
		return component{}, fmt.Errorf("writing the kubelet's configuration: %w", err)
	}
	return component{
		name: "kubelet", path: filepath.Join(p.kubernetes, "kubelet"),
		args: []string{
			"--config=" + l.config("kubelet.yaml"), "--kubeconfig=" + l.kubeconfig("kubelet"),
			"--root-dir=" + l.path("kubelet"), "--cert-dir=" + l.path("kubelet", "pki"),
			"--hostname-override=" + nodeName, "--node-ip=" + l.hostIP,
		},
		env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin:" + os.Getenv("PATH")},
		ports: []listener{
			{l.hostIP, l.port(portKubelet)}, {"127.0.0.1", l.port(portKubeletHealth)},
		},
		ready: answers(&http.Client{Timeout: 2 * time.Second}, "http://"+l.onLoopback(portKubeletHealth)+"/healthz"),
	}, nil
}

// removeDevicePluginSocket removes what the kubelet put outside its root directory.
func removeDevicePluginSocket() error {
	dir := filepath.Join(kubeletHome, "device-plugins")
	return removeFiles([]string{filepath.Join(dir, "kubelet.sock")}, dir, kubeletHome)
}
