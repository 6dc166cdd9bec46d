package plugin_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what was got as what is wanted")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

const (
	verified = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: deployment-web-oomkilled-app, namespace: shop, creationTimestamp: "2026-03-01T09:00:00Z", labels: {team: shop}}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  failureType: OOMKilled
  mode: Heal
  actions: [{increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 128Mi}}]
status:
  phase: Verified
  target: Deployment/web
  learnedAt: "2026-03-01T09:00:00Z"
  diagnosis:
    rootCauseID: memory-limit-too-low
    rootCause: "container app needs more memory than its limit of 128Mi: the kernel killed it 1s after its start"
    confidence: 92
    riskLevel: CRITICAL
    evidence:
    - {source: pod/web-1 container app, text: "terminated: reason OOMKilled, exit code 137", time: "2026-03-01T08:59:00Z"}
    - {source: pod/web-1 container app, text: resources.limits.memory is 128Mi}
    suggestedFixes: [{priority: PRIMARY, action: increaseMemory, description: raise the memory limit of 128Mi, remedy: true}]
  observed: {occurrences: 3, firstSeen: "2026-03-01T08:50:00Z", lastSeen: "2026-03-01T08:59:00Z"}
  outcome: {attempt: 1, appliedAt: "2026-03-01T09:10:00Z", verifiedAt: "2026-03-01T09:12:00Z"}
`
	suggested = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata:
  name: deployment-cart-imagepullbackoff-app
  namespace: shop
  creationTimestamp: "2026-03-01T11:00:00Z"
  annotations: {kube-remedy.io/author: alice}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
  failureType: ImagePullBackOff
  mode: Suggest
  actions: [{fixImage: {container: app, image: "shop/cart:1.4.9", replacement: "shop/cart:1.4.2", source: Tag}}]
status:
  phase: Learned
  learnedAt: "2026-03-01T11:00:00Z"
  diagnosis:
    rootCauseID: image-tag-missing
    rootCause: the registry has no tag 1.4.9 of shop/cart
    confidence: 88
    riskLevel: CRITICAL
    evidence: [{source: event about pod/cart-1, text: "Failed: manifest unknown"}]
  observed: {occurrences: 4, firstSeen: "2026-03-01T10:50:00Z", lastSeen: "2026-03-01T10:59:00Z"}
  outcome: {attempt: 1}
`
	// withdrawn was tried once in vain, held, and was taken back because another failure began with it; api carries it.
	withdrawn = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: deployment-api-oomkilled-app, namespace: shop, creationTimestamp: "2026-02-27T09:00:00Z"}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
  failureType: OOMKilled
  mode: Heal
  actions: [{increaseMemory: {container: app, failedLimit: 256Mi, limit: 512Mi}}]
status:
  phase: Failed
  learnedAt: "2026-02-28T09:00:00Z"
  diagnosis:
    rootCauseID: memory-limit-too-low
    rootCause: container app needs more memory than its limit of 256Mi
    confidence: 92
    riskLevel: CRITICAL
    evidence: [{source: pod/api-1 container app, text: "terminated: reason OOMKilled, exit code 137"}]
  observed: {occurrences: 6, firstSeen: "2026-02-27T08:50:00Z", lastSeen: "2026-02-28T08:59:00Z"}
  outcome: {attempt: 2, appliedAt: "2026-02-28T09:10:00Z", withdrawn: "Pending: the quota small has no room"}
  tried: [{attempt: 1, rootCauseID: memory-limit-too-low, action: increaseMemory, held: false}]
  conditions:
  - {type: Applied, status: "False", reason: Failed, message: taken back, lastTransitionTime: "2026-02-28T09:20:00Z"}
  - {type: Verified, status: "False", reason: Failed, message: taken back, lastTransitionTime: "2026-02-27T09:00:00Z"}
`
	api = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
  annotations:
    kube-remedy.io/remediations: deployment-api-oomkilled-app@2
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"api","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"name":"app","image":"a","resources":{"limits":{"memory":"128Mi"}}}]}}}}'
spec:
  template:
    spec: {containers: [{name: app, image: a, resources: {limits: {memory: 512Mi}}}]}
`
	uncured = `
apiVersion: kube-remedy.io/v1alpha1
kind: Remediation
metadata: {name: job-migrate-crashloopbackoff, namespace: bank, creationTimestamp: "2026-02-28T12:00:00Z"}
spec:
  targetRef: {apiVersion: batch/v1, kind: Job, name: migrate}
  failureType: CrashLoopBackOff
  mode: Suggest
status:
  phase: Learned
  learnedAt: "2026-02-28T12:00:00Z"
  diagnosis:
    rootCauseID: missing-secret
    rootCause: secret db is not there
    confidence: 97
    riskLevel: HIGH
    evidence: [{source: event about pod/migrate-1, text: 'Error: secret "db" not found'}]
    suggestedFixes:
    - {priority: PRIMARY, description: create secret db}
    - {priority: SECONDARY, description: correct its name in the manifest}
  observed: {occurrences: 14, firstSeen: "2026-02-28T12:00:00Z", lastSeen: "2026-03-01T11:59:00Z", failing: {container: app}}
`
	// web is what kubectl apply kept of a Deployment that the webhook healed since.
	web = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: deployment-web
  generation: 2
  annotations:
    kube-remedy.io/remediations: deployment-web-oomkilled-app@1
    kube-remedy.io/audit: '[{"failure_type":"OOMKilled","root_cause":"","confidence":92,"evidence":[],"modifications":[{"field":"spec.template.spec.containers[name=app].resources.limits.memory","container":"app","old_value":"128Mi","new_value":"256Mi"},{"field":"spec.template.spec.containers[name=app].resources.requests.memory","container":"app","old_value":"64Mi","new_value":"128Mi"}],"risk_level":"CRITICAL","timestamp":"2026-03-01T09:00:00Z"}]'
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web","namespace":"shop"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"shop/web:1","name":"app","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"64Mi"}}}]}}}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {kube-remedy.io/remediations: deployment-web-oomkilled-app@1}}
    spec:
      containers: [{name: app, image: "shop/web:1", resources: {limits: {memory: 256Mi}, requests: {memory: 128Mi}}}]
