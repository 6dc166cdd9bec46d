package webhook

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// unpullable remembers that an image of the web Deployment can't be pulled.
func unpullable(change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return learned(append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Spec.FailureType, r.Spec.Actions = v1alpha1.ImagePullBackOff, nil
		r.Status.Diagnosis.RootCause = "there is no such tag."
		last := metav1.NewTime(noon.Add(time.Hour))
		r.Status.Observed = v1alpha1.Observed{Occurrences: 3, FirstSeen: &noon, LastSeen: &last, Failing: &v1alpha1.Failing{Container: "app", Image: "shop/web:2"}}
	}}, change...)...)
}

func TestWhatIsKnownToFail(t *testing.T) {
	written := func(image string) string {
		return strings.Replace(deployment("128Mi", "", ""), `"name":"app"`, `"name":"app","image":"`+image+`"`, 1)
	}
	hash, err := remedy.Template{"spec", "template"}.Hash(members(t, written("shop/web:2")))
	require.NoError(t, err)
	broken := func(r *v1alpha1.Remediation) {
		r.Spec.FailureType = v1alpha1.CrashLoopBackOff
		r.Status.Observed.Failing = &v1alpha1.Failing{TemplateHash: hash}
	}
	doubtful := func(confidence int32) func(*v1alpha1.Remediation) {
		return func(r *v1alpha1.Remediation) { r.Status.Diagnosis.Confidence = confidence }
	}
	const (
		imageWords    = "image shop/web:2 of container app failed to pull 3 times since 2026-03-01 12:00:00, last 2026-03-01 13:00:00 UTC (ImagePullBackOff): there is no such tag"
		templateWords = "this workload failed 3 times since 2026-03-01 12:00:00, last 2026-03-01 13:00:00 UTC (CrashLoopBackOff): there is no such tag"
	)
	for _, test := range []struct {
		name     string
		learned  *v1alpha1.Remediation
		object   string
		policy   string
		reason   string
		warns    string
		message  string
		metadata string
	}{
		{name: "an image that can't be pulled is told of by default", learned: unpullable(), reason: "nothing_to_do", warns: "kube-remedy: " + imageWords},
		{name: "an image that can't be pulled, warn", learned: unpullable(), policy: "warn", reason: "nothing_to_do", warns: "kube-remedy: " + imageWords},
		{name: "another image", learned: unpullable(), object: written("shop/web:3"), policy: "deny", reason: "nothing_to_do"},
		{name: "no image", learned: unpullable(), object: deployment("128Mi", "", ""), policy: "deny", reason: "nothing_to_do"},
		{name: "another container", learned: unpullable(func(r *v1alpha1.Remediation) { r.Status.Observed.Failing.Container = "proxy" }), policy: "deny", reason: "nothing_to_do"},
		{name: "a template is not told of by default", learned: unpullable(broken), reason: "nothing_to_do"},
		{name: "a template, warn", learned: unpullable(broken), policy: "warn", reason: "nothing_to_do", warns: "kube-remedy: " + templateWords},
		{name: "another template, warn", learned: unpullable(broken), object: written("shop/web:3"), policy: "warn", reason: "nothing_to_do"},
		{name: "another template, deny", learned: unpullable(broken), object: written("shop/web:3"), policy: "deny", reason: "nothing_to_do"},
		{
			name: "the same template restarted is the same", learned: unpullable(broken), policy: "warn", reason: "nothing_to_do", warns: "kube-remedy: " + templateWords,
			object: strings.Replace(written("shop/web:2"), `"template":{`, `"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-03-02"}},`, 1),
		},
		{name: "a template that nobody identified", learned: unpullable(func(r *v1alpha1.Remediation) { r.Status.Observed.Failing = &v1alpha1.Failing{Container: "app"} }), policy: "deny", reason: "nothing_to_do"},

		{
			name: "an image, deny", learned: unpullable(), policy: "deny", reason: "known_failure",
			message: imageWords + "; to apply it all the same: kubectl annotate deploy/web kube-remedy.io/mode=off -n shop",
		},
		{
			name: "a template, deny", learned: unpullable(broken), policy: "deny", reason: "known_failure",
			message: templateWords + "; to apply it all the same: kubectl annotate deploy/web kube-remedy.io/mode=off -n shop",
		},
		{
			name: "whoever has a mode already overwrites it", learned: unpullable(), policy: "deny", reason: "known_failure", metadata: "heal",
			message: imageWords + "; to apply it all the same: kubectl annotate deploy/web kube-remedy.io/mode=off -n shop --overwrite",
		},
		{name: "nothing is refused in mode suggest", learned: unpullable(), policy: "deny", metadata: "suggest", reason: "nothing_to_do", warns: "kube-remedy: " + imageWords},
		{name: "nothing is said in mode off", learned: unpullable(), policy: "deny", metadata: "off", reason: "mode_off"},
		{name: "nothing is refused on a guess", learned: unpullable(doubtful(69)), policy: "deny", reason: "nothing_to_do", warns: "kube-remedy: " + imageWords},
		{name: "less than a guess is not told of", learned: unpullable(doubtful(49)), policy: "deny", reason: "nothing_to_do"},

		{
			name: "what was seen once, nobody knows when", policy: "warn", reason: "nothing_to_do",
			learned: unpullable(func(r *v1alpha1.Remediation) {
				r.Status.Observed = v1alpha1.Observed{Occurrences: 1, Failing: r.Status.Observed.Failing}
			}), warns: "kube-remedy: image shop/web:2 of container app failed to pull once (ImagePullBackOff): there is no such tag",
		},
		{name: "what has expired is not known any more", learned: unpullable(func(r *v1alpha1.Remediation) { r.Status.Phase = v1alpha1.PhaseExpired }), policy: "deny", reason: "no_remediation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := test.object
			if object == "" {
				object = written("shop/web:2")
			}
			if test.metadata != "" {
				object = strings.Replace(object, `"namespace":"shop"`, `"namespace":"shop","annotations":{"kube-remedy.io/mode":"`+test.metadata+`"}`, 1)
			}
			settings := config.Default()
			if test.policy != "" {
				settings.KnownFailures = test.policy
			}
			given, err := known{test.learned}.healer(settings).ask(t, creation(object))
			require.NoError(t, err)
			require.Equal(t, test.reason, given.reason)
			require.Equal(t, test.message, given.message)
			require.Empty(t, given.patch)
			if test.warns == "" {
				require.Empty(t, given.warnings)
			} else {
				require.Equal(t, []string{test.warns}, given.warnings)
			}
		})
	}
}

