package remedy_test

import (
	"encoding/json"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func quantity(text string) *resource.Quantity {
	q := resource.MustParse(text)
	return &q
}

func TestMoreMemory(t *testing.T) {
	for _, test := range []struct {
		name           string
		limit, request string
		peak, least    int64
		wantLimit      string
		wantRequest    string
		wantErr        string
	}{
		{name: "a limit is doubled in its own unit", limit: "128Mi", wantLimit: "256Mi"},
		{name: "decimal units stay decimal", limit: "500M", wantLimit: "1G"},
		{name: "plain bytes stay plain", limit: "134217728", wantLimit: "268435456"},
		{name: "a request keeps its ratio to the limit", limit: "128Mi", request: "64Mi", wantLimit: "256Mi", wantRequest: "128Mi"},
		{name: "a request equal to the limit stays equal", limit: "128Mi", request: "128Mi", wantLimit: "256Mi", wantRequest: "256Mi"},
		{name: "an absent request stays absent", limit: "1Gi", wantLimit: "2Gi"},
		{name: "a request of zero is not raised", limit: "1Gi", request: "0", wantLimit: "2Gi"},
		{name: "a request above the limit is cut to it", limit: "64Mi", request: "128Mi", wantLimit: "128Mi", wantRequest: "128Mi"},
		{name: "a peak above the limit asks for half as much again", limit: "128Mi", peak: 300 << 20, wantLimit: "480Mi"},
		{name: "what is computed is rounded up to a tidy number", limit: "100Mi", peak: 301 << 20, request: "50Mi", wantLimit: "480Mi", wantRequest: "240Mi"},
		{name: "a peak below the limit changes nothing", limit: "128Mi", peak: 120 << 20, wantLimit: "256Mi"},
		{name: "what a heap needs is a least", limit: "128Mi", least: 700 << 20, wantLimit: "704Mi"},
		{name: "decimal units are rounded to decimal numbers", limit: "500M", peak: 910_000_000, wantLimit: "1400M"},
		{name: "a peak that no number holds is no peak to go by", limit: "128Mi", peak: 1<<63 - 1, wantLimit: "6Ei"},
		{name: "a limit of zero is refused", limit: "0", wantErr: "container app, memory limit 0: 0 bytes can't be doubled"},
		{name: "a negative limit is refused", limit: "-1Mi", wantErr: "can't be doubled"},
		{name: "a limit that would overflow is refused", limit: "8Ei", wantErr: "can't be doubled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var request *resource.Quantity
			if test.request != "" {
				request = quantity(test.request)
			}
			action, err := remedy.MoreMemory("app", *quantity(test.limit), request, test.peak, test.least)
			if test.wantErr != "" {
				require.ErrorContains(t, err, test.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.wantLimit, action.Limit.String())
			if test.wantRequest == "" {
				require.Nil(t, action.Request)
				return
			}
			require.Equal(t, test.wantRequest, action.Request.String())
		})
	}
}

func TestResolveIncreaseMemory(t *testing.T) {
	raise := v1alpha1.Action{IncreaseMemory: &v1alpha1.IncreaseMemory{
		Container: "app", FailedLimit: *quantity("128Mi"), Limit: *quantity("256Mi"), Request: quantity("128Mi"),
	}}
	const limits = `{"name":"app","resources":{"limits":{"memory":"128Mi"}}}`
	for _, test := range []struct {
		name   string
		spec   string // of the pod template
		fit    remedy.Fit
		reason string
		want   string            // the pod spec after the patch
		wrote  map[string]string // field to new value
	}{
		{
			name: "a limit below the floor is raised to it",
			spec: `{"containers":[` + limits + `]}`, fit: remedy.Changes,
			want:  `{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"}}}]}`,
			wrote: map[string]string{"spec.template.spec.containers[name=app].resources.limits.memory": "256Mi"},
		},
		{
			name: "the container is found by name wherever it stands, and its neighbours stay as they are",
			spec: `{"containers":[{"name":"sidecar","resources":{"limits":{"memory":"64Mi"}}},` + limits + `]}`, fit: remedy.Changes,
			want:  `{"containers":[{"name":"sidecar","resources":{"limits":{"memory":"64Mi"}}},{"name":"app","resources":{"limits":{"memory":"256Mi"}}}]}`,
			wrote: map[string]string{"spec.template.spec.containers[name=app].resources.limits.memory": "256Mi"},
		},
		{
			name: "an init container is raised where it stands",
			spec: `{"initContainers":[` + limits + `],"containers":[{"name":"web"}]}`, fit: remedy.Changes,
			want:  `{"initContainers":[{"name":"app","resources":{"limits":{"memory":"256Mi"}}}],"containers":[{"name":"web"}]}`,
			wrote: map[string]string{"spec.template.spec.initContainers[name=app].resources.limits.memory": "256Mi"},
		},
		{
			name: "a request equal to the limit stays equal",
			spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"128Mi"}}}]}`, fit: remedy.Changes,
			want: `{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"256Mi"}}}]}`,
			wrote: map[string]string{
				"spec.template.spec.containers[name=app].resources.limits.memory":   "256Mi",
				"spec.template.spec.containers[name=app].resources.requests.memory": "256Mi",
			},
		},
		{
			name: "equal is judged by amount, not by spelling",
			spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"134217728"}}}]}`, fit: remedy.Changes,
			want: `{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"256Mi"}}}]}`,
			wrote: map[string]string{
				"spec.template.spec.containers[name=app].resources.limits.memory":   "256Mi",
				"spec.template.spec.containers[name=app].resources.requests.memory": "256Mi",
			},
		},
		{
			name: "a smaller request is raised to the floor",
			spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"64Mi","cpu":"1"}}}]}`, fit: remedy.Changes,
			want: `{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"128Mi","cpu":"1"}}}]}`,
			wrote: map[string]string{
				"spec.template.spec.containers[name=app].resources.limits.memory":   "256Mi",
				"spec.template.spec.containers[name=app].resources.requests.memory": "128Mi",
			},
		},
		{
			name: "a request that the API server wrote beside the cure's limit stays, where the limit was taken back",
			spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"256Mi"}}}]}`, fit: remedy.Changes,
			want:  `{"containers":[{"name":"app","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"256Mi"}}}]}`,
			wrote: map[string]string{"spec.template.spec.containers[name=app].resources.limits.memory": "256Mi"},
		},
		{name: "the exact floor is in effect", spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"268435456"}}}]}`, fit: remedy.InEffect},
		{name: "more than the floor is the owner's", spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"512Mi"}}}]}`, fit: remedy.Exceeded},
		{name: "a container without a limit is left alone", spec: `{"containers":[{"name":"app"}]}`, fit: remedy.Misfit, reason: `container "app" has no memory limit`},
		{name: "a limit of null is no limit", spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":null}}}]}`, fit: remedy.Misfit, reason: `container "app" has no memory limit`},
		{name: "a renamed container is left alone", spec: `{"containers":[{"name":"web"}]}`, fit: remedy.Misfit, reason: `there is no container "app"`},
		{name: "two containers of the name are left alone", spec: `{"containers":[` + limits + `,` + limits + `]}`, fit: remedy.Misfit, reason: `there are 2 containers "app"`},
		{name: "a limit that is no quantity is left alone", spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":"lots"}}}]}`, fit: remedy.Misfit, reason: `limits.memory "lots" is not a quantity`},
		{name: "a limit of the wrong type is left alone", spec: `{"containers":[{"name":"app","resources":{"limits":{"memory":[1]}}}]}`, fit: remedy.Misfit, reason: "neither text nor a number"},
		{name: "the pod's own limit is not passed", spec: `{"resources":{"limits":{"memory":"200Mi"}},"containers":[` + limits + `]}`, fit: remedy.Misfit, reason: "the pod's own memory limit of 200Mi is below 256Mi"},
		{name: "containers of the wrong type are left alone", spec: `{"containers":"app"}`, fit: remedy.Misfit, reason: `there is no container "app"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := []byte(`{"spec":{"template":{"spec":` + test.spec + `}}}`)
			resolved := remedy.Resolve([]v1alpha1.Action{raise}, decode(t, raw))
			require.Equal(t, test.fit, resolved.Fit)
			require.Contains(t, resolved.Reason, test.reason)
			if test.fit != remedy.Changes {
				require.Empty(t, resolved.Operations)
				require.Empty(t, resolved.Modifications)
				return
			}
			patched := apply(t, raw, resolved.Operations)
			require.JSONEq(t, `{"spec":{"template":{"spec":`+test.want+`}}}`, string(patched))
			wrote := map[string]string{}
			for _, modification := range resolved.Modifications {
				require.Equal(t, "app", modification.Container)
				wrote[modification.Field] = modification.NewValue
			}
			require.Equal(t, test.wrote, wrote)
			again := remedy.Resolve([]v1alpha1.Action{raise}, decode(t, patched))
			require.Equal(t, remedy.InEffect, again.Fit, "resolving again after the patch changes nothing")
		})
	}
}

func TestResolveRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Run("an action of an unknown kind", func(t *testing.T) {
		resolved := remedy.Resolve([]v1alpha1.Action{{}}, map[string]any{})
		require.Equal(t, remedy.Misfit, resolved.Fit)
	})
	t.Run("all actions when one does not fit", func(t *testing.T) {
		object := decode(t, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"a","resources":{"limits":{"memory":"1Mi"}}}]}}}}`))
		resolved := remedy.Resolve([]v1alpha1.Action{
			{IncreaseMemory: &v1alpha1.IncreaseMemory{Container: "a", Limit: *quantity("2Mi")}},
			{IncreaseMemory: &v1alpha1.IncreaseMemory{Container: "b", Limit: *quantity("2Mi")}},
		}, object)
		require.Equal(t, remedy.Misfit, resolved.Fit)
		require.Empty(t, resolved.Operations)
	})
	t.Run("an object without a pod template", func(t *testing.T) {
		resolved := remedy.Resolve([]v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{Container: "a"}}}, map[string]any{"spec": nil})
		require.Equal(t, remedy.Misfit, resolved.Fit)
		require.Contains(t, resolved.Reason, "spec.template.spec is missing")
	})
}

