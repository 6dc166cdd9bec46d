// Command images makes the container images of kube-remedy without Docker: for each program an OCI image index with a
// static binary for each platform, and beside it a list of what is in it (SPDX). Nothing but the sources, the version
// and the Go toolchain decides the digests.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const module = "github.com/kube-remedy/kube-remedy"

// programs are what there are images of.
func programs(root string) []program {
	return []program{
		{
			name: "kube-remedy-webhook", root: root, pkg: "./cmd/webhook", versionVariable: module + "/internal/process.version",
			description: "Puts learned cures into workloads as they are applied",
		},
		{
			name: "kube-remedy-eventwatcher", root: root, pkg: "./cmd/eventwatcher", versionVariable: module + "/internal/process.version",
			description: "Watches workloads fail and remembers the cures",
		},
	}
}

// flags are what the command line says.
type flags struct {
	root, to, version, revision, platforms, push string
	insecure                                     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f flags
	flag.StringVar(&f.root, "root", "..", "`directory` of the repository")
	flag.StringVar(&f.to, "to", "../dist/images", "`directory` for images and lists of what is in them; theirs are replaced")
	flag.StringVar(&f.version, "version", "", "version of the programs and tag of the images (default: git describe)")
	flag.StringVar(&f.revision, "revision", "", "commit that the label org.opencontainers.image.revision names (default: git's HEAD)")
	flag.StringVar(&f.platforms, "platforms", "linux/amd64,linux/arm64", "comma list of platforms")
	flag.StringVar(&f.push, "push", "", "registry and folder to push to, as ghcr.io/kube-remedy; empty to push nothing")
	flag.BoolVar(&f.insecure, "insecure", false, "the registry speaks plain HTTP")
	flag.Parse()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags, out io.Writer) error {
	if err := f.complete(ctx); err != nil {
		return err
	}
	platforms, err := parsePlatforms(f.platforms)
	if err != nil {
		return err
	}
	var digests bytes.Buffer
	for _, p := range programs(f.root) {
		fmt.Fprintf(out, "%s %s for %s\n", p.name, f.version, f.platforms)
		index, boms, err := makeIndex(ctx, p, f.version, f.revision, platforms)
		if err != nil {
			return fmt.Errorf("make image %s: %w", p.name, err)
		}
		if err := save(f.to, p.name, f.version, index, boms); err != nil {
			return fmt.Errorf("write image %s: %w", p.name, err)
		}
		digest, err := index.Digest()
		if err != nil {
			return err
		}
		fmt.Fprintf(&digests, "%s:%s@%s\n", p.name, f.version, digest)
		if f.push == "" {
			continue
		}
		if err := push(ctx, f.push+"/"+p.name+":"+f.version, f.insecure, index); err != nil {
			return err
		}
		fmt.Fprintf(out, "pushed %s/%s:%s\n", f.push, p.name, f.version)
	}
	fmt.Fprint(out, digests.String())
	return os.WriteFile(filepath.Join(f.to, "digests.txt"), digests.Bytes(), 0o644)
}

// tag is what a tag of an image may be (github.com/opencontainers/distribution-spec, Pulling manifests).
var tag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// complete asks git for what the command line does not say.
func (f *flags) complete(ctx context.Context) error {
	var err error
	if f.root, err = filepath.Abs(f.root); err != nil {
		return err
	}
	for _, ask := range []struct {
		value *string
		args  []string
	}{
		{&f.version, []string{"describe", "--tags", "--always", "--dirty"}},
		{&f.revision, []string{"rev-parse", "HEAD"}},
	} {
		if *ask.value != "" {
			continue
		}
		git := exec.CommandContext(ctx, "git", ask.args...)
		git.Dir = f.root
		said, err := git.Output()
		if err != nil {
			return fmt.Errorf("git %s: %w; say -version and -revision where there is no git repository", strings.Join(ask.args, " "), err)
		}
		*ask.value = strings.TrimSpace(string(said))
	}
	if !tag.MatchString(f.version) {
		return fmt.Errorf("-version %q: it must be possible as the tag of an image", f.version)
	}
	return nil
}

func parsePlatforms(list string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for text := range strings.SplitSeq(list, ",") {
		platform, err := v1.ParsePlatform(strings.TrimSpace(text))
		if err != nil || platform.OS == "" || platform.Architecture == "" {
			return nil, fmt.Errorf("-platforms %q: it must be as linux/amd64", text)
		}
		platforms = append(platforms, *platform)
	}
	return platforms, nil
}
