package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

// store is a registry whose images survive it. go-containerregistry keeps blobs on disk but manifests
// only in memory; store writes down every manifest that was put, and puts them again when it starts.
type store struct {
	images    http.Handler
	manifests string // directory
}

// putManifest is one accepted upload of a manifest.
type putManifest struct {
	Path        string `json:"path"`
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

const maxManifest = 4 << 20 // bytes; what registries commonly accept

func newStore(dir string) (*store, error) {
	s := &store{
		images: registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(dir, "blobs"))),
			registry.Logger(log.New(io.Discard, "", 0)),
		),
		manifests: filepath.Join(dir, "manifests"),
	}
	for _, sub := range []string{"blobs", "manifests"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	return s, s.replay()
}

// ServeHTTP serves the registry protocol. The query parameter ns is the registry that was meant.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ns := r.URL.Query().Get("ns"); ns != "" {
		r = r.Clone(r.Context())
		r.URL.Path = within(ns, r.URL.Path)
	}
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
		s.images.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		http.Error(w, "reading the manifest: "+err.Error(), http.StatusBadRequest)
		return
	}
	put := putManifest{Path: r.URL.Path, ContentType: r.Header.Get("Content-Type"), Body: body}
	answer := s.put(put)
	if answer.Code < 300 {
		if err := s.remember(put); err != nil {
			http.Error(w, "keeping the manifest: "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// within moves a request path into the repositories of one registry host. A port's colon is no character
// for a repository name.
func within(host, path string) string {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok || rest == "" {
		return path
	}
	return "/v2/" + strings.ReplaceAll(host, ":", "_") + "/" + rest
}

func (s *store) put(m putManifest) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	s.images.ServeHTTP(answer, &http.Request{
		Method: http.MethodPut, URL: &url.URL{Path: m.Path}, Header: http.Header{"Content-Type": {m.ContentType}},
		Body: io.NopCloser(bytes.NewReader(m.Body)),
	})
	return answer
}

func (s *store) remember(m putManifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file := filepath.Join(s.manifests, fmt.Sprintf("%x.json", sha256.Sum256([]byte(m.Path))))
	if err := os.WriteFile(file+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// replay puts the remembered manifests again. An index is refused before its parts, so what was refused is put
// again after the others for as long as that helps; times of files are too coarse to tell the order.
func (s *store) replay() error {
	files, err := filepath.Glob(filepath.Join(s.manifests, "*.json"))
	if err != nil {
		return err
	}
	for len(files) > 0 {
		var refused []string
		var why error
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var m putManifest
			if err := json.Unmarshal(data, &m); err != nil {
				return fmt.Errorf("reading %s: %w", file, err)
			}
			if answer := s.put(m); answer.Code >= 300 {
				refused, why = append(refused, file), fmt.Errorf("putting %s again: %d %s", m.Path, answer.Code, answer.Body)
			}
		}
		if len(refused) == len(files) {
			return why
		}
		files = refused
	}
	return nil
}
