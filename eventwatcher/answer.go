package eventwatcher

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	kauth "github.com/google/go-containerregistry/pkg/authn/kubernetes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/registry"
)

// Bounds of what is asked for one diagnosis.
const (
	maxRevisions   = 10
	maxPullSecrets = 10
	maxNames       = 1000 // objects of one kind in a namespace; with more, which name was meant is not looked for
	maxListed      = 500  // pods of a namespace whose images are read
	maxNearNames   = 5    // of which the keys are read
)

// answer puts the questions that diagnoses leave open to whoever knows, writes the answers into the evidence, and
// reports whether there were any. What nobody answers stays open: a fix that needs it is then left out.
func (w *Watcher) answer(ctx context.Context, live *unstructured.Unstructured, diagnoses []engine.Diagnosis, observed *evidence.Evidence) bool {
	answered := false
	for _, diagnosis := range diagnoses {
		asked := engine.Ask(diagnosis, *observed)
		for _, question := range asked.Images {
			answered = w.answerImage(ctx, live, question, observed) || answered
		}
		for _, image := range asked.Entrypoints {
			answered = w.answerEntrypoint(ctx, image, observed) || answered
		}
		for _, question := range asked.References {
			answered = w.answerReference(ctx, question, observed) || answered
		}
		for _, question := range asked.Probes {
			answered = w.answerProbe(ctx, question, observed) || answered
		}
	}
	return answered
}

// told counts and logs what became of a question, and reports whether it was answered.
func (w *Watcher) told(about string, err error) bool {
	switch {
	case err == nil:
		w.metrics.questions.WithLabelValues(about, "answered").Inc()
		return true
	case errors.Is(err, registry.ErrPrivate):
		w.metrics.questions.WithLabelValues(about, "private").Inc()
	default:
		w.metrics.questions.WithLabelValues(about, "failed").Inc()
	}
	w.log.Info("a question stays open", "about", about, "error", err)
	return false
}

func (w *Watcher) answerImage(ctx context.Context, live *unstructured.Unstructured, question engine.ImageQuestion, observed *evidence.Evidence) bool {
	images, err := w.imagesOf(ctx, live)
	answered := w.told("revisions", err) && len(images) > 0
	for _, container := range observed.Containers {
		if container.Ready && container.Spec.Image != "" {
			images = append(images, evidence.Image{Container: container.Name, Image: container.Spec.Image, Ran: true})
		}
	}
	observed.Images = images
	if w.options.Registry == nil || question.Fault == remedy.FaultUnknown {
		return answered
	}
	keys := w.keysFor(ctx, question.Image, observed)
	repository, err := w.options.Registry.Tags(ctx, question.Image, keys)
	if w.told("tags", err) {
		answered = true
		if question.Fault == remedy.FaultPlatform && question.Platform != "" {
			repository, err = w.options.Registry.Platforms(ctx, question.Image, repository, question.Platform, keys)
			w.told("platforms", err)
		}
		observed.Repositories = append(observed.Repositories, repository)
	}
	// A runtime reports a missing repository in the words of a missing tag.
	if repository.Exists || err != nil && question.Fault != remedy.FaultRepository || question.Fault == remedy.FaultPlatform {
		return answered
	}
	used, err := w.usedBeside(ctx, question.Image, live.GetNamespace())
	w.told("pods", err)
	near, err := w.options.Registry.Near(ctx, question.Image, used, keys)
	if w.told("repositories", err) {
		answered, observed.Repositories = true, append(observed.Repositories, near...)
	}
	return answered
}

// usedBeside gives the paths of the repositories that pods of a namespace use, on the registry of an image. Most
// registries list theirs to nobody.
func (w *Watcher) usedBeside(ctx context.Context, image, namespace string) ([]string, error) {
	pods, err := w.clients.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: maxListed})
	if err != nil {
		return nil, err
	}
	registry := remedy.ParseImage(image).Registry()
	var used []string
	for i := range pods.Items {
		for _, container := range slices.Concat(pods.Items[i].Spec.Containers, pods.Items[i].Spec.InitContainers) {
			other := remedy.ParseImage(container.Image)
			if other.Registry() == registry && container.Image != image && !slices.Contains(used, other.Path) {
				used = append(used, other.Path)
			}
		}
	}
	return used, nil
}

