package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

var converter = runtime.DefaultUnstructuredConverter

func TestEveryCaseIsWhatHelmAndTheProgramsTake(t *testing.T) {
	t.Parallel()
	for name, file := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runHelm(t, "lint", "--strict", folder, "--values="+file)
			require.NoError(t, err)
			rendered := render(t, append(slices.Clone(monitoring), "--values="+file)...)
			for _, object := range rendered {
				if !scheme.Scheme.Recognizes(object.GroupVersionKind()) {
					require.Contains(t, []string{"CustomResourceDefinition", "ServiceMonitor", "PodMonitor", "PrometheusRule"}, object.GetKind())
					continue
				}
				typed, err := scheme.Scheme.New(object.GroupVersionKind())
				require.NoError(t, err)
				require.NoError(t, converter.FromUnstructuredWithValidation(object.Object, typed, true), "%s %s", object.GetKind(), object.GetName())
			}
			checkFiles(t, rendered)
			checkPods(t, rendered)
			checkRegistrations(t, rendered)
			notes, err := runHelm(t, "install", release, folder, "--dry-run=client", "--namespace="+namespace, "--values="+file)
			require.NoError(t, err)
			require.Contains(t, notes, "kubectl get remediations -A")
		})
	}
}

// checkFiles has the programs' own code read the files that are mounted.
func checkFiles(t *testing.T, rendered manifests) {
	t.Helper()
	for _, object := range rendered.of("ConfigMap") {
		for name, text := range as[corev1.ConfigMap](t, object).Data {
			switch {
			case name == "config.yaml":
				_, err := config.Parse([]byte(text))
				require.NoError(t, err, text)
			case strings.HasSuffix(object.GetName(), "-rules"):
				known, err := catalog.BuiltIn()
				require.NoError(t, err)
				_, mistakes := known.With([]catalog.File{{Name: name, Data: []byte(text)}})
				require.Empty(t, mistakes)
			default:
				require.True(t, json.Valid([]byte(text)), "%s of %s is JSON", name, object.GetName())
			}
		}
	}
}

// checkPods holds the pods to what Kubernetes' restricted policy asks, and their arguments to the programs' flags.
func checkPods(t *testing.T, rendered manifests) {
	t.Helper()
	deployment := one[appsv1.Deployment](t, rendered, "Deployment")
	require.Equal(t, "0", deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.String())
	pod := deployment.Spec.Template
	test := one[corev1.Pod](t, rendered, "Pod")
	for _, selector := range []map[string]string{deployment.Spec.Selector.MatchLabels, as[corev1.Service](t, rendered.of("Service")[0]).Spec.Selector} {
		require.Subset(t, pod.Labels, selector)
		require.NotSubset(t, test.Labels, selector, "the pod of helm test is no replica")
	}
	require.False(t, *pod.Spec.AutomountServiceAccountToken)
	require.False(t, *test.Spec.AutomountServiceAccountToken)
	for _, spec := range []corev1.PodSpec{pod.Spec, test.Spec} {
		require.True(t, *spec.SecurityContext.RunAsNonRoot)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type)
		for _, container := range spec.Containers {
			require.False(t, *container.SecurityContext.AllowPrivilegeEscalation)
			require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
			require.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop)
		}
	}
	for _, container := range pod.Spec.Containers {
		flags := flagsOf(t, container.Name)
		for _, arg := range container.Args {
			name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			require.Contains(t, flags, name, "a flag of %s", container.Name)
		}
	}
}

// flagsOf reads a program's flags off its source.
func flagsOf(t *testing.T, program string) []string {
	t.Helper()
	files, err := filepath.Glob("../../cmd/" + program + "/*.go")
	require.NoError(t, err)
	var flags []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`set\.(?:\w+Var\([^,]+, |Func\()"([a-z-]+)"`).FindAllSubmatch(text, -1) {
			flags = append(flags, string(found[1]))
		}
	}
	return flags
}

