package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// choice is what an object is to get.
type choice struct {
	operations []remedy.Operation
	governed   []string       // fields that are decided, as JSON pointers
	marks      []string       // of the Remediations in effect
	records    []audit.Record // one for each of them
	applied    []*v1alpha1.Remediation
	fields     []string // that are changed
	warnings   []string
	suggests   bool
	restores   bool   // it gives an object that can't be changed back what it was created with
	denial     string // why the object is refused; empty when it is not
}

// choose goes through what was learned, by name, and gathers what fits the object.
func (s *subject) choose(learned []*v1alpha1.Remediation) choice {
	var chosen choice
	for _, remediation := range learned {
		switch {
		case remediation.KnownFailure():
			s.recognise(&chosen, remediation)
		case s.policy.covers(remediation.Spec.FailureType) && (s.confident(remediation, s.settings.Confidence.Suggest) || s.approved(remediation)):
			s.consider(&chosen, remediation)
		}
	}
	return chosen
}

// consider decides about one cure.
func (s *subject) consider(chosen *choice, remediation *v1alpha1.Remediation) {
	resolved, restores := s.resolve(remediation)
	switch {
	case resolved.Fit == remedy.InEffect && s.before.lists(remediation):
		chosen.keep(remediation, resolved, s.before)
	case resolved.Fit == remedy.Misfit && s.policy.mode == v1alpha1.ModeHeal:
		chosen.warnings = append(chosen.warnings, misfitWarning(remediation, resolved.Reason))
	case resolved.Fit != remedy.Changes:
	case s.policy.mode != v1alpha1.ModeHeal:
		chosen.suggest(remediation, resolved, "mode is suggest", "apply it with: "+s.annotate(v1alpha1.ModeHeal))
	case !s.approved(remediation):
		chosen.suggest(remediation, resolved, s.hesitation(remediation), "approve: "+approve(remediation))
	case chosen.collides(resolved):
		chosen.suggest(remediation, resolved, "another remediation decides the same field", "")
	default:
		chosen.apply(s, remediation, resolved)
		chosen.restores = chosen.restores || restores
	}
}

// resolve says what a cure means for the object. A Job or Pod that exists can't be changed; but one that was healed
// when it was created has the cure, and the owner who applies the same manifest again must get it again, or else the
// API server refuses the apply as a change.
func (s *subject) resolve(remediation *v1alpha1.Remediation) (resolved remedy.Resolution, restores bool) {
	resolved = remedy.ResolveWithin(remediation.Spec.Actions, s.object, s.kind.template, s.policy.bounds)
	if resolved.Obstacle != remedy.Immutable || !readAnnotations(s.old.object()).lists(remediation) {
		return resolved, false
	}
	return remedy.ResolveWithin(remediation.Spec.Actions, withoutUID(s.object), s.kind.template, s.policy.bounds), true
}

// withoutUID gives an object as if it did not exist yet.
func withoutUID(object map[string]any) map[string]any {
	copied := maps.Clone(object)
	if metadata, ok := object["metadata"].(map[string]any); ok {
		metadata = maps.Clone(metadata)
		delete(metadata, "uid")
		copied["metadata"] = metadata
	}
	return copied
}

func (s *subject) confident(remediation *v1alpha1.Remediation, least int32) bool {
	return remediation.Status.Diagnosis.Confidence >= least
}

// approved reports whether a cure may be applied: because somebody approved it, or because it is sure enough and does
// not change what runs, or the owner lets such cures through.
func (s *subject) approved(remediation *v1alpha1.Remediation) bool {
	if remediation.Spec.Mode == v1alpha1.Heal {
		return remediation.Annotations[v1alpha1.ApprovedByAnnotation] != "" || s.confident(remediation, s.settings.Confidence.Heal)
	}
	return s.policy.assertive && s.confident(remediation, s.settings.Confidence.Heal) &&
		remedy.SafetyOf(remediation.Spec.Actions...) == remedy.Assertive
}

// hesitation says why a cure is not approved.
func (s *subject) hesitation(remediation *v1alpha1.Remediation) string {
	switch {
	case !s.confident(remediation, s.settings.Confidence.Heal):
		return "the confidence is too low"
	case remedy.SafetyOf(remediation.Spec.Actions...) == remedy.Assertive:
		return "it changes what runs"
	default:
		return "the remediation waits for approval"
	}
}

// apply takes the operations of a Remediation in.
func (c *choice) apply(s *subject, remediation *v1alpha1.Remediation, resolved remedy.Resolution) {
	c.operations = append(c.operations, resolved.Operations...)
	c.governed = append(c.governed, resolved.Governs...)
	c.marks = append(c.marks, remediation.Mark())
	c.records = append(c.records, audit.NewRecord(remediation, resolved.Modifications))
	c.applied = append(c.applied, remediation)
	for _, modification := range resolved.Modifications {
		c.fields = append(c.fields, modification.Field)
	}
	c.warnings = append(c.warnings, healWarning("undo: "+s.undo(remediation), remediation, resolved.Modifications))
}

