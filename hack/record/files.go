package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	realhelm "github.com/kube-remedy/kube-remedy/hack/helm"
)

// maxFile is what a recording may have at most, so that it can be read.
const maxFile = 16 << 10

// versions are those of the programs that took part.
type versions struct{ kubernetes, kubectl, kustomize, helm string }

// versions asks the programs.
func (s *session) versions(ctx context.Context) (versions, error) {
	out, err := s.command(ctx, nil, s.cluster.Kubectl(), "version", "-o", "json")
	if err != nil {
		return versions{}, err
	}
	var said struct {
		ClientVersion    struct{ GitVersion string }
		ServerVersion    struct{ GitVersion string }
		KustomizeVersion string
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		return versions{}, fmt.Errorf("read kubectl's version: %w", err)
	}
	return versions{
		kubernetes: said.ServerVersion.GitVersion, kubectl: said.ClientVersion.GitVersion,
		kustomize: said.KustomizeVersion, helm: realhelm.Version,
	}, nil
}

// expectation is what the webhook should think of a review.
type expectation struct {
	Apply bool   `json:"apply"`
	Why   string `json:"why"`
}

const expectedHead = `# Whether each recorded review is an owner's apply, and why. Written by make record-reviews from the tables
# of hack/record, where a changed opinion belongs.
`

// save replaces the recordings in dir, and what is said of them.
func save(dir string, recordings []recording, v versions) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("directory of the recordings: %w", err)
	}
	files, expected, err := rendered(recordings)
	if err != nil {
		return err
	}
	said, err := yaml.Marshal(expected)
	if err != nil {
		return fmt.Errorf("write down what is expected: %w", err)
	}
	files["expected.yaml"] = append([]byte(expectedHead), said...)
	files["README.md"] = []byte(readme(recordings, v))
	old, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return fmt.Errorf("find former recordings: %w", err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove a former recording: %w", err)
		}
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	return nil
}

// rendered gives the files of the recordings, and what is expected of each.
func rendered(recordings []recording) (map[string][]byte, map[string]expectation, error) {
	files, expected := map[string][]byte{}, map[string]expectation{}
	for _, r := range recordings {
		file := r.action.file(r.wanted)
		if _, twice := files[file]; twice {
			return nil, nil, fmt.Errorf("save reviews: two are named %s", file)
		}
		if len(r.review.body) > maxFile {
			return nil, nil, fmt.Errorf("save reviews: %s has %d bytes, more than %d", file, len(r.review.body), maxFile)
		}
		files[file] = r.review.body
		expected[file] = expectation{r.wanted.apply, r.wanted.why}
	}
	return files, expected, nil
}

const readmeHead = `# Recorded AdmissionReviews

What a real API server sent to a webhook while people, deployers and controllers did real work, byte for byte.
Written by ` + "`make record-reviews`" + ` (hack/record) on the development cluster; do not edit.

- Kubernetes %s, kubectl %s, its kustomize %s, Helm %s
- The person is the cluster's administrator, kubernetes-admin. Controllers have service accounts in kube-system
  (--use-service-account-credentials). The event watcher's patch is sent by kubectl in the watcher's name (--as).
- A patch that the API server had to apply again, because somebody else wrote the object meanwhile, is here once.
- The webhook was registered for CREATE and UPDATE with matchPolicy Equivalent, in a namespace named %s.
- with-the-name-… is kubectl that was told to call itself so (--field-manager), not the program that has this name.
- expected.yaml says of each file whether it is an owner's apply, and why.

| file | what was done | request | user | field manager in options |
|---|---|---|---|---|
`

// readme says how the recordings were made.
func readme(recordings []recording, v versions) string {
	recordings = slices.SortedFunc(slices.Values(recordings), func(a, b recording) int {
		return strings.Compare(a.action.file(a.wanted), b.action.file(b.wanted))
	})
	var text strings.Builder
	fmt.Fprintf(&text, readmeHead, v.kubernetes, v.kubectl, v.kustomize, v.helm, namespace)
	for _, r := range recordings {
		done := strings.ReplaceAll(r.action.do.text, "|", `\|`)
		manager := r.review.manager
		if manager == "" {
			manager = "none"
		}
		fmt.Fprintf(&text, "| %s | `%s` | %s %s | %s | %s |\n",
			r.action.file(r.wanted), done, r.review.operation, r.review.resource, r.review.user, manager)
	}
	return text.String()
}
