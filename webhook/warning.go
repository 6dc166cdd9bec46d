package webhook

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// maxWarning bounds a warning, in bytes: up to this length the API server never cuts one
// (k8s.io/apiserver/pkg/endpoints/filters/warning.go, truncateAtTotalRunes and truncateItemRunes).
const maxWarning = 256

// annotate is the command with which the owner sets the mode of the object.
func (s *subject) annotate(mode string) string {
	name := nameOf(s.review, s.object)
	if name.by == byPrefix {
		name.name += "…" // there is no name yet
	}
	command := fmt.Sprintf("kubectl annotate %s/%s %s=%s", s.kind.short, name.name, v1alpha1.ModeAnnotation, mode) + inNamespace(string(s.review.namespace))
	if annotationOf(s.object, v1alpha1.ModeAnnotation) != "" {
		command += " --overwrite" // without it kubectl refuses to change the value
	}
	return command
}

// undo is the command with which the next apply is left as its owner writes it. An annotation on a pod that has another
// name the next time would be of no use.
func (s *subject) undo(remediation *v1alpha1.Remediation) string {
	if s.target.by == byApp {
		return setMode(remediation, v1alpha1.Suggest)
	}
	return s.annotate(v1alpha1.ModeOff)
}

// approve is the command with which a Remediation is approved.
func approve(remediation *v1alpha1.Remediation) string { return setMode(remediation, v1alpha1.Heal) }

func setMode(remediation *v1alpha1.Remediation, mode v1alpha1.Mode) string {
	return fmt.Sprintf(`kubectl patch rem %s --type=merge -p '{"spec":{"mode":%q}}'`, remediation.Name, mode) + inNamespace(remediation.Namespace)
}

func inNamespace(name string) string {
	if name == "default" {
		return ""
	}
	return " -n " + name
}

// healWarning says what was changed, why, and how to undo it.
func healWarning(undo string, remediation *v1alpha1.Remediation, modifications []remedy.Modification) string {
	why := " (" + because(remediation) + ")"
	undo = "; " + undo
	return fitting(
		"kube-remedy: "+changes(modifications)+why+undo,
		"kube-remedy: "+changes(modifications[:1])+why+undo,
		"kube-remedy: "+changes(modifications[:1])+why,
	)
}

// suggestWarning says what would be changed, why it was not, and the command that has it done.
func suggestWarning(remediation *v1alpha1.Remediation, modifications []remedy.Modification, why, command string) string {
	tail := fmt.Sprintf(" (%s); not changed: %s", because(remediation), why)
	if command != "" {
		command = "; " + command
	}
	return fitting(
		"kube-remedy: would set "+changes(modifications)+tail+command,
		"kube-remedy: would set "+changes(modifications[:1])+tail+command,
		"kube-remedy: would set "+changes(modifications)+"; not changed: "+why+command,
		"kube-remedy: would change "+cmp.Or(modifications[0].Container, field(modifications[0].Field))+"; not changed: "+why+command,
		"kube-remedy: would set "+changes(modifications)+tail,
		"kube-remedy: would set "+changes(modifications[:1])+tail,
	)
}

// misfitWarning says why what was learned could not be applied.
func misfitWarning(remediation *v1alpha1.Remediation, reason string) string {
	return fitting(fmt.Sprintf("kube-remedy: %s was not applied: %s", remediation.Name, reason))
}

// because says what was seen, and how sure the diagnosis is.
func because(remediation *v1alpha1.Remediation) string {
	return fmt.Sprintf("%s %dx, confidence %d%%", remediation.Spec.FailureType,
		remediation.Status.Observed.Occurrences, remediation.Status.Diagnosis.Confidence)
}

// changes writes modifications as a person reads them: app memory limit 128Mi → 256Mi, request 64Mi → 128Mi.
func changes(modifications []remedy.Modification) string {
	var words []string
	for i, modification := range modifications {
		what := field(modification.Field)
		if i == 0 && modification.Container != "" {
			what = modification.Container + " " + what
		}
		if modification.OldValue == "" {
			words = append(words, fmt.Sprintf("%s %s", what, modification.NewValue))
			continue
		}
		words = append(words, fmt.Sprintf("%s %s → %s", what, modification.OldValue, modification.NewValue))
	}
	return strings.Join(words, ", ")
}

// field names a field in words; a field without words of its own by its last part.
func field(path string) string {
	for _, resource := range [...]string{"memory", "cpu", "ephemeral-storage"} {
		switch {
		case strings.HasSuffix(path, ".resources.limits."+resource):
			return resource + " limit"
		case strings.HasSuffix(path, ".resources.requests."+resource):
			return resource + " request"
		}
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

// fitting gives the first text that is short enough, or the last one cut.
func fitting(texts ...string) string {
	for _, text := range texts {
		if len(text) <= maxWarning {
			return text
		}
	}
	return engine.Shorten(texts[len(texts)-1], maxWarning)
}
