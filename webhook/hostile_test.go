package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	apiserverpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// answered are an answer and what became of the object sent.
type answered struct {
	status int
	text   string
	given  *admissionv1.AdmissionResponse
}

// sendTo posts a body and reads the answer, which is a 4xx or an AdmissionReview.
func sendTo(t testing.TB, handler http.Handler, body string) answered {
	t.Helper()
	recorder := post(handler, "application/json", strings.NewReader(body))
	got := answered{status: recorder.Code, text: recorder.Body.String()}
	if got.status != http.StatusOK {
		require.GreaterOrEqual(t, got.status, 400)
		require.Less(t, got.status, 500, got.text)
		require.Less(t, len(got.text), 4<<10, "the reason is short")
		return got
	}
	var review admissionv1.AdmissionReview
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &review), got.text)
	require.NotNil(t, review.Response)
	got.given = review.Response
	return got
}

// patchedBy gives what the API server makes of an object, with the library it has for that.
func patchedBy(t testing.TB, object string, patch []byte) string {
	t.Helper()
	decoded, err := apiserverpatch.DecodePatch(patch)
	require.NoError(t, err)
	after, err := decoded.Apply([]byte(object))
	require.NoError(t, err)
	ours, err := jsonpatch.DecodePatch(patch)
	require.NoError(t, err)
	same, err := ours.Apply([]byte(object))
	require.NoError(t, err)
	require.Equal(t, members(t, string(after)), members(t, string(same)), "both libraries make the same of it")
	return string(after)
}

// members reads JSON with its numbers as they are written.
func members(t testing.TB, text string) map[string]any {
	t.Helper()
	object, err := decode([]byte(text))
	require.NoError(t, err)
	return object
}

func TestATruncatedReviewIsNeverPatched(t *testing.T) {
	body := webRequest(deployment("128Mi", "", ""))
	handler := handlerOf(known{learned()})
	require.NotEmpty(t, sendTo(t, handler, body).given.Patch, "the whole one is")
	for end := range len(body) {
		if got := sendTo(t, handler, body[:end]); got.given != nil {
			require.True(t, got.given.Allowed)
			require.Empty(t, got.given.Patch, "cut after %d bytes", end)
		}
	}
}

// nested is a value of so many levels.
func nested(open, core, end string, levels int) string {
	return strings.Repeat(open, levels) + core + strings.Repeat(end, levels)
}

