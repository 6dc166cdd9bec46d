package remedy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// Of gives the pod template of an object; nil when it is not where the kind has it. A Pod is its own.
func (t Template) Of(object map[string]any) map[string]any {
	template, _ := descend(object, t...)
	return template
}

// Hash identifies what a pod template runs: the first 16 hexadecimal digits of the SHA-256 of it without what says
// nothing about that: our own annotations, the one of kubectl rollout restart, and members that are null. It is the
// same for an object as it is received at admission and as the API server keeps it.
func (t Template) Hash(object map[string]any) (string, error) {
	template := t.Of(object)
	metadata, _ := template["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	kept := map[string]any{}
	for name, value := range annotations {
		if !strings.HasPrefix(name, v1alpha1.GroupName+"/") && name != restartedAt {
			kept[name] = value
		}
	}
	text, err := json.Marshal(map[string]any{ // members come out sorted
		"annotations": kept, "labels": withoutNull(metadata["labels"]), "spec": withoutNull(template["spec"]),
	})
	if err != nil {
		return "", fmt.Errorf("encode the pod template: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// withoutNull gives a value without the members that are null.
func withoutNull(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, member := range value {
			if member != nil {
				kept[name] = withoutNull(member)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = withoutNull(item)
		}
		return kept
	default:
		return value
	}
}

// restartedAt is what kubectl rollout restart writes on a pod template
// (k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go).
const restartedAt = "kubectl.kubernetes.io/restartedAt"

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
