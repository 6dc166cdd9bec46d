package webhook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// extraKinds are kinds that Kubernetes itself does not have.
func extraKinds() *config.Config {
	settings := set(func(c *config.Config) {
		c.Kinds = []config.ExtraKind{
			{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts", Kind: "Rollout", Template: "spec.template"},
			{Group: "apps.kruise.io", Version: "v1alpha1", Resource: "clonesets", Kind: "CloneSet", Template: "spec.template"},
			{Group: "example.org", Version: "v1", Resource: "apps", Kind: "App", Template: "spec.workload.podTemplate"},
		}
	})
	return settings
}

// applied is the request of somebody who applies an object of a kind.
func applied(apiVersion, kind, object string) *admissionv1.AdmissionRequest {
	request := creation(object)
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	request.Kind = metav1.GroupVersionKind{Group: group, Version: version, Kind: kind}
	return request
}

// forKind is the Remediation for an object of a kind.
func forKind(apiVersion, kind string, change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return learned(append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Spec.TargetRef = v1alpha1.TargetRef{APIVersion: apiVersion, Kind: kind, Name: "web"}
		r.Name = "web-oomkilled-app"
	}}, change...)...)
}

const (
	pod       = `{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"}}}]}}`
	podHealed = `{"metadata":{"annotations":{"kube-remedy.io/remediations":"web-oomkilled-app@1"}},"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"}}}]}}`
)

