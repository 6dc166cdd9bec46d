package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
)

// maxReview bounds the body of a review, in bytes. The API server takes objects of up to 3 MiB
// (k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes), and an update holds two of them.
const maxReview = 7 << 20

// Handler answers AdmissionReviews.
type Handler struct {
	healer  healer
	metrics *metrics
	log     *slog.Logger
	clock   clock.PassiveClock
}

// ServeHTTP answers one review: 200 with an allowing response for every request it can read, otherwise a 4xx
// whose text says what is wrong.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := h.clock.Now()
	review, problem := readReview(w, r)
	if problem != nil {
		h.metrics.requests.WithLabelValues("rejected", problem.reason).Inc()
		http.Error(w, problem.Error(), problem.status)
		return
	}
	answer := h.answer(review.Request)
	h.metrics.requests.WithLabelValues(string(answer.outcome), answer.reason).Inc()
	w.Header().Set("Content-Type", "application/json")
	err := json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Response: answer.response(review.Request),
	})
	if err != nil {
		h.log.Warn("could not send an answer", "error", err)
	}
	h.metrics.seconds.Observe(h.clock.Since(begun).Seconds())
}

// answer decides about a request; whatever goes wrong, it allows.
func (h *Handler) answer(request *admissionv1.AdmissionRequest) (given answer) {
	log := h.log.With("kind", request.Kind.Kind, "namespace", request.Namespace, "name", request.Name, "uid", request.UID)
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("panic while deciding; allowed without a patch", "cause", cause, "stack", string(debug.Stack()))
			given = failed("panic")
		}
	}()
	given, err := h.healer.heal(request)
	if err != nil {
		log.Error("could not decide; allowed without a patch", "reason", given.reason, "error", err)
	}
	if given.outcome == patched {
		log.Info("patched", "user", request.UserInfo.Username, "remediations", given.audit["remediation"], "fields", given.audit["fields"],
			"dry_run", request.DryRun != nil && *request.DryRun)
	}
	return given
}

// outcome is what became of a request, for metrics.
type outcome string

const (
	allowed   outcome = "allowed"   // nothing to do
	patched   outcome = "patched"   // the object was changed
	suggested outcome = "suggested" // the applier was told of a fix
	failure   outcome = "error"     // something went wrong; the object was left alone
)

// answer is a decision about a request.
type answer struct {
	outcome  outcome
	reason   string // why, from a closed set
	patch    []byte // a JSON Patch, or nothing
	warnings []string
	audit    map[string]string // for the API server's audit log
}

func allow(reason string) answer  { return answer{outcome: allowed, reason: reason} }
func failed(reason string) answer { return answer{outcome: failure, reason: reason} }

// response writes the answer as the API server reads it.
func (a answer) response(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true, Warnings: a.warnings, AuditAnnotations: a.audit}
	if len(a.patch) > 0 {
		kind := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = a.patch, &kind
	}
	return response
}

// problem is why a request can't be read.
type problem struct {
	status int
	reason string
	err    error
}

func (p *problem) Error() string { return p.err.Error() }

func wrong(status int, reason, format string, args ...any) *problem {
	return &problem{status: status, reason: reason, err: fmt.Errorf(format, args...)}
}

// readReview reads the one AdmissionReview of a request.
func readReview(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionReview, *problem) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, wrong(http.StatusMethodNotAllowed, "method", "method %s: reviews are sent with POST", r.Method)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, wrong(http.StatusUnsupportedMediaType, "content_type", "content type %q: reviews are application/json", r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, wrong(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", maxReview)
	case err != nil:
		return nil, wrong(http.StatusBadRequest, "body", "read the body: %w", err)
	case len(body) == 0:
		return nil, wrong(http.StatusBadRequest, "empty", "the body is empty: an AdmissionReview is expected")
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, wrong(http.StatusBadRequest, "json", "the body is not an AdmissionReview: %w", err)
	}
	switch want := admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"); {
	case review.GroupVersionKind() != want:
		return nil, wrong(http.StatusBadRequest, "kind", "the body is apiVersion %q, kind %q: %s, AdmissionReview is expected", review.APIVersion, review.Kind, want.GroupVersion())
	case review.Request == nil:
		return nil, wrong(http.StatusBadRequest, "no_request", "the AdmissionReview has no request")
	case review.Request.UID == "":
		return nil, wrong(http.StatusBadRequest, "no_uid", "the AdmissionReview's request has no uid")
	}
	return &review, nil
}
