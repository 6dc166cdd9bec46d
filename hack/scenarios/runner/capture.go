package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/redact"
	"github.com/kube-remedy/kube-remedy/internal/registry"
)

// captured are the kinds of which a namespace's objects are written down. Secrets are not among them.
const captured = "pods,events,deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,persistentvolumeclaims,resourcequotas,limitranges"

// capture writes down what a person would collect of the failing workload, as kubectl prints it, and the answers to
// what is asked about it.
func (r *run) capture(ctx context.Context) error {
	var out strings.Builder
	for _, what := range []struct {
		args    string
		cluster bool
	}{{"get " + captured + " -o yaml", false}, {"get nodes -o yaml", true}, {"get storageclasses -o yaml", true}} {
		printed, err := r.kubectl(ctx, strings.Fields(what.args)...)
		if err != nil {
			return err
		}
		tidied, err := r.tidy(printed)
		if err != nil {
			return fmt.Errorf("kubectl %s: %w", what.args, err)
		}
		namespace := " -n " + r.namespace
		if what.cluster {
			namespace = ""
		}
		fmt.Fprintf(&out, "$ kubectl%s %s\n%s", namespace, what.args, tidied)
	}
	for _, pod := range r.pods("") {
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			for _, previous := range []bool{true, false} {
				if log := r.log(ctx, pod, status, previous); log != "" {
					flag := ""
					if previous {
						flag = " --previous"
					}
					fmt.Fprintf(&out, "$ kubectl -n %s logs %s -c %s%s\n%s", r.namespace, pod.Name, status.Name, flag, log)
				}
			}
		}
	}
	if err := os.WriteFile(r.Evidence(), []byte(out.String()), 0o644); err != nil {
		return err
	}
	return r.captureAnswers(ctx, out.String())
}

// log gives the end of what a run of a container printed; nothing where there is none.
func (r *run) log(ctx context.Context, pod *corev1.Pod, status corev1.ContainerStatus, previous bool) string {
	if previous && status.LastTerminationState.Terminated == nil || !previous && status.State.Terminated == nil && status.State.Running == nil {
		return ""
	}
	lines := int64(120)
	printed, err := r.clients.CoreV1().Pods(r.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: status.Name, Previous: previous, TailLines: &lines}).DoRaw(ctx)
	if err != nil || len(printed) == 0 {
		return ""
	}
	return strings.TrimRight(string(redact.Text(printed)), "\n") + "\n"
}

// tidy takes out of a list what tells of the machine, or is long and says nothing.
func (r *run) tidy(printed string) (string, error) {
	var list map[string]any
	if err := yaml.Unmarshal([]byte(printed), &list); err != nil {
		return "", err
	}
	items, _ := list["items"].([]any)
	var kept []any
	for _, item := range items {
		object, _ := item.(map[string]any)
		metadata, _ := object["metadata"].(map[string]any)
		if about, ok := object["involvedObject"].(map[string]any); ok {
			source, _ := object["source"].(map[string]any)
			if source["component"] == "kube-remedy-eventwatcher" {
				continue // what the watcher says is no evidence
			}
			delete(about, "resourceVersion")
			delete(object, "reportingInstance") // has the machine's name in it
		}
		for _, name := range []string{"managedFields", "resourceVersion", "selfLink", "generation"} {
			delete(metadata, name)
		}
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
			if object["kind"] == "Node" {
				delete(metadata, "annotations")
			}
		}
		if object["kind"] == "Node" {
			tidyNode(object)
		}
		kept = append(kept, object)
	}
	list["items"] = kept
	written, err := yaml.Marshal(list)
	if err != nil {
		return "", err
	}
	return r.nameless(string(written)), nil
}

// tidyNode keeps of a node what says whether pods can run there.
func tidyNode(object map[string]any) {
	status, _ := object["status"].(map[string]any)
	info, _ := status["nodeInfo"].(map[string]any)
	object["status"] = map[string]any{
		"allocatable": status["allocatable"], "capacity": status["capacity"], "conditions": status["conditions"],
		"nodeInfo": map[string]any{"architecture": info["architecture"], "operatingSystem": info["operatingSystem"]},
	}
}

var address = regexp.MustCompile(`\b10\.24[45]\.\d+\.\d+\b`)

// nameless replaces the addresses of this machine by ones that belong to nobody.
func (r *run) nameless(text string) string {
	host := r.cluster.HostIP()
	return address.ReplaceAllStringFunc(text, func(found string) string {
		if found == host {
			return "192.0.2.1"
		}
		parts := strings.Split(found, ".")
		return "198.51.100." + parts[3]
	})
}