// FuzzResolve checks on any object that the operations apply, and that nothing is left to do after them.
func FuzzResolve(f *testing.F) {
	f.Add(`{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"1Mi"},"requests":{"memory":1}}}]}}}}`, "app", int64(2<<20))
	f.Add(`{"spec":{"template":{"spec":{"initContainers":[{"name":"~/a","resources":{"limits":{"memory":1e3}}}]}}}}`, "~/a", int64(2<<20))
	f.Fuzz(func(t *testing.T, raw, container string, limit int64) {
		var object map[string]any
		if json.Unmarshal([]byte(raw), &object) != nil || limit <= 0 {
			return // not an object, or not a limit the API would store
		}
		actions := []v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{
			Container: container, Limit: *resource.NewQuantity(limit, resource.BinarySI), Request: resource.NewQuantity(limit/2, resource.BinarySI),
		}}}
		resolved := remedy.Resolve(actions, object)
		if resolved.Fit != remedy.Changes {
			require.Empty(t, resolved.Operations)
			return
		}
		canonical, err := json.Marshal(object) // one member of each name, as the API server sends it
		require.NoError(t, err)
		require.Equal(t, remedy.InEffect, remedy.Resolve(actions, decode(t, apply(t, canonical, resolved.Operations))).Fit)
	})
}

func decode(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal(raw, &object))
	return object
}

func apply(t testing.TB, raw []byte, operations []remedy.Operation) []byte {
	t.Helper()
	text, err := json.Marshal(operations)
	require.NoError(t, err)
	patched, err := applyPatch(raw, text)
	require.NoError(t, err)
	return patched
}

func applyPatch(raw, operations []byte) ([]byte, error) {
	patch, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		return nil, err
	}
	return patch.Apply(raw)
}
