package plugin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// kubelet plays controllers and kubelet for Deployment web: its pod is OOM-killed below a limit.
type kubelet struct {
	*apiServer
	enough string
	before int                // restarts of pods that run
	learn  func(limit string) // what the event watcher does about a failure
}

func (k *kubelet) step(now time.Time) {
	live := k.get("apps/v1", "shop", "deployments", "web")
	if live == nil {
		return
	}
	containers, _, _ := unstructured.NestedSlice(live, "spec", "template", "spec", "containers")
	resources, _ := containers[0].(map[string]any)["resources"].(map[string]any)
	limit := resources["limits"].(map[string]any)["memory"].(string)
	runs := limit == k.enough
	hash := strings.ToLower(limit)
	available, state := 0, fmt.Sprintf(`{waiting: {reason: CrashLoopBackOff}}, restartCount: 2, lastState: {terminated: {reason: OOMKilled, exitCode: 137, startedAt: %q, finishedAt: %q}}`,
		now.Add(-3*time.Second).Format(time.RFC3339), now.Add(-2*time.Second).Format(time.RFC3339))
	if runs {
		available, state = 1, fmt.Sprintf("{running: {}}, ready: true, restartCount: %d", k.before)
	}
	k.mu.Lock()
	live["status"] = map[string]any{"replicas": 1, "updatedReplicas": 1, "availableReplicas": available, "observedGeneration": live["metadata"].(map[string]any)["generation"]}
	k.mu.Unlock()
	annotations := unstructured.Unstructured{Object: live}
	all := annotations.GetAnnotations()
	if all == nil {
		all = map[string]string{}
	}
	all["deployment.kubernetes.io/revision"] = hash
	k.mu.Lock()
	annotations.SetAnnotations(all)
	k.mu.Unlock()
	k.put(fmt.Sprintf(`
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-%[1]s
  namespace: shop
  labels: {app: web, pod-template-hash: %[1]s}
  annotations: {deployment.kubernetes.io/revision: %[1]s}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: deployments-web, controller: true}]
spec: {replicas: 1}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-%[1]s-abcde
  namespace: shop
  creationTimestamp: "2026-03-01T12:00:00Z"
  labels: {app: web, pod-template-hash: %[1]s}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-%[1]s, uid: replicaset-web-%[1]s, controller: true}]
spec: {nodeName: a, containers: [{name: app, image: "shop/web:1", resources: {limits: {memory: %[2]s}, requests: {memory: 64Mi}}}]}
status:
  phase: Running
  conditions: [{type: Ready, status: %[4]q}]
  containerStatuses: [{name: app, state: %[3]s}]
`, hash, limit, state, map[bool]string{true: "True", false: "False"}[runs]))
	if !runs && k.learn != nil {
		k.learn(limit)
	}
}