// checkRegistrations holds the webhooks to what keeps them from being in anybody's way.
func checkRegistrations(t *testing.T, rendered manifests) {
	t.Helper()
	mutating := one[admissionregistrationv1.MutatingWebhookConfiguration](t, rendered, "MutatingWebhookConfiguration")
	validating := one[admissionregistrationv1.ValidatingWebhookConfiguration](t, rendered, "ValidatingWebhookConfiguration")
	check := func(name string, policy admissionregistrationv1.FailurePolicyType, rules []admissionregistrationv1.RuleWithOperations) {
		for _, rule := range rules {
			for _, operation := range rule.Operations {
				require.Contains(t, []admissionregistrationv1.OperationType{"CREATE", "UPDATE"}, operation, "nothing that is deleted waits for %s", name)
			}
			if policy == admissionregistrationv1.Fail {
				require.Equal(t, []string{"kube-remedy.io"}, rule.APIGroups, "without an answer %s refuses Remediations alone", name)
			}
		}
	}
	for _, hook := range mutating.Webhooks {
		check(hook.Name, *hook.FailurePolicy, hook.Rules)
	}
	for _, hook := range validating.Webhooks {
		check(hook.Name, *hook.FailurePolicy, hook.Rules)
	}
	require.Subset(t, mutating.Webhooks[0].NamespaceSelector.MatchExpressions[0].Values, []string{"kube-system", namespace})
}

func TestWrongValuesAreNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, values string
		said         []string
	}{
		{"a value that there is not", `replcas: 3`, []string{`'replcas' not allowed`}},
		{"one that there is not further below", `config: {maxRAM: 1Gi}`, []string{"/config", `'maxRAM' not allowed`}},
		{"a mode", `config: {mode: cure}`, []string{"/config/mode", "'heal', 'suggest', 'off'"}},
		{"a failure type", `config: {failureTypes: [Tired]}`, []string{"/config/failureTypes/0", "'OOMKilled'"}},
		{"a quantity", `config: {maxMemory: 16 gigs}`, []string{"/config/maxMemory", "16 gigs"}},
		{"a quantity of nothing", `config: {maxCPU: 0}`, []string{"/config/maxCPU", "want 1"}},
		{"what may change what runs", `config: {allow: everything}`, []string{"/config/allow", "assertive"}},
		{"a percentage", `config: {confidence: {heal: 101}}`, []string{"/config/confidence/heal", "want 100"}},
		{"thresholds that cross", `config: {confidence: {heal: 60, suggest: 80}}`, []string{"config.confidence.suggest (80)", "config.confidence.heal (60)"}},
		{"a namespace", `config: {excludedNamespaces: [Istio]}`, []string{"/config/excludedNamespaces/0", "Istio"}},
		{"what is told of known failures", `config: {knownFailures: shout}`, []string{"/config/knownFailures", "'warn'"}},
		{"a kind without its resource", `config: {kinds: [{group: argoproj.io, version: v1alpha1, kind: Rollout}]}`, []string{"/config/kinds/0", "resource"}},
		{"a kind that is known already", `config: {kinds: [{group: apps, version: v1, resource: deployments, kind: Deployment}]}`, []string{"/config/kinds/0/group"}},
		{"a path to a template", `config: {kinds: [{group: a.io, version: v1, resource: rs, kind: R, template: spec/template}]}`, []string{"/config/kinds/0/template", "spec/template"}},
		{"a name that no Service can have", `fullnameOverride: 2nd`, []string{"/fullnameOverride", "2nd"}},
		{"no replicas", `replicas: 0`, []string{"/replicas", "want 1"}},
		{"replicas in words", `replicas: two`, []string{"/replicas", "want integer"}},
		{"where the certificate comes from", `certificates: {source: letsencrypt}`, []string{"/certificates/source", "'self-managed', 'cert-manager', 'secret'"}},
		{"a Secret without a name", `certificates: {source: secret}`, []string{"certificates.secretName is needed"}},
		{"authorities that are none", `certificates: {source: secret, secretName: mine, caBundle: LS0tLS1}`, []string{"/certificates/caBundle"}},
		{"an issuer without its kind", `certificates: {issuer: corporate}`, []string{"/certificates/issuer", "corporate"}},
		{"a port", `webhook: {port: 84430}`, []string{"/webhook/port", "want 65,535"}},
		{"a log level", `webhook: {logLevel: loud}`, []string{"/webhook/logLevel", "'debug', 'info', 'warn', 'error'"}},
		{"a duration", `eventwatcher: {stabilizationWindow: 2 minutes}`, []string{"/eventwatcher/stabilizationWindow"}},
		{"longer than the API server waits", `webhook: {timeoutSeconds: 31}`, []string{"/webhook/timeoutSeconds", "want 30"}},
		{"a digest", `eventwatcher: {imageDigest: latest}`, []string{"/eventwatcher/imageDigest", "latest"}},
		{"a tag", `image: {tag: "v1 beta"}`, []string{"/image/tag"}},
		{"when images are pulled", `image: {pullPolicy: Sometimes}`, []string{"/image/pullPolicy", "'IfNotPresent'"}},
		{"a network", `eventwatcher: {privateRegistries: [10.20.0.0]}`, []string{"/eventwatcher/privateRegistries/0"}},
		{"a mirror without its scheme", `eventwatcher: {registryMirrors: {docker.io: mirror.example.com}}`, []string{"/eventwatcher/registryMirrors/docker.io"}},
		{"resources", `webhook: {resources: {limit: {memory: 1Gi}}}`, []string{"/webhook/resources", `'limit' not allowed`}},
		{"an argument", `webhook: {extraArgs: [verbose]}`, []string{"/webhook/extraArgs/0"}},
		{"a file of rules", `rules: {ledger: "signatures: []"}`, []string{"/rules", "'ledger' not allowed"}},
		{"rules twice", `{rules: {a.yaml: "signatures: []"}, rulesConfigMap: b}`, []string{"rules and rulesConfigMap can't both be given"}},
		{"an account of others without a name", `serviceAccount: {create: false}`, []string{"serviceAccount.name is needed"}},
		{"yes for true", `networkPolicy: {enabled: "yes"}`, []string{"/networkPolicy/enabled", "want boolean"}},
		{"a label that is a number", `podLabels: {zone: 1}`, []string{"/podLabels/zone", "want string"}},
		{"half a budget", `podDisruptionBudget: {maxUnavailable: half}`, []string{"/podDisruptionBudget/maxUnavailable"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "values.yaml")
			require.NoError(t, os.WriteFile(file, []byte(test.values), 0o600))
			_, err := runHelm(t, "template", release, folder, "--namespace="+namespace, "--values="+file)
			for _, said := range test.said {
				require.ErrorContains(t, err, said)
			}
		})
	}
}