func TestHostileReviews(t *testing.T) {
	deployed := func(from, to string) string {
		object := deployment("128Mi", "", "")
		require.Contains(t, object, from)
		return webRequest(strings.Replace(object, from, to, 1))
	}
	asked := func(from, to string) string {
		body := webRequest(deployment("128Mi", "", ""))
		require.Contains(t, body, from)
		return strings.Replace(body, from, to, 1)
	}
	const (
		patched = iota // with the cure
		left           // allowed without a patch
		refused        // with a 4xx
	)
	spec := `"spec":{"template"`
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"an ordinary one", webRequest(deployment("128Mi", "", "")), patched},
		{"both objects", asked(`"operation":"CREATE"`, `"operation":"UPDATE","oldObject":`+deployment("64Mi", "", "")), patched},
		{"neither object", reviewOf(`{"uid":"1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"shop","name":"web","operation":"UPDATE"}`), left},
		{"a list of reviews", "[" + webRequest("{}") + "]", refused},
		{"two reviews one after the other", webRequest(deployment("128Mi", "", "")) + webRequest("{}"), left},
		{"a comma too many", deployed(`"name":"app",`, `"name":"app",,`), left},
		{"JSON with comments", deployed(spec, `/* no */`+spec), left},

		{"an object of 10,000 levels", deployed(spec, `"deep":`+nested("[", "", "]", 9_990)+`,`+spec), left},
		{"an object of more levels than a decoder takes", deployed(spec, `"deep":`+nested("[", "", "]", 100_000)+`,`+spec), left},
		{"an object of 10,000 levels of members", deployed(spec, `"deep":`+nested(`{"a":`, "1", "}", 9_900)+`,`+spec), left},
		{"an object of a million levels that never end", deployed(spec, `"deep":`+strings.Repeat("[", 1_000_000)), left},
		{"an unknown member of 10,000 levels", asked(`"uid"`, `"deep":`+nested("[", "", "]", 10_000)+`,"uid"`), refused},
		{"an unknown member of 9,000 levels", asked(`"uid"`, `"deep":`+nested("[", "", "]", 9_000)+`,"uid"`), patched},
		{"a user of 10,000 levels", asked(`"uid"`, `"userInfo":{"extra":`+nested("[", "", "]", 10_000)+`},"uid"`), refused},
		{"options of 9,000 levels", asked(`"uid"`, `"options":`+nested("[", "", "]", 9_000)+`,"uid"`), patched},

		{"a request twice", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"2"},` + strings.TrimPrefix(webRequest(deployment("128Mi", "", "")), `{`), refused},
		{"a name twice", asked(`"name":"web"`, `"name":"api","name":"web"`), left},
		{"a name twice, once with an escape", asked(`"name":"web"`, `"name":"web","nam\u0065":"web"`), left},
		{"an object twice", asked(`"object":`, `"object":{},"object":`), left},
		{"metadata twice", deployed(spec, `"metadata":{},`+spec), left},
		{"annotations twice in metadata", deployed(`"namespace":"shop"`, `"annotations":{},"annotations":{},"namespace":"shop"`), left},
		{"a limit twice in the container", deployed(`"memory":"128Mi"`, `"memory":"1Gi","memory":"128Mi"`), left},
		{"a limit twice, once with an escape", deployed(`"memory":"128Mi"`, `"memory":"1Gi","mem\u006fry":"128Mi"`), left},

		{"invalid UTF-8 in the container", deployed(`"name":"app"`, "\"image\":\"\xff\xfe\",\"name\":\"app\""), left},
		{"invalid UTF-8 in a member's name", deployed(`"name":"app"`, "\"\xc3\":1,\"name\":\"app\""), left},
		{"invalid UTF-8 in the user's name", asked(`"uid"`, "\"userInfo\":{\"username\":\"\xff\"},\"uid\""), left},
		{"half of a surrogate pair", deployed(`"name":"app"`, `"image":"\ud800","name":"app"`), left},
		{"a NUL byte in a string", deployed(`"name":"app"`, "\"image\":\"a\x00b\",\"name\":\"app\""), left},
		{"a NUL byte between members", deployed(`"name":"app",`, "\x00\"name\":\"app\","), left},
		{"an escaped NUL", deployed(`"name":"app"`, `"image":"a\u0000b","name":"app"`), patched},
		{"an escaped NUL in the name", asked(`"name":"web"`, `"name":"web\u0000"`), left},
		{"a byte order mark", "\ufeff" + webRequest(deployment("128Mi", "", "")), refused},
		{"UTF-16", utf16(webRequest(deployment("128Mi", "", ""))), refused},

		{"memory of 1e999999999", deployed(`"128Mi"`, `1e999999999`), left},
		{"memory of 1e999999999 as text", deployed(`"128Mi"`, `"1e999999999"`), left},
		{"memory of 1e-999999999", deployed(`"128Mi"`, `"1e-999999999"`), left},
		{"memory of 400 digits", deployed(`"128Mi"`, strings.Repeat("7", 400)), left},
		{"memory of -0", deployed(`"128Mi"`, `-0`), left},
		{"memory of true", deployed(`"128Mi"`, `true`), left},
		{"400 digits elsewhere", deployed(spec, `"count":`+strings.Repeat("7", 400)+`,`+spec), patched},
		{"1e999999999 elsewhere", deployed(spec, `"count":1e999999999,`+spec), patched},
		{"-0 elsewhere", deployed(spec, `"count":-0,`+spec), patched},
		{"a bound of 1e999999999", webRequest(deployment("128Mi", `,"annotations":{"kube-remedy.io/max-memory":"1e999999999"}`, "")), patched},
		{"a bound of 1e-999999999", webRequest(deployment("128Mi", `,"annotations":{"kube-remedy.io/max-memory":"1e-999999999"}`, "")), patched},
		{"a number that is none", deployed(spec, `"count":01,`+spec), left},

		{"annotations with slashes and tildes", webRequest(deployment("128Mi", `,"annotations":{"a/b":"1","~":"2","~1":"3","~0/~1":"4","":"5"}`, `"metadata":{"annotations":{"a/b":"1","~1":"2","":"3"}},`)), patched},
		{"containers with members of such names", deployed(`"name":"app"`, `"":1,"/":2,"~":3,"~1":4,"name":"app"`), patched},
		{"limits with members of such names", deployed(`"memory":"128Mi"`, `"":"1","/":"2","~1":"3","memory":"128Mi"`), patched},

		{"maps and lists of null", deployed(`"limits"`, `"requests":null,"claims":null,"limits"`), patched},
		{"metadata of null", webRequest(strings.Replace(deployment("128Mi", "", ""), `"metadata":{"name":"web","namespace":"shop"}`, `"metadata":null`, 1)), patched},
		{"labels of null, in the template as well", webRequest(deployment("128Mi", `,"labels":null,"annotations":null`, `"metadata":{"labels":null,"annotations":null},`)), patched},
		{"limits of null", deployed(`{"memory":"128Mi"}`, `null`), left},
		{"a container of null beside the one", deployed(`[{"name":"app"`, `[null,{"name":"app"`), patched},
		{"containers of null", deployed(`[{"name":"app","resources":{"limits":{"memory":"128Mi"}}}]`, `null`), left},
		{"a template of null", webRequest(`{"metadata":{"name":"web"},"spec":{"template":null}}`), left},
		{"a spec of null", webRequest(`{"metadata":{"name":"web"},"spec":null}`), left},
		{"metadata that is a list", webRequest(strings.Replace(deployment("128Mi", "", ""), `{"name":"web","namespace":"shop"}`, `["web"]`, 1)), left},
		{"annotations that are a list", webRequest(deployment("128Mi", `,"annotations":["a"]`, "")), left},
		{"template metadata that is text", webRequest(deployment("128Mi", "", `"metadata":"web",`)), left},
		{"annotations that are no text", webRequest(deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":7,"kube-remedy.io/audit":{},"kube-remedy.io/remediations":[]}`, "")), patched},
		{"a container that has its name twice over", deployed(`[{"name":"app"`, `[{"name":"app"},{"name":"app"`), left},
		{"a container whose name is an object", deployed(`"name":"app"`, `"name":{"name":"app"}`), left},

		{"255 KiB of annotations", webRequest(deployment("128Mi", `,"annotations":{"big":"`+strings.Repeat("x", 255<<10)+`"}`, "")), patched},
		{"256 KiB of annotations", webRequest(deployment("128Mi", `,"annotations":{"big":"`+strings.Repeat("x", 256<<10-4)+`"}`, "")), left},
		{"255 KiB of what looks like our annotations", webRequest(deployment("128Mi", `,"annotations":{"kube-remedy.io/audit":"[`+strings.Repeat("{},", 80<<10)+`{}]","kube-remedy.io/remediations":"`+strings.Repeat(",", 1<<10)+`"}`, "")), patched},

		{"a deletion", asked("CREATE", "DELETE"), left},
		{"a connection", asked("CREATE", "CONNECT"), left},
		{"an operation in small letters", asked("CREATE", "create"), left},
		{"an operation of 1 MiB", asked("CREATE", strings.Repeat("CREATE", 1<<18)), left},
		{"the scale subresource", asked(`"operation"`, `"subResource":"scale","operation"`), left},
		{"the status subresource", asked(`"operation"`, `"subResource":"status","operation"`), left},
		{"a subresource behind the object", strings.Replace(webRequest(deployment("128Mi", "", "")), `}}}}}}`, `}}}}}`, 1), left},
		{"ephemeral containers", reviewOf(`{"uid":"1","kind":{"group":"","version":"v1","kind":"Pod"},"namespace":"shop","name":"web","subResource":"ephemeralcontainers","operation":"UPDATE","object":{"spec":{}},"oldObject":{"spec":{}}}`), left},
		{"an object that is being deleted", webRequest(deployment("128Mi", `,"deletionTimestamp":"2026-03-01T12:00:00Z"`, "")), left},

		{"head fields with escapes", strings.NewReplacer(`"uid":"1"`, `"uid":"\u0031"`, `"shop","name":"web","op`, `"\u0073hop","name":"w\u0065b","op`, `"CREATE"`, `"CREAT\u0045"`, `"group":"apps"`, `"group":"\u0061pps"`).Replace(webRequest(deployment("128Mi", "", ""))), patched},
		{"members whose names have escapes", strings.NewReplacer(`"request"`, `"\u0072equest"`, `"uid":`, `"ui\u0064":`, `"name":"web","op`, `"n\u0061me":"web","op`).Replace(webRequest(deployment("128Mi", "", ""))), patched},
		{"a name that is null", asked(`"name":"web"`, `"name":null`), patched},
		{"a name that is a number", asked(`"name":"web"`, `"name":7`), refused},
		{"a kind that is a list", asked(`{"group":"apps","version":"v1","kind":"Deployment"}`, `[]`), refused},
		{"a dry run that is an object", asked(`"uid"`, `"dryRun":{"uid":"2","name":"api"},"uid"`), refused},
		{"a uid that is empty", asked(`"uid":"1"`, `"uid":""`), refused},
		{"a uid that is a number", asked(`"uid":"1"`, `"uid":1`), refused},
		{"white space all over", strings.NewReplacer(`{`, " {\n", `:`, "\t: ", `,`, "\r\n, ").Replace(webRequest(`{"metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"limits":{"memory":"128Mi"}}}]}}}}`)), patched},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := sendTo(t, handlerOf(known{learned()}), test.body)
			if test.want == refused {
				require.Nil(t, got.given, got.text)
				return
			}
			if got.given == nil { // a clear 4xx is as good as leaving it alone
				require.Equal(t, left, test.want, got.text)
				return
			}
			require.EqualValues(t, "1", got.given.UID)
			require.True(t, got.given.Allowed)
			if test.want == left {
				require.Empty(t, got.given.Patch, string(got.given.Patch))
				return
			}
			require.NotEmpty(t, got.given.Patch, got.given.Warnings)
			var sent admissionv1.AdmissionReview
			require.NoError(t, json.Unmarshal([]byte(test.body), &sent))
			after := patchedBy(t, string(sent.Request.Object.Raw), got.given.Patch)
			require.Contains(t, after, `"256Mi"`)
		})
	}
}