func TestEveryKindIsHealedWhereItHasItsTemplate(t *testing.T) {
	for _, test := range []struct {
		apiVersion, kind, short string
		spec                    string // with %s for the pod template
		field                   string
	}{
		{"apps/v1", "Deployment", "deploy", `{"template":%s}`, "spec.template.spec"},
		{"apps/v1beta2", "Deployment", "deploy", `{"template":%s}`, "spec.template.spec"},
		{"apps/v1", "StatefulSet", "sts", `{"serviceName":"web","template":%s,"volumeClaimTemplates":[]}`, "spec.template.spec"},
		{"apps/v1", "DaemonSet", "ds", `{"template":%s}`, "spec.template.spec"},
		{"apps/v1", "ReplicaSet", "rs", `{"template":%s}`, "spec.template.spec"},
		{"batch/v1", "Job", "job", `{"template":%s}`, "spec.template.spec"},
		{"batch/v1", "CronJob", "cj", `{"schedule":"@daily","jobTemplate":{"spec":{"template":%s}}}`, "spec.jobTemplate.spec.template.spec"},
		{"argoproj.io/v1alpha1", "Rollout", "rollouts.argoproj.io", `{"strategy":{"canary":null},"template":%s}`, "spec.template.spec"},
		{"apps.kruise.io/v1alpha1", "CloneSet", "clonesets.apps.kruise.io", `{"template":%s}`, "spec.template.spec"},
		{"example.org/v1", "App", "apps.example.org", `{"template":{"spec":{"containers":[]}},"workload":{"podTemplate":%s}}`, "spec.workload.podTemplate.spec"},
	} {
		t.Run(test.kind+" of "+test.apiVersion, func(t *testing.T) {
			written := func(template, more string) string {
				return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"web","namespace":"shop"%s},"spec":%s}`, test.apiVersion, test.kind, more, fmt.Sprintf(test.spec, template))
			}
			healer := known{forKind(test.apiVersion, test.kind)}.healer(extraKinds())
			given, err := healer.ask(t, applied(test.apiVersion, test.kind, written(pod, "")))
			require.NoError(t, err)
			require.Equal(t, "healed", given.reason)
			trail := strings.ReplaceAll(auditOfWeb, "spec.template.spec", test.field)
			after := healed(t, written(pod, ""), given)
			require.JSONEq(t, written(podHealed, `,"annotations":{"kube-remedy.io/audit":`+quote(trail)+`,"kube-remedy.io/remediations":"web-oomkilled-app@1"}`), after)
			require.Equal(t, []string{"kube-remedy: app memory limit 128Mi → 256Mi (OOMKilled 3x, confidence 95%); undo: kubectl annotate " + test.short +
				"/web kube-remedy.io/mode=off -n shop"}, given.warnings)
			require.Equal(t, test.field+".containers[name=app].resources.limits.memory", given.audit["fields"])
			again, err := healer.ask(t, applied(test.apiVersion, test.kind, after))
			require.NoError(t, err)
			require.Empty(t, again.patch)

			given, err = known{forKind(test.apiVersion, test.kind)}.healer(extraKinds()).ask(t, applied(test.apiVersion, test.kind, written("null", "")))
			require.NoError(t, err)
			require.Empty(t, given.patch, "without a template")
		})
	}
}

func TestAPodIsItsOwnTemplate(t *testing.T) {
	object := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},` + pod[1:]
	given, err := known{forKind("v1", "Pod")}.healer().ask(t, applied("v1", "Pod", object))
	require.NoError(t, err)
	after := healed(t, object, given)
	require.Contains(t, after, `"memory":"256Mi"`)
	require.Contains(t, after, `"kube-remedy.io/remediations":"web-oomkilled-app@1"`)
	require.Equal(t, "spec.containers[name=app].resources.limits.memory", given.audit["fields"])
}

func TestKindsThatNobodyHealsAreLeftAlone(t *testing.T) {
	object := `{"metadata":{"name":"web"},"spec":{"template":` + pod + `}}`
	for _, test := range []struct {
		name, apiVersion, kind string
		settings               *config.Config
	}{
		{"a kind of somebody else", "example.org/v1", "Job", extraKinds()},
		{"a kind that nobody configured", "argoproj.io/v1alpha1", "Rollout", config.Default()},
		{"the old group of a known kind", "extensions/v1beta1", "Deployment", config.Default()},
		{"a kind in small letters", "apps/v1", "deployment", config.Default()},
		{"a kind without a pod template of its own", "v1", "Service", config.Default()},
		{"a PodTemplate", "v1", "PodTemplate", config.Default()},
	} {
		t.Run(test.name, func(t *testing.T) {
			given, err := known{forKind(test.apiVersion, test.kind)}.healer(test.settings).ask(t, applied(test.apiVersion, test.kind, object))
			require.NoError(t, err)
			require.Equal(t, allow("kind"), given)
		})
	}
}

func TestKindsOfTheConfigurationMayComeAndGo(t *testing.T) {
	object := `{"metadata":{"name":"web"},"spec":{"template":` + pod + `}}`
	healer := known{forKind("argoproj.io/v1alpha1", "Rollout")}.healer()
	for i, want := range []outcome{allowed, patched, allowed} {
		given, err := healer.ask(t, applied("argoproj.io/v1alpha1", "Rollout", object))
		require.NoError(t, err)
		require.Equal(t, want, given.outcome)
		healer.use([]*config.Config{extraKinds(), config.Default(), config.Default()}[i])
	}
}

func TestObjectsWhoseNamesAreMadeFromAPrefix(t *testing.T) {
	prefixed := func(prefix string) *v1alpha1.Remediation {
		return forKind("batch/v1", "Job", func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name, r.Spec.TargetRef.GenerateName = "", prefix })
	}
	job := func(metadata string) string { return `{"metadata":{` + metadata + `},"spec":{"template":` + pod + `}}` }
	for _, test := range []struct {
		name, metadata string
		learned        *v1alpha1.Remediation
		requested      string
		want           outcome
	}{
		{"the prefix", `"generateName":"web-"`, prefixed("web-"), "", patched},
		{"another prefix", `"generateName":"web-2-"`, prefixed("web-"), "", allowed},
		{"a name comes before a prefix", `"name":"api","generateName":"web-"`, prefixed("web-"), "", allowed},
		{"a name that is the prefix", `"name":"web-"`, prefixed("web-"), "", allowed},
		{"a name that the API server made already", `"name":"web-x7k2p","generateName":"web-"`, prefixed("web-"), "web-x7k2p", allowed},
		{"a prefix that is the name of a target", `"generateName":"web"`, forKind("batch/v1", "Job"), "", allowed},
		{"neither", ``, prefixed("web-"), "", allowed},
		{"a prefix that is a number", `"generateName":7`, prefixed("web-"), "", allowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := applied("batch/v1", "Job", job(test.metadata))
			request.Name = test.requested
			given, err := known{test.learned}.healer().ask(t, request)
			require.NoError(t, err)
			require.Equal(t, test.want, given.outcome)
			if test.want == patched {
				require.Contains(t, given.warnings[0], "kubectl annotate job/web-… ")
			}
		})
	}
}

