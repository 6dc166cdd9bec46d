package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// forWorker is the Remediation for pods of an app.
func forWorker(change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return forKind("v1", "Pod", append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Name, r.Spec.TargetRef.Name, r.Spec.TargetRef.AppName = "pod-worker-oomkilled-app-1a2b3c4d", "", "worker"
	}}, change...)...)
}

// podOf is a pod with members of its metadata.
func podOf(metadata string) string {
	return `{"kind":"Pod","apiVersion":"v1","metadata":{` + metadata + `},` + pod[1:]
}

const ofWorker = `,"labels":{"app":"x","app.kubernetes.io/name":"worker"}`

func TestPodsWithRandomNamesAreKnownByTheirApp(t *testing.T) {
	const random = "worker-3f9c2d1e"
	const controlled = `,"ownerReferences":[{"apiVersion":"v1","kind":"Workflow","name":"w","uid":"1","controller":true}]`
	exact := forKind("v1", "Pod", func(r *v1alpha1.Remediation) { r.Name, r.Spec.TargetRef.Name = "exact", random })
	for _, test := range []struct {
		sentence       string
		learned        known
		name, metadata string
		reason, by     string
	}{
		{"a pod of the app", known{forWorker()}, random, ofWorker, "healed", "pod-worker-oomkilled-app-1a2b3c4d@1"},
		{"one with another random name", known{forWorker()}, "runner-x7k2p", ofWorker, "healed", "pod-worker-oomkilled-app-1a2b3c4d@1"},
		{"an owner that does not control it", known{forWorker()}, random, ofWorker + strings.Replace(controlled, "true", "false", 1), "healed", "pod-worker-oomkilled-app-1a2b3c4d@1"},
		{"a name that stays", known{forWorker()}, "worker-1", ofWorker, "no_remediation", ""},
		{"a controller", known{forWorker()}, random, ofWorker + controlled, "nothing_to_do", ""},
		{"another app", known{forWorker()}, random, `,"labels":{"app.kubernetes.io/name":"workers"}`, "no_remediation", ""},
		{"an app that is longer than any", known{forWorker()}, random, `,"labels":{"app.kubernetes.io/name":"` + strings.Repeat("worker", 20) + `"}`, "no_remediation", ""},
		{"another label", known{forWorker()}, random, `,"labels":{"app":"worker"}`, "no_remediation", ""},
		{"the label as an annotation", known{forWorker()}, random, `,"annotations":{"app.kubernetes.io/name":"worker"}`, "nothing_to_do", ""},
		{"the label behind an annotation of its name", known{forWorker()}, random, `,"annotations":{"app.kubernetes.io/name":"x"}` + ofWorker, "healed", "pod-worker-oomkilled-app-1a2b3c4d@1"},
		{"labels that are none", known{forWorker()}, random, `,"labels":{"app.kubernetes.io/name":"worker","n":7}`, "nothing_to_do", ""},
		{"an app that ends in the mark of apps", known{forWorker()}, random, `,"labels":{"app.kubernetes.io/name":"worker="}`, "no_remediation", ""},
		{"no labels", known{forWorker()}, random, "", "no_remediation", ""},
		{"an app in another namespace", known{forWorker(func(r *v1alpha1.Remediation) { r.Namespace = "bank" })}, random, ofWorker, "no_remediation", ""},
		{"a cure that failed", known{forWorker(func(r *v1alpha1.Remediation) { r.Status.Phase = v1alpha1.PhaseFailed })}, random, ofWorker, "no_remediation", ""},
		{"a prefix goes before the app", known{forWorker()}, "", `"generateName":"worker-"` + ofWorker, "nothing_to_do", ""},
		{"a name goes before the app", known{forWorker(), exact}, random, ofWorker, "healed", "exact@1"},
		{"a container that is not there", known{forWorker(func(r *v1alpha1.Remediation) { r.Spec.Actions[0].IncreaseMemory.Container = "main" })}, random, ofWorker, "nothing_to_do", ""},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			metadata := test.metadata
			if test.name != "" {
				metadata = `"name":"` + test.name + `"` + metadata
			}
			request := applied("v1", "Pod", podOf(metadata))
			request.Name = test.name
			given, err := test.learned.healer().ask(t, request)
			require.NoError(t, err)
			require.Equal(t, test.reason, given.reason)
			require.Equal(t, test.by, given.audit["remediation"])
			if test.by == "" {
				require.Empty(t, given.patch)
			}
		})
	}
}

func TestOtherKindsAreNotKnownByAnApp(t *testing.T) {
	object := `{"metadata":{"name":"worker-3f9c2d1e"` + ofWorker + `},"spec":{"template":` + pod + `}}`
	for _, of := range [][2]string{{"batch/v1", "Job"}, {"example.org/v1", "Pod"}} {
		request := applied(of[0], of[1], object)
		request.Name = "worker-3f9c2d1e"
		given, err := known{forKind(of[0], of[1], func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name, r.Spec.TargetRef.AppName = "", "worker" })}.healer(extraKinds()).ask(t, request)
		require.NoError(t, err)
		require.Empty(t, given.patch)
	}
}

func TestACureForAnAppIsUndoneWhereItIsRemembered(t *testing.T) {
	request := applied("v1", "Pod", podOf(`"name":"worker-3f9c2d1e"`+ofWorker))
	request.Name = "worker-3f9c2d1e"
	given, err := known{forWorker()}.healer().ask(t, request)
	require.NoError(t, err)
	require.Equal(t, []string{"kube-remedy: app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%); undo: " +
		`kubectl patch rem pod-worker-oomkilled-app-1a2b3c4d --type=merge -p '{"spec":{"mode":"Suggest"}}' -n shop`}, given.warnings)
}

// TestAPodOfAnAppGetsAgainWhatItWasCreatedWith applies the manifest of a healed pod again: the API server refuses another
// spec.
func TestAPodOfAnAppGetsAgainWhatItWasCreatedWith(t *testing.T) {
	healer := known{forWorker()}.healer()
	request := applied("v1", "Pod", podOf(`"name":"worker-3f9c2d1e"`+ofWorker))
	request.Name = "worker-3f9c2d1e"
	given, err := healer.ask(t, request)
	require.NoError(t, err)
	stored := strings.Replace(healed(t, string(request.Object.Raw), given), `"metadata":{`, `"metadata":{"uid":"7",`, 1)

	request.Operation, request.OldObject.Raw = admissionv1.Update, []byte(stored)
	request.Object.Raw = []byte(strings.Replace(string(request.Object.Raw), `"metadata":{`, `"metadata":{"uid":"7",`, 1))
	request.Options = runtime.RawExtension{Raw: []byte(`{"fieldManager":"kubectl-replace"}`)}
	given, err = healer.ask(t, request)
	require.NoError(t, err)
	require.Equal(t, "healed", given.reason, given.warnings)
	require.JSONEq(t, stored, healed(t, string(request.Object.Raw), given))
}
