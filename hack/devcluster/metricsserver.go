package devcluster

import (
	"fmt"
	"net/http"
	"path/filepath"
)

// metricsServerObjects gets: the host's address, metrics-server's port. The Service has no selector: behind it is a
// process of this machine, whose address the EndpointSlice tells.
const metricsServerObjects = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:metrics-server}
rules:
- {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}
- {apiGroups: [""], resources: [pods, nodes], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:metrics-server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:metrics-server}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-server:system:auth-delegator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: metrics-server-auth-reader, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server}]
---
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec:
  ports: [{name: https, port: 443, targetPort: %[2]d}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: metrics-server-host
  namespace: kube-system
  labels: {kubernetes.io/service-name: metrics-server, endpointslice.kubernetes.io/managed-by: devcluster}
addressType: IPv4
endpoints: [{addresses: [%[1]s], conditions: {ready: true}}]
ports: [{name: https, port: %[2]d, protocol: TCP}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: metrics-server, namespace: kube-system}
`

// dnsService has no endpoints: kube-proxy refuses its traffic, so that a pod's DNS query fails at once
// instead of after half a minute. The cluster has no DNS server.
const dnsService = `---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: ` + dnsServiceIP + `
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
`

// realNodeObjects are the objects a cluster with a real node begins with.
func realNodeObjects(l layout) string {
	return fmt.Sprintf(metricsServerObjects, l.hostIP, l.port(portMetricsServer)) + dnsService
}

func metricsServer(l layout, p programs, client *http.Client) component {
	kubeconfig := l.kubeconfig("metrics-server")
	return component{
		name: "metrics-server", path: filepath.Join(p.metricsServer, "metrics-server"),
		args: []string{
			"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=" + l.hostIP, "--secure-port=" + l.portString(portMetricsServer),
			"--tls-cert-file=" + l.pki("metrics-server.crt"), "--tls-private-key-file=" + l.pki("metrics-server.key"),
			"--kubelet-insecure-tls", "--kubelet-preferred-address-types=InternalIP", "--kubelet-use-node-status-port",
			"--metric-resolution=10s", "--kubelet-request-timeout=5s",
		},
		ports: []listener{{l.hostIP, l.port(portMetricsServer)}},
		// Ready would wait for two scrapes; that it lives is enough to begin with.
		ready: answers(client, "https://"+l.onHost(portMetricsServer)+"/livez"),
	}
}