// TestWhatCanNotBeChangedGetsAgainWhatItWasCreatedWith applies the manifest of something that was healed when it was
// created. The API server refuses every other spec.
func TestWhatCanNotBeChangedGetsAgainWhatItWasCreatedWith(t *testing.T) {
	class := func(r *v1alpha1.Remediation) {
		r.Spec.FailureType = v1alpha1.Pending
		r.Spec.Actions = []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.StorageClass, Name: "fats", Replacement: "fast"}}}
	}
	const mark = `,"annotations":{"kube-remedy.io/remediations":"web-oomkilled-app@1"}`
	for _, kind := range []struct {
		name       string
		apiVersion string
		learned    *v1alpha1.Remediation
		write      func(healed bool, metadata, more string) string
	}{
		{"Job", "batch/v1", forKind("batch/v1", "Job"), func(healed bool, metadata, more string) string {
			limit, marked := "128Mi", ""
			if healed {
				limit = "256Mi"
			}
			if strings.Contains(metadata, "remediations") { // also what the API server merged an apply into
				marked = `"metadata":{"annotations":{"kube-remedy.io/remediations":"web-oomkilled-app@1"}},`
			}
			return `{"kind":"Job","metadata":{"name":"web"` + metadata + `},"spec":{"backoffLimit":6,"template":{` + marked +
				`"spec":{` + more + `"containers":[{"name":"app","resources":{"limits":{"memory":"` + limit + `"}}}]}}}}`
		}},
		{"Pod", "v1", forKind("v1", "Pod"), func(healed bool, metadata, more string) string {
			limit := "128Mi"
			if healed {
				limit = "256Mi"
			}
			return `{"kind":"Pod","metadata":{"name":"web"` + metadata + `},"spec":{` + more + `"containers":[{"name":"app","resources":{"limits":{"memory":"` + limit + `"}}}]}}`
		}},
		{"PersistentVolumeClaim", "v1", forKind("v1", "PersistentVolumeClaim", class), func(healed bool, metadata, more string) string {
			class := "fats"
			if healed {
				class = "fast"
			}
			return `{"kind":"PersistentVolumeClaim","metadata":{"name":"web"` + metadata + `},"spec":{` + more + `"storageClassName":"` + class + `"}}`
		}},
	} {
		for _, test := range []struct {
			name        string
			object, old string
			outcome     outcome
			reason      string
			warns       string
		}{
			{
				name: "the same manifest, merged into what there is", object: kind.write(false, `,"uid":"7"`+mark, ""), old: kind.write(true, `,"uid":"7"`+mark, ""),
				outcome: patched, reason: "healed", warns: "undo: ",
			},
			{
				name: "the same manifest, in the place of what there is", object: kind.write(false, `,"uid":"7"`, ""), old: kind.write(true, `,"uid":"7"`+mark, ""),
				outcome: patched, reason: "healed", warns: "undo: ",
			},
			{
				name: "the healed object", object: kind.write(true, `,"uid":"7"`+mark, ""), old: kind.write(true, `,"uid":"7"`+mark, ""), outcome: allowed, reason: "nothing_to_do",
			},
			{
				name: "one that was not healed", object: kind.write(false, `,"uid":"7"`, ""), old: kind.write(false, `,"uid":"7"`, ""),
				outcome: allowed, reason: "nothing_to_do", warns: "web-oomkilled-app was not applied: ",
			},
			{
				name: "one that only says it was healed", object: kind.write(false, `,"uid":"7"`+mark, ""), old: kind.write(false, `,"uid":"7"`+mark, ""),
				outcome: allowed, reason: "immutable", warns: "exists can't be changed; delete it and apply it again",
			},
			{
				name: "something else differs too", object: kind.write(false, `,"uid":"7"`+mark, `"dnsPolicy":"None",`), old: kind.write(true, `,"uid":"7"`+mark, ""),
				outcome: allowed, reason: "immutable", warns: "left alone: a " + kind.name + " that exists can't be changed",
			},
		} {
			t.Run(kind.name+", "+test.name, func(t *testing.T) {
				request := applied(kind.apiVersion, kind.name, test.object)
				request.Operation, request.OldObject.Raw = admissionv1.Update, []byte(test.old)
				request.Options = runtime.RawExtension{Raw: []byte(`{"fieldManager":"kubectl-client-side-apply"}`)}
				given, err := known{kind.learned}.healer().ask(t, request)
				require.NoError(t, err)
				require.Equal(t, test.reason, given.reason, given.warnings)
				require.Equal(t, test.outcome, given.outcome)
				if test.warns == "" {
					require.Empty(t, given.warnings)
				} else {
					require.Len(t, given.warnings, 1)
					require.Contains(t, given.warnings[0], test.warns)
				}
				if test.outcome != patched {
					require.Empty(t, given.patch)
					return
				}
				after := healed(t, test.object, given)
				object, old := members(t, after), members(t, test.old)
				require.Equal(t, old["spec"], object["spec"], "the API server takes no other")
				require.Equal(t, "web-oomkilled-app@1", annotationOf(object, v1alpha1.RemediationsAnnotation))
				request.Object.Raw = []byte(after)
				again, err := known{kind.learned}.healer().ask(t, request)
				require.NoError(t, err)
				require.Empty(t, again.patch)
			})
		}
	}
}

func TestAClaimIsHealedOnCreation(t *testing.T) {
	class := forKind("v1", "PersistentVolumeClaim", func(r *v1alpha1.Remediation) {
		r.Spec.Actions = []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.StorageClass, Name: "fats", Replacement: "fast"}}}
	})
	object := `{"kind":"PersistentVolumeClaim","metadata":{"name":"web"},"spec":{"storageClassName":"fats"}}`
	given, err := known{class}.healer().ask(t, applied("v1", "PersistentVolumeClaim", object))
	require.NoError(t, err)
	require.Equal(t, "healed", given.reason)
	require.Contains(t, healed(t, object, given), `"storageClassName":"fast"`)
	require.Contains(t, given.warnings[0], "kubectl annotate pvc/web ")
}
