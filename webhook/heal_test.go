package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

var noon = metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// learned is a Remediation for Deployment shop/web whose container app was OOM-killed at 128Mi.
func learned(change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	request := resource.MustParse("128Mi")
	remediation := &v1alpha1.Remediation{
		ObjectMeta: metav1.ObjectMeta{Name: "deployment-web-oomkilled-app", Namespace: "shop"},
		Spec: v1alpha1.RemediationSpec{
			TargetRef:   v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
			FailureType: v1alpha1.OOMKilled, Mode: v1alpha1.Heal,
			Actions: []v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{
				Container: "app", FailedLimit: resource.MustParse("128Mi"), Limit: resource.MustParse("256Mi"), Request: &request,
			}}},
		},
		Status: v1alpha1.RemediationStatus{
			Phase: v1alpha1.PhaseLearned, LearnedAt: &noon,
			Diagnosis: &v1alpha1.Diagnosis{RootCauseID: "memory-limit-too-low", RootCause: "too little memory", Confidence: 95, RiskLevel: v1alpha1.RiskCritical},
			Observed:  v1alpha1.Observed{Occurrences: 3},
			Outcome:   v1alpha1.Outcome{Attempt: 1},
		},
	}
	for _, c := range change {
		c(remediation)
	}
	return remediation
}

// known are Remediations as the index finds them.
type known []*v1alpha1.Remediation

// healer decides with them and the settings of an installation; the defaults when there are none.
func (k known) healer(settings ...*config.Config) *healer {
	h := &healer{
		index: NewIndex(), synced: func() bool { return true }, namespaces: func(string) map[string]string { return nil }, watcher: "watcher",
	}
	for _, remediation := range k {
		h.index.OnAdd(remediation, true)
	}
	h.use(append(settings, config.Default())[0])
	return h
}

// ask has a request decided as a handler does.
func (h *healer) ask(t testing.TB, request *admissionv1.AdmissionRequest) (answer, error) {
	t.Helper()
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request,
	})
	require.NoError(t, err)
	reader := newReader().(*reader)
	require.NoError(t, reader.fill(bytes.NewReader(body), int64(len(body))))
	rest, err := reader.readHead()
	require.NoError(t, err)
	if given, decided := h.glance(reader, rest); decided {
		return given, nil
	}
	require.NoError(t, reader.readAll())
	return h.heal(&reader.review)
}

// deployment is the web Deployment with a limit and with metadata members, as JSON.
func deployment(limit, metadata, templateMetadata string) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"%s},`+
		`"spec":{"template":{%s"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":%q}}}]}}}}`, metadata, templateMetadata, limit)
}

// creation is the request of somebody who applies an object that does not exist yet.
func creation(object string) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID: "1", Kind: metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
		Namespace: "shop", Name: "web", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(object)},
	}
}

// healed is what an object becomes.
func healed(t *testing.T, object string, given answer) string {
	t.Helper()
	if len(given.patch) == 0 {
		return object
	}
	patch, err := jsonpatch.DecodePatch(given.patch)
	require.NoError(t, err)
	out, err := patch.Apply([]byte(object))
	require.NoError(t, err)
	return string(out)
}

const (
	auditOfWeb = `[{"failure_type":"OOMKilled","root_cause":"too little memory","confidence":95,"evidence":[],` +
		`"modifications":[{"field":"spec.template.spec.containers[name=app].resources.limits.memory","container":"app","old_value":"128Mi","new_value":"256Mi"}],` +
		`"risk_level":"CRITICAL","timestamp":"2026-03-01T12:00:00Z"}]`
	healWords = "kube-remedy: app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%); undo: kubectl annotate deploy/web kube-remedy.io/mode=off -n shop"
)

// ours are the annotations on a healed workload, and marked those on its template.
var (
	ours   = fmt.Sprintf(`,"annotations":{"kube-remedy.io/audit":%s,"kube-remedy.io/remediations":"deployment-web-oomkilled-app@1"}`, quote(auditOfWeb))
	marked = `"metadata":{"annotations":{"kube-remedy.io/remediations":"deployment-web-oomkilled-app@1"}},`
)

func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string always encodes
	return strings.NewReplacer(`\u003e`, ">", `\u003c`, "<").Replace(string(quoted))
}

