package devcluster

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// makeKubeconfigs writes one kubeconfig for every client of the API server, certificates included.
func makeKubeconfigs(l layout) error {
	for _, name := range []string{"admin", "controller-manager", "scheduler", "proxy", "kubelet", "metrics-server", "kwok"} {
		if err := makeKubeconfig(l, name); err != nil {
			return fmt.Errorf("making the kubeconfig of %s: %w", name, err)
		}
	}
	return nil
}

func makeKubeconfig(l layout, name string) error {
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(l.pki(name + ".crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(l.pki(name + ".key"))
	if err != nil {
		return err
	}
	const cluster = "devcluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[cluster] = &clientcmdapi.Cluster{Server: l.apiServer(), CertificateAuthorityData: ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: name}
	config.CurrentContext = cluster
	data, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return write(l.kubeconfig(name), data)
}
