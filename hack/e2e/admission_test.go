package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// declare writes a Remediation for the workload as a person does, and waits until it is in force.
func (w *workload) declare(name, target, action string) {
	w.t.Helper()
	_, err := pair.Kubectl(w.t.Context(), fmt.Sprintf(`
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: %s, namespace: %s}
spec:
  targetRef: %s
  failureType: OOMKilled
  actions:
  - %s
`, name, w.namespace, target, action), "create", "-f", "-")
	require.NoError(w.t, err)
	w.until("the Remediation to be adopted", func() error {
		if phase := w.run("get", "rem", name, "-o", "jsonpath={.status.phase}"); phase != "Learned" {
			return fmt.Errorf("its phase is %q", phase)
		}
		return nil
	})
	time.Sleep(time.Second) // until the webhook has heard of it
}

// declareMore gives the web Deployment's app more memory.
func (w *workload) declareMore() {
	w.t.Helper()
	w.declare("more-memory", "{apiVersion: apps/v1, kind: Deployment, name: web}", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}")
}

// annotateNamespace sets an annotation of the workload's namespace; the webhook hears of it within the time of a watch.
func (w *workload) annotateNamespace(annotations ...string) {
	w.t.Helper()
	_, stderr, err := kubectl(w.t, append([]string{"annotate", "--overwrite", "namespace", w.namespace}, annotations...)...)
	require.NoError(w.t, err, stderr)
	time.Sleep(time.Second)
}

// try applies the manifest with annotations and gives what kubectl prints and the limit that would be stored.
func (w *workload) try(annotations string) (out, limit string) {
	w.t.Helper()
	w.write(spec{needs: "1Mi", annotations: annotations})
	out = w.apply("--dry-run=server", "-o", "jsonpath={.spec.template.spec.containers[0].resources.limits.memory}{\"\\n\"}")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return out, lines[len(lines)-1]
}

// TestAnnotationsSayWhatMayHappen goes through the annotations of workload and namespace with a real kubectl.
func TestAnnotationsSayWhatMayHappen(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.declareMore()
	for _, test := range []struct {
		name, workload string
		namespace      []string
		limit, warning string
	}{
		{name: "nothing is said: it is healed", workload: "{}", limit: "256Mi", warning: "Warning: kube-remedy: app memory limit 128Mi → 256Mi, memory request 128Mi → 256Mi (OOMKilled 0x, confidence 100%); undo: kubectl annotate deploy/web kube-remedy.io/mode=off -n "},
		{name: "mode heal", workload: "{kube-remedy.io/mode: heal}", limit: "256Mi", warning: "kube-remedy.io/mode=off -n " + w.namespace + " --overwrite"},
		{name: "mode suggest", workload: "{kube-remedy.io/mode: suggest}", limit: "128Mi", warning: "not changed: mode is suggest; apply it with: kubectl annotate deploy/web kube-remedy.io/mode=heal"},
		{name: "mode off", workload: "{kube-remedy.io/mode: 'off'}", limit: "128Mi"},
		{name: "a mode that is none", workload: "{kube-remedy.io/mode: maybe}", limit: "256Mi", warning: `annotation kube-remedy.io/mode: "maybe" is ignored; use heal, suggest or off`},
		{name: "the namespace's mode", workload: "{}", namespace: []string{"kube-remedy.io/mode=off"}, limit: "128Mi"},
		{name: "the workload's mode comes before the namespace's", workload: "{kube-remedy.io/mode: heal}", namespace: []string{"kube-remedy.io/mode=off"}, limit: "256Mi"},
		{name: "another failure type", workload: "{kube-remedy.io/failure-types: 'Pending,ProbeFailure'}", limit: "128Mi"},
		{name: "this failure type", workload: "{kube-remedy.io/failure-types: 'Pending, OOMKilled'}", limit: "256Mi"},
		{name: "failure types that are none", workload: "{kube-remedy.io/failure-types: tired}", limit: "256Mi", warning: `kube-remedy.io/failure-types: "tired" is ignored`},
		{name: "no more memory than", workload: "{kube-remedy.io/max-memory: 200Mi}", limit: "200Mi", warning: "128Mi → 200Mi"},
		{name: "no more memory than there is", workload: "{kube-remedy.io/max-memory: 100Mi}", limit: "128Mi", warning: "more-memory was not applied: annotation kube-remedy.io/max-memory allows no more than 100Mi"},
		{name: "the namespace's bound", workload: "{}", namespace: []string{"kube-remedy.io/max-memory=150Mi"}, limit: "150Mi", warning: "128Mi → 150Mi"},
		{name: "the workload's bound comes before the namespace's", workload: "{kube-remedy.io/max-memory: 200Mi}", namespace: []string{"kube-remedy.io/max-memory=150Mi"}, limit: "200Mi", warning: "128Mi → 200Mi"},
		{name: "a bound that is none", workload: "{kube-remedy.io/max-memory: lots}", limit: "256Mi", warning: `kube-remedy.io/max-memory: "lots" is ignored`},
	} {
		t.Run(test.name, func(t *testing.T) {
			remove := []string{"kube-remedy.io/mode-", "kube-remedy.io/max-memory-"}
			for _, set := range test.namespace {
				name, _, _ := strings.Cut(set, "=")
				remove = append([]string{set}, without(remove, name+"-")...)
			}
			w.annotateNamespace(remove...)
			out, limit := w.try(test.workload)
			require.Equal(t, test.limit, limit, out)
			if test.warning == "" {
				require.Equal(t, test.limit == "256Mi", strings.Contains(out, "kube-remedy:"), out)
				return
			}
			require.Contains(t, out, test.warning)
		})
	}
}