// imagesOf gives the images of the revisions of a Deployment, the newest first.
func (w *Watcher) imagesOf(ctx context.Context, live *unstructured.Unstructured) ([]evidence.Image, error) {
	cached, err := w.caches.between[replicaSetKind].GetIndexer().ByIndex(controllerIndex, string(live.GetUID()))
	if err != nil {
		return nil, err
	}
	var sets []*appsv1.ReplicaSet
	for _, object := range cached[:min(len(cached), maxRevisions)] {
		owner, ok := object.(*owner)
		if !ok {
			continue
		}
		set, err := w.clients.AppsV1().ReplicaSets(owner.namespace()).Get(ctx, owner.name(), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	slices.SortFunc(sets, func(a, b *appsv1.ReplicaSet) int { return revisionOf(b) - revisionOf(a) })
	var images []evidence.Image
	for _, set := range sets {
		for _, container := range slices.Concat(set.Spec.Template.Spec.Containers, set.Spec.Template.Spec.InitContainers) {
			images = append(images, evidence.Image{Container: container.Name, Image: container.Image, Ran: set.Status.ReadyReplicas > 0 || w.gone.revisionRan(set.UID)})
		}
	}
	return images, nil
}

// revisionOf reads the number that the Deployment controller gives a revision
// (k8s.io/kubernetes/pkg/controller/deployment/util, RevisionAnnotation); zero where it gave none.
func revisionOf(set *appsv1.ReplicaSet) int {
	revision, err := strconv.Atoi(set.Annotations["deployment.kubernetes.io/revision"])
	if err != nil {
		return 0
	}
	return revision
}

func (w *Watcher) answerEntrypoint(ctx context.Context, image string, observed *evidence.Evidence) bool {
	if w.options.Registry == nil {
		return false
	}
	found, err := w.options.Registry.Entrypoint(ctx, image, w.keysFor(ctx, image, observed))
	if !w.told("entrypoint", err) {
		return false
	}
	observed.Entrypoints = append(observed.Entrypoints, found)
	return true
}

// keysFor gives the credentials of a pod that has the image, as the kubelet would use them; none where the watcher may
// not read them. A ServiceAccount's pull secrets stand in the pod since its admission.
func (w *Watcher) keysFor(ctx context.Context, image string, observed *evidence.Evidence) authn.Keychain {
	named := map[string]bool{}
	for _, container := range observed.Containers {
		if container.Spec.Image != image {
			continue
		}
		for _, pod := range observed.Pods {
			if pod.Name != container.Pod {
				continue
			}
			for _, secret := range pod.Spec.ImagePullSecrets {
				named[secret.Name] = true
			}
		}
	}
	var secrets []corev1.Secret
	for _, name := range sortedKeys(named) {
		if len(secrets) >= maxPullSecrets {
			break
		}
		secret, err := w.clients.CoreV1().Secrets(observed.Workload.Namespace).Get(ctx, name, metav1.GetOptions{})
		if w.told("credentials", err) {
			secrets = append(secrets, *secret)
		}
	}
	if len(secrets) == 0 {
		return nil
	}
	keys, err := kauth.NewFromPullSecrets(ctx, secrets)
	if !w.told("credentials", err) {
		return nil
	}
	return keys
}

// referable are the kinds that a pod template may name, with where they are served.
var referable = map[v1alpha1.ReferenceKind]schema.GroupVersionResource{
	v1alpha1.ConfigMap:             corev1.SchemeGroupVersion.WithResource("configmaps"),
	v1alpha1.Secret:                corev1.SchemeGroupVersion.WithResource("secrets"),
	v1alpha1.PersistentVolumeClaim: corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"),
	v1alpha1.StorageClass:          storagev1.SchemeGroupVersion.WithResource("storageclasses"),
}

// defaultClass marks the StorageClass of claims that name none (k8s.io/component-helpers/storage/volume,
// IsDefaultStorageClassAnnotation).
const defaultClass = "storageclass.kubernetes.io/is-default-class"

func (w *Watcher) answerReference(ctx context.Context, question engine.ReferenceQuestion, observed *evidence.Evidence) bool {
	namespace := observed.Workload.Namespace
	if question.Kind == v1alpha1.StorageClass {
		namespace = metav1.NamespaceAll
	}
	about := strings.ToLower(string(question.Kind))
	list, err := w.partial.Resource(referable[question.Kind]).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: maxNames})
	if err == nil && list.Continue != "" {
		err = errors.New("there are too many in the namespace to say which was meant")
	}
	if !w.told(about, err) {
		return false
	}
	near := 0
	var found []evidence.Object
	for i := range list.Items {
		object := evidence.Object{
			Kind: string(question.Kind), Name: list.Items[i].Name, Default: list.Items[i].Annotations[defaultClass] == "true",
		}
		meant := object.Name == question.Name
		if !meant && !remedy.NearName(question.Name, object.Name) && !object.Default {
			continue
		}
		if near++; near > maxNearNames {
			return false // one that is not looked at may be the one that was meant
		}
		if object.Keys, err = w.keysIn(ctx, question.Kind, namespace, object.Name); !w.told(about, err) {
			return false
		}
		if !slices.ContainsFunc(observed.Objects, func(known evidence.Object) bool { return known.Kind == object.Kind && known.Name == object.Name }) {
			found = append(found, object)
		}
	}
	observed.Objects = append(observed.Objects, found...)
	return true
}

