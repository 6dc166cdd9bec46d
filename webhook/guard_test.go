package webhook

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// written is what somebody writes on Remediations.
type written struct {
	user        string
	operation   admissionv1.Operation
	subresource string
	now, before *v1alpha1.Remediation
	raw         string // in the place of now
}

// gate is a guard, and what it asked the API server.
type gate struct {
	*guard
	asked []authorizationv1.SubjectAccessReviewSpec
}

// newGate gives a guard for whom the API server answers so.
func newGate(permits bool, failure error) *gate {
	clients, g := fake.NewClientset(), &gate{}
	clients.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		g.asked = append(g.asked, review.Spec)
		review.Status.Allowed = permits
		return true, review, failure
	})
	healer := known{}.healer(extraKinds())
	g.guard = &guard{
		reviews: clients.AuthorizationV1().SubjectAccessReviews(), watcher: "watcher", kinds: healer.current,
		metrics: newMetrics(prometheus.NewRegistry()), log: slog.New(slog.DiscardHandler),
	}
	return g
}

// body writes the review of a request.
func (w written) body(t testing.TB) string {
	t.Helper()
	encode := func(remediation *v1alpha1.Remediation) runtime.RawExtension {
		if remediation == nil {
			return runtime.RawExtension{}
		}
		raw, err := json.Marshal(remediation)
		require.NoError(t, err)
		return runtime.RawExtension{Raw: raw}
	}
	request := &admissionv1.AdmissionRequest{
		UID: "1", Kind: metav1.GroupVersionKind{Group: v1alpha1.GroupName, Version: "v1alpha1", Kind: "Remediation"}, Namespace: "shop",
		Operation: w.operation, SubResource: w.subresource, Object: encode(w.now), OldObject: encode(w.before),
		UserInfo: authenticationv1.UserInfo{Username: w.user, UID: "u", Groups: []string{"team"}, Extra: map[string]authenticationv1.ExtraValue{"scope": {"shop"}}},
	}
	if request.Operation == "" {
		request.Operation = admissionv1.Create
		if w.before != nil {
			request.Operation = admissionv1.Update
		}
	}
	if w.raw != "" {
		request.Object.Raw = []byte(w.raw)
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request})
	require.NoError(t, err)
	return string(body)
}

// by is the Remediation as somebody left it: with its author, its approver, and its mode.
func by(author, approver string, mode v1alpha1.Mode, change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return learned(append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Spec.Mode, r.Annotations = mode, map[string]string{"team": "shop"}
		if author != "" {
			r.Annotations[v1alpha1.AuthorAnnotation] = author
		}
		if approver != "" {
			r.Annotations[v1alpha1.ApprovedByAnnotation] = approver
		}
	}}, change...)...)
}