func without(list []string, gone string) []string {
	var kept []string
	for _, each := range list {
		if each != gone {
			kept = append(kept, each)
		}
	}
	return kept
}

// TestADryRunLeavesNoTrace heals what would be stored, and stores nothing.
func TestADryRunLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.declareMore()
	out, limit := w.try("{}")
	require.Equal(t, "256Mi", limit, out)
	require.Contains(t, out, "Warning: kube-remedy: ")
	stdout, _, err := kubectl(t, "-n", w.namespace, "get", "deployment", "web")
	require.Error(t, err, stdout)
	require.Equal(t, "Learned", w.run("get", "rem", "more-memory", "-o", "jsonpath={.status.phase}"))
}

// TestOtherKindsAreHealedAsTheyAreCreatedAndAppliedAgain goes through the kinds that are healed beside Deployments. What
// exists of a Job or a Pod can't be changed, so applying the same file again must give the very same object.
func TestOtherKindsAreHealedAsTheyAreCreatedAndAppliedAgain(t *testing.T) {
	t.Parallel()
	container := `{name: app, image: "misbehave:v1", args: [-exit=0], resources: {limits: {memory: 128Mi}, requests: {memory: 128Mi}}}`
	pod := "terminationGracePeriodSeconds: 1, restartPolicy: Never, containers: [" + container + "]"
	for _, test := range []struct{ apiVersion, kind, spec, path string }{
		{"batch/v1", "Job", "{template: {spec: {" + pod + "}}}", "{.spec.template.spec.containers[0].resources.limits.memory}"},
		{"batch/v1", "CronJob", "{schedule: '0 0 1 1 *', jobTemplate: {spec: {template: {spec: {" + pod + "}}}}}", "{.spec.jobTemplate.spec.template.spec.containers[0].resources.limits.memory}"},
		{"v1", "Pod", "{" + pod + "}", "{.spec.containers[0].resources.limits.memory}"},
		{"apps/v1", "ReplicaSet", "{selector: {matchLabels: {app: other}}, template: {metadata: {labels: {app: other}}, spec: {containers: [" + strings.Replace(container, "-exit=0", "-hold", 1) + "]}}}", "{.spec.template.spec.containers[0].resources.limits.memory}"},
		{"apps/v1", "StatefulSet", "{serviceName: other, selector: {matchLabels: {app: stateful}}, template: {metadata: {labels: {app: stateful}}, spec: {containers: [" + strings.Replace(container, "-exit=0", "-hold", 1) + "]}}}", "{.spec.template.spec.containers[0].resources.limits.memory}"},
	} {
		for _, mode := range []string{"client-side", "server-side"} {
			t.Run(test.kind+" applied "+mode, func(t *testing.T) {
				t.Parallel()
				w := newWorkload(t, spec{})
				w.t = t
				w.declare("more-memory", fmt.Sprintf("{apiVersion: %s, kind: %s, name: other}", test.apiVersion, test.kind), "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}")
				manifest := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: other}\nspec: %s\n", test.apiVersion, test.kind, test.spec)
				require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
				var args []string
				if mode == "server-side" {
					args = []string{"--server-side"}
				}
				require.Contains(t, w.apply(args...), "Warning: kube-remedy: app memory limit 128Mi → 256Mi")
				get := func(path string) string { return w.run("get", test.kind, "other", "-o", "jsonpath="+path) }
				require.Equal(t, "256Mi", get(test.path))
				require.Equal(t, "more-memory@1", get(`{.metadata.annotations.kube-remedy\.io/remediations}`))
				for range 2 {
					out := w.apply(args...)
					require.NotContains(t, out, "immutable", "what exists is given back what it was created with")
					require.Equal(t, "256Mi", get(test.path), out)
				}
			})
		}
	}
}

