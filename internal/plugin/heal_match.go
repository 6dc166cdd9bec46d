package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// aboutWhich gives the object that a workload is: the one of its kind and name, or the one whose pods have such names,
// or the only one with a pod template where the evidence names no workload; nil when there is none.
func aboutWhich(workload evidence.Workload, objects []*healed) *healed {
	var owner, only *healed
	several := false
	for _, object := range objects {
		namespace := object.metadata("namespace")
		if namespace != "" && workload.Namespace != "" && namespace != workload.Namespace {
			continue
		}
		if object.kind() == workload.Kind && object.name() == workload.Name {
			return object
		}
		if podSpecOf(object) == nil {
			continue
		}
		several, only = several || only != nil, object
		if created[workload.Kind] && strings.HasPrefix(workload.Name, object.name()+"-") && (owner == nil || len(owner.name()) < len(object.name())) {
			owner = object
		}
	}
	switch {
	case owner != nil:
		return owner
	case (workload.Kind == "" || workload.Kind == "Pod" && workload.Name == "") && !several:
		return only
	default:
		return nil
	}
}

// namespaceOf gives the Namespace that an object is to be in; nil when it is none of the objects.
func namespaceOf(object *healed, objects []*healed) map[string]any {
	for _, other := range objects {
		if other.kind() == "Namespace" && other.name() != "" && other.name() == object.metadata("namespace") {
			return other.Value
		}
	}
	return nil
}

// created are the kinds that controllers create with names that begin with their own.
var created = map[string]bool{"Pod": true, "ReplicaSet": true, "Job": true, "Deployment": true}

// podSpecOf reads the pod spec of an object, as far as it is of the types that the API has; nil when there is none.
func podSpecOf(object *healed) *corev1.PodSpec {
	at := object.Value
	for _, member := range append(slices.Clone(object.template), "spec") {
		at, _ = at[member].(map[string]any)
	}
	if at["containers"] == nil {
		return nil
	}
	var spec corev1.PodSpec
	if runtime.DefaultUnstructuredConverter.FromUnstructured(at, &spec) != nil {
		return nil
	}
	return &spec
}

// complete adds to the evidence what only the manifest says: what the owner wrote of a container that failed.
func complete(observed *evidence.Evidence, object *healed) {
	spec := podSpecOf(object)
	if spec == nil {
		return
	}
	if len(observed.Containers) == 0 && len(spec.Containers) == 1 {
		observed.Containers = []evidence.Container{{Name: spec.Containers[0].Name, Kind: evidence.App}}
	}
	written := append(append([]corev1.Container(nil), spec.Containers...), spec.InitContainers...)
	for i := range observed.Containers {
		container := &observed.Containers[i]
		if container.Name == "" && len(spec.Containers) == 1 {
			container.Name = spec.Containers[0].Name
		}
		for _, known := range written {
			if known.Name == container.Name && !container.Specified && container.Spec.Image == "" {
				container.Spec, container.Specified = known, true
				if container.Resources.Limits == nil && container.Resources.Requests == nil {
					container.Resources = known.Resources
				}
			}
		}
	}
}

// templates say where kinds have their pod template, by KIND or KIND.GROUP.
type templates map[string]remedy.Template

func parseTemplates(written []string) (templates, error) {
	found := templates{}
	for _, text := range written {
		kind, path, ok := strings.Cut(text, "=")
		if !ok || kind == "" || path == "" || slices.Contains(strings.Split(path, "."), "") {
			return nil, fmt.Errorf("--pod-template %q must be KIND=PATH or KIND.GROUP=PATH, as ScaledJob.keda.sh=spec.jobTargetRef.template", text)
		}
		found[kind] = remedy.ParseTemplate(path)
	}
	return found, nil
}

// of gives where an object has its pod template.
func (t templates) of(object map[string]any) remedy.Template {
	kind, _ := object["kind"].(string)
	version, _ := object["apiVersion"].(string)
	group, _, grouped := strings.Cut(version, "/")
	if path, ok := t[kind+"."+group]; ok && grouped {
		return path
	}
	if path, ok := t[kind]; ok {
		return path
	}
	return remedy.TemplateOf(object)
}

// readAnswers reads files of answers, strictly: a field that is not known is a mistake.
func readAnswers(names []string, in io.Reader) (evidence.Answers, error) {
	var all evidence.Evidence
	for _, name := range names {
		data, err := readOne("--answers", name, in)
		if err != nil {
			return evidence.Answers{}, err
		}
		var told evidence.Answers
		if err := yaml.UnmarshalStrict(data, &told); err != nil {
			return evidence.Answers{}, fmt.Errorf("--answers %s: %w", name, err)
		}
		told.AddTo(&all)
	}
	return evidence.Answers{
		Repositories: all.Repositories, Objects: all.Objects, Answers: all.Answers, Entrypoints: all.Entrypoints, Images: all.Images,
	}, nil
}