func TestWhoWroteAndWhoApprovedIsStamped(t *testing.T) {
	const heal, suggest = v1alpha1.Heal, v1alpha1.Suggest
	for _, test := range []struct {
		name             string
		written          written
		author, approver string
	}{
		{"a creation", written{user: "alice", now: by("", "", suggest)}, "alice", ""},
		{"a creation that heals is approved by who creates it", written{user: "alice", now: by("", "", heal)}, "alice", "alice"},
		{"an author that is forged", written{user: "mallory", now: by("watcher", "", suggest)}, "mallory", ""},
		{"an approver that is forged", written{user: "mallory", now: by("", "boss", suggest)}, "mallory", ""},
		{"an approver that is forged on one that heals", written{user: "mallory", now: by("", "boss", heal)}, "mallory", "mallory"},
		{"the watcher learns", written{user: "watcher", now: by("", "", heal)}, "watcher", ""},
		{"the watcher approves nothing", written{user: "watcher", now: by("", "boss", heal)}, "watcher", ""},
		{"whoever switches to Heal approves", written{user: "bob", now: by("watcher", "", heal), before: by("watcher", "", suggest)}, "watcher", "bob"},
		{"whoever switches to Suggest takes the approval back", written{user: "bob", now: by("watcher", "alice", suggest), before: by("watcher", "alice", heal)}, "watcher", ""},
		{"whoever changes something else approves nothing", written{user: "bob", now: by("watcher", "bob", heal), before: by("watcher", "alice", heal)}, "watcher", "alice"},
		{"an approval can't be removed while it heals", written{user: "bob", now: by("watcher", "", heal), before: by("watcher", "alice", heal)}, "watcher", "alice"},
		{"an approval can't be added to what heals already", written{user: "bob", now: by("watcher", "bob", heal), before: by("watcher", "", heal)}, "watcher", ""},
		{"the watcher that switches to Heal approves nothing", written{user: "watcher", now: by("watcher", "alice", heal), before: by("watcher", "alice", suggest)}, "watcher", ""},
		{"an author can't be changed", written{user: "mallory", now: by("mallory", "", suggest), before: by("watcher", "", suggest)}, "watcher", ""},
		{"an author can't be removed", written{user: "mallory", now: by("", "", suggest), before: by("watcher", "", suggest)}, "watcher", ""},
		{"an author can't be added later", written{user: "mallory", now: by("watcher", "", suggest), before: by("", "", suggest)}, "", ""},
		{"an object without annotations", written{user: "alice", now: by("", "", suggest, func(r *v1alpha1.Remediation) { r.Annotations = nil })}, "alice", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(true, nil)
			body := test.written.body(t)
			got := sendTo(t, g.handler(g.author), body)
			require.NotNil(t, got.given, got.text)
			require.True(t, got.given.Allowed, got.text)
			var sent admissionv1.AdmissionReview
			require.NoError(t, json.Unmarshal([]byte(body), &sent))
			after := string(sent.Request.Object.Raw)
			if len(got.given.Patch) > 0 {
				after = patchedBy(t, after, got.given.Patch)
			}
			require.Equal(t, test.author, annotationOf(members(t, after), v1alpha1.AuthorAnnotation))
			require.Equal(t, test.approver, annotationOf(members(t, after), v1alpha1.ApprovedByAnnotation))
			require.Empty(t, g.asked)

			var healed v1alpha1.Remediation
			require.NoError(t, json.Unmarshal([]byte(after), &healed))
			test.written.now = &healed
			again := sendTo(t, g.handler(g.author), test.written.body(t))
			require.Empty(t, again.given.Patch, "a second invocation changes nothing")
			if test.author != "" || test.written.before != nil {
				require.True(t, sendTo(t, g.handler(reading(g.validate)), test.written.body(t)).given.Allowed, "what was stamped is valid")
			}
		})
	}
}