func TestHeal(t *testing.T) {
	for _, test := range []struct {
		name     string
		learned  known
		object   string
		want     string // the object afterwards; empty for unchanged
		outcome  outcome
		reason   string
		warnings []string
	}{
		{
			name: "a manifest that would fail is healed", learned: known{learned()}, object: deployment("128Mi", "", ""),
			want: deployment("256Mi", ours, marked), outcome: patched, reason: "healed", warnings: []string{healWords},
		},
		{
			name: "annotations of null are as good as none", learned: known{learned()}, object: deployment("128Mi", `,"annotations":null`, `"metadata":{"annotations":null},`),
			want: deployment("256Mi", ours, marked), outcome: patched, reason: "healed", warnings: []string{healWords},
		},
		{
			name: "template metadata of null is as good as none", learned: known{learned()}, object: deployment("128Mi", "", `"metadata":null,`),
			want: deployment("256Mi", ours, marked), outcome: patched, reason: "healed", warnings: []string{healWords},
		},
		{
			name: "the same manifest applied again gives the same object", learned: known{learned()}, object: deployment("128Mi", ours, marked),
			want: deployment("256Mi", ours, marked), outcome: patched, reason: "healed", warnings: []string{healWords},
		},
		{name: "a healed object stays as it is", learned: known{learned()}, object: deployment("256Mi", ours, marked), outcome: allowed, reason: "nothing_to_do"},
		{name: "exactly the cure, written by its owner, is not claimed", learned: known{learned()}, object: deployment("256Mi", "", ""), outcome: allowed, reason: "nothing_to_do"},
		{name: "more than the cure is left alone", learned: known{learned()}, object: deployment("512Mi", "", ""), outcome: allowed, reason: "nothing_to_do"},
		{
			name: "annotations that are no longer true are removed", learned: known{learned()}, object: deployment("512Mi", ours, marked),
			want: deployment("512Mi", `,"annotations":{}`, `"metadata":{"annotations":{}},`), outcome: patched, reason: "annotations",
		},
		{
			name: "a cure that failed goes back to what the owner wrote", learned: known{learned(func(r *v1alpha1.Remediation) { r.Status.Phase = v1alpha1.PhaseFailed })},
			object: deployment("128Mi", ours, marked), want: deployment("128Mi", `,"annotations":{}`, `"metadata":{"annotations":{}},`), outcome: patched, reason: "annotations",
		},
		{
			name: "a half-written remediation is not applied", learned: known{learned(func(r *v1alpha1.Remediation) { r.Status.Diagnosis = nil })},
			object: deployment("128Mi", "", ""), outcome: allowed, reason: "no_remediation",
		},
		{name: "mode off leaves everything alone", learned: known{learned()}, object: deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"off"}`, ""), outcome: allowed, reason: "mode_off"},
		{
			name: "mode suggest only warns", learned: known{learned()}, object: deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"suggest"}`, ""), outcome: suggested, reason: "suggested",
			warnings: []string{"kube-remedy: would set app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%); not changed: mode is suggest; apply it with: kubectl annotate deploy/web kube-remedy.io/mode=heal -n shop --overwrite"},
		},
		{
			name: "a remediation that waits for approval only warns", learned: known{learned(func(r *v1alpha1.Remediation) { r.Spec.Mode = v1alpha1.Suggest })},
			object: deployment("128Mi", "", ""), outcome: suggested, reason: "suggested",
			warnings: []string{"kube-remedy: would set app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%); not changed: the remediation waits for approval; approve: kubectl patch rem deployment-web-oomkilled-app --type=merge -p '{\"spec\":{\"mode\":\"Heal\"}}' -n shop"},
		},
		{
			name: "a doubtful diagnosis only warns", learned: known{learned(func(r *v1alpha1.Remediation) { r.Status.Diagnosis.Confidence = 69 })},
			object: deployment("128Mi", "", ""), outcome: suggested, reason: "suggested",
			warnings: []string{"kube-remedy: would set app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 69%); not changed: the confidence is too low; approve: kubectl patch rem deployment-web-oomkilled-app --type=merge -p '{\"spec\":{\"mode\":\"Heal\"}}' -n shop"},
		},
		{
			name: "a guess is not even told", learned: known{learned(func(r *v1alpha1.Remediation) { r.Status.Diagnosis.Confidence = 49 })},
			object: deployment("128Mi", "", ""), outcome: allowed, reason: "nothing_to_do",
		},
		{
			name: "a mode that is none is ignored, and the applier is told", learned: known{learned()}, object: deployment("512Mi", `,"annotations":{"kube-remedy.io/mode":"no"}`, ""),
			outcome: allowed, reason: "nothing_to_do", warnings: []string{`kube-remedy: annotation kube-remedy.io/mode: "no" is ignored; use heal, suggest or off`},
		},
		{
			name: "a cure that does not fit says why", learned: known{learned(func(r *v1alpha1.Remediation) { r.Spec.Actions[0].IncreaseMemory.Container = "web" })},
			object: deployment("128Mi", "", ""), outcome: allowed, reason: "nothing_to_do",
			warnings: []string{`kube-remedy: deployment-web-oomkilled-app was not applied: there is no container "web"`},
		},
		{
			name: "of two cures for one field the first by name is applied",
			learned: known{learned(func(r *v1alpha1.Remediation) {
				r.Name = "z"
				r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("1Gi")
			}), learned()},
			object: deployment("128Mi", "", ""), want: deployment("256Mi", ours, marked), outcome: patched, reason: "healed",
			warnings: []string{healWords, "kube-remedy: would set app memory limit 128Mi → 1Gi (OOMKilled 3x, confidence 95%); not changed: another remediation decides the same field"},
		},
		{
			name: "a cure for another workload is not looked at", learned: known{learned(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name = "api" })},
			object: deployment("128Mi", "", ""), outcome: allowed, reason: "no_remediation",
		},
		{
			name: "a cure in another namespace is not looked at", learned: known{learned(func(r *v1alpha1.Remediation) { r.Namespace = "bank" })},
			object: deployment("128Mi", "", ""), outcome: allowed, reason: "no_remediation",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := creation(test.object)
			given, err := test.learned.healer().ask(t, request)
			require.NoError(t, err)
			require.Equal(t, test.outcome, given.outcome)
			require.Equal(t, test.reason, given.reason)
			require.Equal(t, test.warnings, given.warnings)
			got := healed(t, test.object, given)
			if test.want == "" {
				test.want = test.object
				require.Empty(t, given.patch)
			}
			require.JSONEq(t, test.want, got)
			if test.reason == "healed" {
				require.Equal(t, map[string]string{
					"remediation": "deployment-web-oomkilled-app@1", "failure-type": "OOMKilled", "confidence": "95",
					"fields": "spec.template.spec.containers[name=app].resources.limits.memory",
				}, given.audit)
			}
			again, err := test.learned.healer().ask(t, creation(got))
			require.NoError(t, err)
			require.Empty(t, again.patch, "a second invocation on the result changes nothing")
		})
	}
}

