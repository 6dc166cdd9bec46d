package runner

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// prepare makes what is there before the manifest.
func (r *run) prepare(ctx context.Context) error {
	r.seen.forget(r.namespace)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.namespace, Labels: r.Prepare.NamespaceLabels}}
	if r.Healing == scenarios.Assertive || r.Prepare.AllowAssertive {
		namespace.Annotations = map[string]string{v1alpha1.AllowAnnotation: v1alpha1.AllowAssertive}
	}
	if _, err := r.clients.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make the namespace: %w", err)
	}
	// Pods are refused until the namespace has its account.
	if !until(ctx, 20*time.Second, func() bool {
		_, err := r.clients.CoreV1().ServiceAccounts(r.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	}) {
		return errors.New("the namespace gets no default ServiceAccount")
	}
	for _, image := range r.Prepare.Images {
		if err := r.push(ctx, image); err != nil {
			return err
		}
	}
	for _, node := range r.Prepare.Nodes {
		played, err := play(ctx, r.clients, r.seen, node)
		if err != nil {
			return err
		}
		r.kubelets = append(r.kubelets, played)
		if !until(ctx, joinsWithin, func() bool { return played.takesPods(ctx) }) {
			return fmt.Errorf("node %s does not come to take pods", node.Name)
		}
	}
	for _, manifest := range r.Prepare.Manifests {
		if _, err := r.kubectl(ctx, "apply", "-f", filepath.Join(r.Dir, manifest)); err != nil {
			return err
		}
	}
	for _, workload := range r.Prepare.Ready {
		if _, err := r.kubectl(ctx, "rollout", "status", workload, "--timeout=60s"); err != nil {
			return err
		}
	}
	r.seen.forget(r.namespace) // what was prepared may have stumbled
	return nil
}

// clean removes what the scenario left. Nobody waits for it: pods may take as long as they like to end.
func (r *run) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := r.clients.CoreV1().Namespaces().Delete(ctx, r.namespace, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		r.outcome.Problem("its namespace stays: %v", err)
	}
	for _, played := range r.kubelets {
		played.stop(ctx)
	}
	for _, manifest := range r.Prepare.Manifests {
		text, err := os.ReadFile(filepath.Join(r.Dir, manifest))
		if err != nil || !strings.Contains(string(text), "kind: PersistentVolume\n") && !strings.Contains(string(text), "kind: StorageClass\n") {
			continue
		}
		if _, err := r.kubectl(ctx, "delete", "--ignore-not-found", "--wait=false", "-f", filepath.Join(r.Dir, manifest)); err != nil {
			r.outcome.Problem("something outside its namespace stays: %v", err)
		}
	}
}

// push makes an image available to the node.
func (r *run) push(ctx context.Context, wanted scenarios.Image) error {
	made, err := r.image(ctx, wanted)
	if err != nil {
		return fmt.Errorf("make the image %s: %w", wanted.Name, err)
	}
	if wanted.Platform == "" {
		return r.cluster.PushImage(ctx, wanted.Name, made)
	}
	// Only an index says which platform is to be had; a runtime takes a single image as it is.
	kernel, processor, _ := strings.Cut(wanted.Platform, "/")
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: made, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: kernel, Architecture: processor}},
	})
	reference, err := r.inRegistry("docker.io/" + wanted.Name)
	if err == nil {
		err = remote.WriteIndex(reference, index, remote.WithContext(ctx))
	}
	if err != nil {
		return fmt.Errorf("push the image %s: %w", wanted.Name, err)
	}
	return nil
}

// inRegistry is an image, named with its registry, as the local registry has it.
func (r *run) inRegistry(image string) (name.Reference, error) {
	registry, err := url.Parse(r.cluster.RegistryURL())
	if err != nil {
		return nil, err
	}
	return name.ParseReference(registry.Host+"/"+image, name.Insecure)
}

func (r *run) image(ctx context.Context, wanted scenarios.Image) (v1.Image, error) {
	reference, err := r.inRegistry("docker.io/library/misbehave:v1")
	if err != nil {
		return nil, err
	}
	made, err := remote.Image(reference, remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if wanted.Program != "" {
		if made, err = withProgram(made, filepath.Join(r.programs, wanted.Program)); err != nil {
			return nil, err
		}
	}
	file, err := made.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	for _, variable := range slices.Sorted(maps.Keys(wanted.Env)) {
		file.Config.Env = append(file.Config.Env, variable+"="+wanted.Env[variable])
	}
	if wanted.Program != "" {
		file.Config.Entrypoint = []string{"/bin/program"}
	}
	if wanted.Platform != "" {
		file.OS, file.Architecture, _ = strings.Cut(wanted.Platform, "/")
	}
	// Each image has a digest of its own, as images of different builds have.
	if file.Config.Labels == nil {
		file.Config.Labels = map[string]string{}
	}
	file.Config.Labels["name"] = wanted.Name
	return mutate.ConfigFile(made, file)
}

// withProgram adds a program as /bin/program.
func withProgram(base v1.Image, path string) (v1.Image, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	err = writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/program", Mode: 0o755, Size: int64(len(text))})
	if err == nil {
		_, err = writer.Write(text)
	}
	if err = errors.Join(err, writer.Close()); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(base, layer)
}

// objects reads the live objects of the manifest by their Kind/name; those that are not there are left out.
func (r *run) objects(ctx context.Context) (map[string]map[string]any, error) {
	out, err := r.kubectl(ctx, "get", "--ignore-not-found", "-f", r.Broken(), "-o", "json")
	if err != nil {
		return nil, err
	}
	var read map[string]any
	if err := json.Unmarshal([]byte(out), &read); err != nil {
		return nil, fmt.Errorf("read the live objects: %w", err)
	}
	items := []any{read}
	if list, ok := read["items"].([]any); ok {
		items = list
	}
	found := map[string]map[string]any{}
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			found[scenarios.IDOf(object)] = object
		}
	}
	return found, nil
}