func TestWhatRemediationsMaySayAndWhomTheyMayComeFrom(t *testing.T) {
	const heal, suggest = v1alpha1.Heal, v1alpha1.Suggest
	own := func(change func(*v1alpha1.Remediation)) written {
		return written{user: "alice", now: by("alice", "", suggest, change)}
	}
	image := func(from, to string) written {
		return own(func(r *v1alpha1.Remediation) {
			r.Spec.Actions = []v1alpha1.Action{{FixImage: &v1alpha1.FixImage{Container: "app", Image: from, Replacement: to, Source: v1alpha1.ImageTag}}}
		})
	}
	for _, test := range []struct {
		name    string
		written written
		denies  bool  // the API server says that the user may not
		fails   error // it can't be asked
		refused string
		asks    bool
	}{
		{name: "one's own", written: own(func(*v1alpha1.Remediation) {}), asks: true},
		{
			name: "of what the user may not change", written: own(func(*v1alpha1.Remediation) {}), denies: true, asks: true,
			refused: `user "alice" may not patch deployments "web" in namespace "shop", which this remediation would change`,
		},
		{
			name: "of a prefix that the user may not change", denies: true, asks: true,
			written: own(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Name, r.Spec.TargetRef.GenerateName = "", "web-" }),
			refused: `user "alice" may not patch deployments "web-…" in namespace "shop"`,
		},
		{
			name: "of an app whose pods the user may not change", denies: true, asks: true,
			written: own(func(r *v1alpha1.Remediation) {
				r.Spec.TargetRef = v1alpha1.TargetRef{APIVersion: "v1", Kind: "Pod", AppName: "worker"}
			}),
			refused: `user "alice" may not patch pods "app.kubernetes.io/name=worker" in namespace "shop"`,
		},
		{name: "when nobody can say", written: own(func(*v1alpha1.Remediation) {}), fails: errors.New("timeout"), asks: true, refused: "whether you may patch the target could not be found out; try again"},
		{name: "the watcher is not asked for", written: written{user: "watcher", now: by("watcher", "", heal)}, denies: true},
		{name: "an author that is somebody else", written: written{user: "mallory", now: by("watcher", "", suggest)}, refused: `annotation kube-remedy.io/author must be "mallory", who creates it`},
		{name: "no author", written: written{user: "mallory", now: by("", "", suggest)}, refused: `must be "mallory"`},
		{name: "an author that changed", written: written{user: "mallory", now: by("mallory", "", suggest), before: by("watcher", "", suggest)}, refused: "annotation kube-remedy.io/author never changes"},
		{name: "an author that is gone", written: written{user: "mallory", now: by("", "", suggest), before: by("watcher", "", suggest)}, refused: "never changes"},

		{name: "the status by the watcher", written: written{user: "watcher", subresource: "status", now: by("watcher", "", heal), before: by("watcher", "", heal)}},
		{name: "the status by a person", written: written{user: "alice", subresource: "status", now: by("alice", "", heal), before: by("alice", "", heal)}, refused: "only the event watcher writes a remediation's status"},
		{name: "another subresource", written: written{user: "alice", subresource: "scale", now: by("alice", "", heal), before: by("alice", "", heal)}},
		{name: "labels and annotations", denies: true, written: written{user: "bob", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Labels, r.Annotations["note"] = map[string]string{"a": "b"}, "mine"
		})}},
		{name: "the same amounts in other words", denies: true, written: written{user: "bob", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("268435456")
		})}},

		{name: "what was learned is approved", written: written{user: "bob", now: by("watcher", "bob", heal), before: by("watcher", "", suggest)}, asks: true},
		{
			name: "what was learned is approved by whom it may not come from", denies: true, asks: true,
			written: written{user: "bob", now: by("watcher", "bob", heal), before: by("watcher", "", suggest)}, refused: `user "bob" may not patch deployments "web"`,
		},
		{name: "what was learned goes back to Suggest", written: written{user: "bob", now: by("watcher", "", suggest), before: by("watcher", "", heal)}, asks: true},
		{name: "what was learned is changed", refused: "only spec.mode can be changed (Heal, Suggest)", written: written{user: "bob", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("1Gi")
		})}},
		{name: "what was learned is approved and changed in one go", refused: "only spec.mode can be changed", written: written{user: "bob", before: by("watcher", "", suggest), now: by("watcher", "bob", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("1Gi")
		})}},
		{name: "what was learned is aimed at something else", refused: "only spec.mode can be changed", written: written{user: "bob", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.TargetRef.Name = "api"
		})}},
		{name: "what was learned loses its actions", refused: "only spec.mode can be changed", written: written{user: "bob", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions = nil
		})}},
		{name: "the watcher changes what it learned", written: written{user: "watcher", before: by("watcher", "", heal), now: by("watcher", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("1Gi")
		})}},
		{name: "one's own is changed", asks: true, written: written{user: "bob", before: by("alice", "", heal), now: by("alice", "", heal, func(r *v1alpha1.Remediation) {
			r.Spec.Actions[0].IncreaseMemory.Limit = resource.MustParse("1Gi")
		})}},

		{name: "a kind that nobody heals", written: own(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Kind = "Secret" }), refused: "spec.targetRef: Secret of apps/v1 is no kind that is healed"},
		{name: "a kind of another group", written: own(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.APIVersion = "rbac.authorization.k8s.io/v1" }), refused: "is no kind that is healed"},
		{name: "a kind of the configuration", asks: true, written: own(func(r *v1alpha1.Remediation) {
			r.Spec.TargetRef.APIVersion, r.Spec.TargetRef.Kind = "argoproj.io/v1alpha1", "Rollout"
		})},
		{name: "a version that is none", written: own(func(r *v1alpha1.Remediation) { r.Spec.TargetRef.APIVersion = "a/b/c" }), refused: `spec.targetRef.apiVersion "a/b/c": `},
		{name: "the watcher is held to it as well", written: written{user: "watcher", now: by("watcher", "", heal, func(r *v1alpha1.Remediation) { r.Spec.TargetRef.Kind = "Secret" })}, refused: "is no kind that is healed"},
		{name: "an action that is empty", written: own(func(r *v1alpha1.Remediation) { r.Spec.Actions = append(r.Spec.Actions, v1alpha1.Action{}) }), refused: "spec.actions[1]: it must be one of the actions that there are"},

		{name: "an image of the same registry", written: image("registry.example.org/web:1", "registry.example.org/web:2"), asks: true},
		{name: "an image of the default registry in other words", written: image("web:1", "docker.io/library/web:1"), asks: true},
		{name: "an image of another registry", written: image("web:1", "evil.example.org/web:1"), refused: "spec.actions[0].fixImage.replacement: evil.example.org/web:1 is of another registry than web:1"},
		{name: "an image of this machine", written: image("web:1", "localhost/web:1"), refused: "another registry"},
		{name: "an image of a registry with a port", written: image("shop/web:1", "shop:5000/web:1"), refused: "another registry"},
		{name: "an image of a registry in capital letters", written: image("shop/web:1", "SHOP/web:1"), refused: "another registry"},

		{name: "a member that no spec has", written: written{user: "alice", raw: rawSpec(`"hostNetwork":true`)}, refused: `spec: unknown field "hostNetwork"`},
		{name: "a member that no action has", written: written{user: "alice", raw: rawSpec(`"actions":[{"runAsRoot":{}}]`)}, refused: "unknown field"},
		{name: "a member twice", written: written{user: "alice", raw: rawSpec(`"mode":"Suggest","mode":"Heal"`)}, refused: `duplicate object member name "mode"`},
		{name: "a member in capital letters", written: written{user: "alice", raw: rawSpec(`"Actions":[]`)}, refused: "unknown field"},
		{name: "a spec that is a list", written: written{user: "alice", raw: `{"metadata":{"annotations":{"kube-remedy.io/author":"alice"}},"spec":[]}`}, refused: "spec: "},
		{name: "no spec", written: written{user: "alice", raw: `{"metadata":{"annotations":{"kube-remedy.io/author":"alice"}}}`}, refused: "spec: "},
		{name: "an amount that nothing can be computed with", written: written{user: "alice", raw: rawSpec(`"actions":[{"increaseMemory":{"container":"app","failedLimit":"1Mi","limit":"1e-999999999"}}]`)}, refused: "1e-999999999 has an exponent of too many digits"},
		{name: "such a number", written: written{user: "alice", raw: rawSpec(`"actions":[{"increaseMemory":{"container":"app","failedLimit":1e999999999,"limit":"1Gi"}}]`)}, refused: "has an exponent of too many digits"},
		{name: "such an amount behind a member in capital letters", written: written{user: "alice", raw: rawSpec(`"x":"1E999999999"`)}, refused: "has an exponent of too many digits"},
		{name: "no object", written: written{user: "alice"}, refused: "the object can't be read: there is none"},
		{name: "an object that is text", written: written{user: "alice", raw: `"x"`}, refused: "the object can't be read: "},
		{name: "an object of null", written: written{user: "alice", raw: `null`}, refused: "the object can't be read: there is none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(!test.denies, test.fails)
			got := sendTo(t, g.handler(reading(g.validate)), test.written.body(t))
			require.NotNil(t, got.given, got.text)
			require.Empty(t, got.given.Patch)
			require.Equal(t, test.refused == "", got.given.Allowed, got.text)
			if test.refused != "" {
				require.EqualValues(t, http.StatusForbidden, got.given.Result.Code)
				require.Contains(t, got.given.Result.Message, "kube-remedy: ")
				require.Contains(t, got.given.Result.Message, test.refused)
			}
			require.Equal(t, test.asks, len(g.asked) == 1)
		})
	}
}

