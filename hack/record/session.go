package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	realhelm "github.com/kube-remedy/kube-remedy/hack/helm"
)

const (
	namespace    = "record"
	registration = "kube-remedy-record"
	image        = "registry.shop.example/web"
)

// patience is how long reviews are waited for. A CronJob makes its Job at the full minute.
const patience = 90 * time.Second

// session is one recording.
type session struct {
	out     io.Writer
	cluster *devcluster.Cluster
	dir     string // for manifests and what kubectl and Helm keep
	helm    string // path of the program
	server  *server
}

// recording is a review that an action brought.
type recording struct {
	action action
	wanted wanted
	review review
}

// record prepares the cluster, does all actions and cleans up.
func (s *session) record(ctx context.Context, all []action) (recordings []recording, err error) {
	if s.helm, err = realhelm.Build(ctx, s.out); err != nil {
		return nil, err
	}
	if err := s.writeChart(); err != nil {
		return nil, err
	}
	if err := s.pushImages(ctx); err != nil {
		return nil, err
	}
	if s.server, err = serve(s.cluster.HostIP()); err != nil {
		return nil, err
	}
	defer func() {
		// An interrupt must not leave a namespace and a registration in the cluster.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, s.cleanUp(ctx), s.server.stop(ctx))
	}()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	var missing []error
	for i, one := range all {
		fmt.Fprintf(s.out, "%3d/%d %s: %s\n", i+1, len(all), one.name, one.do.text)
		found, err := s.act(ctx, one)
		if ctx.Err() != nil || errors.Is(err, errFailed) {
			return nil, err
		}
		missing = append(missing, err)
		recordings = append(recordings, found...)
	}
	return recordings, errors.Join(missing...)
}

// errFailed says that a command failed, after which the actions that follow would not find what they need.
var errFailed = errors.New("it could not be done")

// act does one action and waits for its reviews. The error names those that did not come.
func (s *session) act(ctx context.Context, one action) ([]recording, error) {
	for _, before := range one.before {
		if err := before.run(ctx, s); err != nil {
			return nil, fmt.Errorf("before %s: %w: %w", one.name, errFailed, err)
		}
	}
	mark := len(s.server.arrived(0))
	if err := one.do.run(ctx, s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", one.name, errFailed, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var found []recording
	for _, wanted := range one.reviews {
		arrived, err := s.await(ctx, mark, found, wanted)
		if err != nil {
			return found, fmt.Errorf("%s: no review %q by %s arrived: %w", one.name, wanted.of, wanted.user, err)
		}
		found = append(found, recording{one, wanted, arrived})
	}
	return found, nil
}

// await gives the first wanted review after mark that was not found before.
func (s *session) await(ctx context.Context, mark int, before []recording, wanted wanted) (review, error) {
	for {
		for _, r := range s.server.arrived(mark) {
			if wanted.is(r) && !slices.ContainsFunc(before, func(b recording) bool { return b.wanted.is(r) && r.retries(b.review) }) {
				return r, nil
			}
		}
		select {
		case <-ctx.Done():
			return review{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// prepare puts namespace, rights and registration into the cluster and waits until the API server calls the server.
func (s *session) prepare(ctx context.Context) error {
	fmt.Fprintf(s.out, "preparing the namespace %s\n", namespace)
	if err := s.cleanUp(ctx); err != nil { // a recording that was killed
		return err
	}
	text := strings.NewReplacer(
		"${NAMESPACE}", namespace, "${EVENTWATCHER}", eventwatcher,
		"${URL}", s.server.url, "${CA_BUNDLE}", base64.StdEncoding.EncodeToString(s.server.bundle),
	).Replace(setup)
	path := filepath.Join(s.dir, "setup.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the set-up: %w", err)
	}
	if _, err := s.command(ctx, nil, s.cluster.Kubectl(), "apply", "--server-side", "-f", path); err != nil {
		return err
	}
	return s.untilCalled(ctx)
}

// untilCalled sends dry runs until one of them arrives: the API server learns of a registration in its own time.
func (s *session) untilCalled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for len(s.server.arrived(0)) == 0 {
		if err := kubectl("create", "deployment", "heard", "--image="+image, "--dry-run=server").run(ctx, s); err != nil {
			return fmt.Errorf("wait for the registration to work: %w", err)
		}
	}
	return nil
}

// cleanUp removes what prepare made. The registration goes first: without its server it would delay the rest.
func (s *session) cleanUp(ctx context.Context) error {
	_, errRegistration := s.command(ctx, nil, s.cluster.Kubectl(), "delete", "--ignore-not-found", "mutatingwebhookconfiguration", registration)
	_, errNamespace := s.command(ctx, nil, s.cluster.Kubectl(), "delete", "--ignore-not-found", "namespace", namespace)
	return errors.Join(errRegistration, errNamespace)
}

// pushImages gives the shop's images to the node: the cluster's test program under the shop's names.
func (s *session) pushImages(ctx context.Context) error {
	from, err := name.ParseReference(strings.TrimPrefix(s.cluster.RegistryURL(), "http://")+"/docker.io/library/misbehave:v1", name.Insecure)
	if err != nil {
		return fmt.Errorf("name the test program's image: %w", err)
	}
	program, err := remote.Image(from, remote.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("fetch the test program's image: %w", err)
	}
	for _, version := range []string{first, second, third} {
		if err := s.cluster.PushImage(ctx, image+":"+version, program); err != nil {
			return err
		}
	}
	return nil
}

// writeChart writes the chart into the session's directory.
func (s *session) writeChart() error {
	err := fs.WalkDir(chart, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := chart.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(s.dir, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
	if err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	return nil
}