// utf16 writes text as Windows does.
func utf16(text string) string {
	return "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00") + "\x00"
}

// TestMembersMayComeInAnyOrder has everything after the object that the API server writes before it.
func TestMembersMayComeInAnyOrder(t *testing.T) {
	object := deployment("128Mi", "", "")
	head := []string{
		`"uid":"1"`, `"kind":{"group":"apps","version":"v1","kind":"Deployment"}`, `"namespace":"shop"`, `"name":"web"`, `"operation":"CREATE"`, `"userInfo":{"username":"alice"}`,
	}
	for at := range len(head) + 1 {
		t.Run(fmt.Sprintf("the object after %d members", at), func(t *testing.T) {
			before, after := strings.Join(append([]string{}, head[:at]...), ","), strings.Join(head[at:], ",")
			request := strings.Trim(before+`,"object":`+object+`,`+after, ",")
			for name, body := range map[string]string{
				"kind and version first": reviewOf("{" + request + "}"),
				"kind and version last":  `{"request":{` + request + `},"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`,
				"kind last":              `{"apiVersion":"admission.k8s.io/v1","request":{` + request + `},"kind":"AdmissionReview"}`,
			} {
				got := sendTo(t, handlerOf(known{learned()}), body)
				require.NotNil(t, got.given, "%s: %s", name, got.text)
				require.EqualValues(t, "1", got.given.UID)
				require.NotEmpty(t, got.given.Patch, name)
			}
		})
	}
	t.Run("a controller's name behind the object", func(t *testing.T) {
		got := sendTo(t, handlerOf(known{learned()}), reviewOf(`{"object":`+object+`,`+strings.Join(head[:5], ",")+`,"userInfo":{"username":"system:kube-controller-manager"}}`))
		require.NotNil(t, got.given)
		require.Empty(t, got.given.Patch)
	})
	t.Run("a subresource behind the object", func(t *testing.T) {
		got := sendTo(t, handlerOf(known{learned()}), reviewOf(`{`+strings.Join(head, ",")+`,"object":`+object+`,"subResource":"scale"}`))
		require.NotNil(t, got.given)
		require.Empty(t, got.given.Patch)
	})
}