const applied = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "shop/web:1", resources: {limits: {memory: 128Mi}, requests: {memory: 64Mi}}}]}
`

func manifestFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yaml")
	require.NoError(t, os.WriteFile(path, []byte(applied), 0o600))
	return path
}

func TestApplyLocalHealsUntilItRuns(t *testing.T) {
	k := &kubelet{apiServer: serve(t, shop), enough: "512Mi"}
	out, errs, err := k.with("", k.step, "apply", "-f", manifestFile(t), "--local", "-o", "json")
	require.NoError(t, err, errs)
	golden(t, "apply-local.json", out)
	for _, write := range k.written() {
		require.Equal(t, "kubectl", write.manager)
		require.Equal(t, "application/apply-patch+yaml", write.kind)
	}
}

// TestTheReportHasExactlyTheShapeThatWasPromised compares the members of all objects.
func TestTheReportHasExactlyTheShapeThatWasPromised(t *testing.T) {
	k := &kubelet{apiServer: serve(t, shop), enough: "256Mi"}
	out, _, err := k.with("", k.step, "apply", "-f", manifestFile(t), "--local", "-o", "json")
	require.NoError(t, err)
	var report map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.ElementsMatch(t, []string{"final_status", "total_attempts", "execution_time_seconds", "attempts", "healing_audit_trail"}, names(report))
	first := report["attempts"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"attempt_number", "deployment_status", "healing_applied", "remediation_details", "result"}, names(first))
	require.ElementsMatch(t, []string{"failure_type", "root_cause", "modifications", "risk_level"}, names(first["remediation_details"].(map[string]any)))
	record := report["healing_audit_trail"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{"failure_type", "root_cause", "confidence", "evidence", "modifications", "risk_level", "timestamp"}, names(record))
}

func names(value map[string]any) []string {
	var all []string
	for name := range value {
		all = append(all, name)
	}
	return all
}

func TestApplyWaitsForWhatTheWatcherLearns(t *testing.T) {
	k := &kubelet{apiServer: serve(t, shop), enough: "256Mi"}
	k.admit = k.heal
	k.learn = func(string) { k.put(strings.Replace(verified, "phase: Verified", "phase: Learned", 1)) }
	out, errs, err := k.with("", k.step, "apply", "-f", manifestFile(t))
	require.NoError(t, err, errs)
	golden(t, "apply-webhook.txt", out)
	require.Contains(t, errs, "Warning: kube-remedy: healed deployment-web-oomkilled-app\n")
}

func TestApplyGivesUpAndSaysWhy(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		objects []string
		says    []string
	}{
		{"nothing is enough", []string{"--local"}, []string{shop}, []string{"FAILED after 4 attempts", "no retries are left"}},
		{"the namespace opted out", []string{"--local", "--max-retries", "1"}, []string{"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {kube-remedy.io/mode: \"off\"}}"}, []string{"annotation kube-remedy.io/mode of the namespace is off", "FAILED after 2 attempts"}},
		{"the namespace wants suggestions", []string{"--local", "--max-retries", "1"}, []string{"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {kube-remedy.io/mode: suggest}}"}, []string{"app memory limit 128Mi → 256Mi is only suggested: annotation kube-remedy.io/mode of the namespace is suggest", "FAILED after 2 attempts"}},
		{"the namespace wants other failures healed", []string{"--local", "--max-retries", "1"}, []string{"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {kube-remedy.io/failure-types: Pending}}"}, []string{"annotation kube-remedy.io/failure-types of the namespace allows Pending only", "FAILED after 2 attempts"}},
		{"nothing is learned", []string{"--max-retries", "1"}, []string{shop}, []string{"none was learned within 30s; kubectl remedy status shows whether the event watcher runs"}},
		{"there is no time", []string{"--local", "--timeout", "2s"}, []string{shop}, []string{"FAILED after 1 attempt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := &kubelet{apiServer: serve(t, test.objects...), enough: "1Ti"}
			out, _, err := k.with("", k.step, append([]string{"apply", "-f", manifestFile(t)}, test.args...)...)
			require.Equal(t, plugin.Exit{Status: 1}, err)
			for _, words := range test.says {
				require.Contains(t, out, words)
			}
		})
	}
}

func TestApplyWithoutAnInstallationSaysSo(t *testing.T) {
	s := serve(t, shop)
	s.absent["remediations"] = true
	_, _, err := s.on("apply", "-f", manifestFile(t))
	require.ErrorContains(t, err, "apply --local work without it")
	require.Empty(t, s.written())
	_, _, err = s.on("apply")
	require.EqualError(t, err, "--filename is needed: a manifest to apply, or - for standard input")
}

func TestDiagnoseLooksAtTheCluster(t *testing.T) {
	k := &kubelet{apiServer: serve(t, shop, applied), enough: "1Ti"}
	k.get("apps/v1", "shop", "deployments", "web")["metadata"].(map[string]any)["uid"] = "deployments-web"
	k.logs["web-128mi-abcde/app previous"] = "loading the catalogue\n"
	k.step(noon)
	for _, args := range [][]string{{"diagnose", "deploy/web"}, {"diagnose", "pod/web-128mi-abcde"}, {"diagnose", "-A"}, {"diagnose", "-n", "shop"}} {
		out, errs, err := k.on(args...)
		require.NoError(t, err, args)
		require.Empty(t, errs, args)
		require.Contains(t, out, "OOMKilled: Deployment/web in namespace shop, container app\n", args)
	}
	for _, resource := range []string{"events", "nodes", "pods/log", "resourcequotas"} {
		k.forbidden[resource] = true
	}
	out, errs, err := k.on("diagnose", "deploy/web", "-o", "json")
	require.NoError(t, err)
	require.Contains(t, out, `"failure_type": "OOMKilled"`)
	for _, note := range []string{
		"note: you may not list events in namespace shop: left out\n", "note: you may not read nodes: left out\n",
		"note: you may not read logs in namespace shop: left out\n", "note: you may not list resourcequotas in namespace shop: left out\n",
	} {
		require.Contains(t, errs, note)
	}
	_, _, err = k.on("diagnose", "-f", "-", "deploy/web")
	require.ErrorContains(t, err, "--filename is for text")
}

// TestRestartsFromBeforeAreNoFailure: a pod that was restarted last week runs.
func TestRestartsFromBeforeAreNoFailure(t *testing.T) {
	k := &kubelet{apiServer: serve(t, shop, strings.Replace(applied, "namespace: shop", "namespace: shop, uid: deployments-web", 1)), enough: "128Mi", before: 5}
	k.step(noon)
	out, errs, err := k.with("", k.step, "apply", "-f", manifestFile(t), "--local")
	require.NoError(t, err, errs)
	require.Contains(t, out, "SUCCESS after 1 attempt in")
}

// TestApplyTakesOverFromClientSideApply: otherwise the first apply of a changed manifest ends in a conflict.
func TestApplyTakesOverFromClientSideApply(t *testing.T) {
	owned := `namespace: shop, uid: deployments-web, resourceVersion: "1", annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"metadata":{"name":"web"},"spec":{}}'}, managedFields: [{manager: kubectl-client-side-apply, operation: Update, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}}}}]`
	k := &kubelet{apiServer: serve(t, shop, strings.Replace(applied, "namespace: shop", owned, 1)), enough: "128Mi"}
	_, errs, err := k.with("", k.step, "apply", "-f", manifestFile(t), "--local")
	require.NoError(t, err, errs)
	var kinds, managers []string
	for _, write := range k.written() {
		kinds, managers = append(kinds, write.kind), append(managers, write.manager)
	}
	require.Equal(t, []string{"application/json-patch+json", "application/apply-patch+yaml", "application/merge-patch+json"}, kinds)
	require.Equal(t, []string{"", "kubectl", "kubectl-last-applied"}, managers)
}

