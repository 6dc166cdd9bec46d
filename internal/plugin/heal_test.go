package plugin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

const shopManifest = `# the shop
apiVersion: v1
kind: ConfigMap
metadata: {name: web-config}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: app   # main
        image: registry.example.com/shop/web:1.4
        resources:
          limits:
            memory: 128Mi # tight
          requests: {memory: 64Mi}
`

const oomKilledPod = `NAME                   READY   STATUS      RESTARTS      AGE
web-7c9f6d8b54-qx2lp   0/1     OOMKilled   4 (30s ago)   5m
`

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestHealChangesOnlyTheLinesThatItMust(t *testing.T) {
	out, errs, err := run(t, oomKilledPod, "heal", "-f", written(t, "web.yaml", shopManifest), "--evidence", "-")
	require.NoError(t, err)
	want := strings.Replace(shopManifest, "memory: 128Mi # tight", "memory: 256Mi # tight", 1)
	want = strings.Replace(want, "{memory: 64Mi}", "{memory: 128Mi}", 1)
	require.Equal(t, want, out)
	require.Contains(t, errs, "healed Deployment/web: app memory limit 128Mi → 256Mi")
	require.Contains(t, errs, "OOMKilled: container app needs more memory than its limit of 128Mi")
}

func TestHealPrintsAPatchThatKubectlTakes(t *testing.T) {
	out, _, err := run(t, oomKilledPod, "heal", "-f", written(t, "web.yaml", shopManifest), "--evidence", "-", "-o", "patch")
	require.NoError(t, err)
	var patch []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &patch))
	require.Equal(t, map[string]any{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/memory", "value": "256Mi"}, patch[0])
}

func TestHealPrintsADiff(t *testing.T) {
	path := written(t, "web.yaml", shopManifest)
	out, _, err := run(t, oomKilledPod, "heal", "-f", path, "--evidence", "-", "-o", "diff")
	require.NoError(t, err)
	require.Contains(t, out, "-            memory: 128Mi # tight\n-          requests: {memory: 64Mi}\n+            memory: 256Mi # tight\n+          requests: {memory: 128Mi}\n")
	require.NotContains(t, out, "\x1b[")
	out, _, err = run(t, oomKilledPod, "heal", "-f", path, "--evidence", "-", "-o", "diff", "--color", "always")
	require.NoError(t, err)
	require.Contains(t, out, "\x1b[32m+            memory: 256Mi # tight\x1b[0m\n")
}

func TestHealTellsProgramsWhatWasFoundAndDone(t *testing.T) {
	out, _, err := run(t, oomKilledPod, "heal", "-f", written(t, "web.yaml", shopManifest), "--evidence", "-", "-o", "json")
	require.NoError(t, err)
	var reports []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &reports))
	require.Len(t, reports, 2)
	require.Equal(t, "ConfigMap", reports[0]["kind"])
	require.Equal(t, false, reports[0]["healed"])
	require.Equal(t, true, reports[1]["healed"])
	trail, ok := reports[1]["healing_audit_trail"].([]any)
	require.True(t, ok)
	require.Len(t, trail, 1)
	record, ok := trail[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, "CRITICAL", record["risk_level"])
	require.Equal(t, "2026-03-01T12:00:00Z", record["timestamp"])
}

func TestHealSaysByItsExitStatusWhatItDid(t *testing.T) {
	const wrongPath = `Name:         web-7c9f6d8b54-qx2lp
Events:
  Type     Reason     Age                 From     Message
  ----     ------     ----                ----     -------
  Warning  Unhealthy  5s (x40 over 10m)   kubelet  Readiness probe failed: HTTP probe failed with statuscode: 404
`
	probed := strings.Replace(shopManifest, "        resources:", "        readinessProbe: {httpGet: {path: /ready, port: 8080}}\n        resources:", 1)
	for _, test := range []struct {
		name, manifest, evidence string
		args                     []string
		status                   int
		says                     string
	}{
		{"suggestions only", probed, wrongPath, nil, 2, "not done: it changes what runs"},
		{"a suggestion that the user lets through", probed, wrongPath, []string{"--assertive"}, 0, "healed Deployment/web"},
		{"nothing that failed", shopManifest, "NAME  READY  STATUS  RESTARTS  AGE\nweb-7c9f6d8b54-qx2lp   1/1   Running   0   5m\n", nil, 3, "no failure found"},
		{"a failure without a remedy", shopManifest, missingSecretOfWeb, nil, 3, "no remedy: "},
		{"a failure of something else", shopManifest, strings.ReplaceAll(oomKilledPod, "web-", "api-"), nil, 3, "is not about any object of the manifest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, errs, err := run(t, test.evidence, append([]string{"heal", "-f", written(t, "web.yaml", test.manifest), "--evidence", "-"}, test.args...)...)
			if test.status == 0 {
				require.NoError(t, err)
			} else {
				var exit plugin.Exit
				require.ErrorAs(t, err, &exit)
				require.Equal(t, test.status, exit.Status)
			}
			require.Contains(t, errs, test.says)
		})
	}
}

