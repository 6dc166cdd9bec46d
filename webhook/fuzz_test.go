package webhook

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	kjson "sigs.k8s.io/json"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// seeds are reviews as they come, and as they should not.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/reviews/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(body))
	}
	f.Add(webRequest(deployment("128Mi", "", "")))
	f.Add(webRequest(deployment("128Mi", ours, marked)))
	f.Add(webRequest(`{"metadata":{"annotations":{"kube-remedy.io/audit":"[{}]"}},"spec":{"template":{"metadata":[]}}}`))
	f.Add(reviewOf(`{"uid":"1"}`))
	f.Add(reviewOf(`{"object":{"metadata":{}},"dryRun":true,"options":{"fieldManager":"kubectl"},"userInfo":null,"kind":null,"uid":"\u0031"}`))
	f.Add(reviewOf(`{"uid":"1","n\u0061me":"web","namespace":null,"operation":"UPDATE","oldObject":null,"object":{"a":1e999999999}}`))
}

// FuzzHandler sends anything: the answer is a 4xx, or an allowing one whose patch applies to the object sent.
func FuzzHandler(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body string) {
		answer := post(handlerOf(known{learned()}), "application/json", strings.NewReader(body))
		if answer.Code != http.StatusOK {
			require.GreaterOrEqual(t, answer.Code, 400)
			require.Less(t, answer.Code, 500)
			return
		}
		var given admissionv1.AdmissionReview
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &given))
		require.True(t, given.Response.Allowed)
		if len(given.Response.Patch) > 0 { // of what ends too soon or twice says different things nothing comes
			var sent admissionv1.AdmissionReview
			require.NoError(t, kjson.UnmarshalCaseSensitivePreserveInts([]byte(body), &sent))
			require.Equal(t, sent.Request.UID, given.Response.UID)
			patchedBy(t, string(sent.Request.Object.Raw), given.Response.Patch)
		}
	})
}

// FuzzReadReview reads what decides both as this package does and as Kubernetes does, with encoding/json that tells
// names apart by their case (sigs.k8s.io/json). What both take they read alike.
func FuzzReadReview(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body string) { requireReadAlike(t, body) })
}

// requireReadAlike reads a body in both ways. It reports whether both take it.
func requireReadAlike(t *testing.T, body string) bool {
	t.Helper()
	var want admissionv1.AdmissionReview
	if kjson.UnmarshalCaseSensitivePreserveInts([]byte(body), &want) != nil || want.Request == nil {
		return false
	}
	r := newReader().(*reader)
	require.NoError(t, r.fill(strings.NewReader(body), int64(len(body))))
	rest, headErr := r.readHead()
	head, headProblem := r.review, r.check()
	require.True(t, headErr != nil || strings.HasSuffix(body, string(rest)))
	if r.readAll() != nil {
		return false
	}
	require.NoError(t, headErr, "the head of what can be read as a whole can be read")
	require.Equal(t, headProblem == nil, r.check() == nil, "both find the same wrong: %v, %v", headProblem, r.check())
	request := want.Request
	require.Equal(t, want.APIVersion, string(r.apiVersion))
	require.Equal(t, want.Kind, string(r.reviewKind))
	require.True(t, r.hasRequest)
	if r.uid == nil {
		require.Empty(t, request.UID)
	} else {
		var uid string
		require.NoError(t, json.Unmarshal(r.uid, &uid))
		require.EqualValues(t, request.UID, uid)
	}
	for name, both := range map[string][2]string{
		"operation": {string(request.Operation), string(r.operation)}, "group": {request.Kind.Group, string(r.group)},
		"kind": {request.Kind.Kind, string(r.kind)}, "namespace": {request.Namespace, string(r.namespace)}, "name": {request.Name, string(r.name)},
		"subresource": {request.SubResource, string(r.subresource)}, "user": {request.UserInfo.Username, string(r.user)},
		"dry run": {strconv.FormatBool(request.DryRun != nil && *request.DryRun), strconv.FormatBool(r.dryRun)},
		"object":  {string(request.Object.Raw), string(r.object)}, "old object": {string(request.OldObject.Raw), string(r.old)},
		"options": {string(request.Options.Raw), string(r.options)},
	} {
		require.Equal(t, both[0], both[1], name)
	}
	// What the head has is what the whole says. It need not have all, but what it decides by it has.
	require.Equal(t, string(head.uid), string(r.uid))
	for name, both := range map[string][2][]byte{
		"operation": {head.operation, r.operation}, "kind": {head.kind, r.kind}, "group": {head.group, r.group}, "user": {head.user, r.user},
		"namespace": {head.namespace, r.namespace}, "name": {head.name, r.name}, "subresource": {head.subresource, r.subresource}, "object": {head.object, r.object},
	} {
		require.True(t, len(both[0]) == 0 || bytes.Equal(both[0], both[1]), name)
	}
	return true
}

