package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestExplainTellsTheStory(t *testing.T) {
	s := serve(t, verified, suggested, strings.ReplaceAll(uncured, "namespace: bank", "namespace: shop"), withdrawn, api, web, cart, shop)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"explain-verified.txt", []string{"explain", "deployment/web"}},
		{"explain-suggested.txt", []string{"explain", "remediation.kube-remedy.io/deployment-cart-imagepullbackoff-app"}},
		{"explain-withdrawn.txt", []string{"explain", "deploy/api"}},
		{"explain-uncured.txt", []string{"explain", "job/migrate"}},
		{"explain.json", []string{"explain", "deployment-web-oomkilled-app", "-o", "json"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := s.on(test.args...)
			require.NoError(t, err)
			require.Empty(t, errs)
			golden(t, test.name, out)
		})
	}
}

func TestALogDoesNotTellTheTerminalWhatToDo(t *testing.T) {
	out, _, err := serve(t, strings.NewReplacer("terminated: reason OOMKilled", `a\x1b[2J\nb\r`, "rootCause: container app needs", `rootCause: "\x1b]0;x needs`, "limit of 256Mi\n", "limit of 256Mi\"\n").Replace(withdrawn), api).on("explain", "deploy/api")
	require.NoError(t, err)
	require.Contains(t, out, "  Why      \ufffd]0;x needs more memory")
	require.Contains(t, out, "“a\ufffd[2J ⏎ b\ufffd, exit code 137”")
}

func TestWhatIsNotCarriedAnyMoreNeedsNoUndoing(t *testing.T) {
	s := serve(t, withdrawn, strings.Replace(api, "deployment-api-oomkilled-app@2", "another@1", 1), shop)
	out, _, err := s.on("explain", "deploy/api")
	require.NoError(t, err)
	require.Contains(t, out, "  Undo     nothing: the workload does not carry it\n")
}

func TestAPodsStoryIsThatOfItsOwner(t *testing.T) {
	s := serve(t, verified, web, `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-5d, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: deployment-web, controller: true}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-5d-abcde, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, uid: replicaset-web-5d, controller: true}]}
`)
	out, _, err := s.on("explain", "pod/web-5d-abcde")
	require.NoError(t, err)
	require.Contains(t, out, "deployment-web-oomkilled-app")
}

func TestApprovingSaysWhatTheNextApplyDoes(t *testing.T) {
	s := serve(t, suggested, cart, shop)
	out, _, err := s.on("approve", "deployment-cart-imagepullbackoff-app")
	require.NoError(t, err)
	golden(t, "approve.txt", out)
	require.Equal(t, "Heal", s.get("kube-remedy.io/v1alpha1", "shop", "remediations", "deployment-cart-imagepullbackoff-app")["spec"].(map[string]any)["mode"])
	require.Equal(t, []write{{
		path: "/apis/kube-remedy.io/v1alpha1/namespaces/shop/remediations/deployment-cart-imagepullbackoff-app", manager: "kubectl-remedy",
		kind: "application/merge-patch+json", body: map[string]any{"spec": map[string]any{"mode": "Heal"}},
	}}, s.written())
	out, _, err = s.on("approve", "deployment-cart-imagepullbackoff-app")
	require.NoError(t, err)
	require.Contains(t, out, "unchanged: its mode is Heal already")
	require.Len(t, s.written(), 1)
}

