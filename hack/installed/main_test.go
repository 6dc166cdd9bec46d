package installed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/helm"
)

// What all tests share. They run one after another, because a cluster has one installation.
var (
	cluster  *devcluster.Cluster
	client   dynamic.Interface
	helmPath string
	// images are the values that name the images that were built.
	images []string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "installed:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	options := devcluster.Options{Progress: os.Stderr}
	_, notFound := devcluster.Find(options)
	if cluster, err = devcluster.Up(ctx, options); err != nil {
		return 1, err
	}
	if notFound != nil && os.Getenv("KEEP") == "" { // we started it
		defer func() { err = errors.Join(err, devcluster.Down(ctx, options)) }()
	}
	if err := cluster.RealNode(); err != nil {
		return 1, err
	}
	home, err := os.MkdirTemp("", "kube-remedy-installed-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	err = os.Setenv("KUBECONFIG", cluster.Kubeconfig())
	for _, name := range []string{"HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"} {
		err = errors.Join(err, os.Setenv(name, filepath.Join(home, name)))
	}
	if err != nil {
		return 1, err
	}
	if helmPath, err = helm.Build(ctx, os.Stderr); err != nil {
		return 1, err
	}
	if images, err = pushImages(ctx, home); err != nil {
		return 1, err
	}
	config, err := cluster.RESTConfig()
	if err != nil {
		return 1, err
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{} // each apply that is healed has one
	if client, err = dynamic.NewForConfig(config); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// pushImages builds the images as a release does, for this machine alone, puts them where the node pulls from, and gives
// the values that pin them by digest.
func pushImages(ctx context.Context, dir string) ([]string, error) {
	to := strings.TrimPrefix(cluster.RegistryURL(), "http://") + "/ghcr.io/kube-remedy"
	build := exec.CommandContext(ctx, "go", "run", "./images", "-platforms=linux/"+runtime.GOARCH, "-to="+dir,
		"-version=v0.0.0-installed", "-revision=none", "-push="+to, "-insecure")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the images: %w\n%s", err, text)
	}
	text, err := os.ReadFile(filepath.Join(dir, "digests.txt"))
	if err != nil {
		return nil, err
	}
	var values []string
	for line := range strings.Lines(string(text)) {
		name, digest, _ := strings.Cut(strings.TrimSpace(line), "@")
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "kube-remedy-"), ":")
		values = append(values, "--set="+name+".imageDigest="+digest)
	}
	return values, nil
}

// try runs a program with text on its standard input, for as long as two minutes, and gives both of its outputs.
func try(t *testing.T, input, program string, args ...string) (string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute) // cleaning up, too
	defer stop()
	command := exec.CommandContext(ctx, program, args...)
	command.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	return out.String(), err
}

// kubectl runs the cluster's own kubectl as its administrator; it must succeed.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := try(t, "", cluster.Kubectl(), args...)
	require.NoError(t, err)
	return out
}

// runHelm runs the real Helm; it must succeed.
func runHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := try(t, "", helmPath, args...)
	require.NoError(t, err)
	return out
}

// until waits for something to hold, for 90 s at most.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err, "waiting for %s", what)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