// rawSpec is a Remediation of alice with one more member in its spec.
func rawSpec(more string) string {
	return `{"apiVersion":"kube-remedy.io/v1alpha1","kind":"Remediation","metadata":{"annotations":{"kube-remedy.io/author":"alice"}},` +
		`"spec":{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"failureType":"OOMKilled",` + more + `}}`
}

func TestTheAPIServerIsAskedAboutTheUserAndTheTarget(t *testing.T) {
	g := newGate(true, nil)
	sendTo(t, g.handler(reading(g.validate)), written{user: "alice", now: by("alice", "", v1alpha1.Heal)}.body(t))
	require.Equal(t, []authorizationv1.SubjectAccessReviewSpec{{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "patch", Group: "apps", Version: "v1", Resource: "deployments", Name: "web"},
		User:               "alice", UID: "u", Groups: []string{"team"}, Extra: map[string]authorizationv1.ExtraValue{"scope": {"shop"}},
	}}, g.asked)
}

func TestWhatChangesNothingIsNotGuarded(t *testing.T) {
	for _, operation := range []admissionv1.Operation{admissionv1.Delete, admissionv1.Connect} {
		g := newGate(false, nil)
		for _, decide := range []http.Handler{g.handler(g.author), g.handler(reading(g.validate))} {
			got := sendTo(t, decide, written{user: "alice", operation: operation, before: by("watcher", "", v1alpha1.Heal)}.body(t))
			require.True(t, got.given.Allowed, "a namespace that goes must not be kept by what is in it")
			require.Empty(t, got.given.Patch)
		}
	}
	other := strings.Replace(written{user: "alice", now: by("", "", v1alpha1.Heal)}.body(t), `"kind":"Remediation"`, `"kind":"RemediationPolicy"`, 1)
	g := newGate(false, nil)
	require.True(t, sendTo(t, g.handler(reading(g.validate)), other).given.Allowed, "another kind is not ours to guard")
}

