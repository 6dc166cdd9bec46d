package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kube-remedy/kube-remedy/hack/helm"
)

const (
	folder    = "../../charts/kube-remedy"
	release   = "kube-remedy"
	namespace = "kube-remedy-system"
)

// helmPath is the real Helm.
var helmPath string

func TestMain(m *testing.M) {
	status, err := prepared(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// prepared runs the tests with Helm at hand, which keeps what it keeps out of the user's home.
func prepared(m *testing.M) (status int, err error) {
	if helmPath, err = helm.Build(context.Background(), os.Stderr); err != nil {
		return 1, err
	}
	home, err := os.MkdirTemp("", "kube-remedy-helm-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	for _, name := range []string{"HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"} {
		err = errors.Join(err, os.Setenv(name, filepath.Join(home, name)))
	}
	err = errors.Join(err, os.Setenv("KUBECONFIG", "/dev/null"))
	return m.Run(), err
}

// runHelm gives what Helm prints; the error has what it says about what is wrong.
func runHelm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), helmPath, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("helm %s: %w: %s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), err
}

// monitoring are the kinds of Prometheus' operator, which a cluster may have.
var monitoring = []string{
	"--api-versions=monitoring.coreos.com/v1/ServiceMonitor", "--api-versions=monitoring.coreos.com/v1/PodMonitor",
	"--api-versions=monitoring.coreos.com/v1/PrometheusRule",
}

// render gives what the chart makes.
func render(t *testing.T, args ...string) manifests {
	t.Helper()
	text, err := runHelm(t, append([]string{"template", release, folder, "--namespace=" + namespace}, args...)...)
	require.NoError(t, err)
	return read(t, text)
}

// cases are the files with values in the chart's folder ci, by name.
func cases(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(folder + "/ci/*-values.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := map[string]string{}
	for _, file := range files {
		found[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = file
	}
	return found
}

// manifests are what is rendered.
type manifests []unstructured.Unstructured

func read(t *testing.T, text string) manifests {
	t.Helper()
	var all manifests
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// of gives those of a kind.
func (m manifests) of(kind string) manifests {
	var found manifests
	for _, each := range m {
		if each.GetKind() == kind {
			found = append(found, each)
		}
	}
	return found
}

// one gives the only one of a kind, as T.
func one[T any](t *testing.T, m manifests, kind string) T {
	t.Helper()
	found := m.of(kind)
	require.Len(t, found, 1, kind)
	return as[T](t, found[0])
}

// as reads an object strictly: a field that its kind does not have is an error.
func as[T any](t *testing.T, object unstructured.Unstructured) T {
	t.Helper()
	var typed T
	require.NoError(t, converter.FromUnstructuredWithValidation(object.Object, &typed, true), "%s %s", object.GetKind(), object.GetName())
	return typed
}
