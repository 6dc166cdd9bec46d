package webhook

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/utils/clock"
)

func handlerOf(found known) *Handler {
	return newHandler(found.healer(), newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), clock.RealClock{})
}

// panicking is a handler whose lookups panic.
func panicking() *Handler {
	handler := handlerOf(known{learned()})
	handler.healer.namespaces = func(string) map[string]string { panic("the cache is broken") }
	return handler
}

func post(h http.Handler, contentType string, body io.Reader) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, "/mutate", body)
	request.Header.Set("Content-Type", contentType)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

// reviewOf writes an AdmissionReview around a request.
func reviewOf(request string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":` + request + `}`
}

// webRequest is a creation of Deployment shop/web with the given object.
func webRequest(object string) string {
	return reviewOf(`{"uid":"1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"shop","name":"web","operation":"CREATE","object":` + object + `}`)
}

func TestWhatCanNotBeReadIsRefusedWithTheReason(t *testing.T) {
	for _, test := range []struct {
		name, contentType, body string
		status                  int
		text                    string
	}{
		{"an empty body", "application/json", "", http.StatusBadRequest, "the body is empty: an AdmissionReview is expected"},
		{"a body that is not JSON", "application/json", "{", http.StatusBadRequest, "the body is not an AdmissionReview"},
		{"a body of null", "application/json", "null", http.StatusBadRequest, "the body is not an AdmissionReview"},
		{"a list", "application/json", "[]", http.StatusBadRequest, "the body is not an AdmissionReview"},
		{"another kind", "application/json", `{"apiVersion":"v1","kind":"Pod"}`, http.StatusBadRequest, `apiVersion "v1", kind "Pod": admission.k8s.io/v1, AdmissionReview is expected`},
		{"another version", "application/json", `{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}`, http.StatusBadRequest, `"admission.k8s.io/v1beta1"`},
		{"a review without a request", "application/json", reviewOf("null"), http.StatusBadRequest, "the AdmissionReview has no request"},
		{"a request without a uid", "application/json", reviewOf("{}"), http.StatusBadRequest, "request has no uid"},
		{"a request of the wrong type", "application/json", reviewOf(`"x"`), http.StatusBadRequest, "the body is not an AdmissionReview"},
		{"another content type", "text/plain", webRequest("{}"), http.StatusUnsupportedMediaType, `content type "text/plain": reviews are application/json`},
		{"no content type", "", webRequest("{}"), http.StatusUnsupportedMediaType, `content type ""`},
		{"a body of 8 MiB", "application/json", strings.Repeat(" ", 8<<20), http.StatusRequestEntityTooLarge, "the body is larger than 7340032 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := post(handlerOf(known{learned()}), test.contentType, strings.NewReader(test.body))
			require.Equal(t, test.status, answer.Code)
			require.Contains(t, answer.Body.String(), test.text)
		})
	}
	t.Run("a method other than POST", func(t *testing.T) {
		recorder := httptest.NewRecorder()
		handlerOf(known{}).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/mutate", nil))
		require.Equal(t, http.StatusMethodNotAllowed, recorder.Code)
		require.Equal(t, http.MethodPost, recorder.Header().Get("Allow"))
	})
}

func TestWhatCanBeReadIsAlwaysAllowed(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler *Handler
		body    string
		patched bool
	}{
		{"a manifest that is healed", handlerOf(known{learned()}), webRequest(deployment("128Mi", "", "")), true},
		{"annotations of null", handlerOf(known{learned()}), webRequest(deployment("128Mi", `,"annotations":null`, "")), true},
		{"a content type with parameters", handlerOf(known{learned()}), webRequest(deployment("128Mi", "", "")), true},
		{"nothing learned", handlerOf(known{}), webRequest(deployment("128Mi", "", "")), false},
		{"a kind that nobody heals", handlerOf(known{learned()}), reviewOf(`{"uid":"1","kind":{"group":"x","version":"v1","kind":"Y"},"name":"web","namespace":"shop","operation":"CREATE","object":{}}`), false},
		{"a request with nothing but its uid", handlerOf(known{learned()}), reviewOf(`{"uid":"1"}`), false},
		{"a missing object", handlerOf(known{learned()}), webRequest("null"), false},
		{"an empty object", handlerOf(known{learned()}), webRequest("{}"), false},
		{"an object of the wrong type", handlerOf(known{learned()}), webRequest("[1]"), false},
		{"annotations of the wrong type", handlerOf(known{learned()}), webRequest(`{"metadata":{"annotations":[1]},"spec":{"template":7}}`), false},
		{"a cache that panics", panicking(), webRequest(deployment("128Mi", "", "")), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := post(test.handler, "application/json; charset=utf-8", strings.NewReader(test.body))
			require.Equal(t, http.StatusOK, answer.Code)
			var given admissionv1.AdmissionReview
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &given))
			require.Equal(t, "AdmissionReview", given.Kind)
			require.EqualValues(t, "1", given.Response.UID)
			require.True(t, given.Response.Allowed)
			require.Equal(t, test.patched, len(given.Response.Patch) > 0)
			require.Equal(t, test.patched, given.Response.PatchType != nil)
		})
	}
}
