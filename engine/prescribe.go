package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Situation is what a prescription goes by beside the diagnosis and its evidence. Its zero value is a first attempt
// for a workload that nothing more is known of.
type Situation struct {
	// Object is the workload as its owner applies it, as decoded JSON; nil when it is not known. What does not fit it
	// is not prescribed.
	Object map[string]any
	// Template is where the object has its pod template; nil for where its kind has it.
	Template remedy.Template
	// Attempt counts the values tried for this failure, from 1, and Before are the actions of the last attempt.
	Attempt int32
	Before  []v1alpha1.Action
	// InForce are the actions of other Remediations for the workload.
	InForce []v1alpha1.Action
	// Namespace and Install are what the namespace's annotations and the installation allow; the workload's own
	// annotations are read from the object.
	Namespace, Install Allowance
	// NoStartupProbes is set for a kind of workload whose schema has none.
	NoStartupProbes bool
	// Past is how workloads fared with treatments before; nil when nothing is known of that. It is only read.
	Past outcomes.Past
}

// Allowance bounds fixes. What it does not say is not bounded.
type Allowance struct {
	// MaxMemory and MaxCPU are quantities that no fix goes past.
	MaxMemory, MaxCPU *resource.Quantity
	// Assertive lets fixes through that change what runs.
	Assertive bool
}

// Prescription is what is to be done about a diagnosis.
type Prescription struct {
	// Actions belong together and are never empty.
	Actions []v1alpha1.Action
	// Safety is the class of the least safe of them.
	Safety remedy.Safety
	// Mode says whether they may be applied unasked; Reason says why not when it is Suggest.
	Mode   v1alpha1.Mode
	Reason string
	// Confidence is that of the diagnosis with what is known of the past of these actions, in percent, from 0 to 100; the
	// diagnosis's own when nothing is.
	Confidence int32
	// Fix is the index of the suggested fix that they carry out.
	Fix int
	// Refused are the other fixes that were considered, with why they were not chosen.
	Refused []Refusal
}

// Refusal says why a fix was not prescribed.
type Refusal struct {
	// Action is the name of the action as the catalogue has it.
	Action string
	// Reason is a clause that a person reads.
	Reason string
}

// String writes the refusal in a line.
func (r Refusal) String() string { return r.Action + ": " + r.Reason }

// treatment is one way to cure a diagnosis.
type treatment struct {
	fix     int
	name    string
	actions []v1alpha1.Action
	// doubt is taken from the diagnosis's confidence, in percent: that the treatment is wrong though the cause is right.
	doubt int32
	// cut says which guardrail made it smaller than it should be; empty when none did.
	cut string
	// rewritten is set when it replaces what the owner wrote by something else than the last attempt did: it fits what
	// the owner applies, and not the workload as the last attempt left it.
	rewritten bool
}

// lowerRank is the doubt that each fix after the first has: the catalogue names them in the order of what they are
// worth.
const lowerRank = 5

// Prescribe gives the actions that cure a diagnosis: of the fixes that the diagnosis suggests and the closed set of
// actions can carry out, the one that was not the last attempt, is the most certain with what is known of its past, and
// then the safest; of equals the one that the catalogue names first. Values come from the evidence and grow with the
// attempts, and guardrails cut them to fit. When nothing can be done the error says why, for each fix that was
// considered: the diagnosis then stays a suggestion in words.
func Prescribe(diagnosis Diagnosis, observed evidence.Evidence, situation Situation) (Prescription, error) {
	p := prescriber{Diagnosis: diagnosis, observed: &observed, situation: situation}
	p.container = p.failing()
	var treatments []treatment
	for i, fix := range diagnosis.Finding.SuggestedFixes {
		planned, err := p.plan(fix.Action)
		if err != nil {
			p.refuse(fix.Action, err.Error())
			continue
		}
		for _, treatment := range planned {
			treatment.fix, treatment.name = i, fix.Action
			treatment.doubt += int32(i * lowerRank)
			treatments = append(treatments, treatment)
		}
	}
	slices.SortStableFunc(treatments, func(a, b treatment) int {
		return cmp.Or(
			compareBool(p.failed(a), p.failed(b)),
			cmp.Compare(p.certainty(b), p.certainty(a)),
			cmp.Compare(remedy.SafetyOf(a.actions...), remedy.SafetyOf(b.actions...)),
		)
	})
	for _, treatment := range treatments {
		if reason := p.objection(treatment); reason != "" {
			p.refuse(treatment.name, reason)
			continue
		}
		return p.prescription(treatment), nil
	}
	return Prescription{}, p.nothing()
}

