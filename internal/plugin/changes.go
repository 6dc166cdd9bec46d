package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// change is what a cure changes in a workload, or would.
type change struct {
	modifications []remedy.Modification
	// carried is set when the workload in the cluster has it.
	carried bool
	// reason is why there are no modifications.
	reason string
}

// changeOf says what a cure changes: what the webhook wrote down on the workload when it did, or what it would do to
// what the owner applies. live is nil when there is no workload, or it may not be read.
func changeOf(remediation *v1alpha1.Remediation, live map[string]any) change {
	if live == nil {
		return change{reason: "the workload is not there"}
	}
	if carries(live, remediation.Name) {
		records, err := audit.Parse(annotation(live, v1alpha1.AuditAnnotation))
		if err == nil {
			for _, record := range records {
				if record.FailureType == remediation.Spec.FailureType && remediation.Status.LearnedAt != nil &&
					record.Timestamp == remediation.Status.LearnedAt.UTC().Format(time.RFC3339) {
					return change{modifications: record.Modifications, carried: true}
				}
			}
		}
	}
	resolved := remedy.Resolve(remediation.Spec.Actions, owned(live))
	if resolved.Fit == remedy.Changes {
		return change{modifications: resolved.Modifications, carried: carries(live, remediation.Name)}
	}
	return change{reason: unfit(resolved), carried: carries(live, remediation.Name)}
}

// unfit says why actions change nothing.
func unfit(resolved remedy.Resolution) string {
	switch resolved.Fit {
	case remedy.InEffect:
		return "it has all of it already"
	case remedy.Exceeded:
		return "its manifest gives as much already, or something else by now"
	default:
		return resolved.Reason
	}
}

// owned gives what the owner of a live workload applies: what kubectl apply kept of it, with the annotations as they are
// now, or where it kept nothing the live workload.
func owned(live map[string]any) map[string]any {
	written := lastApplied(live)
	if written == nil {
		return live
	}
	annotations := map[string]any{}
	if now, ok := live["metadata"].(map[string]any)["annotations"].(map[string]any); ok {
		maps.Copy(annotations, now)
	}
	written["metadata"].(map[string]any)["annotations"] = annotations
	return written
}

// lastApplied gives what kubectl apply kept of what it applied last, without an annotation of itself; nil where it kept
// nothing that can be read.
func lastApplied(live map[string]any) map[string]any {
	var written map[string]any
	if json.Unmarshal([]byte(annotation(live, corev1.LastAppliedConfigAnnotation)), &written) != nil || written["spec"] == nil {
		return nil
	}
	if _, named := written["metadata"].(map[string]any); !named {
		return nil
	}
	return written
}

// carries reports whether an object has the mark of a Remediation.
func carries(object map[string]any, name string) bool {
	return slices.ContainsFunc(marks(object), func(mark string) bool {
		marked, _, _ := strings.Cut(mark, "@")
		return marked == name
	})
}

// marks are those of the Remediations in effect on an object, as NAME@ATTEMPT.
func marks(object map[string]any) []string {
	var found []string
	for mark := range strings.SplitSeq(annotation(object, v1alpha1.RemediationsAnnotation), ",") {
		if mark = strings.TrimSpace(mark); mark != "" {
			found = append(found, mark)
		}
	}
	return found
}

func annotation(object map[string]any, name string) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[name].(string)
	return value
}

// ourAnnotations reads our annotations of an object that need not be one that the API server would take: a mode that is
// written as off, without quotes, is false in YAML.
func ourAnnotations(object map[string]any) map[string]string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	found := map[string]string{}
	for name, value := range annotations {
		switch {
		case !strings.HasPrefix(name, v1alpha1.GroupName+"/"):
		case name == v1alpha1.ModeAnnotation && value == false:
			found[name] = v1alpha1.ModeOff
		default:
			found[name] = fmt.Sprint(value)
		}
	}
	return found
}

// words writes modifications in one line.
func words(modifications []remedy.Modification) string {
	said := make([]string, 0, len(modifications))
	for _, modification := range modifications {
		said = append(said, fmt.Sprintf("%s %s → %s", field(modification), orNone(modification.OldValue), orNone(modification.NewValue)))
	}
	return strings.Join(said, ", ")
}

// field names what is modified: the container, and the field by its last parts.
func field(modification remedy.Modification) string {
	path := modification.Field
	name := path[strings.LastIndexByte(path, '.')+1:]
	for _, kind := range [...]string{"limits", "requests"} {
		if _, resource, ok := strings.Cut(path, ".resources."+kind+"."); ok {
			name = resource + " " + strings.TrimSuffix(kind, "s")
		}
	}
	for _, probe := range [...]string{"livenessProbe", "readinessProbe", "startupProbe"} {
		if _, member, ok := strings.Cut(path, "."+probe+"."); ok {
			name = probe + "." + member
		}
	}
	return strings.TrimSpace(modification.Container + " " + name)
}