func TestHealMindsWhatAnnotationsOfTheManifestSay(t *testing.T) {
	annotated := func(text string) string {
		return strings.Replace(shopManifest, "  name: web\nspec", "  name: web\n  namespace: shop\n  annotations: {"+text+"}\nspec", 1)
	}
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {%s}}\n---\n"
	const left = "left Deployment/web in namespace shop as it is, though it has OOMKilled: annotation "
	of := func(text string) string { return strings.ReplaceAll(namespace, "%s", text) }
	for _, test := range []struct {
		name, manifest string
		status         int
		says           string
	}{
		{"off leaves it alone", annotated(`kube-remedy.io/mode: "off"`), 3, left + "kube-remedy.io/mode of the workload is off; to have it healed, change that\n"},
		{"off without quotes too", annotated(`kube-remedy.io/mode: off`), 3, left + "kube-remedy.io/mode of the workload is off"},
		{"off of its namespace", of(`kube-remedy.io/mode: "off"`) + annotated(""), 3, left + "kube-remedy.io/mode of the namespace is off"},
		{"suggest tells what would be done", annotated("kube-remedy.io/mode: suggest"), 2, "app memory limit 128Mi → 256Mi\n  OOMKilled: container app needs more memory"},
		{"and why it is not", annotated("kube-remedy.io/mode: suggest"), 2, "  not done: annotation kube-remedy.io/mode of the workload is suggest\n"},
		{"another failure type", annotated(`kube-remedy.io/failure-types: "ProbeFailure, Pending"`), 3, left + "kube-remedy.io/failure-types of the workload allows ProbeFailure, Pending only"},
		{"this failure type", annotated(`kube-remedy.io/failure-types: "ProbeFailure, OOMKilled"`), 0, "healed Deployment/web"},
		{"what the workload says goes before its namespace", of(`kube-remedy.io/mode: "off", kube-remedy.io/failure-types: Pending`) + annotated("kube-remedy.io/mode: heal, kube-remedy.io/failure-types: OOMKilled"), 0, "healed Deployment/web"},
		{"what another namespace says does not matter", strings.Replace(of(`kube-remedy.io/mode: "off"`), "name: shop", "name: other", 1) + annotated(""), 0, "healed Deployment/web"},
		{"what can't be read is ignored", annotated("kube-remedy.io/mode: of, kube-remedy.io/failure-types: OOM"), 0, `warning: Deployment/web in namespace shop: annotation kube-remedy.io/mode of the workload is ignored: "of" is none of its values`},
		{"and goes for nothing", of("kube-remedy.io/mode: suggest") + annotated("kube-remedy.io/mode: of"), 2, "of the namespace is suggest"},
		{"a bound of its namespace", of("kube-remedy.io/max-memory: 192Mi") + annotated(""), 0, "app memory limit 128Mi → 192Mi"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := run(t, oomKilledPod, "heal", "-f", written(t, "web.yaml", test.manifest), "--evidence", "-")
			if test.status == 0 {
				require.NoError(t, err)
				require.NotEqual(t, test.manifest, out)
			} else {
				var exit plugin.Exit
				require.ErrorAs(t, err, &exit)
				require.Equal(t, test.status, exit.Status)
				require.Equal(t, test.manifest, out)
			}
			require.Contains(t, errs, test.says)
		})
	}
}

const missingSecretOfWeb = `LAST SEEN   TYPE      REASON   OBJECT                     MESSAGE
12s         Warning   Failed   pod/web-7c9f6d8b54-qx2lp   Error: secret "billing-db" not found
`

func TestHealIsToldWhatIsWrongWithItsInput(t *testing.T) {
	good := written(t, "web.yaml", shopManifest)
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"no manifest", []string{"heal"}, "--filename is needed"},
		{"an output that there is not", []string{"heal", "-f", good, "-o", "wide"}, `--output "wide" must be`},
		{"a color that there is not", []string{"heal", "-f", good, "--color", "red"}, `--color "red" must be`},
		{"standard input twice", []string{"heal", "-f", "-", "--evidence", "-"}, "standard input can be read once"},
		{"a manifest that is no YAML", []string{"heal", "-f", written(t, "bad.yaml", "kind: [")}, "bad.yaml: document 1: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := run(t, "", test.args...)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestHealGoesByAnswersAndByWhereAKindHasItsTemplate(t *testing.T) {
	const job = `apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: press}
spec:
  jobTargetRef:
    template:
      spec:
        containers:
        - name: app
          image: registry.example.com/shop/press:1.4.9 # tomorrow's
`
	const events = `Warning  Failed  10s (x4 over 2m)  kubelet  spec.containers{app}  Failed to pull image "registry.example.com/shop/press:1.4.9": rpc error: code = NotFound desc = failed to resolve reference "registry.example.com/shop/press:1.4.9": registry.example.com/shop/press:1.4.9: not found
`
	file := written(t, "press.yaml", job)
	answers := written(t, "tags.yaml", "repositories:\n- {name: registry.example.com/shop/press, exists: true, tags: [1.4.8, 2.0.0]}\n")
	const place = "ScaledJob.keda.sh=spec.jobTargetRef.template"
	out, errs, err := run(t, events, "heal", "-f", file, "--evidence", "-", "--answers", answers, "--assertive", "--pod-template", place)
	require.NoError(t, err, errs)
	require.Equal(t, strings.Replace(job, "press:1.4.9", "press:1.4.8", 1), out)

	_, errs, err = run(t, events, "heal", "-f", file, "--evidence", "-", "--assertive", "--pod-template", place)
	require.Error(t, err)
	require.Contains(t, errs, "it is not known which tags registry.example.com/shop/press has")

	for _, wrong := range [][]string{
		{"--pod-template", "ScaledJob"},
		{"--pod-template", "ScaledJob=spec..template"},
		{"--answers", written(t, "wrong.yaml", "repositorys: []")},
		{"--answers", file + ".none"},
	} {
		_, _, err = run(t, events, append([]string{"heal", "-f", file, "--evidence", "-"}, wrong...)...)
		require.ErrorContains(t, err, wrong[0])
	}
}
