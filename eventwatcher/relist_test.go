package eventwatcher

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
)

// sender answers everything, and keeps what it was asked last.
type sender struct{ asked *http.Request }

func (s *sender) RoundTrip(request *http.Request) (*http.Response, error) {
	s.asked = request
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestCachesListAnewOnceInAWhile(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(noon)
	server := &sender{}
	relister := newRelister(server, time.Hour, now)
	ask := func(query string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster/api/v1/pods?"+query, nil)
		require.NoError(t, err)
		response, err := relister.RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	const listing, watching = "watch=true&sendInitialEvents=true", "watch=true&resourceVersion=7&timeoutSeconds=400"
	require.Equal(t, http.StatusOK, ask(listing))
	now.SetTime(noon.Add(59 * time.Minute))
	require.Equal(t, http.StatusOK, ask(watching), "a watch goes on")
	require.Equal(t, "400", server.asked.URL.Query().Get("timeoutSeconds"), "for as long as it was to")
	require.Equal(t, http.StatusOK, ask("watch=true&timeoutSeconds=7200"))
	require.Equal(t, "3600", server.asked.URL.Query().Get("timeoutSeconds"), "but not for longer than it may")
	now.SetTime(noon.Add(time.Hour))
	require.Equal(t, http.StatusOK, ask("limit=500"), "lists pass")
	require.Equal(t, http.StatusGone, ask(watching), "until it is time to list anew")
	require.Equal(t, http.StatusOK, ask(watching), "where a list of its own comes before the watch it goes on after it")
	now.SetTime(noon.Add(2 * time.Hour))
	require.Equal(t, http.StatusOK, ask(listing), "a watch that begins with a list is one")
	require.Equal(t, http.StatusOK, ask(watching))
}
