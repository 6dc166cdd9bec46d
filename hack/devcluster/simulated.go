package devcluster

import (
	_ "embed" // for kwokStages
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// whySimulated is why no real node is possible or wanted here, or nil when there will be one.
func whySimulated(o Options) error {
	switch {
	case o.Simulated:
		return errors.New("only a simulated node runs here because that was asked for: take the option Simulated (--simulated) away for a real one")
	case runtime.GOOS != "linux":
		return errors.New("only a simulated node runs here because this is " + runtime.GOOS + ": containers need Linux, so run devcluster in a Linux virtual machine for a real node")
	case os.Geteuid() != 0:
		return errors.New("only a simulated node runs here because this user is not root: run devcluster as root (sudo -E) for a real node")
	}
	return nil
}

// kwokNode is the node that kwok plays: it is always ready, and every pod bound to it runs at once.
const kwokNode = `apiVersion: v1
kind: Node
metadata:
  name: ` + nodeName + `
  labels: {kubernetes.io/hostname: ` + nodeName + `, kubernetes.io/os: linux, kubernetes.io/arch: amd64, type: kwok}
  annotations: {kwok.x-k8s.io/node: fake}
status:
  capacity: {cpu: "4", memory: 8Gi, pods: "110", ephemeral-storage: 20Gi}
  allocatable: {cpu: "4", memory: 8Gi, pods: "110", ephemeral-storage: 20Gi}
`

//go:embed stages.yaml
var kwokStages string

func kwok(l layout, p programs) (component, error) {
	if err := write(l.config("kwok.yaml"), []byte(kwokStages)); err != nil {
		return component{}, fmt.Errorf("writing kwok's stages: %w", err)
	}
	return component{
		name: "kwok", path: filepath.Join(p.kwok, "kwok"),
		args: []string{
			"--config=" + l.config("kwok.yaml"), "--kubeconfig=" + l.kubeconfig("kwok"), "--manage-all-nodes=true", "--node-lease-duration-seconds=40",
			"--server-address=" + l.onLoopback(portKwok),
		},
		ports: []listener{{"127.0.0.1", l.port(portKwok)}},
		ready: answers(&http.Client{Timeout: 2 * time.Second}, "http://"+l.onLoopback(portKwok)+"/healthz"),
	}, nil
}
