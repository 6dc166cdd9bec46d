package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// withAnnotations is the web Deployment with annotations.
func withAnnotations(annotations map[string]string) string {
	if len(annotations) == 0 {
		return deployment("128Mi", "", "")
	}
	var said []string
	for name, value := range annotations {
		said = append(said, quote(name)+":"+quote(value))
	}
	return deployment("128Mi", `,"annotations":{`+strings.Join(said, ",")+`}`, "")
}

// set gives settings that differ from the defaults.
func set(change func(*config.Config)) *config.Config {
	settings := config.Default()
	change(settings)
	return settings
}

// says are annotations, by their names without our group.
func says(pairs ...string) map[string]string {
	said := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		said[v1alpha1.GroupName+"/"+pairs[i]] = pairs[i+1]
	}
	return said
}

func TestPolicy(t *testing.T) {
	most := func(memory string) *config.Config {
		return set(func(c *config.Config) { c.MaxMemory = new(resource.MustParse(memory)) })
	}
	mode := func(mode string) *config.Config { return set(func(c *config.Config) { c.Mode = mode }) }
	assertive := learned(func(r *v1alpha1.Remediation) {
		r.Spec.Mode, r.Spec.FailureType = v1alpha1.Suggest, v1alpha1.ImagePullBackOff
		r.Spec.Actions = []v1alpha1.Action{{FixImage: &v1alpha1.FixImage{Container: "app", Image: "shop/web:lates", Replacement: "shop/web:latest", Source: v1alpha1.ImageTag}}}
	})
	proven := learned(func(r *v1alpha1.Remediation) {
		*r = *assertive.DeepCopy()
		r.Spec.Actions[0].FixImage.Source = v1alpha1.ImageRan
	})
	sure := func(confidence int32, approver string) *v1alpha1.Remediation {
		return learned(func(r *v1alpha1.Remediation) {
			r.Status.Diagnosis.Confidence = confidence
			if approver != "" {
				r.Annotations = map[string]string{v1alpha1.ApprovedByAnnotation: approver}
			}
		})
	}
	for _, test := range []struct {
		name              string
		learned           *v1alpha1.Remediation // the ordinary one when there is none
		object, namespace map[string]string
		settings          *config.Config
		limit             string // afterwards; empty when nothing is patched
		image             string
		reason            string
		warns             []string // in their order, a part of each
	}{
		{name: "nobody says anything", limit: "256Mi", reason: "healed", warns: []string{"undo: "}},

		{name: "the installation suggests", settings: mode("suggest"), reason: "suggested", warns: []string{"not changed: mode is suggest; apply it with: kubectl annotate deploy/web kube-remedy.io/mode=heal -n shop"}},
		{name: "the installation is off", settings: mode("off"), reason: "mode_off"},
		{name: "the namespace heals where the installation is off", settings: mode("off"), namespace: says("mode", "heal"), limit: "256Mi", reason: "healed", warns: []string{""}},
		{name: "the namespace is off", namespace: says("mode", "off"), reason: "mode_off"},
		{name: "the namespace suggests", namespace: says("mode", "suggest"), reason: "suggested", warns: []string{"mode is suggest"}},
		{name: "the workload heals where its namespace is off", namespace: says("mode", "off"), object: says("mode", "heal"), limit: "256Mi", reason: "healed", warns: []string{"--overwrite"}},
		{name: "the workload is off where all others heal", settings: mode("heal"), namespace: says("mode", "heal"), object: says("mode", "off"), reason: "mode_off"},
		{name: "the workload suggests where its namespace heals", namespace: says("mode", "heal"), object: says("mode", "suggest"), reason: "suggested", warns: []string{"--overwrite"}},
		{name: "an empty mode says nothing", namespace: says("mode", "suggest"), object: says("mode", ""), reason: "suggested", warns: []string{"mode is suggest"}},
		{
			name: "a mode that is none leaves it to the namespace", namespace: says("mode", "suggest"), object: says("mode", "Heal"), reason: "suggested",
			warns: []string{"mode is suggest", `kube-remedy: annotation kube-remedy.io/mode: "Heal" is ignored; use heal, suggest or off`},
		},
		{
			name: "a namespace's mode that is none is told of with who said it", namespace: says("mode", "on"), limit: "256Mi", reason: "healed",
			warns: []string{"undo: ", `kube-remedy: the namespace's annotation kube-remedy.io/mode: "on" is ignored`},
		},

		{name: "types with this one", object: says("failure-types", " ImagePullBackOff, OOMKilled ,"), limit: "256Mi", reason: "healed", warns: []string{""}},
		{name: "types without this one", object: says("failure-types", "ImagePullBackOff"), reason: "nothing_to_do"},
		{name: "types of the namespace", namespace: says("failure-types", "ImagePullBackOff"), reason: "nothing_to_do"},
		{name: "types of the installation", settings: set(func(c *config.Config) { c.FailureTypes = []v1alpha1.FailureType{v1alpha1.Pending} }), reason: "nothing_to_do"},
		{name: "types of the workload before those of its namespace", namespace: says("failure-types", "Pending"), object: says("failure-types", "OOMKilled"), limit: "256Mi", reason: "healed", warns: []string{""}},
		{
			name: "types of which one is unknown are ignored as a whole", namespace: says("failure-types", "Pending"), object: says("failure-types", "OOMKilled,Oomkilled"), reason: "nothing_to_do",
			warns: []string{`annotation kube-remedy.io/failure-types: "OOMKilled,Oomkilled" is ignored; use a comma list of OOMKilled, `},
		},
		{name: "a list of commas", object: says("failure-types", ",,"), limit: "256Mi", reason: "healed", warns: []string{"", `",," is ignored`}},

		{name: "the installation allows less than the cure", settings: most("192Mi"), limit: "192Mi", reason: "healed", warns: []string{"128Mi → 192Mi"}},
		{name: "the installation allows just the cure", settings: most("256Mi"), limit: "256Mi", reason: "healed", warns: []string{""}},
		{name: "the namespace allows less than the cure", namespace: says("max-memory", "192Mi"), limit: "192Mi", reason: "healed", warns: []string{"128Mi → 192Mi"}},
		{name: "the namespace allows more than the installation", settings: most("150Mi"), namespace: says("max-memory", "192Mi"), limit: "192Mi", reason: "healed", warns: []string{""}},
		{name: "the workload allows more than its namespace", namespace: says("max-memory", "150Mi"), object: says("max-memory", "200Mi"), limit: "200Mi", reason: "healed", warns: []string{""}},
		{name: "the workload allows less than its namespace", namespace: says("max-memory", "1Gi"), object: says("max-memory", "200Mi"), limit: "200Mi", reason: "healed", warns: []string{""}},
		{name: "the namespace allows no more than there is", namespace: says("max-memory", "128Mi"), reason: "nothing_to_do"},
		{
			name: "the namespace allows less than there is", namespace: says("max-memory", "100Mi"), reason: "nothing_to_do",
			warns: []string{"kube-remedy: deployment-web-oomkilled-app was not applied: the namespace's annotation kube-remedy.io/max-memory allows no more than 100Mi"},
		},
		{name: "the installation allows less than there is", settings: most("100Mi"), reason: "nothing_to_do", warns: []string{"was not applied: the installation allows no more than 100Mi"}},
		{name: "the workload allows less than there is", object: says("max-memory", "100Mi"), reason: "nothing_to_do", warns: []string{"was not applied: annotation kube-remedy.io/max-memory allows no more than 100Mi"}},
		{name: "a bound of cpu does not bound memory", namespace: says("max-cpu", "100m"), limit: "256Mi", reason: "healed", warns: []string{""}},
		{
			name: "a bound that is none leaves it to the namespace", namespace: says("max-memory", "192Mi"), object: says("max-memory", "lots"), limit: "192Mi", reason: "healed",
			warns: []string{"", `annotation kube-remedy.io/max-memory: "lots" is ignored; use a quantity greater than zero, such as 2Gi`},
		},
		{
			name: "bounds of zero and less are none", object: says("max-memory", "0", "max-cpu", "-1"), limit: "256Mi", reason: "healed",
			warns: []string{"", `annotation kube-remedy.io/max-cpu: "-1" is ignored; use a quantity greater than zero, such as 2`, `annotation kube-remedy.io/max-memory: "0" is ignored`},
		},
		{name: "a bound of nothing", object: says("max-memory", ""), limit: "256Mi", reason: "healed", warns: []string{"", `annotation kube-remedy.io/max-memory: "" is ignored`}},
		{name: "a bound that nothing can be computed with", namespace: says("max-memory", "1e999999999"), limit: "256Mi", reason: "healed", warns: []string{"", `the namespace's annotation kube-remedy.io/max-memory: "1e999999999" is ignored`}},

		{name: "what changes what runs waits", learned: assertive, reason: "suggested", warns: []string{"not changed: it changes what runs; approve: kubectl patch rem deployment-web-oomkilled-app"}},
		{name: "the workload lets it through", learned: assertive, object: says("allow", "assertive"), image: "shop/web:latest", reason: "healed", warns: []string{""}},
		{name: "the namespace lets it through", learned: assertive, namespace: says("allow", "assertive"), image: "shop/web:latest", reason: "healed", warns: []string{""}},
		{name: "the installation lets it through", learned: assertive, settings: set(func(c *config.Config) { c.Allow = "assertive" }), image: "shop/web:latest", reason: "healed", warns: []string{""}},
		{name: "a value that is none lets nothing through", learned: assertive, object: says("allow", "all"), reason: "suggested", warns: []string{"it changes what runs", `annotation kube-remedy.io/allow: "all" is ignored; use assertive`}},
		{
			name: "a guess is not let through", object: says("allow", "assertive"), reason: "suggested", warns: []string{"the confidence is too low"},
			learned: learned(func(r *v1alpha1.Remediation) {
				*r = *assertive.DeepCopy()
				r.Status.Diagnosis.Confidence = 69
			}),
		},
		{name: "what somebody set to Suggest waits, whatever is let through", learned: proven, object: says("allow", "assertive"), reason: "suggested", warns: []string{"not changed: the remediation waits for approval"}},
		{name: "mode suggest comes before what is let through", learned: assertive, object: says("allow", "assertive", "mode", "suggest"), reason: "suggested", warns: []string{"mode is suggest"}},

		{name: "confidence that is just enough", learned: sure(70, ""), limit: "256Mi", reason: "healed", warns: []string{"confidence 70%"}},
		{name: "confidence that is just too little", learned: sure(69, ""), reason: "suggested", warns: []string{"the confidence is too low"}},
		{name: "confidence that is just enough to tell", learned: sure(50, ""), reason: "suggested", warns: []string{"confidence 50%"}},
		{name: "confidence that is just too little to tell", learned: sure(49, ""), reason: "nothing_to_do"},
		{name: "somebody approved what is doubtful", learned: sure(55, "alice"), limit: "256Mi", reason: "healed", warns: []string{"confidence 55%"}},
		{name: "somebody approved what would not even be told of", learned: sure(20, "alice"), limit: "256Mi", reason: "healed", warns: []string{"confidence 20%"}},
		{name: "the installation asks for more confidence", learned: sure(89, ""), settings: set(func(c *config.Config) { c.Confidence = config.Confidence{Heal: 90, Suggest: 80} }), reason: "suggested", warns: []string{"too low"}},
		{name: "the installation asks for more, also to tell of it", learned: sure(79, ""), settings: set(func(c *config.Config) { c.Confidence = config.Confidence{Heal: 90, Suggest: 80} }), reason: "nothing_to_do"},
		{name: "the installation asks for less", learned: sure(30, ""), settings: set(func(c *config.Config) { c.Confidence = config.Confidence{Heal: 30, Suggest: 30} }), limit: "256Mi", reason: "healed", warns: []string{""}},

		{name: "an excluded namespace", settings: set(func(c *config.Config) { c.ExcludedNamespaces = []string{"bank", "shop"} }), reason: "excluded_namespace"},
		{name: "another namespace is excluded", settings: set(func(c *config.Config) { c.ExcludedNamespaces = []string{"sho", "shop2"} }), limit: "256Mi", reason: "healed", warns: []string{""}},
		{name: "a value of reapply that is none", object: says("reapply", "yes"), limit: "256Mi", reason: "healed", warns: []string{"", `annotation kube-remedy.io/reapply: "yes" is ignored; use auto`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.learned == nil {
				test.learned = learned()
			}
			if test.settings == nil {
				test.settings = config.Default()
			}
			object := strings.Replace(withAnnotations(test.object), `"name":"app"`, `"name":"app","image":"shop/web:lates"`, 1)
			healer := known{test.learned}.healer(test.settings)
			healer.namespaces = func(name string) map[string]string {
				require.Equal(t, "shop", name)
				return test.namespace
			}
			given, err := healer.ask(t, creation(object))
			require.NoError(t, err)
			require.Equal(t, test.reason, given.reason, given.warnings)
			require.Len(t, given.warnings, len(test.warns), given.warnings)
			for i, part := range test.warns {
				require.Contains(t, given.warnings[i], part)
				require.LessOrEqual(t, len(given.warnings[i]), maxWarning)
			}
			if test.limit == "" && test.image == "" {
				require.Empty(t, given.patch)
				return
			}
			after := healed(t, object, given)
			if test.limit != "" {
				require.Contains(t, after, `"limits":{"memory":"`+test.limit+`"}`)
			}
			if test.image != "" {
				require.Contains(t, after, `"image":"`+test.image+`"`)
			}
			again, err := healer.ask(t, creation(after))
			require.NoError(t, err)
			require.Empty(t, again.patch, "a second invocation changes nothing")
		})
	}
}

