package devcluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The versions this package was tried with. Kubernetes' own is in kube/go.mod as well.
const (
	KubernetesVersion    = "v1.37.2"
	ContainerdVersion    = "v2.4.2"
	metricsServerVersion = "v0.9.0"
	kwokVersion          = "v0.8.0"
)

// recipe is how to build some programs from Go modules.
type recipe struct {
	name     string // with the version: the readable half of the cache key
	what     string // for progress lines
	takes    string // for progress lines: how long the first build takes
	ldflags  string
	packages []string // for go install, each with its version; empty: build the module in source
	source   string   // directory of the module to build
	links    []string // names that the one program built from source goes by
}

func kubernetesRecipe(source string) recipe {
	const version = "k8s.io/component-base/version."
	return recipe{
		name: "kubernetes-" + KubernetesVersion, takes: "about 15 minutes on 2 cores",
		what:    "Kubernetes " + KubernetesVersion + " (etcd, API server, kubelet, …)",
		ldflags: "-s -w -X " + version + "gitVersion=" + KubernetesVersion + " -X " + version + "gitMajor=1 -X " + version + "gitMinor=37",
		source:  filepath.Join(source, "kube"),
		links:   []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"},
	}
}

func containerdRecipe() recipe {
	const module = "github.com/containerd/containerd/v2"
	return recipe{
		name: "containerd-" + ContainerdVersion, what: "containerd " + ContainerdVersion, takes: "about a minute",
		ldflags: "-s -w -X " + module + "/version.Version=" + ContainerdVersion,
		packages: []string{
			module + "/cmd/containerd@" + ContainerdVersion,
			module + "/cmd/containerd-shim-runc-v2@" + ContainerdVersion,
			module + "/cmd/ctr@" + ContainerdVersion,
		},
	}
}

func metricsServerRecipe() recipe {
	return recipe{
		name: "metrics-server-" + metricsServerVersion, what: "metrics-server " + metricsServerVersion, takes: "about two minutes",
		ldflags: "-s -w", packages: []string{"sigs.k8s.io/metrics-server/cmd/metrics-server@" + metricsServerVersion},
	}
}

func kwokRecipe() recipe {
	return recipe{
		name: "kwok-" + kwokVersion, what: "kwok " + kwokVersion, takes: "about two minutes",
		ldflags: "-s -w", packages: []string{"sigs.k8s.io/kwok/cmd/kwok@" + kwokVersion},
	}
}

// key names the cache entry: everything that changes what is built changes the key.
func (r recipe) key(goVersion string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, goVersion, r.ldflags, r.packages, r.links)
	for _, pattern := range []string{"*.go", "go.mod", "go.sum"} {
		if r.source == "" {
			break
		}
		files, err := filepath.Glob(filepath.Join(r.source, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("reading what %s is built from: %w", r.name, err)
			}
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(file), len(data), data)
		}
	}
	return r.name + "-" + hex.EncodeToString(sum.Sum(nil))[:10], nil
}

// command is the go command that puts the recipe's programs into dir.
func (r recipe) command(ctx context.Context, dir string) *exec.Cmd {
	args := []string{"build", "-trimpath", "-ldflags", r.ldflags, "-o", filepath.Join(dir, "kube"), "."}
	if len(r.packages) > 0 {
		args = append([]string{"install", "-trimpath", "-ldflags", r.ldflags}, r.packages...)
	}
	cmd := goCommand(ctx, args...)
	cmd.Env = append(cmd.Env, "GOBIN="+dir)
	cmd.Dir = r.source
	return cmd
}

// goCommand is a go command that builds static programs and heeds no workspace the caller may be in.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupt lets the go command remove its temporary files.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func goVersion(ctx context.Context) (string, error) {
	out, err := goCommand(ctx, "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return "", fmt.Errorf("asking the go command for its version (devcluster builds Kubernetes and needs Go): %w", err)
	}
	return strings.Join(strings.Fields(string(out)), " "), nil
}