func TestOfWhatIsKnownOnlyTypesThatAreCoveredAreToldOf(t *testing.T) {
	object := strings.Replace(deployment("128Mi", `,"annotations":{"kube-remedy.io/failure-types":"OOMKilled"}`, ""), `"name":"app"`, `"name":"app","image":"shop/web:2"`, 1)
	given, err := known{unpullable()}.healer(set(func(c *config.Config) { c.KnownFailures = "deny" })).ask(t, creation(object))
	require.NoError(t, err)
	require.Empty(t, given.warnings)
	require.Equal(t, allowed, given.outcome)
}

// A cure beside what is known to fail does not make it start.
func TestARefusalHasNoPatchAndSaysWhy(t *testing.T) {
	object := strings.Replace(deployment("128Mi", "", ""), `"name":"app"`, `"name":"app","image":"shop/web:2"`, 1)
	handler := handlerOf(known{unpullable(func(r *v1alpha1.Remediation) { r.Name = "z" }), learned()})
	handler.healer.use(set(func(c *config.Config) { c.KnownFailures = "deny" }))
	recorder := post(handler, "application/json", strings.NewReader(webRequest(object)))
	got := recorder.Body.String()
	require.Contains(t, got, `"allowed":false,"status":{"code":403,"reason":"Forbidden","message":"image shop/web:2 of container app failed to pull`)
	require.Contains(t, got, "kubectl annotate deploy/web kube-remedy.io/mode=off -n shop")
	require.NotContains(t, got, `"patch"`)
}