// TestTheWatcherHealsOnlyWhereTheWorkloadSaysSo: reapply is not an annotation that a namespace has a say in here.
func TestTheWatcherHealsOnlyWhereTheWorkloadSaysSo(t *testing.T) {
	for value, want := range map[string]outcome{"auto": patched, "yes": allowed, "": allowed} {
		request := creation(withAnnotations(says("reapply", value)))
		request.Operation, request.UserInfo.Username, request.OldObject = admissionv1.Update, "watcher", request.Object
		given, err := known{learned()}.healer().ask(t, request)
		require.NoError(t, err)
		require.Equal(t, want, given.outcome, value)
	}
}

func TestALongClaimIsNamedByItsFieldWhereThereIsNoContainer(t *testing.T) {
	name := strings.Repeat("d", 100)
	reference := learned(func(r *v1alpha1.Remediation) {
		r.Spec.Mode, r.Spec.FailureType = v1alpha1.Suggest, v1alpha1.Pending
		r.Spec.Actions = []v1alpha1.Action{{FixReference: &v1alpha1.FixReference{Kind: v1alpha1.PersistentVolumeClaim, Name: name, Replacement: name + "2"}}}
	})
	object := strings.Replace(deployment("128Mi", "", ""), `"containers"`, `"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"`+name+`"}}],"containers"`, 1)
	given, err := known{reference}.healer().ask(t, creation(object))
	require.NoError(t, err)
	require.Len(t, given.warnings, 1)
	require.Contains(t, given.warnings[0], "kube-remedy: would change claimName; not changed: it changes what runs; approve: ")
}