// withRemedies marks the suggested fixes of a diagnosis that an action can be made of from the evidence at hand.
func withRemedies(diagnosis Diagnosis, observed *evidence.Evidence) Diagnosis {
	p := prescriber{Diagnosis: diagnosis, observed: observed}
	p.container = p.failing()
	fixes := diagnosis.Finding.SuggestedFixes
	for i := range fixes {
		planned, err := p.plan(fixes[i].Action)
		fixes[i].Remedy = err == nil && len(planned) > 0
	}
	return diagnosis
}

// prescriber is what the treatments of one diagnosis are planned from.
type prescriber struct {
	Diagnosis
	observed  *evidence.Evidence
	situation Situation
	container evidence.Container // the one that fails; only a name where no more is known
	refused   []Refusal
}

// plan gives the treatments that an action of the catalogue stands for, and nothing for what only a person can do.
func (p *prescriber) plan(action string) ([]treatment, error) {
	switch action {
	case "increaseMemory":
		return p.moreMemory()
	case "adjustHeap":
		return p.adjustHeap()
	case "relaxStartup":
		return p.relaxStartup()
	case "adjustProbe":
		return p.adjustProbe()
	case "reduceRequests":
		return p.reduceRequests()
	case "fixImage":
		return p.fixImage()
	case "fixReference":
		return p.fixReference()
	case "setCommand":
		return p.dropCommand()
	case "avoidNode":
		return p.avoidNode()
	case "tolerate":
		return nil, fmt.Errorf("whether a pod belongs on a tainted node is for its owner to say")
	default:
		return nil, nil
	}
}

// certainty is how sure a treatment is, in percent. Doubt is what the catalogue knows beforehand, so outcomes overcome it.
func (p *prescriber) certainty(t treatment) int32 {
	return p.past(t).Posterior(max(p.Finding.Confidence-t.doubt, 0))
}

// past is how workloads fared with a treatment of the kind.
func (p *prescriber) past(t treatment) outcomes.Count {
	kind, ok := outcomes.TreatmentOf(p.Finding.RootCauseID, t.actions)
	if !ok {
		return outcomes.Count{}
	}
	return p.situation.Past[kind]
}

func (p *prescriber) refuse(action, reason string) {
	refusal := Refusal{Action: action, Reason: reason}
	if !slices.Contains(p.refused, refusal) {
		p.refused = append(p.refused, refusal)
	}
}

// failed reports whether a treatment is the one that the last attempt made, to the value: trying it again would
// change nothing. One that goes further than the last attempt has not failed yet.
func (p *prescriber) failed(t treatment) bool {
	before := remedy.Describe(p.situation.Before)
	return before != "" && before == remedy.Describe(t.actions)
}

// objection says why a treatment can't be prescribed; empty when it can.
func (p *prescriber) objection(t treatment) string {
	if p.failed(t) {
		return "it was the last attempt, and the failure came back"
	}
	for _, action := range t.actions {
		for _, other := range p.situation.InForce {
			if reason := remedy.Contradicts(action, other); reason != "" {
				return reason
			}
		}
	}
	if p.situation.Object == nil || t.rewritten {
		return ""
	}
	resolved := p.resolve(t.actions)
	switch resolved.Fit {
	case remedy.Misfit:
		return resolved.Reason
	case remedy.Exceeded:
		return "the owner's manifest gives as much already, or something else"
	default:
		return ""
	}
}