func TestApprovingSaysWhatIsInTheWay(t *testing.T) {
	s := serve(t, suggested, cart, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {kube-remedy.io/mode: \"off\"}}")
	out, _, err := s.on("approve", "deploy/cart", "--dry-run=server")
	require.NoError(t, err)
	require.Contains(t, out, "approved (server dry run)")
	require.Contains(t, out, "annotation kube-remedy.io/mode of the namespace is off: nothing is changed until: kubectl remedy opt-in deploy/cart -n shop")
	require.Empty(t, s.written())
}

func TestRejectingSaysWhatIsUndone(t *testing.T) {
	s := serve(t, verified, web, shop)
	out, _, err := s.on("reject", "deployment-web-oomkilled-app")
	require.NoError(t, err)
	golden(t, "reject.txt", out)
}

// heal is a webhook for these tests: it puts the Remediations in that are to heal, as the real one does.
func (s *apiServer) heal(manager string, object map[string]any) []string {
	if manager != "kubectl-client-side-apply" && manager != "kubectl" || object["kind"] != "Deployment" {
		return nil
	}
	live := unstructured.Unstructured{Object: object}
	annotations := live.GetAnnotations()
	delete(annotations, v1alpha1.RemediationsAnnotation)
	delete(annotations, v1alpha1.AuditAnnotation)
	live.SetAnnotations(annotations)
	unstructured.RemoveNestedField(object, "spec", "template", "metadata", "annotations", v1alpha1.RemediationsAnnotation)
	var warnings []string
	for _, value := range s.objects {
		var remediation v1alpha1.Remediation
		raw, err := json.Marshal(value)
		require.NoError(s.t, err)
		if value["kind"] != "Remediation" || json.Unmarshal(raw, &remediation) != nil || remediation.Spec.Mode != v1alpha1.Heal ||
			!remediation.InForce() || remediation.Spec.TargetRef.Name != live.GetName() {
			continue
		}
		resolved := remedy.Resolve(remediation.Spec.Actions, object)
		if resolved.Fit == remedy.Changes {
			patch, err := json.Marshal(resolved.Operations)
			require.NoError(s.t, err)
			after, err := s.patched(object, patch, write{kind: "application/json-patch+json"})
			require.NoError(s.t, err)
			for name, member := range after {
				object[name] = member
			}
		}
		annotations := live.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[v1alpha1.RemediationsAnnotation] = remediation.Mark()
		record, err := json.Marshal([]map[string]any{{
			"failure_type": remediation.Spec.FailureType, "root_cause": remediation.Status.Diagnosis.RootCause, "confidence": remediation.Status.Diagnosis.Confidence,
			"evidence": []string{}, "modifications": resolved.Modifications, "risk_level": remediation.Status.Diagnosis.RiskLevel,
			"timestamp": remediation.Status.LearnedAt.UTC().Format(time.RFC3339),
		}})
		require.NoError(s.t, err)
		annotations[v1alpha1.AuditAnnotation] = string(record)
		live.SetAnnotations(annotations)
		require.NoError(s.t, unstructured.SetNestedField(object, remediation.Mark(), "spec", "template", "metadata", "annotations", v1alpha1.RemediationsAnnotation))
		warnings = append(warnings, "kube-remedy: healed "+remediation.Name)
	}
	return warnings
}

func TestRollbackReturnsTheWorkloadToItsOwner(t *testing.T) {
	s := serve(t, verified, web, shop)
	s.admit = s.heal
	out, _, err := s.on("rollback", "deployment-web-oomkilled-app", "--reapply")
	require.NoError(t, err)
	golden(t, "rollback.txt", out)
	limit, _, _ := unstructured.NestedSlice(s.get("apps/v1", "shop", "deployments", "web"), "spec", "template", "spec", "containers")
	require.Equal(t, map[string]any{"limits": map[string]any{"memory": "128Mi"}, "requests": map[string]any{"memory": "64Mi"}}, limit[0].(map[string]any)["resources"])
	writes := s.written()
	require.Len(t, writes, 2)
	require.Equal(t, "kubectl-client-side-apply", writes[1].manager)
}

// TestAllCuresOfAWorkloadAreRolledBackTogether: the one that is not carried hides none that is.
func TestAllCuresOfAWorkloadAreRolledBackTogether(t *testing.T) {
	s := serve(t, verified, web, shop, strings.NewReplacer("deployment-web-oomkilled-app", "web-later", "OOMKilled", "ProbeFailure").Replace(verified))
	s.admit = s.heal
	out, _, err := s.on("rollback", "deploy/web", "--reapply")
	require.NoError(t, err)
	require.Contains(t, out, "deployment.apps/web reapplied\n")
	live := unstructured.Unstructured{Object: s.get("apps/v1", "shop", "deployments", "web")}
	require.Empty(t, live.GetAnnotations()[v1alpha1.RemediationsAnnotation])
}

// TestWhatACureAddedGoesAgain: kubectl apply alone would leave a field that the manifest never had.
func TestWhatACureAddedGoesAgain(t *testing.T) {
	s := serve(t, shop, `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: slow, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  failureType: ProbeFailure
  mode: Suggest
  actions: [{relaxStartup: {container: app, startSeconds: 120}}]
`, `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations:
    kube-remedy.io/remediations: slow@1
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"name":"app","image":"a","livenessProbe":{"httpGet":{"path":"/","port":80},"periodSeconds":10}}]}}}}'
spec:
  template:
    spec:
      containers:
      - {name: app, image: a, livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 10}, startupProbe: {httpGet: {path: /, port: 80}, periodSeconds: 10, failureThreshold: 12}}
`)
	s.admit = s.heal
	_, _, err := s.on("reapply", "deploy/web")
	require.NoError(t, err)
	containers, _, _ := unstructured.NestedSlice(s.get("apps/v1", "shop", "deployments", "web"), "spec", "template", "spec", "containers")
	require.NotContains(t, containers[0], "startupProbe")
	require.Contains(t, containers[0], "livenessProbe")
}

func TestReapplyShowsWarningsAndTheDifferenceFirst(t *testing.T) {
	armed := strings.ReplaceAll(web, "256Mi", "128Mi")
	armed = strings.ReplaceAll(armed, "{memory: 128Mi}}}]\n", "{memory: 64Mi}}}]\n")
	armed = strings.ReplaceAll(armed, "kube-remedy.io/remediations: deployment-web-oomkilled-app@1", "a: b")
	s := serve(t, verified, armed, shop)
	s.admit = s.heal
	out, errs, err := s.on("reapply", "deploy/web", "--dry-run")
	require.NoError(t, err)
	require.Equal(t, "Warning: kube-remedy: healed deployment-web-oomkilled-app\n", errs)
	golden(t, "reapply.txt", out)
	require.Empty(t, s.written())
	_, _, err = s.on("reapply", "deploy/web")
	require.NoError(t, err)
	out, _, err = s.on("reapply", "deploy/web")
	require.NoError(t, err)
	require.Equal(t, "deployment.apps/web unchanged: it is what its manifest comes to at admission\n", out)
}

func TestReapplySaysWhatToDoInstead(t *testing.T) {
	for _, test := range []struct{ name, object, argument, err string }{
		{"applied server-side", strings.Replace(cart, "uid: deployment-cart", "managedFields: [{manager: kubectl, operation: Apply}]", 1), "deploy/cart", "instead: kubectl apply --server-side -f FILE -n shop"},
		{"by Helm", strings.Replace(cart, "uid: deployment-cart", "labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: basket}", 1), "deploy/cart", "instead: helm upgrade basket CHART --reuse-values -n shop"},
		{"by Flux", strings.Replace(cart, "uid: deployment-cart", "managedFields: [{manager: kustomize-controller, operation: Apply}]", 1), "deploy/cart", "instead: flux reconcile kustomization NAME"},
		{"a job", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: shop, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{\"metadata\":{},\"spec\":{}}'}}", "job/j", "delete it and apply its manifest: kubectl delete job/j -n shop"},
		{"a pod of a job", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, ownerReferences: [{kind: Job, name: j, uid: u, apiVersion: batch/v1, controller: true}]}", "pod/p", "kubectl remedy reapply job/j -n shop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, test.object)
			_, _, err := s.on("reapply", test.argument)
			require.ErrorContains(t, err, test.err)
			require.Empty(t, s.written())
		})
	}
}

