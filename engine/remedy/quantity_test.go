package remedy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func TestParseQuantityTakesWhatCanBeComputedWith(t *testing.T) {
	for _, test := range []struct {
		name, text string
		taken      bool
	}{
		{"binary units", "128Mi", true},
		{"the largest units", "7E", true},
		{"the largest binary units", "7Ei", true},
		{"an exponent", "128e6", true},
		{"an exponent of two digits", "1e18", true},
		{"an exponent with a sign", "1E+3", true},
		{"a fraction", "0.5", true},
		{"thousandths", "100m", true},
		{"nothing", "", false},
		{"words", "much", false},
		{"an exponent of nine digits", "1e999999999", false},
		{"a negative exponent of nine digits", "1e-999999999", false},
		{"an exponent that no number holds", "1e99999999999999999999", false},
		{"a capital exponent", "1E999999999", false},
		{"an exponent behind zeros", "1e0000999999999", false},
		{"400 digits", strings.Repeat("9", 400), false},
		{"400 digits behind the dot", "0." + strings.Repeat("0", 400) + "1", false},
		{"bytes of zero", "1\x00", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := remedy.ParseQuantity(test.text)
			require.Equal(t, test.taken, err == nil, "%v", err)
		})
	}
}

func TestAmountsThatCanNotBeComputedWithAreMalformed(t *testing.T) {
	for _, amount := range []string{`1e999999999`, `"1e999999999"`, `"1e-999999999"`, `1e-999999999`, `-1`, `"9Zi"`, `[]`, `{}`, `true`, strings.Repeat("9", 400)} {
		for _, list := range []string{"limits", "requests"} {
			object := `{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"},"` + list + `":{"memory":` + amount + `}}}]}}}}`
			if list == "limits" {
				object = strings.Replace(object, `"limits":{"memory":"128Mi"},`, "", 1)
			}
			resolved := remedy.Resolve([]v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{
				Container: "app", FailedLimit: *quantity("128Mi"), Limit: *quantity("256Mi"),
			}}}, numbered(t, object))
			require.Equal(t, remedy.Malformed, resolved.Obstacle, "%s %.20s: %s", list, amount, resolved.Reason)
			require.Less(t, len(resolved.Reason), 256)
		}
	}
}

// numbered decodes an object with its numbers as they are written, as the webhook does.
func numbered(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	require.NoError(t, decoder.Decode(&object))
	return object
}

func TestResolveWithinCutsToWhatIsAllowed(t *testing.T) {
	raise := v1alpha1.Action{IncreaseMemory: &v1alpha1.IncreaseMemory{
		Container: "app", FailedLimit: *quantity("128Mi"), Limit: *quantity("256Mi"), Request: quantity("128Mi"),
	}}
	storage := v1alpha1.Action{IncreaseMemory: &v1alpha1.IncreaseMemory{
		Container: "app", Resource: v1alpha1.EphemeralStorage, FailedLimit: *quantity("128Mi"), Limit: *quantity("256Mi"),
	}}
	cpu := v1alpha1.Action{RaiseCPU: &v1alpha1.RaiseCPU{Container: "app", FailedLimit: *quantity("500m"), Limit: *quantity("1"), Request: quantity("500m")}}
	request := v1alpha1.Action{RaiseRequest: &v1alpha1.RaiseRequest{Container: "app", Resource: v1alpha1.Memory, Request: *quantity("120Mi")}}
	for _, test := range []struct {
		name       string
		action     v1alpha1.Action
		bound      map[corev1.ResourceName]string
		annotation string
		fit        remedy.Fit
		changes    []string // new values in their order
		reason     string
	}{
		{name: "nobody bounds anything", action: raise, changes: []string{"256Mi", "128Mi"}},
		{name: "a bound above the cure", action: raise, bound: map[corev1.ResourceName]string{"memory": "1Gi"}, changes: []string{"256Mi", "128Mi"}},
		{name: "a bound that is the cure", action: raise, bound: map[corev1.ResourceName]string{"memory": "256Mi"}, changes: []string{"256Mi", "128Mi"}},
		{name: "a bound below the cure cuts it, and the request in its ratio", action: raise, bound: map[corev1.ResourceName]string{"memory": "192Mi"}, changes: []string{"192Mi", "96Mi"}},
		{name: "a bound that is the limit leaves nothing to do", action: raise, bound: map[corev1.ResourceName]string{"memory": "128Mi"}, fit: remedy.InEffect},
		{name: "a bound below the limit says who bounds", action: raise, bound: map[corev1.ResourceName]string{"memory": "100Mi"}, fit: remedy.Misfit, reason: "somebody allows no more than 100Mi"},
		{name: "the object's annotation comes first, also when it allows more", action: raise, bound: map[corev1.ResourceName]string{"memory": "100Mi"}, annotation: "160Mi", changes: []string{"160Mi", "80Mi"}},
		{name: "an annotation that is none bounds nothing", action: raise, bound: map[corev1.ResourceName]string{"memory": "192Mi"}, annotation: "much", changes: []string{"192Mi", "96Mi"}},
		{name: "an annotation that can't be computed with bounds nothing", action: raise, annotation: "1e999999999", changes: []string{"256Mi", "128Mi"}},
		{name: "a bound of another resource", action: raise, bound: map[corev1.ResourceName]string{"cpu": "1"}, changes: []string{"256Mi", "128Mi"}},
		{name: "ephemeral storage is not memory", action: storage, bound: map[corev1.ResourceName]string{"memory": "100Mi"}, annotation: "100Mi", changes: []string{"256Mi"}},
		{name: "cpu is cut as memory is", action: cpu, bound: map[corev1.ResourceName]string{"cpu": "750m"}, changes: []string{"750m", "375m"}},
		{name: "a request is cut, too", action: request, bound: map[corev1.ResourceName]string{"memory": "100Mi"}, changes: []string{"100Mi"}},
		{name: "a request is never lowered to a bound", action: request, bound: map[corev1.ResourceName]string{"memory": "32Mi"}, fit: remedy.Exceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			annotations := ""
			if test.annotation != "" {
				annotations = `"annotations":{"kube-remedy.io/max-memory":"` + test.annotation + `"}`
			}
			raw := []byte(`{"kind":"Deployment","metadata":{` + annotations + `},"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{` +
				`"limits":{"memory":"128Mi","cpu":"500m","ephemeral-storage":"128Mi"},"requests":{"memory":"64Mi","cpu":"250m"}}}]}}}}`)
			bounds := map[corev1.ResourceName]remedy.Bound{}
			for name, most := range test.bound {
				bounds[name] = remedy.Bound{Most: resource.MustParse(most), Who: "somebody"}
			}
			actions := []v1alpha1.Action{test.action}
			template := remedy.Template{"spec", "template"}
			resolved := remedy.ResolveWithin(actions, decode(t, raw), template, bounds)
			require.Equal(t, test.fit, resolved.Fit, resolved.Reason)
			require.Equal(t, test.reason, resolved.Reason)
			var changes []string
			for _, modification := range resolved.Modifications {
				changes = append(changes, modification.NewValue)
			}
			require.Equal(t, test.changes, changes)
			if resolved.Fit == remedy.Changes {
				again := remedy.ResolveWithin(actions, decode(t, apply(t, raw, resolved.Operations)), template, bounds)
				require.Equal(t, remedy.InEffect, again.Fit, "applying the healed object again gives the same")
			}
		})
	}
}
