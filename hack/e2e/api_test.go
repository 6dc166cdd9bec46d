package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheAPIServerRefusesRemediationsThatMakeNoSense sends Remediations to the real API server, whose schema
// and rules are all that stands between a person's typing and the webhook.
func TestTheAPIServerRefusesRemediationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	const good = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: by-hand, namespace: default}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  failureType: OOMKilled
  actions:
  - increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}
`
	for _, test := range []struct {
		name, from, to string
		refused        string // part of the message; empty when it is taken
	}{
		{"one that makes sense is taken", "", "", ""},
		{"a limit below the one that failed", "limit: 256Mi", "limit: 64Mi", "limit greater than failedLimit"},
		{"amounts are compared, not texts", "limit: 256Mi", "limit: 1Gi", ""},
		{"a limit that failed of zero", "failedLimit: 128Mi", `failedLimit: "0"`, "failedLimit must be greater than zero"},
		{"a request above the limit", "request: 256Mi", "request: 1Gi", "request can't be greater than limit"},
		{"a quantity that is none", "limit: 256Mi", "limit: lots", "spec.actions[0].increaseMemory.limit"},
		{"a quantity that nothing can be computed with", "limit: 256Mi", `limit: "1e999999999"`, "spec.actions[0].increaseMemory.limit"},
		{"a request that nothing can be computed with", "request: 256Mi", `request: "1E-999999999"`, "spec.actions[0].increaseMemory.request"},
		{"an exponent that somebody may mean", "limit: 256Mi", `limit: "1e9"`, ""},
		{"an empty action", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}", "{}", "at least 1 properties"},
		{"an action outside of the closed set", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}", "setPrivileged: {container: app}", `unknown field "spec.actions[0].setPrivileged"`},
		{"a kind that is not healed", "kind: Deployment,", "kind: Secret,", "spec.targetRef: Secret of apps/v1 is no kind that is healed"},
		{"a name and a prefix of names", "name: web}", "name: web, generateName: web-}", "give one of name, generateName and appName"},
		{"no name at all", ", name: web}", "}", "give one of name, generateName and appName"},
		{"a prefix of names", "name: web}", "generateName: web-}", ""},
		{"an app", "{apiVersion: apps/v1, kind: Deployment, name: web}", "{apiVersion: v1, kind: Pod, appName: My_worker.2}", ""},
		{"an app and a prefix of names", "{apiVersion: apps/v1, kind: Deployment, name: web}", "{apiVersion: v1, kind: Pod, appName: worker, generateName: worker-}", "give one of name, generateName and appName"},
		{"an app of what is no pod", "name: web}", "appName: web}", "appName is for pods"},
		{"an app of another group's pod", "{apiVersion: apps/v1, kind: Deployment, name: web}", "{apiVersion: example.org/v1, kind: Pod, appName: web}", "appName is for pods"},
		{"an app that is no value of a label", "{apiVersion: apps/v1, kind: Deployment, name: web}", "{apiVersion: v1, kind: Pod, appName: worker-}", "spec.targetRef.appName"},
		{"an image of another registry", "increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 256Mi}", "fixImage: {container: app, image: 'ghcr.io/shop/web:1', replacement: 'evil.example/shop/web:1', source: Tag}", "registry"},
		{"a target that is no name", "name: web}", "name: ../web}", "spec.targetRef.name"},
		{"a failure type that does not exist", "failureType: OOMKilled", "failureType: Tired", `Unsupported value: "Tired"`},
		{"a container that is no name", "container: app", "container: App", "spec.actions[0].increaseMemory.container"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := pair.Kubectl(t.Context(), strings.Replace(good, test.from, test.to, 1), "create", "--dry-run=server", "-f", "-")
			if test.refused == "" {
				require.NoError(t, err, out)
				return
			}
			require.ErrorContains(t, err, test.refused)
		})
	}
}

// TestRemediationsAreSelectedByTarget uses the selectable fields and the short name.
func TestRemediationsAreSelectedByTarget(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{})
	w.learn()
	require.Contains(t, w.run("get", "rem", "--field-selector=spec.targetRef.kind=Deployment,spec.targetRef.name=web"), "deployment-web-oomkilled-app")
	require.Contains(t, w.run("get", "rem", "--field-selector=spec.targetRef.name=api"), "No resources found")
	require.Regexp(t, `NAME +TARGET +FAILURE +CAUSE +CONFIDENCE +PHASE +AGE`, w.run("get", "rem"))
}

// TestThePairHasNoMoreRightsThanItNeeds asks the API server what the pair's accounts may do.
func TestThePairHasNoMoreRightsThanItNeeds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		account, verb, resource string
		may                     bool
	}{
		{"kube-remedy-webhook", "list", "remediations.kube-remedy.io", true},
		{"kube-remedy-webhook", "create", "remediations.kube-remedy.io", false},
		{"kube-remedy-webhook", "patch", "deployments.apps", false},
		{"kube-remedy-webhook", "list", "secrets", false},
		{"kube-remedy-webhook", "list", "namespaces", true},
		{"kube-remedy-webhook", "patch", "namespaces", false},
		{"kube-remedy-webhook", "list", "pods", false},
		{"kube-remedy-eventwatcher", "patch", "deployments.apps", true},
		{"kube-remedy-eventwatcher", "delete", "pods", false},
		{"kube-remedy-eventwatcher", "list", "secrets", true}, // by a role of its own, which can be left out
		{"kube-remedy-eventwatcher", "patch", "secrets", false},
		{"kube-remedy-eventwatcher", "patch", "configmaps", false},
		{"kube-remedy-eventwatcher", "patch", "nodes", false},
		{"kube-remedy-eventwatcher", "get", "pods/log", true}, // likewise
		{"kube-remedy-eventwatcher", "create", "pods/exec", false},
		{"kube-remedy-eventwatcher", "get", "leases.coordination.k8s.io", false}, // but in two namespaces
	} {
		resource, sub, _ := strings.Cut(test.resource, "/")
		out, err := pair.Kubectl(t.Context(), "", "auth", "can-i", test.verb, resource, "--subresource="+sub, "-A", "--as=system:serviceaccount:kube-remedy-system:"+test.account)
		if test.may {
			require.NoError(t, err, "%s may not %s %s", test.account, test.verb, test.resource)
			continue
		}
		require.Contains(t, out, "no", "%s may %s %s", test.account, test.verb, test.resource)
		require.Error(t, err)
	}
}