// keep leaves a Remediation that the object already carries as it stands there.
func (c *choice) keep(remediation *v1alpha1.Remediation, resolved remedy.Resolution, before annotations) {
	c.governed = append(c.governed, resolved.Governs...)
	c.marks = append(c.marks, remediation.Mark())
	if record, ok := before.record(remediation); ok {
		c.records = append(c.records, record)
	}
}

func (c *choice) suggest(remediation *v1alpha1.Remediation, resolved remedy.Resolution, why, command string) {
	c.suggests = true
	c.warnings = append(c.warnings, suggestWarning(remediation, resolved.Modifications, why, command))
}

// collides reports whether a field is decided by an earlier Remediation already. Fields that were decided in an
// earlier invocation count too: otherwise the second invocation would decide differently from the first.
func (c *choice) collides(resolved remedy.Resolution) bool {
	return slices.ContainsFunc(resolved.Governs, func(field string) bool { return slices.Contains(c.governed, field) })
}

// answer makes the patch and applies it once to the bytes received: the API server rejects a request whose
// patch fails, whatever the failurePolicy says.
func (c choice) answer(s *subject) (answer, error) {
	if c.denial != "" {
		return answer{outcome: denied, reason: "known_failure", message: c.denial, warnings: c.warnings}, nil
	}
	told := answer{outcome: allowed, reason: "nothing_to_do", warnings: c.warnings}
	if c.suggests {
		told.outcome, told.reason = suggested, "suggested"
	}
	annotate, err := s.annotationOperations(c.marks, c.records)
	if err != nil {
		return failed("annotations"), err
	}
	if annotate.malformed {
		return failed("annotations"), errors.New("the metadata of the object or of its pod template is not what the API has")
	}
	operations := slices.Concat(c.operations, annotate.operations)
	if len(operations) == 0 {
		return told, nil
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return failed("patch"), fmt.Errorf("encode the patch: %w", err)
	}
	after, err := tryPatch(s.review.object, patch)
	if err != nil {
		return failed("patch"), err
	}
	if !annotate.fit {
		told := failed("annotations_full")
		told.warnings = []string{"kube-remedy: left alone: its annotations would be larger than 256 KiB with ours"}
		return told, nil
	}
	if c.restores && !s.sameAsBefore(after) {
		told := allow("immutable")
		told.warnings = []string{fitting("kube-remedy: left alone: a " + string(s.review.kind) + " that exists can't be changed; delete it and apply it again")}
		return told, nil
	}
	told.patch = patch
	told.outcome, told.reason = patched, "annotations"
	if len(c.applied) > 0 {
		told.reason = "healed"
		told.audit = c.auditAnnotations()
	}
	told.cures = s.gets(c.applied)
	return told, nil
}

// gets gives the cures among those that are applied which the object gets now: in a dry run it gets none, and what carried
// one before, which its owner applies as it was written, had it.
func (s *subject) gets(applied []*v1alpha1.Remediation) []cure {
	if s.review.dryRun {
		return nil
	}
	var cures []cure
	for _, remediation := range applied {
		mark := remediation.Mark()
		if hasMark(s.old.raw, mark) {
			continue
		}
		got := cure{failure: remediation.Spec.FailureType}
		if string(s.review.operation) == "UPDATE" {
			got.update = strings.Join([]string{string(s.review.namespace), s.target.name, mark}, "/")
		}
		cures = append(cures, got)
	}
	return cures
}

// hasMark reports whether a mark stands in an object as it is written, alone or in a list: only to count, the object is not
// decoded.
func hasMark(object []byte, mark string) bool {
	ends := func(c byte) bool { return c == '"' || c == ',' }
	for {
		at := bytes.Index(object, []byte(mark))
		if at < 0 {
			return false
		}
		end := at + len(mark)
		if at > 0 && ends(object[at-1]) && end < len(object) && ends(object[end]) {
			return true
		}
		object = object[end:]
	}
}

// sameAsBefore reports whether a patched object has the spec that the API server keeps already.
func (s *subject) sameAsBefore(after []byte) bool {
	patched, err := decode(after)
	return err == nil && reflect.DeepEqual(patched["spec"], s.old.object()["spec"])
}

// auditAnnotations are for the API server's audit log, which prefixes the keys with the webhook's name.
func (c choice) auditAnnotations() map[string]string {
	var names, types, confidences []string
	for _, remediation := range c.applied {
		names = append(names, remediation.Mark())
		types = append(types, string(remediation.Spec.FailureType))
		confidences = append(confidences, fmt.Sprint(remediation.Status.Diagnosis.Confidence))
	}
	return map[string]string{
		"remediation":  strings.Join(names, ","),
		"failure-type": strings.Join(types, ","),
		"confidence":   strings.Join(confidences, ","),
		"fields":       strings.Join(c.fields, ","),
	}
}