// captureAnswers asks what a diagnosis of the captured text leaves open, and writes down the answers.
func (r *run) captureAnswers(ctx context.Context, printed string) error {
	known, err := catalog.BuiltIn()
	if err != nil {
		return err
	}
	with := engine.New(known)
	var told evidence.Answers
	for _, observed := range text.Parse([]byte(printed), time.Now()).Collect() {
		for _, diagnosis := range with.Diagnose(observed) {
			if diagnosis.Workload.Kind != r.Kind() || diagnosis.Workload.Name != r.OwnerName() {
				continue
			}
			asked := engine.Ask(diagnosis, observed)
			if err := r.answer(ctx, asked, &told); err != nil {
				return err
			}
		}
	}
	written, err := yaml.Marshal(told)
	if err != nil {
		return err
	}
	if string(written) == "{}\n" {
		if err := os.Remove(r.Answers()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.WriteFile(r.Answers(), written, 0o644)
}

// answer asks the registry, the API server and the containers.
func (r *run) answer(ctx context.Context, asked engine.Questions, told *evidence.Answers) error {
	registries, err := r.registries()
	if err != nil {
		return err
	}
	for _, question := range asked.Images {
		images, err := r.ran(ctx)
		if err != nil {
			return err
		}
		told.Images = append(told.Images, images...)
		if question.Fault == remedy.FaultUnknown {
			continue
		}
		repository, err := registries.Tags(ctx, question.Image, nil)
		if err != nil {
			continue // what nobody answers stays open
		}
		if question.Fault == remedy.FaultPlatform && question.Platform != "" {
			if looked, err := registries.Platforms(ctx, question.Image, repository, question.Platform, nil); err == nil {
				repository = looked
			}
		}
		told.Repositories = append(told.Repositories, repository)
		if !repository.Exists {
			if near, err := registries.Near(ctx, question.Image, r.used(question.Image), nil); err == nil {
				told.Repositories = append(told.Repositories, near...)
			}
		}
	}
	for _, image := range asked.Entrypoints {
		if found, err := registries.Entrypoint(ctx, image, nil); err == nil {
			told.Entrypoints = append(told.Entrypoints, found)
		}
	}
	for _, question := range asked.References {
		objects, err := r.referable(ctx, question.Kind)
		if err != nil {
			return err
		}
		told.Objects = append(told.Objects, objects...)
	}
	for _, question := range asked.Probes {
		told.Answers = append(told.Answers, r.ask(ctx, question)...)
	}
	return nil
}

func (r *run) registries() (*registry.Registry, error) {
	return registry.New(registry.Options{
		Network: registry.Network{Mirrors: map[string]string{registry.AnyHost: r.cluster.RegistryURL()}}, UserAgent: "kube-remedy-scenarios", Clock: clock.RealClock{},
	})
}

// used gives the repositories that pods of the namespace use on the registry of an image.
func (r *run) used(image string) []string {
	var used []string
	for _, pod := range r.seen.podsIn(r.namespace) {
		for _, container := range pod.Spec.Containers {
			if other := remedy.ParseImage(container.Image); container.Image != image && other.Registry() == remedy.ParseImage(image).Registry() {
				used = append(used, other.Path)
			}
		}
	}
	return used
}

// ran gives the images of the owner's revisions, the newest first.
func (r *run) ran(ctx context.Context) ([]evidence.Image, error) {
	sets, err := r.clients.AppsV1().ReplicaSets(r.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(sets.Items, func(a, b appsv1.ReplicaSet) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	var images []evidence.Image
	for _, set := range sets.Items {
		for _, container := range slices.Concat(set.Spec.Template.Spec.Containers, set.Spec.Template.Spec.InitContainers) {
			images = append(images, evidence.Image{Container: container.Name, Image: container.Image, Ran: set.Status.ReadyReplicas > 0 || !r.seen.at(r.seen.ran, string(set.UID)).IsZero()})
		}
	}
	return images, nil
}

// referable gives the objects of a kind that a pod could name.
func (r *run) referable(ctx context.Context, kind v1alpha1.ReferenceKind) ([]evidence.Object, error) {
	out, err := r.kubectl(ctx, "get", strings.ToLower(string(kind)), "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata metav1.ObjectMeta
			Data     map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	var found []evidence.Object
	for _, item := range list.Items {
		object := evidence.Object{Kind: string(kind), Name: item.Metadata.Name}
		for key := range item.Data {
			object.Keys = append(object.Keys, key)
		}
		slices.Sort(object.Keys)
		found = append(found, object)
	}
	return found, nil
}

// ask asks a container of a pod directly: the node's pods can be reached from where this runs.
func (r *run) ask(ctx context.Context, question engine.ProbeQuestion) []evidence.Answer {
	pod, err := r.clients.CoreV1().Pods(r.namespace).Get(ctx, question.Pod, metav1.GetOptions{})
	if err != nil || pod.Status.PodIP == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var answers []evidence.Answer
	for _, path := range question.Paths {
		url := strings.ToLower(question.Scheme) + "://" + net.JoinHostPort(pod.Status.PodIP, fmt.Sprint(question.Port)) + path
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return answers
		}
		began := time.Now()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return answers
		}
		response.Body.Close()
		answer := evidence.Answer{
			Container: question.Container, Scheme: question.Scheme, Port: question.Port, Path: path,
			Status: int32(response.StatusCode), Seconds: time.Since(began).Round(10 * time.Millisecond).Seconds(),
		}
		if answers = append(answers, answer); answer.Succeeds() {
			break
		}
	}
	return answers
}
