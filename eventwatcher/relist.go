package eventwatcher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
)

// DefaultRelist is how long a cache is kept up to date by watching alone.
const DefaultRelist = time.Hour

// relister makes the caches list anew once in a while. What a watch did not tell, for whatever reason, would otherwise
// stay unknown until the object changes again, which a pod that has become Ready may never do. client-go's informers
// go on from the last version they saw whenever a watch ends; they list anew when the API server has forgotten that
// version, so this is what they are told.
type relister struct {
	next  http.RoundTripper
	every time.Duration
	clock clock.PassiveClock

	mu     sync.Mutex
	listed map[string]time.Time // by what is watched
}

func newRelister(next http.RoundTripper, every time.Duration, now clock.PassiveClock) *relister {
	return &relister{next: next, every: every, clock: now, listed: map[string]time.Time{}}
}

// RoundTrip sends a request on, unless it goes on with a watch that has gone on for long enough.
func (r *relister) RoundTrip(request *http.Request) (*http.Response, error) {
	query := request.URL.Query()
	if request.Method != http.MethodGet || query.Get("watch") == "" {
		return r.next.RoundTrip(request)
	}
	if r.due(request.URL.Path+"?"+query.Get("fieldSelector"), query.Get("sendInitialEvents") == "true") {
		return forgotten(request)
	}
	// Whether it is due is seen when a watch ends: client-go lets it end after five to ten minutes.
	most := max(int(r.every.Seconds()), 1)
	if given, err := strconv.Atoi(query.Get("timeoutSeconds")); err != nil || given > most {
		query.Set("timeoutSeconds", strconv.Itoa(most))
		request = request.Clone(request.Context())
		request.URL.RawQuery = query.Encode()
	}
	return r.next.RoundTrip(request)
}

// due reports whether what is watched is to be listed anew. lists says that this very watch begins with a list; where
// API servers do not offer that, a list comes before the first watch.
func (r *relister) due(watched string, lists bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	last, known := r.listed[watched]
	switch {
	case lists || !known:
		r.listed[watched] = now
		return false
	case now.Sub(last) < r.every:
		return false
	default:
		delete(r.listed, watched)
		return true
	}
}

// forgotten is the API server's answer for a version that it has forgotten.
func forgotten(request *http.Request) (*http.Response, error) {
	status := apierrors.NewResourceExpired("it is time to list again").Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	body, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encode a status: %w", err)
	}
	return &http.Response{
		Status: "410 Gone", StatusCode: http.StatusGone, Proto: request.Proto, ProtoMajor: request.ProtoMajor, ProtoMinor: request.ProtoMinor,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}, nil
}
