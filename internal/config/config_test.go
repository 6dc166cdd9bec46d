package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

const head = "apiVersion: config.kube-remedy.io/v1alpha1\nkind: Configuration\n"

func TestDefaults(t *testing.T) {
	want := &Config{
		APIVersion: "config.kube-remedy.io/v1alpha1", Kind: "Configuration", Mode: "heal",
		Confidence: Confidence{Heal: 70, Suggest: 50}, KnownFailures: "off",
	}
	require.Equal(t, want, Default())
	read, err := Parse([]byte(head))
	require.NoError(t, err)
	require.Equal(t, want, read, "a file that says nothing is none")
}

func TestParseTakesEverySetting(t *testing.T) {
	read, err := Parse([]byte(head + `
mode: suggest
failureTypes: [OOMKilled, Pending]
maxMemory: 4Gi
maxCPU: "2"
allow: assertive
confidence: {heal: 90, suggest: 60}
excludedNamespaces: [kube-system]
kinds:
- {group: argoproj.io, version: v1alpha1, resource: rollouts, kind: Rollout}
- {group: apps.kruise.io, version: v1alpha1, resource: clonesets, kind: CloneSet, template: spec.workload.template}
knownFailures: deny
`))
	require.NoError(t, err)
	memory, cpu := resource.MustParse("4Gi"), resource.MustParse("2")
	require.Equal(t, &Config{
		APIVersion: APIVersion, Kind: Kind, Mode: "suggest", FailureTypes: []v1alpha1.FailureType{"OOMKilled", "Pending"},
		MaxMemory: &memory, MaxCPU: &cpu, Allow: "assertive", Confidence: Confidence{Heal: 90, Suggest: 60},
		ExcludedNamespaces: []string{"kube-system"}, KnownFailures: "deny",
		Kinds: []ExtraKind{
			{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts", Kind: "Rollout", Template: "spec.template"},
			{Group: "apps.kruise.io", Version: "v1alpha1", Resource: "clonesets", Kind: "CloneSet", Template: "spec.workload.template"},
		},
	}, read)
}

func TestParseNamesTheFieldThatIsWrong(t *testing.T) {
	rollout := func(change, to string) string {
		text := "{group: argoproj.io, version: v1alpha1, resource: rollouts, kind: Rollout, template: spec.template}"
		return head + "kinds:\n- " + strings.Replace(text, change, to, 1) + "\n"
	}
	for _, test := range []struct{ name, file, err string }{
		{"nothing", "", "apiVersion: Unsupported value"},
		{"null", "null", "apiVersion: Unsupported value"},
		{"a list", "[]", "read the configuration: "},
		{"no YAML", "\t{", "read the configuration: "},
		{"binary", "\x00\x01", "read the configuration: "},
		{"another version", strings.Replace(head, "v1alpha1", "v1", 1), "apiVersion: Unsupported value"},
		{"another kind", strings.Replace(head, "kind: Configuration", "kind: Pod", 1), "kind: Unsupported value"},
		{"an unknown field", head + "modes: heal\n", `unknown field "modes"`},
		{"an unknown field within", head + "confidence: {head: 70}\n", `unknown field "confidence.head"`},
		{"a field twice", head + "mode: heal\nmode: off\n", `"mode"`},
		{"a field in capital letters", head + "Mode: heal\n", `unknown field "Mode"`},
		{"two documents", head + "---\n" + head + "mode: off\n", "one document"},
		{"a mode that is none", head + "mode: on\n", "mode"},
		{"a mode in capital letters", head + "mode: Heal\n", "mode: Unsupported value"},
		{"off without quotes is a word", head + "mode: off\nknownFailures: off\n", ""},
		{"an allowance that is none", head + "allow: all\n", "allow: Unsupported value"},
		{"known failures that are none", head + "knownFailures: refuse\n", "knownFailures: Unsupported value"},
		{"a type that is none", head + "failureTypes: [OOMKilled, Oomkilled]\n", "failureTypes[1]: Unsupported value"},
		{"memory of zero", head + "maxMemory: 0\n", "maxMemory: Invalid value"},
		{"less than no cpu", head + "maxCPU: -1\n", "maxCPU: Invalid value"},
		{"memory that is no quantity", head + "maxMemory: much\n", "maxMemory"},
		{"memory that nothing can be computed with", head + "maxMemory: 1e999999999\n", "maxMemory: Invalid value"},
		{"cpu that nothing can be computed with", head + "maxCPU: \"1e999\"\n", "maxCPU: Invalid value"},
		{"memory that can't even be read in time", head + "maxMemory: '1e-999999999'\n", "maxMemory: Invalid value"},
		{"memory that is a list", head + "maxMemory: [1Gi]\n", "maxMemory: Invalid value"},
		{"names that are numbers", head + "7: 1\n", `unknown field "7"`},
		{"too much confidence", head + "confidence: {heal: 101}\n", "confidence.heal: Invalid value"},
		{"too little confidence", head + "confidence: {suggest: -1}\n", "confidence.suggest: Invalid value"},
		{"confidence of more digits than a number has", head + "confidence: {heal: 99999999999}\n", "confidence.heal"},
		{"suggestions that are surer than cures", head + "confidence: {heal: 60, suggest: 61}\n", "confidence.suggest: Invalid value: 61: it can't be more than heal, which is 60"},
		{"suggestions that are surer than cures are by default", head + "confidence: {suggest: 71}\n", "it can't be more than heal, which is 70"},
		{"cures that are less sure than suggestions are by default", head + "confidence: {heal: 49}\n", "confidence.suggest: Invalid value: 50"},
		{"a namespace that is none", head + "excludedNamespaces: [kube-system, 'kube-*']\n", "excludedNamespaces[1]: Invalid value"},
		{"an empty namespace", head + "excludedNamespaces: ['']\n", "excludedNamespaces[0]: Invalid value"},
		{"a kind of no group", rollout("group: argoproj.io, ", ""), "kinds[0].group: Invalid value"},
		{"a kind that Kubernetes has", rollout("argoproj.io", "apps"), "kinds[0].group: Forbidden"},
		{"a kind of ours", rollout("argoproj.io", "kube-remedy.io"), "kinds[0].group: Forbidden"},
		{"a group that is none", rollout("argoproj.io", "Argo"), "kinds[0].group: Invalid value"},
		{"a kind of no version", rollout("version: v1alpha1, ", ""), "kinds[0].version: Invalid value"},
		{"a kind of no resource", rollout("resource: rollouts, ", ""), "kinds[0].resource: Invalid value"},
		{"a subresource", rollout("resource: rollouts", "resource: rollouts/status"), "kinds[0].resource: Invalid value"},
		{"any resource", rollout("resource: rollouts", "resource: '*'"), "kinds[0].resource: Invalid value"},
		{"a kind without a name", rollout("kind: Rollout", "kind: ''"), "kinds[0].kind: Invalid value"},
		{"a kind with a name that is none", rollout("kind: Rollout", "kind: a|b"), "kinds[0].kind: Invalid value"},
		{"a template of empty members", rollout("spec.template", "spec..template"), "kinds[0].template: Invalid value"},
		{"a template as a pointer", rollout("spec.template", "/spec/template"), "kinds[0].template: Invalid value"},
		{"a template in a list", rollout("spec.template", "'spec.templates[0]'"), "kinds[0].template: Invalid value"},
		{"a kind twice", rollout("", "") + "- {group: argoproj.io, version: v1, resource: rollouts, kind: Rollout}\n", "kinds[1]: Duplicate value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			read, err := Parse([]byte(test.file))
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
			require.Nil(t, read)
		})
	}
	t.Run("all mistakes at once", func(t *testing.T) {
		_, err := Parse([]byte(head + "mode: on\nallow: all\nmaxMemory: 0\nconfidence: {heal: 101}\n"))
		for _, field := range []string{"mode", "allow", "maxMemory", "confidence.heal"} {
			require.ErrorContains(t, err, field+": ")
		}
	})
}

func TestTheWorkloadsModeComesFirstAndTheInstallationsLast(t *testing.T) {
	says := func(mode string) map[string]string { return map[string]string{v1alpha1.ModeAnnotation: mode} }
	settings := &Config{Mode: v1alpha1.ModeSuggest}
	for _, test := range []struct {
		name                string
		workload, namespace map[string]string
		want                string
	}{
		{"nobody says anything", nil, nil, v1alpha1.ModeSuggest},
		{"the namespace", nil, says("off"), v1alpha1.ModeOff},
		{"the workload", says("heal"), says("off"), v1alpha1.ModeHeal},
		{"a value that is none", says("maybe"), says("off"), v1alpha1.ModeOff},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, settings.ModeFor(test.workload, test.namespace))
		})
	}
}