// TestAClaimGetsAClassThatExists heals a PersistentVolumeClaim on creation.
func TestAClaimGetsAClassThatExists(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.declare("class", "{apiVersion: v1, kind: PersistentVolumeClaim, name: data}", "fixReference: {kind: StorageClass, name: fats, replacement: fast}")
	manifest := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: fats, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n"
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	require.Contains(t, w.apply(), "storageClassName fats → fast")
	require.Equal(t, "fast", w.run("get", "pvc", "data", "-o", "jsonpath={.spec.storageClassName}"))
	w.apply()
	require.Equal(t, "fast", w.run("get", "pvc", "data", "-o", "jsonpath={.spec.storageClassName}"))
}

// TestNamesThatAreMadeFromAPrefixAreHealed creates what has no name yet at admission.
func TestNamesThatAreMadeFromAPrefixAreHealed(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.declare("batch", "{apiVersion: batch/v1, kind: Job, generateName: batch-}", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi}")
	manifest := `{"apiVersion":"batch/v1","kind":"Job","metadata":{"generateName":"batch-"},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"app","image":"misbehave:v1","args":["-exit=0"],"resources":{"limits":{"memory":"128Mi"}}}]}}}}`
	require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
	require.Contains(t, w.run("create", "-f", w.file), "app memory limit 128Mi → 256Mi")
	require.Equal(t, "256Mi", w.run("get", "jobs", "-o", "jsonpath={.items[0].spec.template.spec.containers[0].resources.limits.memory}"))
}

// TestWhatAPersonDeclaresForAnAppIsInForce applies a pod of it twice, to which the API server writes the request that it
// lacks, and one of it whose name stays.
func TestWhatAPersonDeclaresForAnAppIsInForce(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.declare("worker", "{apiVersion: v1, kind: Pod, appName: worker}", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}")
	apply := func(name string) string {
		manifest := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {app.kubernetes.io/name: worker}}\n"+
			"spec: {restartPolicy: Never, containers: [{name: app, image: 'misbehave:v1', args: [-exit=0], resources: {limits: {memory: 128Mi}}}]}\n", name)
		require.NoError(t, os.WriteFile(w.file, []byte(manifest), 0o600))
		return w.apply()
	}
	for range 2 {
		out := apply("worker-x7k2p")
		require.Contains(t, out, "app memory limit 128Mi → 256Mi")
		require.NotContains(t, out, "immutable", "what exists is given back what it was created with")
		require.Equal(t, "256Mi", w.run("get", "pod", "worker-x7k2p", "-o", "jsonpath={.spec.containers[0].resources.limits.memory}"))
	}
	require.NotContains(t, apply("worker-1"), "kube-remedy:")
}

// TestAnImageThatIsKnownNotToBePulledIsTold applies what failed before, where nothing can be done about it.
func TestAnImageThatIsKnownNotToBePulledIsTold(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.writeOwn(`      containers: [{name: app, image: "ghcr.io/nobody/has-this:1.0"}]`)
	w.apply()
	w.until("the failure to be remembered", func() error {
		known := w.remediation()
		if known == nil || known.Status.Observed.Failing == nil {
			return fmt.Errorf("it is not: %+v", known)
		}
		return nil
	})
	known := w.remediation()
	require.Empty(t, known.Spec.Actions)
	require.Equal(t, "ghcr.io/nobody/has-this:1.0", known.Status.Observed.Failing.Image)
	var out string
	w.until("the applier to be told", func() error {
		if out = w.apply("--server-side", "--force-conflicts"); !strings.Contains(out, "Warning: kube-remedy: image ghcr.io/nobody/has-this:1.0 of container app failed to pull") {
			return fmt.Errorf("kubectl printed %q", out)
		}
		return nil
	})
	w.writeOwn(`      containers: [{name: app, image: "misbehave:v1"}]`)
	require.NotContains(t, w.apply("--server-side", "--force-conflicts"), "kube-remedy:", "another image is not known to fail")
	w.untilPhase(v1alpha1.PhaseSuperseded, 0)
}

// TestTwoWebhooksThatChangeTheSameField registers one of somebody else that lowers the limit after ours: the API server
// asks us again, and what we decide stays the same however often it asks.
func TestTwoWebhooksThatChangeTheSameField(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.declareMore()
	other := startMutator(t, w.namespace)
	for range 3 {
		out := w.apply()
		require.Contains(t, out, "Warning: kube-remedy: app memory limit")
		require.Equal(t, "256Mi", w.limit(), out)
	}
	require.Positive(t, other.calls.Load(), "the other webhook was asked")
	require.Equal(t, "more-memory@1", w.annotation(v1alpha1.RemediationsAnnotation))
}

