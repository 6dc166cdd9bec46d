package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

var platforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}

// hello is a program in a folder of its own: where the sources are must not matter.
func hello(t *testing.T) program {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("testdata/hello")))
	return program{name: "hello", description: "Says hello", root: root, pkg: ".", versionVariable: "main.version"}
}

func makeHello(t *testing.T, version string) (v1.ImageIndex, map[string][]byte) {
	t.Helper()
	index, boms, err := makeIndex(t.Context(), hello(t), version, "abc", platforms)
	require.NoError(t, err)
	return index, boms
}

func TestTheSameSourcesGiveTheSameDigest(t *testing.T) {
	first, firstBoms := makeHello(t, "v1")
	t.Setenv("GOFLAGS", "-ldflags=-X=main.version=other") // what somebody's environment says is no part of it
	t.Setenv("GOAMD64", "v3")
	again, boms := makeHello(t, "v1")
	other, _ := makeHello(t, "v2")
	require.Equal(t, digest(t, first), digest(t, again))
	require.Equal(t, firstBoms, boms)
	require.NotEqual(t, digest(t, first), digest(t, other))
	firstArchive, err := archiveOf("hello", "v1", first)
	require.NoError(t, err)
	archive, err := archiveOf("hello", "v1", again)
	require.NoError(t, err)
	require.True(t, bytes.Equal(firstArchive, archive), "the tarballs are the same")
}

func digest(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	hash, err := index.Digest()
	require.NoError(t, err)
	return hash.String()
}

func TestAnImageIsOneLayerThatNobodyCanWrite(t *testing.T) {
	index, _ := makeHello(t, "v1")
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Equal(t, types.OCIImageIndex, manifest.MediaType)
	require.Len(t, manifest.Manifests, 2)
	for i, described := range manifest.Manifests {
		require.Equal(t, platforms[i], *described.Platform)
		image, err := index.Image(described.Digest)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, "65532:65532", config.Config.User)
		require.Equal(t, []string{"/hello"}, config.Config.Entrypoint)
		require.Equal(t, "v1", config.Config.Labels["org.opencontainers.image.version"])
		require.Equal(t, platforms[i].Architecture, config.Architecture)
		layers, err := image.Layers()
		require.NoError(t, err)
		require.Len(t, layers, 1)
		files := map[string][]byte{}
		reader := tar.NewReader(mutate.Extract(image))
		for {
			header, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.True(t, header.ModTime.Equal(then), header.Name)
			require.Zero(t, header.Mode&0o022, header.Name)
			require.Zero(t, header.Uid+header.Gid, header.Name)
			files[header.Name], err = io.ReadAll(reader)
			require.NoError(t, err)
		}
		require.True(t, bytes.HasPrefix(files["hello"], []byte("\x7fELF")))
		require.Greater(t, strings.Count(string(files["etc/ssl/certs/ca-certificates.crt"]), "BEGIN CERTIFICATE"), 100)
		require.Len(t, files, 7)
	}
}

func TestWhatIsWrittenAndPushedIsTheImage(t *testing.T) {
	index, boms := makeHello(t, "v1")
	to := filepath.Join(t.TempDir(), "images")
	require.NoError(t, save(to, "hello", "v1", index, boms))
	unpacked := t.TempDir()
	text, err := os.ReadFile(filepath.Join(to, "hello.tar"))
	require.NoError(t, err)
	reader := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		path := filepath.Join(unpacked, header.Name)
		if header.Typeflag == tar.TypeDir {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		data, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, fs.FileMode(header.Mode)))
	}
	read, err := layout.ImageIndexFromPath(unpacked)
	require.NoError(t, err)
	manifest, err := read.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	require.Equal(t, digest(t, index), manifest.Manifests[0].Digest.String())
	require.Equal(t, "v1", manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"])

	server := httptest.NewServer(registry.New())
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://") + "/kube-remedy/hello:v1"
	require.NoError(t, push(t.Context(), at, true, index))
	reference, err := name.ParseReference(at, name.Insecure)
	require.NoError(t, err)
	pushed, err := remote.Index(reference)
	require.NoError(t, err)
	require.Equal(t, digest(t, index), digest(t, pushed))
}

func TestTheListSaysWhatIsInTheImage(t *testing.T) {
	_, boms := makeHello(t, "v1")
	require.Len(t, boms, 2)
	var bom document
	require.NoError(t, json.Unmarshal(boms["hello.linux-arm64.spdx.json"], &bom))
	require.Equal(t, "SPDX-2.3", bom.Version)
	ids, locators := map[string]bool{bom.ID: true}, []string{}
	for _, each := range bom.Packages {
		require.Regexp(t, `^SPDXRef-[a-zA-Z0-9.-]+$`, each.ID)
		require.False(t, ids[each.ID], "%s is there once", each.ID)
		ids[each.ID] = true
		for _, reference := range each.References {
			locators = append(locators, reference.Locator)
		}
	}
	for _, each := range bom.Relationships {
		require.True(t, ids[each.From] && ids[each.To], "%v", each)
	}
	require.Contains(t, locators, "pkg:golang/example.com/hello@v1")
}

func TestWrongCommandLineIsExplained(t *testing.T) {
	for _, test := range []struct {
		name, said string
		flags      flags
	}{
		{"a version that is no tag", "must be possible as the tag", flags{version: "v1+dirty", revision: "abc"}},
		{"a platform that is none", `-platforms "linux"`, flags{version: "v1", revision: "abc", platforms: "linux"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), test.flags, io.Discard), test.said)
		})
	}
}