func TestOptingInAndOut(t *testing.T) {
	s := serve(t, web, shop, verified)
	annotations := func() map[string]string {
		live := unstructured.Unstructured{Object: s.get("apps/v1", "shop", "deployments", "web")}
		kept := map[string]string{}
		for name, value := range live.GetAnnotations() {
			if strings.HasPrefix(name, "kube-remedy.io/") && name != v1alpha1.AuditAnnotation && name != v1alpha1.RemediationsAnnotation {
				kept[name] = value
			}
		}
		return kept
	}
	out, _, err := s.on("opt-in", "deploy/web", "--max-memory", "2Gi", "--failure-types", "OOMKilled,ProbeFailure", "--allow", "assertive")
	require.NoError(t, err)
	golden(t, "opt-in.txt", out)
	require.Equal(t, map[string]string{
		"kube-remedy.io/mode": "heal", "kube-remedy.io/max-memory": "2Gi", "kube-remedy.io/failure-types": "OOMKilled,ProbeFailure", "kube-remedy.io/allow": "assertive",
	}, annotations())
	first := s.written()[0]
	require.Equal(t, "kubectl-remedy", first.manager)
	require.Equal(t, "application/apply-patch+yaml", first.kind)
	require.NotContains(t, first.body, "spec")

	_, _, err = s.on("opt-in", "deploy/web", "--max-memory", "1Gi")
	require.NoError(t, err)
	require.Equal(t, "1Gi", annotations()["kube-remedy.io/max-memory"])
	require.Equal(t, "assertive", annotations()["kube-remedy.io/allow"], "what an earlier call wrote stays")

	out, _, err = s.on("opt-out", "deploy/web")
	require.NoError(t, err)
	require.Equal(t, "off", annotations()["kube-remedy.io/mode"])
	require.Contains(t, out, "it carries deployment-web-oomkilled-app@1 until its next apply")

	_, _, err = s.on("opt-out", "deploy/web", "--clear")
	require.NoError(t, err)
	require.Empty(t, annotations())

	_, _, err = s.on("opt-in", "namespace/shop", "--mode", "suggest")
	require.NoError(t, err)
	require.Equal(t, "suggest", s.get("v1", "", "namespaces", "shop")["metadata"].(map[string]any)["annotations"].(map[string]any)["kube-remedy.io/mode"])
}

func TestAnnotationsThatWouldNotLastAreTold(t *testing.T) {
	s := serve(t, strings.Replace(web, `"annotations":{}`, `"annotations":{"kube-remedy.io/mode":"off"}`, 1), shop)
	_, errs, err := s.on("opt-in", "deploy/web")
	require.NoError(t, err)
	require.Contains(t, errs, "the manifest of deployment.apps/web has kube-remedy.io/mode: off, and its next apply writes that again")
}

func TestValuesThatTheWebhookWouldIgnoreAreRefused(t *testing.T) {
	for _, test := range []struct {
		args []string
		err  string
	}{
		{[]string{"--mode", "on"}, `--mode "on" must be heal or suggest`},
		{[]string{"--failure-types", "OOM"}, `there is no "OOM"; there are OOMKilled`},
		{[]string{"--max-memory", "-1Gi"}, "--max-memory \"-1Gi\" must be a quantity"},
		{[]string{"--allow", "all"}, `--allow "all" must be assertive`},
		{[]string{"--clear", "--allow", "assertive"}, "--clear removes annotations"},
	} {
		_, _, err := serve(t, web).on(append([]string{"opt-in", "deploy/web"}, test.args...)...)
		require.ErrorContains(t, err, test.err)
	}
}
