package devcluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// auditPolicy records every request; bodies too where the project's own objects and workloads are
// concerned, for tests look there for what the webhook did.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [create, update, patch, delete]
  resources:
  - group: kube-remedy.io
  - group: apps
- level: Metadata
`

func etcd(l layout, p programs) component {
	client, peer := "http://"+l.onLoopback(portEtcd), "http://"+l.onLoopback(portEtcdPeer)
	return component{
		name: "etcd", path: filepath.Join(p.kubernetes, "etcd"),
		args: []string{
			"--name=devcluster", "--data-dir=" + l.path("etcd"), "--log-level=warn",
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=devcluster=" + peer,
		},
		ports: []listener{{"127.0.0.1", l.port(portEtcd)}, {"127.0.0.1", l.port(portEtcdPeer)}},
		ready: answers(&http.Client{Timeout: 2 * time.Second}, client+"/health"),
	}
}

func apiServer(l layout, p programs, simulated bool) (component, error) {
	if err := write(l.config("audit-policy.yaml"), []byte(auditPolicy)); err != nil {
		return component{}, fmt.Errorf("writing the audit policy: %w", err)
	}
	client, err := clusterClient(l)
	if err != nil {
		return component{}, err
	}
	args := []string{
		"--etcd-servers=http://" + l.onLoopback(portEtcd),
		"--bind-address=" + l.hostIP, "--advertise-address=" + l.hostIP, "--secure-port=" + l.portString(portAPIServer),
		"--tls-cert-file=" + l.pki("apiserver.crt"), "--tls-private-key-file=" + l.pki("apiserver.key"),
		"--client-ca-file=" + l.pki("ca.crt"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.pki("tokens.pub"), "--service-account-signing-key-file=" + l.pki("tokens.key"),
		"--kubelet-client-certificate=" + l.pki("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + l.pki("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + l.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.pki("front-proxy-client.crt"), "--proxy-client-key-file=" + l.pki("front-proxy-client.key"),
		"--audit-policy-file=" + l.config("audit-policy.yaml"), "--audit-log-path=" + l.auditLog(),
		"--audit-log-maxsize=100", "--audit-log-maxbackup=1",
		"--shutdown-delay-duration=0s",
	}
	if simulated {
		// Its address is loopback, which no EndpointSlice may hold; nothing runs in pods that would want it.
		args = append(args, "--endpoint-reconciler-type=none")
	} else {
		args = append(args, "--kubelet-certificate-authority="+l.pki("ca.crt"))
	}
	return component{
		name: "kube-apiserver", path: filepath.Join(p.kubernetes, "kube-apiserver"), args: args,
		ports: []listener{{l.hostIP, l.port(portAPIServer)}},
		ready: answers(client, l.apiServer()+"/readyz"),
	}, nil
}

func controllerManager(l layout, p programs, client *http.Client) component {
	const name = "kube-controller-manager"
	return component{
		name: name, path: filepath.Join(p.kubernetes, name),
		args: []string{
			"--kubeconfig=" + l.kubeconfig("controller-manager"),
			"--authentication-kubeconfig=" + l.kubeconfig("controller-manager"), "--authorization-kubeconfig=" + l.kubeconfig("controller-manager"),
			"--bind-address=127.0.0.1", "--secure-port=" + l.portString(portControllerManager),
			"--tls-cert-file=" + l.pki("controller-manager.crt"), "--tls-private-key-file=" + l.pki("controller-manager.key"),
			"--leader-elect=false", "--use-service-account-credentials=true",
			"--service-account-private-key-file=" + l.pki("tokens.key"), "--root-ca-file=" + l.pki("ca.crt"),
			"--cluster-signing-cert-file=" + l.pki("ca.crt"), "--cluster-signing-key-file=" + l.pki("ca.key"),
			"--flex-volume-plugin-dir=" + l.path("kubelet", "volume-plugins"), // else it makes one in /usr/libexec
			// A node that falls silent is noticed within half a minute, so that tests need not wait long.
			"--node-monitor-period=2s", "--node-monitor-grace-period=20s",
		},
		ports: []listener{{"127.0.0.1", l.port(portControllerManager)}},
		ready: answers(client, "https://"+l.onLoopback(portControllerManager)+"/healthz"),
	}
}

func scheduler(l layout, p programs, client *http.Client) component {
	const name = "kube-scheduler"
	return component{
		name: name, path: filepath.Join(p.kubernetes, name),
		args: []string{
			"--kubeconfig=" + l.kubeconfig("scheduler"),
			"--authentication-kubeconfig=" + l.kubeconfig("scheduler"), "--authorization-kubeconfig=" + l.kubeconfig("scheduler"),
			"--bind-address=127.0.0.1", "--secure-port=" + l.portString(portScheduler),
			"--tls-cert-file=" + l.pki("scheduler.crt"), "--tls-private-key-file=" + l.pki("scheduler.key"),
			"--leader-elect=false",
		},
		ports: []listener{{"127.0.0.1", l.port(portScheduler)}},
		ready: answers(client, "https://"+l.onLoopback(portScheduler)+"/healthz"),
	}
}

// clusterClient speaks to the cluster's own servers as its administrator.
func clusterClient(l layout) (*http.Client, error) {
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	admin, err := tls.LoadX509KeyPair(l.pki("admin.crt"), l.pki("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}, MinVersion: tls.VersionTLS12},
		},
	}, nil
}
