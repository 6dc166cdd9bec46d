package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// workload is a manifest of a test in a namespace of its own, and what kubectl says of it.
type workload struct {
	t         *testing.T
	namespace string
	kind      string // as kubectl names it
	file      string // the manifest, as its owner keeps it
}

// spec says how a workload misbehaves.
type spec struct {
	kind        string // Deployment when empty
	limit       string // memory limit and request; 128Mi when empty
	needs       string // memory that the program takes; 200Mi when empty
	annotations string // of the workload, as YAML in braces; none when empty
	container   string // the program's container: app when empty; init makes it an init container
}

// namespaces counts them, since the names of two tests may begin alike.
var namespaces atomic.Int64

// newWorkload writes the manifest of a workload named web; nothing is applied yet. The test fails at once where
// there is no real node.
func newWorkload(t *testing.T, s spec) *workload {
	t.Helper()
	require.NoError(t, cluster.RealNode())
	w := &workload{t: t, kind: s.kind, file: filepath.Join(t.TempDir(), "web.yaml")}
	if w.kind == "" {
		w.kind = "Deployment"
	}
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	w.namespace = fmt.Sprintf("%s-%d", strings.Trim(name[:min(len(name), 50)], "-"), namespaces.Add(1))
	_, stderr, err := kubectl(t, "create", "namespace", w.namespace)
	require.NoError(t, err, stderr)
	t.Cleanup(func() {
		if t.Failed() {
			w.report()
		}
		_, stderr, err := kubectl(t, "delete", "namespace", w.namespace, "--wait=false")
		require.NoError(t, err, stderr)
	})
	w.write(s)
	return w
}

// write writes the manifest anew, as its owner would.
func (w *workload) write(s spec) {
	w.t.Helper()
	fill := func(value *string, otherwise string) {
		if *value == "" {
			*value = otherwise
		}
	}
	fill(&s.limit, "128Mi")
	fill(&s.needs, "200Mi")
	fill(&s.annotations, "{}")
	replicas := "\n  replicas: 1"
	if w.kind == "DaemonSet" {
		replicas = ""
	}
	program := fmt.Sprintf(`
      - name: app
        image: misbehave:v1
        args: [-allocate=%s, -over=1s, -hold]
        resources:
          limits: {memory: %s}
          requests: {memory: %s}`, s.needs, s.limit, s.limit)
	containers := "\n      containers:" + program
	if s.container == "init" {
		program = strings.Replace(program, ", -hold", "", 1)
		program = strings.Replace(program, "-over=1s", "-over=1s, -exit=0", 1)
		containers = "\n      initContainers:" + program + "\n      containers:\n      - {name: web, image: misbehave:v1}"
	}
	manifest := fmt.Sprintf(`# As its owner wrote it; comments never reach the cluster.
apiVersion: apps/v1
kind: %s
metadata:
  name: web
  annotations: %s
spec:%s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1%s
`, w.kind, s.annotations, replicas, containers)
	require.NoError(w.t, os.WriteFile(w.file, []byte(manifest), 0o600))
}

// kubectl runs the cluster's own kubectl as its administrator.
func kubectl(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, cluster.Kubectl(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig())
	var out, warnings bytes.Buffer
	command.Stdout, command.Stderr = &out, &warnings
	err = command.Run()
	return out.String(), warnings.String(), err
}

// run runs kubectl in the workload's namespace; it must succeed. Both outputs come back as one text.
func (w *workload) run(args ...string) string {
	w.t.Helper()
	stdout, stderr, err := kubectl(w.t, append([]string{"-n", w.namespace}, args...)...)
	require.NoError(w.t, err, "kubectl %s: %s", strings.Join(args, " "), stderr)
	return stderr + stdout
}

// apply applies the manifest as it is.
func (w *workload) apply(args ...string) string {
	w.t.Helper()
	return w.run(append([]string{"apply", "-f", w.file}, args...)...)
}