// build returns the directory with the recipe's programs, building them if the cache lacks them. The
// caller holds the lock of the cache. A directory under its final name is always complete.
func (r recipe) build(ctx context.Context, o Options, goVersion string) (string, error) {
	key, err := r.key(goVersion)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(o.CacheDir, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	temporary := filepath.Join(o.CacheDir, buildPrefix+key)
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return "", fmt.Errorf("making room to build %s: %w", r.name, err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // what stays is removed by the next build
	if err := r.run(ctx, o, temporary); err != nil {
		return "", err
	}
	for _, link := range r.links {
		if err := os.Symlink("kube", filepath.Join(temporary, link)); err != nil {
			return "", fmt.Errorf("linking %s: %w", link, err)
		}
	}
	if err := os.Rename(temporary, dir); err != nil {
		return "", fmt.Errorf("moving %s into the cache: %w", r.name, err)
	}
	return dir, nil
}

// run runs the build and says every few seconds that it still does.
func (r recipe) run(ctx context.Context, o Options, dir string) error {
	var output bytes.Buffer
	cmd := r.command(ctx, dir)
	cmd.Stdout, cmd.Stderr = &output, &output
	o.say("building %s, %s the first time", r.what, r.takes)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("building %s: %w", r.what, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for ticker := time.NewTicker(15 * time.Second); ; {
		select {
		case err := <-done:
			ticker.Stop()
			if ctx.Err() != nil {
				return fmt.Errorf("building %s was interrupted (the next up goes on from here): %w", r.what, ctx.Err())
			}
			if err != nil {
				return fmt.Errorf("building %s: %w\n%s", r.what, err, lastLines(output.String(), 20))
			}
			o.say("built %s in %s", r.what, time.Since(began).Round(time.Second))
			return nil
		case <-ticker.C:
			o.say("building %s: %s so far, %s", r.what, time.Since(began).Round(time.Second), r.takes)
		}
	}
}

const buildPrefix = "building-"

// removeAbandonedBuilds removes what interrupted builds left. The caller holds the lock of the cache.
func removeAbandonedBuilds(cacheDir string) error {
	abandoned, err := filepath.Glob(filepath.Join(cacheDir, buildPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range abandoned {
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an abandoned build: %w", err)
		}
	}
	return nil
}

// programs are the directories that hold the cluster's programs.
type programs struct {
	kubernetes, containerd, metricsServer, kwok string
	own                                         string // misbehave, pause, registry
}

// buildPrograms builds what the cache lacks of what this kind of cluster needs.
func buildPrograms(ctx context.Context, o Options, simulated bool) (programs, error) {
	release, err := lock(ctx, o, o.CacheDir, "build programs")
	if err != nil {
		return programs{}, err
	}
	defer release()
	if err := removeAbandonedBuilds(o.CacheDir); err != nil {
		return programs{}, err
	}
	version, err := goVersion(ctx)
	if err != nil {
		return programs{}, err
	}
	source, err := sourceDir(ctx, o)
	if err != nil {
		return programs{}, err
	}
	var p programs
	type step struct {
		recipe recipe
		dir    *string
	}
	steps := []step{{kubernetesRecipe(source), &p.kubernetes}}
	if simulated {
		steps = append(steps, step{kwokRecipe(), &p.kwok})
	} else {
		steps = append(steps, step{containerdRecipe(), &p.containerd}, step{metricsServerRecipe(), &p.metricsServer})
	}
	for _, s := range steps {
		if *s.dir, err = s.recipe.build(ctx, o, version); err != nil {
			return programs{}, err
		}
	}
	if !simulated {
		p.own, err = buildOwn(ctx, o, source)
	}
	return p, err
}

// buildOwn builds the programs of this module that a real node needs; the go command itself knows
// whether they changed.
func buildOwn(ctx context.Context, o Options, source string) (string, error) {
	dir := filepath.Join(o.CacheDir, "own") + string(filepath.Separator)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making %s: %w", dir, err)
	}
	cmd := goCommand(ctx, "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./misbehave", "./pause", "./registry")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building misbehave, pause and registry in %s: %w\n%s", source, err, lastLines(string(out), 20))
	}
	return dir, nil
}