func TestTheNamespaceIsOneOfItsOwn(t *testing.T) {
	t.Parallel()
	_, err := runHelm(t, "template", release, folder, "--namespace=kube-system")
	require.ErrorContains(t, err, "kube-remedy can't be in namespace kube-system")
	notes, err := runHelm(t, "install", release, folder, "--dry-run=client", "--namespace=default")
	require.NoError(t, err)
	require.Contains(t, notes, "WARNING: workloads in kube-remedy's own namespace are not healed")
}

// TestValuesAndSchemaHaveTheSameNames compares what can be set with what may be set.
func TestValuesAndSchemaHaveTheSameNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(folder + "/values.yaml")
	require.NoError(t, err)
	values, err := readValues(text)
	require.NoError(t, err)
	require.NotEmpty(t, values)
	var inValues, inSchema []string
	for _, each := range values {
		inValues = append(inValues, each.path)
	}
	var schema part
	text, err = os.ReadFile(folder + "/values.schema.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &schema))
	schema.walk("", schema.Definitions, func(path string) bool {
		described := slices.Contains(inValues, path)
		if described {
			inSchema = append(inSchema, path)
		}
		above := slices.ContainsFunc(inValues, func(name string) bool { return strings.HasPrefix(name, path+".") })
		require.True(t, described || above || path == "global", "the schema's %s is in values.yaml", path)
		return above
	})
	require.ElementsMatch(t, inValues, inSchema)
}

// part is one of a schema.
type part struct {
	Ref         string          `json:"$ref"`
	Properties  map[string]part `json:"properties"`
	Definitions map[string]part `json:"definitions"`
}

// walk calls for each member; it goes on below those for which visit says so.
func (p part) walk(above string, definitions map[string]part, visit func(string) bool) {
	for name, member := range p.Properties {
		if referred, found := strings.CutPrefix(member.Ref, "#/definitions/"); found {
			member = definitions[referred]
		}
		if visit(above + name) {
			member.walk(above+name+".", definitions, visit)
		}
	}
}