// TestSpoiltReviewsAreReadAlike exchanges, doubles, drops and replaces tokens of reviews. A case that fails is named by
// its seed.
func TestSpoiltReviewsAreReadAlike(t *testing.T) {
	reviews := []string{
		webRequest(deployment("128Mi", ours, "")),
		`{"request":{"object":{"a":[1,"x"]},"oldObject":null,"options":{"fieldManager":"k"},"dryRun":true,"userInfo":{"username":"u","groups":["g"]},` +
			`"operation":"UPDATE","name":"n","namespace":"s","subResource":"","kind":{"kind":"K","group":"g","version":"v"},"uid":"\u0031"},"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`,
	}
	token := regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^"{}\[\]:,]+`)
	extra := []string{
		`null`, `true`, `1e9`, `""`, `"\ud800"`, "\"\xff\"", `"\u006eame"`, `"UID"`, `{}`, `[]`, `,`, ` `, `{"uid":"2"}`, `"uid"`, `"name"`, `"kind"`, `"object"`, `"request"`, `"dryRun"`,
	}
	both, handler := 0, handlerOf(known{learned()})
	for seed := range uint64(4_000) {
		random := rand.New(rand.NewPCG(seed, 2))
		tokens := token.FindAllString(reviews[random.IntN(len(reviews))], -1)
		for range 1 + random.IntN(3) {
			at, other := random.IntN(len(tokens)), random.IntN(len(tokens))
			switch random.IntN(5) {
			case 0:
				tokens = slices.Delete(tokens, at, at+1)
			case 1:
				tokens = slices.Insert(tokens, at, tokens[other])
			case 2:
				tokens[at], tokens[other] = tokens[other], tokens[at]
			default:
				tokens[at] = extra[random.IntN(len(extra))]
			}
		}
		body := strings.Join(tokens, "")
		if requireReadAlike(t, body) {
			both++
		}
		sendTo(t, handler, body)
		require.False(t, t.Failed(), "seed %d: %s", seed, body)
	}
	require.Greater(t, both, 100)
}

// FuzzPatch has any object healed. What it gets applies with the library of the API server, changes nothing but what
// it names and our annotations, and nothing once it is there.
func FuzzPatch(f *testing.F) {
	for _, object := range []string{
		deployment("128Mi", "", ""), deployment("128Mi", ours, marked), deployment("512Mi", ours, marked),
		deployment("128Mi", `,"annotations":null`, `"metadata":null,`), deployment("128Mi", `,"annotations":[]`, `"metadata":7,`),
		deployment("128Mi", `,"annotations":{"a/b~1":"","kube-remedy.io/max-memory":"200Mi","kube-remedy.io/remediations":7}`, ""),
		`{"metadata":{"annotations":{"kube-remedy.io/audit":"[]","kube-remedy.io/remediations":"a@1,b@2"}},"spec":{"template":{"metadata":{"annotations":{"kube-remedy.io/remediations":""}}}}}`,
		`{"spec":{"template":{"spec":{"initContainers":[{"name":"app","resources":{"limits":{"memory":134217728},"requests":{"memory":"128Mi"}}}],"containers":[null,{"name":"app "}]}}}}`,
	} {
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object string) { requireHealedRight(t, object) })
}

