package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

func TestImagesOutliveTheRegistry(t *testing.T) {
	dir := t.TempDir()
	address := serveStore(t, dir)
	image, err := random.Image(100, 2)
	require.NoError(t, err)
	index, err := random.Index(100, 1, 2)
	require.NoError(t, err)
	push := func(ref string) name.Reference {
		parsed, err := name.ParseReference(address + "/docker.io/library/" + ref)
		require.NoError(t, err)
		return parsed
	}
	require.NoError(t, remote.Write(push("app:1"), image))
	require.NoError(t, remote.WriteIndex(push("many:1"), index))

	address = serveStore(t, dir)
	for ref, want := range map[string]int{
		"/v2/library/app/manifests/1?ns=docker.io":  http.StatusOK,
		"/v2/library/many/manifests/1?ns=docker.io": http.StatusOK,
		"/v2/docker.io/library/app/manifests/1":     http.StatusOK,
		"/v2/library/app/manifests/2?ns=docker.io":  http.StatusNotFound,
		"/v2/library/app/manifests/1?ns=ghcr.io":    http.StatusNotFound,
		"/v2/library/app/manifests/1":               http.StatusNotFound,
	} {
		response, err := http.Get("http://" + address + ref)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, want, response.StatusCode, ref)
	}
}

func serveStore(t *testing.T, dir string) string {
	t.Helper()
	s, err := newStore(dir)
	require.NoError(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestWithin(t *testing.T) {
	for _, test := range []struct{ name, host, path, want string }{
		{"a repository is put under its registry", "quay.io", "/v2/a/b/blobs/x", "/v2/quay.io/a/b/blobs/x"},
		{"a port's colon is replaced", "reg.local:5000", "/v2/a/manifests/1", "/v2/reg.local_5000/a/manifests/1"},
		{"the version check stays", "quay.io", "/v2/", "/v2/"},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, within(test.host, test.path)) })
	}
}