// TestEveryFigureThatIsShownIsCounted looks for the metrics of the dashboard and of the alerts in the programs.
func TestEveryFigureThatIsShownIsCounted(t *testing.T) {
	t.Parallel()
	metric := regexp.MustCompile(`kube_remedy_[a-z_]+`)
	var source strings.Builder
	for _, pattern := range []string{"../../webhook/*.go", "../../eventwatcher/*.go", "../../internal/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			source.Write(text)
		}
	}
	shown := map[string]bool{}
	for _, file := range []string{folder + "/files/dashboard.json", folder + "/templates/monitoring.yaml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range metric.FindAllString(string(text), -1) {
			name = strings.TrimSuffix(name, "_bucket")
			shown[name] = true
			require.Contains(t, source.String(), `"`+name+`"`, "%s of %s", name, file)
		}
	}
	for _, name := range metric.FindAllString(source.String(), -1) {
		require.True(t, shown[name], "%s is shown", name)
	}
}

// TestTheDefinitionIsTheGeneratedOne compares what is rendered with the file, but for the metadata.
func TestTheDefinitionIsTheGeneratedOne(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(folder + "/files/crds/kube-remedy.io_remediations.yaml")
	require.NoError(t, err)
	var generated map[string]any
	require.NoError(t, yaml.Unmarshal(text, &generated))
	for keep, policy := range map[string]any{"true": "keep", "false": nil} {
		rendered := render(t, "--set=crds.keep="+keep).of("CustomResourceDefinition")
		require.Len(t, rendered, 1)
		rendersTo, err := yaml.Marshal(rendered[0].Object["spec"])
		require.NoError(t, err)
		wanted, err := yaml.Marshal(generated["spec"])
		require.NoError(t, err)
		require.YAMLEq(t, string(wanted), string(rendersTo))
		annotation, found := rendered[0].GetAnnotations()["helm.sh/resource-policy"]
		require.Equal(t, policy != nil, found)
		require.True(t, !found || annotation == policy)
		require.Equal(t, "kube-remedy", rendered[0].GetLabels()["app.kubernetes.io/name"])
	}
}

// TestMonitoringIsRenderedWhereTheClusterHasItsKinds asks for it in a cluster without them.
func TestMonitoringIsRenderedWhereTheClusterHasItsKinds(t *testing.T) {
	t.Parallel()
	asked := []string{"--set=metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true,metrics.prometheusRule.enabled=true"}
	for _, kind := range []string{"ServiceMonitor", "PodMonitor", "PrometheusRule"} {
		require.Empty(t, render(t, monitoring...).of(kind), "not asked for")
		require.Empty(t, render(t, asked...).of(kind), "not there")
		require.Len(t, render(t, append(monitoring, asked...)...).of(kind), 1)
	}
	notes, err := runHelm(t, append([]string{"install", release, folder, "--dry-run=client"}, asked...)...)
	require.NoError(t, err)
	require.Contains(t, notes, "WARNING: metrics.prometheusRule.enabled: the cluster has no PrometheusRule")
}

// TestEveryAlertLeadsToItsRunbook follows runbook_url to a heading of docs/runbooks.md; and there are no others.
func TestEveryAlertLeadsToItsRunbook(t *testing.T) {
	t.Parallel()
	rules := render(t, append(monitoring, "--set=metrics.prometheusRule.enabled=true")...).of("PrometheusRule")
	require.Len(t, rules, 1)
	text, err := json.Marshal(rules[0].Object["spec"])
	require.NoError(t, err)
	var spec struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &spec))
	page, err := os.ReadFile("../../docs/runbooks.md")
	require.NoError(t, err)
	var alerts, headings []string
	for _, rule := range spec.Groups[0].Rules {
		alerts = append(alerts, rule.Alert)
		require.Equal(t, "https://github.com/kube-remedy/kube-remedy/blob/main/docs/runbooks.md#"+strings.ToLower(rule.Alert), rule.Annotations["runbook_url"])
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, heading[1])
	}
	require.NotEmpty(t, alerts)
	require.Equal(t, alerts, headings)
}
