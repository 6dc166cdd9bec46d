package webhook

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// maxReview bounds the body of a review, in bytes. The API server takes objects of up to 3 MiB
// (k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes), and an update holds two of them.
const maxReview = 7 << 20

// maxInFlight bounds the bodies that are held at the same time, in bytes. What is beyond is allowed unread.
const maxInFlight = 64 << 20

// maxGlance is how much is read of a review that there is no room for: enough for its uid, which the API server writes
// first.
const maxGlance = 4 << 10

// Handler answers AdmissionReviews of objects that owners apply.
type Handler struct {
	healer  *healer
	metrics *metrics
	log     *slog.Logger
	clock   clock.PassiveClock
	room    *semaphore.Weighted // bytes of bodies that may be held
	readers *sync.Pool
	counted *cache.LRUExpireCache // updates whose cures were counted lately
}

// askedAgain is how long the API server may go on asking about the same request: its own limit for a request that is no
// watch (k8s.io/apiserver/pkg/endpoints/handlers/rest.go, requestTimeoutUpperBound). maxCounted bounds what is remembered
// for so long; when it is full the oldest is forgotten.
const (
	askedAgain = 34 * time.Second
	maxCounted = 1024
)

func newHandler(healer *healer, metrics *metrics, log *slog.Logger, clock clock.PassiveClock) *Handler {
	return &Handler{
		healer: healer, metrics: metrics, log: log, clock: clock,
		room: semaphore.NewWeighted(maxInFlight), readers: &sync.Pool{New: newReader},
		counted: cache.NewLRUExpireCacheWithClock(maxCounted, clock),
	}
}

// ServeHTTP answers one review: 200 with an answer for every request it can read, which allows it unless the
// installation denies what is known to fail; otherwise a 4xx whose text says what is wrong.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := h.clock.Now()
	reader := h.readers.Get().(*reader)
	defer func() {
		if reader.reusable() {
			h.readers.Put(reader)
		}
	}()
	answer, path, problem := h.review(w, r, reader)
	if problem != nil {
		h.metrics.rejected(problem.reason)
		http.Error(w, problem.Error(), problem.status)
		return
	}
	h.metrics.answered(answer)
	h.count(answer.cures)
	if err := answer.write(w, reader.uid); err != nil {
		h.log.Warn("could not send an answer", "error", err)
	}
	h.metrics.seconds[path].Observe(h.clock.Since(begun).Seconds())
}

// count counts cures. The API server asks again about an update when the object was changed meanwhile, or its own cache was
// behind (k8s.io/apiserver/pkg/endpoints/handlers/patch.go, applyAdmission), which says nothing of what was asked before.
func (h *Handler) count(cures []cure) {
	for _, cure := range cures {
		if cure.update != "" {
			if _, before := h.counted.Get(cure.update); before {
				continue
			}
			h.counted.Add(cure.update, nil, askedAgain)
		}
		h.metrics.patches.WithLabelValues(string(cure.failure)).Inc()
	}
}

// review reads a request and decides about it. path says how much had to be read.
func (h *Handler) review(w http.ResponseWriter, r *http.Request, reader *reader) (given answer, path string, wrong *problem) {
	if problem := checkRequest(w, r); problem != nil {
		return answer{}, "", problem
	}
	weight := r.ContentLength
	if weight < 0 || weight > maxReview {
		weight = maxReview
	}
	if !h.room.TryAcquire(weight) {
		return h.overloaded(w, r, reader)
	}
	defer h.room.Release(weight)
	if problem := readBody(w, r, reader); problem != nil {
		return answer{}, "", problem
	}
	rest, err := reader.readHead()
	if err != nil {
		return answer{}, "", unreadable(err)
	}
	if problem := reader.check(); problem != nil {
		return answer{}, "", problem
	}
	if given, decided := h.healer.glance(reader, rest); decided {
		return given, pathGlance, nil
	}
	if err := reader.readAll(); err != nil {
		return answer{}, "", unreadable(err)
	}
	return h.decide(reader), pathFull, nil
}

// decide decides about a request that was read; whatever goes wrong, it allows.
func (h *Handler) decide(reader *reader) (given answer) {
	log := h.log.With("kind", string(reader.kind), "namespace", string(reader.namespace), "name", string(reader.name), "uid", string(bytes.Trim(reader.uid, `"`)))
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("panic while deciding; allowed without a patch", "cause", cause, "stack", string(debug.Stack()))
			given = failed("panic")
		}
	}()
	given, err := h.healer.heal(&reader.review)
	switch {
	case err != nil:
		log.Error("could not decide; allowed without a patch", "reason", given.reason, "error", err)
	case given.outcome == patched, given.outcome == denied:
		log.Info(string(given.outcome), "user", string(reader.user), "remediations", given.audit["remediation"],
			"fields", given.audit["fields"], "dry_run", reader.dryRun)
	}
	return given
}

// overloaded allows a review that there is no room for, knowing its uid alone. The connection is not used again: the
// rest of the body is not read.
func (h *Handler) overloaded(w http.ResponseWriter, r *http.Request, reader *reader) (answer, string, *problem) {
	w.Header().Set("Connection", "close")
	if err := reader.fill(io.LimitReader(r.Body, maxGlance), maxGlance); err != nil {
		return answer{}, "", wrong(http.StatusBadRequest, "body", "read the body: %w", err)
	}
	_, _ = reader.readHead() // of a body that was cut short, what was read before the cut is there
	if reader.uid == nil {
		return answer{}, "", wrong(http.StatusServiceUnavailable, "overloaded", "too many reviews at the same time, and this one has no uid in its first %d bytes", maxGlance)
	}
	return failed("overloaded"), pathGlance, nil
}

// checkRequest says what is wrong with a request before its body is read.
func checkRequest(w http.ResponseWriter, r *http.Request) *problem {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return wrong(http.StatusMethodNotAllowed, "method", "method %s: reviews are sent with POST", r.Method)
	}
	kind := r.Header.Get("Content-Type")
	if kind != "application/json" { // as the API server sends it
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return wrong(http.StatusUnsupportedMediaType, "content_type", "content type %q: reviews are application/json", kind)
		}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return wrong(http.StatusUnsupportedMediaType, "content_encoding", "content encoding %q: reviews are sent as they are", coding)
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, reader *reader) *problem {
	err := reader.fill(http.MaxBytesReader(w, r.Body, maxReview), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return wrong(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", maxReview)
	case err != nil:
		return wrong(http.StatusBadRequest, "body", "read the body: %w", err)
	case len(reader.body) == 0:
		return wrong(http.StatusBadRequest, "empty", "the body is empty: an AdmissionReview is expected")
	}
	return nil
}

func unreadable(err error) *problem {
	return wrong(http.StatusBadRequest, "json", "the body is not an AdmissionReview: %w", err)
}
