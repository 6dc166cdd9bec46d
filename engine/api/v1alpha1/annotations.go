package v1alpha1

import (
	"slices"
	"strings"
)

// Annotations that users write and read. A value that can't be parsed never blocks an apply: it is ignored,
// and the applier is warned.
const (
	// ModeAnnotation on a workload or namespace says what may happen: heal, suggest or off. The workload's comes first.
	ModeAnnotation = GroupName + "/mode"
	// FailureTypesAnnotation on a workload or namespace is a comma list that limits what may be healed.
	FailureTypesAnnotation = GroupName + "/failure-types"
	// MaxMemoryAnnotation and MaxCPUAnnotation on a workload or namespace are quantities that no fix goes past.
	MaxMemoryAnnotation = GroupName + "/max-memory"
	MaxCPUAnnotation    = GroupName + "/max-cpu"
	// AllowAnnotation with the value "assertive" on a workload or namespace lets fixes through that change what runs.
	AllowAnnotation = GroupName + "/allow"
	// ReapplyAnnotation with the value "auto" on a workload, or on its namespace, lets the watcher re-admit the object itself.
	ReapplyAnnotation = GroupName + "/reapply"
	// AuditAnnotation is written by the webhook on a workload it changed: a JSON list of audit records.
	AuditAnnotation = GroupName + "/audit"
	// RemediationsAnnotation is written by the webhook on a workload it changed and on its pod template:
	// a comma list of Remediation names with their attempt, as Remediation.Mark gives them.
	RemediationsAnnotation = GroupName + "/remediations"
	// AuthorAnnotation is written by the webhook on a Remediation when it is created: the user who created it. It
	// never changes.
	AuthorAnnotation = GroupName + "/author"
	// LearnedAnnotation is written by the event watcher on a Remediation together with its actions: which attempt they
	// are, and since when, as 2@2026-03-02T08:00:00Z. The status that says the same is written after them.
	LearnedAnnotation = GroupName + "/learned"
	// ApprovedByAnnotation is written by the webhook on a Remediation whose mode became Heal: the user who did it.
	ApprovedByAnnotation = GroupName + "/approved-by"
)

// Mode values of ModeAnnotation.
const (
	// ModeHeal patches the object and warns what was done.
	ModeHeal = "heal"
	// ModeSuggest leaves the object alone and warns what would be done.
	ModeSuggest = "suggest"
	// ModeOff leaves the object alone and says nothing.
	ModeOff = "off"
)

// ParseFailureTypes reads a value of FailureTypesAnnotation. It is false when the list is empty or has something else in it.
func ParseFailureTypes(list string) ([]FailureType, bool) {
	var types []FailureType
	for name := range strings.SplitSeq(list, ",") {
		failure := FailureType(strings.TrimSpace(name))
		if failure == "" {
			continue
		}
		if !slices.Contains(FailureTypes(), failure) {
			return nil, false
		}
		types = append(types, failure)
	}
	return types, len(types) > 0
}

// ReapplyAuto is the value of ReapplyAnnotation that allows the watcher's own writes to be healed.
const ReapplyAuto = "auto"

// Reapplies reports from the annotations of a workload and of its namespace whether the watcher may re-admit the
// workload itself. What the workload says goes before what its namespace says.
func Reapplies(workload, namespace map[string]string) bool {
	says, ok := workload[ReapplyAnnotation]
	if !ok {
		says = namespace[ReapplyAnnotation]
	}
	return says == ReapplyAuto
}

// AllowAssertive is the value of AllowAnnotation that lets assertive fixes through.
const AllowAssertive = "assertive"