func TestHostileHeaders(t *testing.T) {
	for _, test := range []struct {
		name, header, value string
		status              int
	}{
		{"gzip", "Content-Encoding", "gzip", http.StatusUnsupportedMediaType},
		{"a coding that nobody knows", "Content-Encoding", strings.Repeat("x", 10<<10), http.StatusUnsupportedMediaType},
		{"identity is no coding", "Content-Encoding", "identity", http.StatusOK},
		{"YAML", "Content-Type", "application/yaml", http.StatusUnsupportedMediaType},
		{"protobuf", "Content-Type", "application/vnd.kubernetes.protobuf", http.StatusUnsupportedMediaType},
		{"two types", "Content-Type", "application/json, text/plain", http.StatusUnsupportedMediaType},
		{"a type that is none", "Content-Type", ";;;", http.StatusUnsupportedMediaType},
		{"a type in capital letters", "Content-Type", "Application/JSON", http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, MutatePath, strings.NewReader(webRequest(deployment("128Mi", "", ""))))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set(test.header, test.value)
			recorder := httptest.NewRecorder()
			handlerOf(known{learned()}).ServeHTTP(recorder, request)
			require.Equal(t, test.status, recorder.Code, recorder.Body.String())
		})
	}
}

// endless is a body that goes on for ever, and counts what was read of it.
type endless struct {
	start io.Reader
	read  int64
}