// keysIn gives the keys of a ConfigMap or Secret; other kinds have none. The values are not kept.
func (w *Watcher) keysIn(ctx context.Context, kind v1alpha1.ReferenceKind, namespace, name string) ([]string, error) {
	switch kind {
	case v1alpha1.ConfigMap:
		object, err := w.clients.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return append(sortedKeys(object.Data), sortedKeys(object.BinaryData)...), nil
	case v1alpha1.Secret:
		object, err := w.clients.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return sortedKeys(object.Data), nil
	default:
		return nil, nil
	}
}

// probeTime bounds one request of a container: longer than a probe may be made to wait (10 s) is of no use.
const probeTime = 10 * time.Second

// answerProbe asks a container through the API server, as kubectl get --raw does: only what the pod itself serves can be
// reached so. Bodies are not read. The first path that succeeds ends the question.
func (w *Watcher) answerProbe(ctx context.Context, question engine.ProbeQuestion, observed *evidence.Evidence) bool {
	if w.prober == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	answered := false
	for _, path := range question.Paths {
		target := w.clients.CoreV1().RESTClient().Get().Namespace(observed.Workload.Namespace).Resource("pods").
			Name(fmt.Sprintf("%s:%s:%d", strings.ToLower(question.Scheme), question.Pod, question.Port)).SubResource("proxy").Suffix(path).URL()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
		if !w.told("probe", err) {
			return answered
		}
		begin := w.clock.Now()
		response, err := w.prober.Do(request)
		if !w.told("probe", err) {
			return answered
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusForbidden && len(observed.Answers) == 0 && response.Header.Get("Content-Type") == "application/json" {
			w.told("probe", errors.New("the API server does not let the watcher ask pods"))
			return answered
		}
		given := evidence.Answer{
			Container: question.Container, Scheme: question.Scheme, Port: question.Port, Path: path,
			Status: int32(response.StatusCode), Seconds: w.clock.Since(begin).Seconds(),
		}
		observed.Answers, answered = append(observed.Answers, given), true
		if given.Succeeds() {
			break
		}
	}
	return answered
}

// newProber gives a client for answerProbe. It follows no redirects: they would take its token along.
func newProber(config *rest.Config) (*http.Client, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("client for probes: %w", err)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, nil
}