func TestHealFindsTheNameInTheObject(t *testing.T) {
	request := creation(deployment("128Mi", "", ""))
	request.Name = ""
	given, err := known{learned()}.healer().ask(t, request)
	require.NoError(t, err)
	require.Equal(t, patched, given.outcome)
}

func TestHealAllowsWhatItCanNotRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*admissionv1.AdmissionRequest)
		reason string
	}{
		{"no object", func(r *admissionv1.AdmissionRequest) { r.Object.Raw = nil }, "object"},
		{"an object of null", func(r *admissionv1.AdmissionRequest) { r.Object.Raw = []byte("null") }, "object"},
		{"an object that is a list", func(r *admissionv1.AdmissionRequest) { r.Object.Raw = []byte("[]") }, "object"},
		{"an old object that is a list", func(r *admissionv1.AdmissionRequest) { r.OldObject.Raw = []byte("[]") }, "object"},
		{"no name and an object that is text", func(r *admissionv1.AdmissionRequest) { r.Name, r.Object.Raw = "", []byte(`"web"`) }, "object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := creation(deployment("128Mi", "", ""))
			test.change(request)
			given, err := known{learned()}.healer().ask(t, request)
			require.Error(t, err)
			require.Equal(t, failure, given.outcome)
			require.Equal(t, test.reason, given.reason)
			require.Empty(t, given.patch)
		})
	}
	t.Run("a cache that is not filled", func(t *testing.T) {
		healer := known{}.healer()
		healer.synced = func() bool { return false }
		given, err := healer.ask(t, creation(deployment("128Mi", "", "")))
		require.NoError(t, err)
		require.Equal(t, failed("lookup"), given)
	})
}

func TestWarningsAreShort(t *testing.T) {
	remediation := learned(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name = strings.Repeat("w", 253) })
	request := creation(strings.Replace(deployment("128Mi", "", ""), `"web"`, `"`+remediation.Spec.TargetRef.Name+`"`, 1))
	request.Name = remediation.Spec.TargetRef.Name
	given, err := known{remediation}.healer().ask(t, request)
	require.NoError(t, err)
	require.Equal(t, []string{"kube-remedy: app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%)"}, given.warnings,
		"the way to undo it goes before what was changed does")
	garbage := creation(deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"`+strings.Repeat("→", 300)+`"}`, ""))
	given, err = known{learned()}.healer().ask(t, garbage)
	require.NoError(t, err)
	for _, warning := range given.warnings {
		require.LessOrEqual(t, len(warning), maxWarning)
	}
}