func TestEventsAboutPodsThatAreGoneAreNoFailure(t *testing.T) {
	s := serve(t, shop, strings.Replace(applied, "replicas: 1", "replicas: 0", 1), `
apiVersion: v1
kind: Event
metadata: {name: e, namespace: shop}
involvedObject: {kind: Pod, namespace: shop, name: web-84d86c58db-f8tjv, fieldPath: "spec.containers{app}"}
type: Warning
reason: BackOff
message: Back-off restarting failed container app in pod web-84d86c58db-f8tjv_shop
count: 19
lastTimestamp: "2026-03-01T11:59:00Z"
`)
	out, _, err := s.on("diagnose", "-n", "shop")
	require.NoError(t, err)
	require.Equal(t, "No failure found.\n", out)
}

// TestDiagnoseReadsTheLeaseOfALostNode asks since when the kubelet of a pod's node is silent, where one may.
func TestDiagnoseReadsTheLeaseOfALostNode(t *testing.T) {
	s := serve(t, shop, `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, creationTimestamp: "2026-03-01T10:00:00Z"}
spec: {nodeName: one, containers: [{name: app, image: "web:1"}]}
status: {phase: Running, containerStatuses: [{name: app, ready: true, state: {running: {startedAt: "2026-03-01T10:00:00Z"}}}]}
---
apiVersion: v1
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown, lastTransitionTime: "2026-03-01T11:57:30Z", message: Kubelet stopped posting node status.}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: one, namespace: kube-node-lease}
spec: {holderIdentity: one, renewTime: "2026-03-01T11:56:48.000000Z"}
`)
	for _, args := range [][]string{{"diagnose", "pod/web", "-n", "shop"}, {"diagnose", "-n", "shop"}} {
		out, errs, err := s.on(args...)
		require.NoError(t, err)
		require.Empty(t, errs)
		require.Contains(t, out, "its kubelet last renewed its lease 3m12s ago", args)
	}
	s.forbidden["leases"] = true
	out, errs, err := s.on("diagnose", "pod/web", "-n", "shop")
	require.NoError(t, err)
	require.Contains(t, errs, "note: you may not read leases in namespace kube-node-lease: left out\n")
	require.Contains(t, out, "kubelet-silent")
}