`
	cart = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, uid: deployment-cart}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: app, image: "shop/cart:1.4.9"}]}
`
	shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
`
)

func TestListIsAlignedAsKubectlDoes(t *testing.T) {
	s := serve(t, verified, suggested, uncured)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"list.txt", []string{"list"}},
		{"list-all-wide.txt", []string{"ls", "-A", "-o", "wide"}},
		{"list-names.txt", []string{"list", "-A", "-o", "name"}},
		{"list-label.txt", []string{"list", "-l", "team=shop", "--no-headers"}},
		{"list-workload.txt", []string{"list", "deploy/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := s.on(test.args...)
			require.NoError(t, err)
			require.Empty(t, errs)
			golden(t, test.name, out)
		})
	}
}

func TestListGivesProgramsTheObjects(t *testing.T) {
	s := serve(t, verified, suggested)
	out, _, err := s.on("list", "-o", "json")
	require.NoError(t, err)
	var list struct {
		Kind  string
		Items []struct {
			Kind     string
			Metadata struct{ Name string }
			Status   struct{ Phase string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, "List", list.Kind)
	require.Len(t, list.Items, 2)
	require.Equal(t, "Remediation", list.Items[1].Kind)
	require.Equal(t, "Verified", list.Items[1].Status.Phase)
	out, _, err = s.on("list", "-o", `jsonpath={.items[*].metadata.name}`)
	require.NoError(t, err)
	require.Equal(t, "deployment-cart-imagepullbackoff-app deployment-web-oomkilled-app", out)
}

func TestWhatIsMissingIsToldWithTheWayOut(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		with func(*apiServer)
		err  string
	}{
		{"nothing is installed", []string{"list"}, func(s *apiServer) { s.absent["remediations"] = true }, "kubectl remedy status"},
		{"all namespaces are forbidden", []string{"list", "-A"}, func(s *apiServer) { s.forbidden["remediations"] = true }, "name one with -n"},
		{"a name that is not there", []string{"explain", "nothing"}, nil, `there is no remediation "nothing" in namespace shop; kubectl remedy list -n shop shows those that there are`},
		{"a workload that nothing is known of", []string{"explain", "deploy/api"}, nil, "nothing was learned about deploy/api in namespace shop; kubectl remedy diagnose deploy/api -n shop looks at it now"},
		{"a type that is not there", []string{"explain", "wombat/api"}, nil, `the server doesn't have a resource type "wombat"`},
		{"a type without workloads", []string{"explain", "node/a"}, nil, "node/a is no workload"},
		{"half a name", []string{"explain", "deploy/"}, nil, `"deploy/" is not TYPE/NAME, as deployment/web`},
		{"an object that is not there", []string{"opt-out", "deploy/api"}, nil, "there is no deploy/api in namespace shop"},
		{"no type", []string{"reapply", "web"}, nil, `"web" names no type; write TYPE/NAME, as deployment/web`},
		{"an output that there is not", []string{"list", "-o", "xml"}, nil, "--output: unable to match a printer"},
		{"nothing to approve", []string{"approve", "job-migrate-crashloopbackoff", "-n", "bank"}, nil, "has no actions that could be applied; kubectl remedy explain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, verified, strings.ReplaceAll(uncured, "namespace: bank", "namespace: shop"))
			if test.with != nil {
				test.with(s)
			}
			_, _, err := s.on(test.args...)
			require.ErrorContains(t, err, test.err)
			require.Empty(t, s.written())
		})
	}
}

func TestNoRemediationsIsNoError(t *testing.T) {
	out, errs, err := serve(t).on("list")
	require.NoError(t, err)
	require.Empty(t, out)
	require.Equal(t, "No remediations found in shop namespace.\n", errs)
}

func TestCompletionOffersNamesAndTypes(t *testing.T) {
	s := serve(t, verified, suggested, web, cart, shop)
	out := s.complete("explain", "deployment")
	require.Contains(t, out, "deployment/\n")
	require.Contains(t, out, "deployment-web-oomkilled-app\n")
	out = s.complete("reapply", "deployment/w")
	require.Contains(t, out, "deployment/web\n")
	require.NotContains(t, out, "cart")
	require.Contains(t, s.complete("list", "--namespace", "sh"), "shop\n")
	require.Contains(t, s.complete("opt-out", "name"), "namespace/\n")
}