func (e *endless) Read(into []byte) (int, error) {
	if n, err := e.start.Read(into); err == nil {
		e.read += int64(n)
		return n, nil
	}
	for i := range into {
		into[i] = ' '
	}
	e.read += int64(len(into))
	return len(into), nil
}

func TestABodyThatNeverEndsIsReadNoFurtherThanTheBound(t *testing.T) {
	handler := handlerOf(known{learned()})
	for _, start := range []string{"", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","object":"`} {
		body := &endless{start: strings.NewReader(start)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		recorder := post(handler, "application/json", body)
		runtime.ReadMemStats(&after)
		require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
		require.Less(t, body.read, int64(maxReview+1<<20))
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*maxReview), "a buffer that doubles, and not much beside it")
	}
	require.NotEmpty(t, sendTo(t, handler, webRequest(deployment("128Mi", "", ""))).given.Patch, "there is room again")
}

// A header may promise any length; nothing is set aside for what is only promised.
func TestAPromisedLengthTakesNoMemory(t *testing.T) {
	for _, promised := range []int64{1 << 20, 1 << 40, 1<<63 - 1} {
		request := httptest.NewRequest(http.MethodPost, MutatePath, strings.NewReader(webRequest(deployment("128Mi", "", ""))))
		request.ContentLength = promised
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		handlerOf(known{learned()}).ServeHTTP(recorder, request)
		runtime.ReadMemStats(&after)
		require.Less(t, recorder.Code, 500)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3*maxReview))
	}
}

func TestABufferOfALargeReviewIsNotKept(t *testing.T) {
	reader := newReader().(*reader)
	require.NoError(t, reader.fill(bytes.NewReader(make([]byte, maxKept/2)), maxKept/2))
	require.True(t, reader.reusable())
	require.NoError(t, reader.fill(bytes.NewReader(make([]byte, maxReview)), -1))
	require.False(t, reader.reusable())
}

func TestReviewsThatThereIsNoRoomForAreAllowedUnread(t *testing.T) {
	handler := handlerOf(known{learned()})
	require.True(t, handler.room.TryAcquire(maxInFlight))
	ask := func(body string) answered { return sendToWith(t, handler, body) }
	got := ask(webRequest(deployment("128Mi", "", "")))
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.EqualValues(t, "1", got.given.UID)
	require.True(t, got.given.Allowed)
	require.Empty(t, got.given.Patch)

	got = ask(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"big","object":{"data":"` + strings.Repeat("x", 6<<20) + `"}}}`)
	require.EqualValues(t, "big", got.given.UID, "of a large one no more is read than it takes")
	got = ask(`{"request":{"object":{"data":"` + strings.Repeat("x", maxGlance) + `"},"uid":"late"}}`)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	got = ask("[]")
	require.Equal(t, http.StatusServiceUnavailable, got.status)

	handler.room.Release(maxInFlight)
	require.NotEmpty(t, ask(webRequest(deployment("128Mi", "", ""))).given.Patch)
}

