package remedy

import (
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Template is where a kind has its pod template: the members that lead to it. It is empty for a Pod, which is its
// own template, and for a PersistentVolumeClaim, which has none.
type Template []string

var (
	underSpec    = Template{"spec", "template"}
	underJobSpec = Template{"spec", "jobTemplate", "spec", "template"}
)

// TemplateOf gives where an object has its pod template, by its kind. Kinds that are not named here, and objects
// that name none, have it where most have: under spec.template, as Argo Rollouts and OpenKruise CloneSets do.
func TemplateOf(object map[string]any) Template {
	switch object["kind"] {
	case "Pod", "PersistentVolumeClaim":
		return nil
	case "CronJob":
		return underJobSpec
	default:
		return underSpec
	}
}

// ParseTemplate reads the place of a pod template as it is written in a configuration: members joined by dots,
// for example spec.workload.template; empty for the object itself.
func ParseTemplate(text string) Template {
	if text == "" {
		return nil
	}
	return strings.Split(text, ".")
}

// words writes the place of a pod spec as a person reads it.
func (t Template) words() string {
	if len(t) == 0 {
		return "spec"
	}
	return strings.Join(t, ".") + ".spec"
}

// frozen refuses changes that the API server would: those of the pod template of a Job that exists
// (k8s.io/kubernetes/pkg/apis/batch/validation/validation.go, validatePodTemplateUpdate), and those of a Pod that
// exists, of which the image may be changed (k8s.io/kubernetes/pkg/apis/core/validation/validation.go,
// ValidatePodUpdate), and the class of a claim (ValidatePersistentVolumeClaimUpdate there). An object that is only about to be created has no uid yet: admission comes first.
func (e *edit) frozen(actions []v1alpha1.Action) *obstacle {
	if e.fit != Changes || !e.exists() {
		return nil
	}
	switch e.object["kind"] {
	case "PersistentVolumeClaim":
		return hinders(Immutable, "the storage class of a PersistentVolumeClaim that exists can't be changed; delete the claim and apply it again")
	case "Job":
		return hinders(Immutable, "the pod template of a Job that exists can't be changed; delete the Job and apply it again")
	case "Pod":
		for i := range actions {
			if actions[i].FixImage == nil {
				return hinders(Immutable, "a Pod that exists can't be changed so; delete the Pod and apply it again")
			}
		}
	}
	return nil
}

// exists reports whether the API server has stored the object before.
func (e *edit) exists() bool {
	metadata, _ := e.object["metadata"].(map[string]any)
	uid, _ := metadata["uid"].(string)
	return uid != ""
}