// requireHealedRight has an object healed and checks what becomes of it. It reports whether it was patched.
func requireHealedRight(t *testing.T, object string) bool {
	t.Helper()
	before, err := decode([]byte(object))
	if err != nil || before == nil || !json.Valid([]byte(object)) {
		return false
	}
	healer := known{learned()}.healer()
	given, decided := askRaw(t, healer, object)
	if !decided || len(given.patch) == 0 {
		return false
	}
	after := patchedBy(t, object, given.patch)
	named := []string{
		"/metadata/annotations/kube-remedy.io~1audit", "/metadata/annotations/kube-remedy.io~1remediations",
		"/spec/template/metadata/annotations/kube-remedy.io~1remediations",
	}
	for field := range strings.SplitSeq(given.audit["fields"], ",") {
		list := "containers"
		if strings.Contains(field, ".initContainers[") {
			list = "initContainers"
		}
		what := strings.ReplaceAll(field[strings.LastIndexByte(field, ']')+1:], ".", "/")
		spec, _ := remedy.Template{"spec", "template"}.Of(before)["spec"].(map[string]any)
		containers, _ := spec[list].([]any)
		for i, entry := range containers {
			if container, _ := entry.(map[string]any); container["name"] == "app" {
				named = append(named, "/spec/template/spec/"+list+"/"+strconv.Itoa(i)+what)
			}
		}
	}
	was, is := map[string]any{}, map[string]any{}
	leaves("", before, was)
	leaves("", members(t, after), is)
	for _, changed := range differing(was, is) {
		require.True(t, slices.ContainsFunc(named, func(name string) bool { return changed == name || strings.HasPrefix(changed, name+"/") }),
			"%s: %s → %s", changed, object, after)
	}
	again, decided := askRaw(t, healer, after)
	require.True(t, decided)
	require.Empty(t, again.patch, "%s → %s → %s", object, after, again.patch)
	return true
}

// TestAnyObjectIsHealedRight makes objects that are like a Deployment, with parts that are missing, doubled, of another
// type, or named so that a pointer to them has to be escaped. A case that fails is named by its seed.
func TestAnyObjectIsHealedRight(t *testing.T) {
	changed := 0
	for seed := range uint64(1500) {
		random := rand.New(rand.NewPCG(seed, 1))
		var spoil func(value any) any
		spoil = func(value any) any {
			switch random.IntN(25) {
			case 0:
				return nil
			case 1:
				return []any{value}
			case 2:
				return map[string]any{"app": value, "": nil}
			case 3:
				return "text"
			case 4:
				return json.Number("-0")
			}
			switch value := value.(type) {
			case map[string]any:
				spoilt := map[string]any{}
				for name, member := range value {
					switch random.IntN(30) {
					case 0: // it is missing
					case 1:
						spoilt[name+"~1/"] = member
					default:
						spoilt[name] = spoil(member)
					}
				}
				if random.IntN(10) == 0 {
					spoilt["a/b~"] = map[string]any{"": "x"}
				}
				return spoilt
			case []any:
				spoilt := []any{}
				for _, item := range value {
					for range 1 + random.IntN(8)/7 {
						spoilt = append(spoilt, spoil(item))
					}
				}
				return spoilt
			default:
				return value
			}
		}
		text := []string{deployment("128Mi", "", ""), deployment("128Mi", ours, marked), deployment("256Mi", ours, marked), deployment("512Mi", ours, marked)}[random.IntN(4)]
		object, err := json.Marshal(spoil(members(t, text)))
		require.NoError(t, err)
		if requireHealedRight(t, string(object)) {
			changed++
		}
		require.False(t, t.Failed(), "seed %d: %s", seed, object)
	}
	require.Greater(t, changed, 150)
}

// askRaw asks about an object as it is written; false when the review can't be read.
func askRaw(t *testing.T, h *healer, object string) (answer, bool) {
	t.Helper()
	body := webRequest(object)
	r := newReader().(*reader)
	require.NoError(t, r.fill(strings.NewReader(body), int64(len(body))))
	if _, err := r.readHead(); err != nil || r.check() != nil || r.readAll() != nil {
		return answer{}, false
	}
	given, _ := h.heal(&r.review)
	return given, true
}

// leaves lists what stands in a value by its JSON pointer. Objects that hold nothing, and null, are not there: an
// annotation may need its parents.
func leaves(at string, value any, into map[string]any) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for name, member := range value {
			leaves(at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), member, into)
		}
	case []any:
		into[at+"/#"] = len(value)
		for i, item := range value {
			leaves(at+"/"+strconv.Itoa(i), item, into)
		}
	default:
		into[at] = value
	}
}

// differing are the places where two objects differ.
func differing(was, is map[string]any) (places []string) {
	for place := range was {
		if !reflect.DeepEqual(was[place], is[place]) {
			places = append(places, place)
		}
	}
	for place := range is {
		if _, both := was[place]; !both {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}