func (p *prescriber) resolve(actions []v1alpha1.Action) remedy.Resolution {
	if p.situation.Template != nil {
		return remedy.ResolveAt(actions, p.situation.Object, p.situation.Template)
	}
	return remedy.Resolve(actions, p.situation.Object)
}

// prescription gives a treatment its final form.
func (p *prescriber) prescription(t treatment) Prescription {
	given := Prescription{
		Actions: t.actions, Safety: remedy.SafetyOf(t.actions...), Mode: v1alpha1.Heal, Fix: t.fix, Refused: p.refused,
		Confidence: p.past(t).Posterior(p.Finding.Confidence),
	}
	switch certainty := p.certainty(t); {
	case certainty < HealAt:
		given.Mode, given.Reason = v1alpha1.Suggest, fmt.Sprintf("it is right with %d%%, less than the %d%% that healing takes", certainty, HealAt)
	case given.Safety == remedy.Assertive && !p.assertive():
		given.Mode = v1alpha1.Suggest
		given.Reason = fmt.Sprintf("it changes what runs; annotation %s: %s lets such fixes through", v1alpha1.AllowAnnotation, v1alpha1.AllowAssertive)
	}
	if t.cut != "" {
		given.Refused = append(given.Refused, Refusal{Action: t.name, Reason: t.cut})
	}
	return given
}

// nothing says why there is no prescription.
func (p *prescriber) nothing() error {
	if len(p.refused) == 0 {
		return fmt.Errorf("no remedy is known for %s (%s)", p.FailureType, p.Finding.RootCauseID)
	}
	if len(p.refused) == 1 {
		return fmt.Errorf("%s", p.refused[0].Reason)
	}
	reasons := make([]string, 0, len(p.refused))
	for _, refusal := range p.refused {
		reasons = append(reasons, refusal.String())
	}
	return fmt.Errorf("%s", strings.Join(reasons, "; "))
}

// failing gives the container that the diagnosis is about as it was observed, in the pod that failed last if it is
// known there.
func (p *prescriber) failing() evidence.Container {
	name := p.Container
	if name == "" {
		name = p.named()
	}
	pod := ""
	if len(p.Failures) > 0 {
		pod = p.Latest().Pod
	}
	found := evidence.Container{Name: name}
	for _, container := range p.observed.Containers {
		if container.Name == name && (found.Pod == "" || container.Pod == pod) {
			found = container
		}
	}
	return found
}

// named gives the container that a fact about the whole pod names, as an eviction does, if the pod has one of the
// name; else its only one.
func (p *prescriber) named() string {
	name, only := p.captured("container"), ""
	for _, container := range p.observed.Containers {
		if container.Name == name {
			return name
		}
		if only != "" && only != container.Name {
			return ""
		}
		only = container.Name
	}
	return only
}

// captured gives the first text that the signatures captured in a group of the name.
func (p *prescriber) captured(group string, signatures ...string) string {
	for i := range p.seen {
		hit := p.seen[i]
		if len(signatures) > 0 && !slices.Contains(signatures, hit.Signature.ID) {
			continue
		}
		if text := hit.Group(group); text != "" {
			return text
		}
	}
	return ""
}

// saw reports whether a signature was seen.
func (p *prescriber) saw(signature string) bool {
	for i := range p.seen {
		if p.seen[i].Signature.ID == signature {
			return true
		}
	}
	return false
}

// pod gives the pod of the failing container, or the one that failed last, or the first; nil when none was observed.
func (p *prescriber) pod() *evidence.Pod {
	name := p.container.Pod
	if name == "" && len(p.Failures) > 0 {
		name = p.Latest().Pod
	}
	for i := range p.observed.Pods {
		if p.observed.Pods[i].Name == name {
			return &p.observed.Pods[i]
		}
	}
	if len(p.observed.Pods) > 0 {
		return &p.observed.Pods[0]
	}
	return nil
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
