package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// chart is what Helm made of values, as the API server keeps it; nothing of kube-remedy is in it yet.
const chart = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app.kubernetes.io/managed-by: Helm, app.kubernetes.io/component: front-end}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: proxy, image: "proxy:1", resources: {limits: {memory: 32Mi}}}
      - name: app
        image: shop/web:1.2.3
        resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}
        livenessProbe:
          httpGet: {path: /, port: http, scheme: HTTP}
          timeoutSeconds: 1
          periodSeconds: 10
          successThreshold: 1
          failureThreshold: 3
`

// cureOf is a Remediation of Deployment web with other actions than the one of verified.
func cureOf(actions string) string {
	const memory = "actions: [{increaseMemory: {container: app, failedLimit: 128Mi, limit: 256Mi, request: 128Mi}}]"
	before, after, found := strings.Cut(verified, memory)
	if !found {
		panic("the Remediation of these tests has other actions by now")
	}
	return before + "actions: [" + actions + "]" + after
}

const values = `# The shop's web server.
replicas: 2

image:
  repository: shop/web
  tag: ""   # the chart's appVersion

resources:
  limits:
    memory: 128Mi   # measured in 2024
    cpu: 0.5
  requests: {memory: 64Mi}

livenessProbe:
  httpGet: {path: /, port: http}
