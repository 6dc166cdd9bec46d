package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// Remediations finds what was learned about a workload. What it gives belongs to the cache and is not changed.
type Remediations interface {
	For(target remediations.Target) ([]*v1alpha1.Remediation, error)
}

// healer decides what a request's object gets.
type healer struct {
	remediations Remediations
	watcher      string // the event watcher's user name
}

// heal decides about a request. The answer is always one that allows; the error says what went wrong when it
// counts as a failure.
func (h healer) heal(request *admissionv1.AdmissionRequest) (answer, error) {
	applied := reapply{
		operation: request.Operation, subresource: request.SubResource, user: request.UserInfo.Username,
		watcher: h.watcher, fieldManager: fieldManagerOf(request),
	}
	if applied.ruledOut() {
		return allow("not_an_apply"), nil
	}
	target, err := targetOf(request)
	if err != nil {
		return failed("object"), err
	}
	learned, err := h.remediations.For(target)
	if err != nil {
		return failed("lookup"), err
	}
	// Without anything learned there may still be marks of a Remediation that is gone, or a mode that is none.
	if len(learned) == 0 && !bytes.Contains(request.Object.Raw, []byte(v1alpha1.GroupName+"/")) {
		return allow("no_remediation"), nil
	}
	object, err := decode(request.Object.Raw)
	if err != nil || object == nil {
		return failed("object"), fmt.Errorf("read the object: %w", cmp.Or(err, errors.New("there is none")))
	}
	old, err := decode(request.OldObject.Raw)
	if err != nil {
		return failed("object"), fmt.Errorf("read the old object: %w", err)
	}
	applied.object, applied.old = object, old
	if !applied.is() {
		return allow("not_an_apply"), nil
	}
	mode, problem := modeOf(object)
	if mode == v1alpha1.ModeOff {
		return allow("mode_off"), nil
	}
	chosen := choose(target, learned, object, mode)
	if problem != "" {
		chosen.warnings = append(chosen.warnings, problem)
	}
	return chosen.answer(request.Object.Raw, object)
}

// targetOf names the workload of a request. On creation with generateName the request has no name but the
// object may have one.
func targetOf(request *admissionv1.AdmissionRequest) (remediations.Target, error) {
	target := remediations.Target{
		Group: request.Kind.Group, Kind: request.Kind.Kind, Namespace: request.Namespace, Name: request.Name,
	}
	if target.Name != "" || len(request.Object.Raw) == 0 {
		return target, nil
	}
	var named struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(request.Object.Raw, &named); err != nil {
		return target, fmt.Errorf("read the object's name: %w", err)
	}
	target.Name = named.Metadata.Name
	return target, nil
}

// decode reads an object with its numbers as they are written; nil when there is none.
func decode(raw []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	return object, nil
}

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
}

// choose goes through what was learned, by name, and gathers what fits the object.
func choose(target remediations.Target, learned []*v1alpha1.Remediation, object map[string]any, mode string) choice {
	learned = slices.Clone(learned)
	slices.SortFunc(learned, func(a, b *v1alpha1.Remediation) int { return cmp.Compare(a.Name, b.Name) })
	var chosen choice
	before := readAnnotations(object)
	for _, remediation := range learned {
		if !remediation.InForce() || remediation.Status.Diagnosis.Confidence < engine.SuggestAt {
			continue
		}
		resolved := remedy.Resolve(remediation.Spec.Actions, object)
		switch {
		case resolved.Fit == remedy.InEffect && before.lists(remediation):
			chosen.keep(remediation, resolved, before)
		case resolved.Fit == remedy.Misfit && mode == v1alpha1.ModeHeal:
			chosen.warnings = append(chosen.warnings, misfitWarning(remediation, resolved.Reason))
		case resolved.Fit != remedy.Changes:
		case mode != v1alpha1.ModeHeal:
			chosen.suggest(remediation, resolved, "mode is suggest")
		case remediation.Spec.Mode != v1alpha1.Heal:
			chosen.suggest(remediation, resolved, "the remediation waits for approval")
		case remediation.Status.Diagnosis.Confidence < engine.HealAt:
			chosen.suggest(remediation, resolved, "the confidence is too low")
		case chosen.collides(resolved):
			chosen.suggest(remediation, resolved, "another remediation decides the same field")
		default:
			chosen.apply(undo(target, object), remediation, resolved)
		}
	}
	return chosen
}

// apply takes the operations of a Remediation in.
func (c *choice) apply(undo string, remediation *v1alpha1.Remediation, resolved remedy.Resolution) {
	c.operations = append(c.operations, resolved.Operations...)
	c.governed = append(c.governed, resolved.Governs...)
	c.marks = append(c.marks, remediation.Mark())
	c.records = append(c.records, audit.NewRecord(remediation, resolved.Modifications))
	c.applied = append(c.applied, remediation)
	for _, modification := range resolved.Modifications {
		c.fields = append(c.fields, modification.Field)
	}
	c.warnings = append(c.warnings, healWarning(undo, remediation, resolved.Modifications))
}

// keep leaves a Remediation that the object already carries as it stands there.
func (c *choice) keep(remediation *v1alpha1.Remediation, resolved remedy.Resolution, before annotations) {
	c.governed = append(c.governed, resolved.Governs...)
	c.marks = append(c.marks, remediation.Mark())
	if record, ok := before.record(remediation); ok {
		c.records = append(c.records, record)
	}
}

func (c *choice) suggest(remediation *v1alpha1.Remediation, resolved remedy.Resolution, why string) {
	c.suggests = true
	c.warnings = append(c.warnings, suggestWarning(remediation, resolved.Modifications, why))
}

// collides reports whether a field is decided by an earlier Remediation already. Fields that were decided in an
// earlier invocation count too: otherwise the second invocation would decide differently from the first.
func (c *choice) collides(resolved remedy.Resolution) bool {
	return slices.ContainsFunc(resolved.Governs, func(field string) bool { return slices.Contains(c.governed, field) })
}

// answer makes the patch and applies it once to the bytes received: the API server rejects a request whose
// patch fails, whatever the failurePolicy says.
func (c choice) answer(raw []byte, object map[string]any) (answer, error) {
	told := answer{outcome: allowed, reason: "nothing_to_do", warnings: c.warnings}
	if c.suggests {
		told.outcome, told.reason = suggested, "suggested"
	}
	annotate, err := annotationOperations(object, c.marks, c.records)
	if err != nil {
		return failed("annotations"), err
	}
	operations := slices.Concat(c.operations, annotate)
	if len(operations) == 0 {
		return told, nil
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return failed("patch"), fmt.Errorf("encode the patch: %w", err)
	}
	after, err := tryPatch(raw, patch)
	if err != nil {
		return failed("patch"), err
	}
	if !annotationsFit(after) {
		told := failed("annotations_full")
		told.warnings = []string{"kube-remedy: left alone: its annotations would be larger than 256 KiB with ours"}
		return told, nil
	}
	told.patch = patch
	told.outcome, told.reason = patched, "annotations"
	if len(c.applied) > 0 {
		told.reason = "healed"
		told.audit = c.auditAnnotations()
	}
	return told, nil
}

// tryPatch gives what the API server will make of the object.
func tryPatch(raw, patch []byte) ([]byte, error) {
	decoded, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, fmt.Errorf("decode the patch: %w", err)
	}
	after, err := decoded.Apply(raw)
	if err != nil {
		return nil, fmt.Errorf("apply the patch to the object received: %w", err)
	}
	return after, nil
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