// field reads a field of the live workload by its JSONPath.
func (w *workload) field(path string) string {
	w.t.Helper()
	return w.run("get", w.kind, "web", "-o", "jsonpath="+path)
}

func (w *workload) limit() string {
	w.t.Helper()
	return w.field("{.spec.template.spec.containers[0].resources.limits.memory}")
}

// annotation reads one of our annotations of the live workload.
func (w *workload) annotation(name string) string {
	w.t.Helper()
	return w.field("{.metadata.annotations." + strings.ReplaceAll(name, ".", `\.`) + "}")
}

// generations are what changes when anything of the workload's spec or template does.
func (w *workload) rollouts() string {
	w.t.Helper()
	return w.run("get", "replicasets,controllerrevisions", "-o", "jsonpath={.items[*].metadata.name}")
}

// remediation reads the workload's only Remediation; nil when there is none.
func (w *workload) remediation() *v1alpha1.Remediation {
	w.t.Helper()
	var list v1alpha1.RemediationList
	require.NoError(w.t, json.Unmarshal([]byte(w.run("get", "remediations", "-o", "json")), &list))
	require.LessOrEqual(w.t, len(list.Items), 1, "one failure of one container has one Remediation")
	if len(list.Items) == 0 {
		return nil
	}
	return &list.Items[0]
}

// until waits for something to hold, for 90 s at most: a container that crashes for the third time waits half of
// that.
func (w *workload) until(what string, holds func() error) {
	w.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(w.t, err, "waiting for %s", what)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// untilPhase waits for the Remediation to be in a phase at an attempt.
func (w *workload) untilPhase(phase v1alpha1.Phase, attempt int32) *v1alpha1.Remediation {
	w.t.Helper()
	var found *v1alpha1.Remediation
	w.until(fmt.Sprintf("phase %s, attempt %d", phase, attempt), func() error {
		found = w.remediation()
		switch {
		case found == nil:
			return errors.New("there is no Remediation")
		case found.Status.Phase != phase || found.Status.Outcome.Attempt != attempt:
			return fmt.Errorf("it is in phase %q, attempt %d", found.Status.Phase, found.Status.Outcome.Attempt)
		}
		return nil
	})
	return found
}

// untilArmed waits until the next apply of the unchanged file will be sent.
func (w *workload) untilArmed() {
	w.t.Helper()
	w.until("the workload to be armed", func() error {
		if strings.HasSuffix(w.field(`{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}`), "\n") {
			return errors.New("last-applied-configuration still ends in a newline")
		}
		return nil
	})
}

// untilOOMKilled waits for the kernel to kill the program.
func (w *workload) untilOOMKilled() {
	w.t.Helper()
	w.until("the kernel to kill the program", func() error {
		reasons := w.run("get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].lastState.terminated.reason} {.items[*].status.containerStatuses[*].state.terminated.reason}")
		if !strings.Contains(reasons, "OOMKilled") {
			return fmt.Errorf("no container was OOM-killed, only %q", reasons)
		}
		return nil
	})
}

// untilRunning waits until every replica is there and Ready.
func (w *workload) untilRunning() {
	w.t.Helper()
	w.run("rollout", "status", strings.ToLower(w.kind)+"/web", "--timeout=50s")
}

// learn applies the manifest and waits until the failure taught a cure and the workload is armed.
func (w *workload) learn() *v1alpha1.Remediation {
	w.t.Helper()
	w.apply()
	learned := w.untilPhase(v1alpha1.PhaseLearned, 1)
	w.untilArmed()
	return learned
}

// report shows what was there when a test failed.
func (w *workload) report() {
	for _, what := range [][]string{{"get", w.kind, "web", "-o", "yaml"}, {"get", "remediations", "-o", "yaml"}, {"get", "pods", "-o", "wide"}, {"get", "events"}} {
		stdout, stderr, _ := kubectl(w.t, append([]string{"-n", w.namespace}, what...)...)
		w.t.Logf("kubectl %s\n%s%s", strings.Join(what, " "), stdout, stderr)
	}
}