func TestHostileBodiesOfRemediations(t *testing.T) {
	g := newGate(true, nil)
	for _, test := range []struct{ name, body string }{
		{"nothing", ""},
		{"null", "null"},
		{"a list", "[]"},
		{"no request", reviewOf("null")},
		{"no uid", reviewOf("{}")},
		{"a uid that is a number", reviewOf(`{"uid":1}`)},
		{"10,000 levels", reviewOf(`{"uid":"1","object":` + nested("[", "", "]", 10_000) + `}`)},
		{"more than two Remediations ever have", reviewOf(`{"uid":"1","object":"` + strings.Repeat("x", maxEntry) + `"}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, handler := range []http.Handler{g.handler(g.author), g.handler(reading(g.validate))} {
				require.Nil(t, sendTo(t, handler, test.body).given)
			}
		})
	}
	t.Run("a body that never ends", func(t *testing.T) {
		body := &endless{start: strings.NewReader("")}
		require.Equal(t, http.StatusBadRequest, post(g.handler(g.author), "application/json", io.Reader(body)).Code)
		require.Less(t, body.read, int64(maxEntry+1<<20))
	})
	t.Run("cut at every byte", func(t *testing.T) {
		body := written{user: "alice", now: by("alice", "", v1alpha1.Heal)}.body(t)
		for end := range len(body) {
			require.Nil(t, sendTo(t, g.handler(reading(g.validate)), body[:end]).given)
		}
	})
	t.Run("an object that is cut", func(t *testing.T) {
		body := strings.Replace(written{user: "alice", raw: `{"metadata":{}}`}.body(t), `{"metadata":{}}`, `{"metadata":{"annotations":[1]},"spec":{}}`, 1)
		got := sendTo(t, g.handler(reading(g.validate)), body)
		require.False(t, got.given.Allowed)
	})
}

func TestAGuardThatPanicsRefuses(t *testing.T) {
	g := newGate(true, nil)
	g.kinds = nil
	got := sendTo(t, g.handler(reading(g.validate)), written{user: "alice", now: by("alice", "", v1alpha1.Heal)}.body(t))
	require.False(t, got.given.Allowed)
	require.Contains(t, got.given.Result.Message, "internal error")
}