// sendToWith is sendTo for what may be answered with any status.
func sendToWith(t *testing.T, handler http.Handler, body string) answered {
	t.Helper()
	recorder := post(handler, "application/json", strings.NewReader(body))
	got := answered{status: recorder.Code, text: recorder.Body.String()}
	if got.status == http.StatusOK {
		var review admissionv1.AdmissionReview
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &review), got.text)
		got.given = review.Response
	}
	return got
}

// TestReviewsUnderWayTakeTheRoom holds reviews whose length is not known until there is no room for another.
func TestReviewsUnderWayTakeTheRoom(t *testing.T) {
	handler := handlerOf(known{learned()})
	var bodies []*io.PipeWriter
	done := make(chan int)
	for range maxInFlight / maxReview {
		body, rest := io.Pipe()
		bodies = append(bodies, rest)
		go func() { done <- post(handler, "application/json", body).Code }()
		_, err := io.WriteString(rest, " ") // it is being read
		require.NoError(t, err)
	}
	chunked := func() *httptest.ResponseRecorder {
		return post(handler, "application/json", io.MultiReader(strings.NewReader(webRequest(deployment("128Mi", "", "")))))
	}
	recorder := chunked()
	require.Equal(t, http.StatusOK, recorder.Code)
	require.Equal(t, "close", recorder.Header().Get("Connection"), "what is left of its body is not waited for")
	require.NotContains(t, recorder.Body.String(), "patch")
	for _, rest := range bodies {
		require.NoError(t, rest.Close())
		require.Equal(t, http.StatusBadRequest, <-done)
	}
	require.Contains(t, chunked().Body.String(), "patch")
}

func TestAWarningOfWhatAStrangerWroteIsShortAndOneLine(t *testing.T) {
	object := deployment("128Mi", `,"annotations":{"kube-remedy.io/mode":"a\nb\u0000`+strings.Repeat("é", 500)+`"}`, "")
	got := sendTo(t, handlerOf(known{learned()}), webRequest(object))
	require.NotEmpty(t, got.given.Warnings)
	for _, warning := range got.given.Warnings {
		require.LessOrEqual(t, len(warning), maxWarning)
		require.NotContains(t, warning, "\n")
	}
}

func TestNamesOfPrefixesAndTargetsAreNotMixedUp(t *testing.T) {
	prefix := learned(func(r *v1alpha1.Remediation) {
		r.Spec.TargetRef.Name, r.Spec.TargetRef.GenerateName = "", "web"
	})
	for _, name := range []string{"web", "web|", "|web", "apps|Deployment|shop|web"} {
		body := strings.Replace(webRequest(deployment("128Mi", "", "")), `"name":"web","operation"`, `"name":"`+name+`","operation"`, 1)
		require.Empty(t, sendTo(t, handlerOf(known{prefix}), body).given.Patch, name)
	}
}