// TestWhoMayWriteRemediations asks with the rights of users that have only some.
func TestWhoMayWriteRemediations(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	learned := w.learn()
	other := newWorkload(t, spec{})
	as := func(user string, input string, args ...string) (string, error) {
		return pair.Kubectl(t.Context(), input, append([]string{"-n", w.namespace, "--as=" + user}, args...)...)
	}
	grant := func(user string, rules ...string) {
		t.Helper()
		for i, rule := range rules {
			verbs, resource, _ := strings.Cut(rule, " ")
			name := fmt.Sprintf("%s-%d", user, i)
			w.run("create", "role", name, "--verb="+verbs, "--resource="+resource)
			w.run("create", "rolebinding", name, "--role="+name, "--user="+user)
		}
	}
	grant("writer", "get,create,update,patch remediations.kube-remedy.io", "get,update,patch remediations.kube-remedy.io/status")
	grant("owner", "get,create,update,patch remediations.kube-remedy.io", "patch deployments.apps")
	entry := func(namespace, kind string) string {
		return fmt.Sprintf(`{"apiVersion":"kube-remedy.io/v1alpha1","kind":"Remediation","metadata":{"name":"mine","namespace":%q,"annotations":{"kube-remedy.io/author":"somebody-else"}},`+
			`"spec":{"targetRef":{"apiVersion":"apps/v1","kind":%q,"name":"web"},"failureType":"OOMKilled","actions":[{"increaseMemory":{"container":"app","failedLimit":"128Mi","limit":"1Gi"}}]}}`, namespace, kind)
	}

	_, err := as("writer", entry(w.namespace, "Deployment"), "create", "-f", "-")
	require.ErrorContains(t, err, `user "writer" may not patch deployments "web" in namespace "`+w.namespace+`", which this remediation would change`)
	_, err = as("writer", "", "patch", "remediation", learned.Name, "--type=merge", "-p", `{"spec":{"mode":"Suggest"}}`)
	require.ErrorContains(t, err, `user "writer" may not patch deployments "web"`)
	_, err = as("writer", "", "patch", "remediation", learned.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"phase":"Verified"}}`)
	require.ErrorContains(t, err, "only the event watcher writes a remediation's status")
	_, err = as("owner", entry(other.namespace, "Deployment"), "create", "-f", "-", "-n", other.namespace)
	require.ErrorContains(t, err, "forbidden", "another namespace is out of reach")
	_, err = as("owner", entry(w.namespace, "Secret"), "create", "-f", "-")
	require.ErrorContains(t, err, "Secret of apps/v1 is no kind that is healed")
	_, err = as("owner", "", "patch", "remediation", learned.Name, "--type=json", "-p", `[{"op":"replace","path":"/spec/actions/0/increaseMemory/limit","value":"2Gi"}]`)
	require.ErrorContains(t, err, "only spec.mode can be changed")

	_, err = as("owner", "", "patch", "remediation", learned.Name, "--type=merge", "-p", `{"spec":{"mode":"Suggest"}}`)
	require.NoError(t, err)
	_, err = as("owner", "", "patch", "remediation", learned.Name, "--type=merge", "-p", `{"spec":{"mode":"Heal"}}`)
	require.NoError(t, err)
	require.Equal(t, "owner", w.run("get", "rem", learned.Name, "-o", `jsonpath={.metadata.annotations.kube-remedy\.io/approved-by}`))

	_, err = as("owner", entry(w.namespace, "Deployment"), "create", "-f", "-")
	require.NoError(t, err)
	author := func() string {
		return w.run("get", "rem", "mine", "-o", `jsonpath={.metadata.annotations.kube-remedy\.io/author}`)
	}
	require.Equal(t, "owner", author(), "what the creator claimed is not believed")
	_, err = as("owner", "", "annotate", "--overwrite", "remediation", "mine", "kube-remedy.io/author=root")
	require.NoError(t, err)
	require.Equal(t, "owner", author(), "and it never changes")
}

// TestAuditLogTellsWhatWasDone reads the API server's own audit log.
func TestAuditLogTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.declareMore()
	w.apply()
	text, err := os.ReadFile(cluster.AuditLog())
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"mutate.kube-remedy.io/remediation"`) || !strings.Contains(line, `"namespace":"`+w.namespace+`"`) {
			continue
		}
		var event struct{ Annotations map[string]string }
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		require.Equal(t, "more-memory@1", event.Annotations["mutate.kube-remedy.io/remediation"])
		require.Equal(t, "OOMKilled", event.Annotations["mutate.kube-remedy.io/failure-type"])
		require.Equal(t, "100", event.Annotations["mutate.kube-remedy.io/confidence"])
		require.Equal(t, "spec.template.spec.containers[name=app].resources.limits.memory,spec.template.spec.containers[name=app].resources.requests.memory",
			event.Annotations["mutate.kube-remedy.io/fields"])
		return
	}
	require.Fail(t, "the API server's audit log does not say what the webhook did")
}