startupProbe: {}
`

func TestAChartsValuesAreFoundByConvention(t *testing.T) {
	const longer = "{adjustProbe: {container: app, probe: liveness, from: {handler: httpGet, port: http, path: /}, timeoutSeconds: 3}}"
	const image = `{fixImage: {container: app, image: "shop/web:1.2.3", replacement: "shop/web:1.2.2", source: Ran}}`
	for _, test := range []struct {
		name, cure, values, want string
	}{
		{"resources", verified, values, "resources:\n  limits:\n    memory: 256Mi\n  requests:\n    memory: 128Mi\n"},
		{
			"of a chart with several workloads", verified, "backEnd: {resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}\nfrontEnd: {resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}\n",
			"frontEnd:\n  resources:\n    limits:\n      memory: 256Mi\n    requests:\n      memory: 128Mi\n",
		},
		{
			"of a container by its name", verified, "containers: {app: {resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}}\n",
			"containers:\n  app:\n    resources:\n      limits:\n        memory: 256Mi\n      requests:\n        memory: 128Mi\n",
		},
		{"a tag that the chart chose", cureOf(image), values, "image:\n  tag: 1.2.2\n"},
		{"a tag", cureOf(image), "image: {registry: shop, repository: web, tag: 1.2.3}", "image:\n  tag: 1.2.2\n"},
		{"a whole image", cureOf(image), "image: shop/web:1.2.3", "image: shop/web:1.2.2\n"},
		{"a timing that a whole probe lacks", cureOf(longer), values, "livenessProbe:\n  timeoutSeconds: 3\n"},
		{"a timing of a probe that is switched on", cureOf(longer), "livenessProbe: {enabled: true, timeoutSeconds: 1, periodSeconds: 10}", "livenessProbe:\n  timeoutSeconds: 3\n"},
		{
			"a startup probe beside an empty one", cureOf("{relaxStartup: {container: app, startSeconds: 120}}"), values,
			"startupProbe:\n  failureThreshold: 12\n  httpGet:\n    path: /\n    port: http\n    scheme: HTTP\n  periodSeconds: 10\n  timeoutSeconds: 1\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := serve(t, test.cure, chart, shop).with(test.values, nil, "export", "deploy/web", "-o", "helm-values", "-f", "-")
			require.NoError(t, err, errs)
			comment, snippet, _ := strings.Cut(out, "\n")
			require.Regexp(t, "^# OOMKilled of Deployment/web: ", comment)
			require.Equal(t, test.want, snippet)
		})
	}
}

func TestWhatIsNotEvidentAmongValuesIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, cure, values, err string
	}{
		{"a value that only looks alike", verified, "resources: {limits: {memory: 128Mi}}", "no resources among the values is what container app has; the chart may write it in a template"},
		{"values of something else", verified, "redis: {resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}", "nothing shows that redis.resources is for container app"},
		{"values in a list", verified, "containers: [{name: app, resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}]", "no resources among the values"},
		{"two that are alike", verified, "front: {resources: &r {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}}\nend: {resources: *r}", "end.resources and front.resources are what container app has"},
		{"a timing that a chart does not take", cureOf("{adjustProbe: {container: app, probe: liveness, from: {handler: httpGet, port: http, path: /}, timeoutSeconds: 3}}"), "livenessProbe: {enabled: true, periodSeconds: 10}", "livenessProbe has no such member"},
		{"a startup probe that the chart does not have", cureOf("{relaxStartup: {container: app, startSeconds: 120}}"), "livenessProbe: {httpGet: {path: /, port: http}}", "there is no empty startupProbe beside livenessProbe"},
		{"what has no convention", cureOf("{avoidNode: {node: worker-2}}"), values, "charts have no common way to set spec.template.spec.affinity"},
		{"an image by its digest", cureOf(`{fixImage: {container: app, image: "shop/web:1.2.3", replacement: "shop/web:1.2.2", source: Ran}}`), "image: {repository: shop/web, tag: 1.2.3, digest: 'sha256:0'}", "no image among the values"},
		{"no values", verified, "# nothing yet\n", "it has no values"},
		{"a list", verified, "- a\n", "it is not one document with values by name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, _, err := serve(t, test.cure, chart, shop).with(test.values, nil, "export", "deploy/web", "-o", "helm-values", "-f", "-")
			require.ErrorContains(t, err, test.err)
			require.Empty(t, out)
			if strings.Contains(test.err, "values") && !strings.HasPrefix(test.err, "it ") {
				require.ErrorContains(t, err, "-o kustomize")
			}
		})
	}
	t.Run("values that two containers have", func(t *testing.T) {
		twins := strings.Replace(chart, "resources: {limits: {memory: 32Mi}}", "resources: {limits: {memory: 128Mi, cpu: 500m}, requests: {memory: 64Mi}}", 1)
		_, _, err := serve(t, verified, twins, shop).with(values, nil, "export", "deploy/web", "-o", "helm-values", "-f", "-")
		require.ErrorContains(t, err, "resources is what container proxy has too, and may be for either")
	})
}

func TestAFileOfValuesIsChangedInPlace(t *testing.T) {
	healed := strings.NewReplacer("memory: 128Mi", "memory: 256Mi", "memory: 64Mi", "memory: 128Mi", "{name: web, namespace: shop,", `{name: web, namespace: shop, annotations: {
  kube-remedy.io/remediations: deployment-web-oomkilled-app@1,
  kube-remedy.io/audit: '[{"failure_type":"OOMKilled","modifications":[{"field":"spec.template.spec.containers[name=app].resources.limits.memory","container":"app","old_value":"128Mi","new_value":"256Mi"},{"field":"spec.template.spec.containers[name=app].resources.requests.memory","container":"app","old_value":"64Mi","new_value":"128Mi"}],"timestamp":"2026-03-01T09:00:00Z"}]'},`).Replace(chart)
	for name, live := range map[string]string{"before the cure is in": chart, "when the workload carries it": healed} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, verified, live, shop)
			path := filepath.Join(t.TempDir(), "values.yaml")
			require.NoError(t, os.WriteFile(path, []byte(values), 0o600))
			out, _, err := s.on("export", "deploy/web", "-o", "helm-values", "-f", path, "--in-place", "--message")
			require.NoError(t, err)
			golden(t, "export-message.txt", out)
			changed, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, strings.NewReplacer("memory: 128Mi", "memory: 256Mi", "memory: 64Mi", "memory: 128Mi").Replace(values), string(changed))
			out, errs, err := s.on("export", "deploy/web", "-o", "helm-values", "-f", path, "--in-place")
			require.Equal(t, plugin.Exit{Status: 3}, err, "the second time there is nothing to do")
			require.Empty(t, out)
			require.Contains(t, errs, "has all of it already; if the workload has not, upgrade the release")
		})
	}
	t.Run("with what was not there", func(t *testing.T) {
		longer := cureOf("{adjustProbe: {container: app, probe: liveness, from: {handler: httpGet, port: http, path: /}, timeoutSeconds: 3}}")
		out, _, err := serve(t, longer, chart, shop).with("livenessProbe:\n  httpGet: # of the web server\n    path: /\n    port: http\n", nil,
			"export", "deploy/web", "-o", "helm-values", "-f", "-", "--in-place")
		require.NoError(t, err)
		require.Equal(t, "livenessProbe:\n  httpGet: # of the web server\n    path: /\n    port: http\n  timeoutSeconds: 3\n", out)
	})
	t.Run("what the webhook changed elsewhere is not forgotten", func(t *testing.T) {
		heap := strings.Replace(healed, `"modifications":[`, `"modifications":[{"field":"spec.template.spec.containers[name=app].args[0]","container":"app","old_value":"-Xmx96m","new_value":"-Xmx192m"},`, 1)
		_, _, err := serve(t, verified, heap, shop).with(values, nil, "export", "deploy/web", "-o", "helm-values", "-f", "-")
		require.ErrorContains(t, err, "charts have no common way to set spec.template.spec.containers[name=app].args[0]")
	})
}
