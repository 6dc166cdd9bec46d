//go:build unix

package webhook

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
)

// What `make bench-webhook` reads: names and units here are columns there.

// contender is one of the handlers that are compared.
type contender struct {
	name    string
	handler http.Handler
}

// contenders are ours and those it is compared with, for objects that something was learned about, or nothing.
func contenders(tb testing.TB, matching bool) []contender {
	handler, err := newTypical(matching, false)
	require.NoError(tb, err)
	defaulter, err := newTypical(matching, true)
	require.NoError(tb, err)
	return []contender{{"ours", measured(matching)}, {"typical", handler}, {"defaulter", defaulter}}
}

// measured is the handler as it runs; its log lines are written, to nowhere.
func measured(matching bool) *Handler {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return newHandler(sampled(matching).healer(), newMetrics(prometheus.NewRegistry()), log, clock.RealClock{})
}

// cases says of each kind of answer whether something was learned.
var cases = []struct {
	name     string
	matching bool
}{{"nothing-learned", false}, {"patched", true}}

// BenchmarkHandler is a review's way through ServeHTTP alone.
func BenchmarkHandler(b *testing.B) {
	for _, c := range cases {
		for _, sample := range samples(b) {
			for _, who := range contenders(b, c.matching) {
				b.Run(c.name+"/"+sample.name+"/"+who.name, func(b *testing.B) {
					perOp(b, poster(b, who.handler, sample.text))
					b.ReportMetric(float64(len(sample.text)), "body-B")
				})
			}
		}
	}
}

// poster sends one review again and again, without allocating.
func poster(b *testing.B, handler http.Handler, text []byte) (post func()) {
	body := bytes.NewReader(text)
	request := &http.Request{
		Method: http.MethodPost, Header: http.Header{"Content-Type": jsonType}, ContentLength: int64(len(text)), Body: io.NopCloser(body),
	}
	answered := &discard{header: http.Header{}}
	return func() {
		body.Reset(text)
		handler.ServeHTTP(answered, request)
		if answered.status != 0 {
			b.Fatal("the review was refused with", answered.status)
		}
	}
}

// TestTheComparedHandlersDoTheSame keeps the comparison fair: each patches where something was learned and only there.
func TestTheComparedHandlersDoTheSame(t *testing.T) {
	for _, c := range cases {
		for _, sample := range samples(t) {
			for _, who := range contenders(t, c.matching) {
				if who.name == "typical" {
					continue // it also removes what its type leaves out
				}
				answer := post(who.handler, "application/json", bytes.NewReader(sample.text))
				require.Equal(t, http.StatusOK, answer.Code, answer.Body)
				require.Equal(t, c.matching, bytes.Contains(answer.Body.Bytes(), []byte(`"patch":`)), "%s %s %s", c.name, sample.name, who.name)
			}
		}
	}
}
