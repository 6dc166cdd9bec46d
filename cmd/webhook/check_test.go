package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCheckAsksUntilItIsAnswered(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			http.Error(w, "warming up", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	var out bytes.Buffer
	require.Equal(t, 0, run(t.Context(), []string{"check", server.URL + "/readyz"}, &out))
	require.Equal(t, "ok "+server.URL+"/readyz\n", out.String())
	require.EqualValues(t, 2, asked.Load())
}

func TestCheckSaysWhatWasAnswered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "warming up", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	require.ErrorContains(t, ask(t.Context(), server.URL), "503 Service Unavailable: warming up")
	status, text := ends(t, "check")
	require.Equal(t, 1, status)
	require.Contains(t, text, "no URL to ask")
	begun := time.Now()
	status, text = ends(t, "check", "http://127.0.0.1:1/") // told to end at once
	require.Equal(t, 1, status)
	require.Contains(t, text, "kube-remedy-webhook: check: ")
	require.Less(t, time.Since(begun), checkFor)
}
