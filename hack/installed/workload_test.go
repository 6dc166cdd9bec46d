package installed

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// workload is the Deployment of the manifest, in a namespace of its own.
type workload struct {
	t         *testing.T
	namespace string
}

// manifest is of a program that needs more memory than it may take.
const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: misbehave:v1
        args: [-allocate=200Mi, -over=1s]
        resources: {limits: {memory: 128Mi}}
`

// namespaces counts those of workloads.
var namespaces int

// newWorkload makes its namespace; nothing is applied yet.
func newWorkload(t *testing.T) *workload {
	t.Helper()
	namespaces++
	w := &workload{t: t, namespace: fmt.Sprintf("kube-remedy-installed-%d-%d", os.Getpid(), namespaces)}
	kubectl(t, "create", "namespace", w.namespace)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := try(t, "", cluster.Kubectl(), "-n", w.namespace, "get", "deployments,pods,events", "-o", "wide")
			more, _ := try(t, "", cluster.Kubectl(), "-n", w.namespace, "get", "remediations", "-o", "yaml")
			t.Log(out, more)
		}
		kubectl(t, "delete", "namespace", w.namespace, "--wait=false")
	})
	return w
}

func (w *workload) run(args ...string) string {
	w.t.Helper()
	return kubectl(w.t, append([]string{"-n", w.namespace}, args...)...)
}

// apply applies the manifest as it is.
func (w *workload) apply() string {
	w.t.Helper()
	out, err := try(w.t, manifest, cluster.Kubectl(), "-n", w.namespace, "apply", "-f", "-")
	require.NoError(w.t, err)
	return out
}

func (w *workload) limit() string {
	w.t.Helper()
	return w.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].resources.limits.memory}")
}

// learn applies the manifest and waits until the failure taught a cure and the next apply will be sent.
func (w *workload) learn() {
	w.t.Helper()
	w.apply()
	w.untilPhase("Learned")
	until(w.t, "the workload to be armed", func() error {
		if strings.HasSuffix(w.run("get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`), "\n") {
			return errors.New("last-applied-configuration still ends in a newline")
		}
		return nil
	})
}

func (w *workload) untilPhase(phase string) {
	w.t.Helper()
	until(w.t, "phase "+phase, func() error {
		if found := w.run("get", "remediations", "-o", "jsonpath={.items[*].status.phase}"); found != phase {
			return fmt.Errorf("it is %q", found)
		}
		return nil
	})
}

// requireHealing lets the workload fail, and heals it by applying the same file again.
func (w *workload) requireHealing() {
	w.t.Helper()
	w.learn()
	require.Equal(w.t, "128Mi", w.limit())
	require.Contains(w.t, w.apply(), "Warning: kube-remedy: app memory limit 128Mi → 256Mi")
	require.Equal(w.t, "256Mi", w.limit())
	w.run("rollout", "status", "deployment/web", "--timeout=50s")
	w.untilPhase("Verified")
}
