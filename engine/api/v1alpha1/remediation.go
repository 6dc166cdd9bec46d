package v1alpha1

import (
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Remediation is what was learned from a failure of one workload: the diagnosis, and the actions that cure it
// the next time the workload's owner applies it. It names its target in its own namespace and is not owned by
// it, so that a workload that is deleted and applied again is still healed.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=remediations,singular=remediation,shortName=rem,scope=Namespaced,categories=kube-remedy
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.status.target`
// +kubebuilder:printcolumn:name="Failure",type=string,JSONPath=`.spec.failureType`
// +kubebuilder:printcolumn:name="Cause",type=string,JSONPath=`.status.diagnosis.rootCauseID`
// +kubebuilder:printcolumn:name="Confidence",type=integer,JSONPath=`.status.diagnosis.confidence`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.targetRef.kind`
// +kubebuilder:selectablefield:JSONPath=`.spec.targetRef.name`
type Remediation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the cure: whom it is for and what it changes.
	// +required
	Spec RemediationSpec `json:"spec"`
	// status is what was found and what became of the cure. Only the event watcher writes it.
	// +optional
	Status RemediationStatus `json:"status,omitempty"`
}

// RemediationList is a list of Remediations.
//
// +kubebuilder:object:root=true
type RemediationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Remediation `json:"items"`
}

// FailureType is one of the ways a workload fails that kube-remedy tells apart.
//
// +kubebuilder:validation:Enum=OOMKilled;CrashLoopBackOff;ImagePullBackOff;Pending;ProbeFailure;NodeNotReady
type FailureType string

// The failure types.
const (
	OOMKilled        FailureType = "OOMKilled"
	CrashLoopBackOff FailureType = "CrashLoopBackOff"
	ImagePullBackOff FailureType = "ImagePullBackOff"
	Pending          FailureType = "Pending"
	ProbeFailure     FailureType = "ProbeFailure"
	NodeNotReady     FailureType = "NodeNotReady"
)

// FailureTypes are all of them.
func FailureTypes() []FailureType {
	return []FailureType{OOMKilled, CrashLoopBackOff, ImagePullBackOff, Pending, ProbeFailure, NodeNotReady}
}

// RiskLevel says how urgent a failure is, from LOW to CRITICAL.
//
// +kubebuilder:validation:Enum=LOW;MEDIUM;HIGH;CRITICAL
type RiskLevel string

// The risk levels.
const (
	RiskLow      RiskLevel = "LOW"
	RiskMedium   RiskLevel = "MEDIUM"
	RiskHigh     RiskLevel = "HIGH"
	RiskCritical RiskLevel = "CRITICAL"
)

// Mode says whether the webhook may apply a Remediation or only tell of it.
//
// +kubebuilder:validation:Enum=Heal;Suggest
type Mode string

// The modes of a Remediation.
const (
	Heal    Mode = "Heal"
	Suggest Mode = "Suggest"
)

// RemediationSpec is the cure. It holds semantic actions, never stored JSON pointers: containers by name and
// values as floors, so that a manifest that changed since is still patched right or left alone.
type RemediationSpec struct {
	// targetRef names the workload in the Remediation's own namespace. It never changes.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="targetRef can't change; create another Remediation"
	TargetRef TargetRef `json:"targetRef"`
	// failureType is the failure this cures. It never changes.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="failureType can't change; create another Remediation"
	FailureType FailureType `json:"failureType"`
	// mode says whether the webhook applies the actions (Heal) or only warns of them (Suggest).
	// +optional
	// +kubebuilder:default=Heal
	Mode Mode `json:"mode,omitempty"`
	// actions are applied together or not at all. Without any, the Remediation only remembers a failure that nothing
	// can be done about.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Actions []Action `json:"actions,omitempty"`
}

// TargetRef names a workload by its API version, kind and name; or, where names are others each time, all those of a kind
// whose names are made from one prefix, or all pods of one app.
//
// +kubebuilder:validation:XValidation:rule="[has(self.name), has(self.generateName), has(self.appName)].exists_one(given, given)",message="give one of name, generateName and appName"
// +kubebuilder:validation:XValidation:rule="!has(self.appName) || self.kind == 'Pod' && !self.apiVersion.contains('/')",message="appName is for pods"
type TargetRef struct {
	// apiVersion is the group and version the target was seen in, for example apps/v1. The version does not
	// take part in matching: another version of the same group is the same workload.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+$`
	APIVersion string `json:"apiVersion"`
	// kind of the target, for example Deployment.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9]*$`
	Kind string `json:"kind"`
	// name of the target.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
	// generateName is the prefix of the names of the targets, as their metadata.generateName has it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*)?$`
	GenerateName string `json:"generateName,omitempty"`
	// appName is the value of the label app.kubernetes.io/name of pods that nothing controls and whose names end in what
	// whoever created them made up: a UUID, random characters or a time. Pods with other names are no targets.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	AppName string `json:"appName,omitempty"`
}

// Named is how the targets are named for a person: web, batch-… for a prefix, app.kubernetes.io/name=worker for an app.
func (r TargetRef) Named() string {
	switch {
	case r.AppName != "":
		return AppNameLabel + "=" + r.AppName
	case r.GenerateName != "":
		return r.GenerateName + "…"
	default:
		return r.Name
	}
}

// String names the targets with their kind, as Deployment/web.
func (r TargetRef) String() string { return r.Kind + "/" + r.Named() }

// Phase is where a Remediation stands on its way from learned to verified.
//
// +kubebuilder:validation:Enum=Learned;Applied;Verified;Failed;Superseded;Expired
type Phase string

// The phases. Learned, Applied, Verified and Superseded Remediations are applied when they have something to
// change; Failed and Expired ones are not.
const (
	// PhaseLearned: the cure is stored and waits for the owner's next apply.
	PhaseLearned Phase = "Learned"
	// PhaseApplied: the live pod template carries the cure.
	PhaseApplied Phase = "Applied"
	// PhaseVerified: pods with the cure are Ready and stayed free of the failure.
	PhaseVerified Phase = "Verified"
	// PhaseFailed: the failure came back after the last attempt, or another one began with the cure; the object goes
	// back to what its owner wrote.
	PhaseFailed Phase = "Failed"
	// PhaseSuperseded: the owner's own manifest already gives more than the cure would.
	PhaseSuperseded Phase = "Superseded"
	// PhaseExpired: the failure was not seen for so long that the cure is no longer trusted.
	PhaseExpired Phase = "Expired"
)

// Phases are all of them.
func Phases() []Phase {
	return []Phase{PhaseLearned, PhaseApplied, PhaseVerified, PhaseFailed, PhaseSuperseded, PhaseExpired}
}

// RemediationStatus is what the watcher found and followed.
type RemediationStatus struct {
	// phase is where the Remediation stands.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// target is targetRef for a person, for example Deployment/web, Job/batch-… or Pod/app.kubernetes.io/name=worker.
	// +optional
	// +kubebuilder:validation:MaxLength=320
	Target string `json:"target,omitempty"`
	// learnedAt is when the actions of the current attempt were learned. It is the timestamp of the audit record.
	// +optional
	LearnedAt *metav1.Time `json:"learnedAt,omitempty"`
	// diagnosis is why the workload failed. It is written once an attempt.
	// +optional
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
	// observed counts the failure.
	// +optional
	Observed Observed `json:"observed,omitempty"`
	// outcome is what became of the cure.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// tried is how the attempts so far ended, each once it is known; it outlives the phase and the actions that say so.
	// Attempts that start anew from 1 forget those before.
	// +optional
	// +listType=map
	// +listMapKey=attempt
	// +kubebuilder:validation:MaxItems=3
	Tried []Trial `json:"tried,omitempty"`
	// conditions are the latest observations in the form that kubectl wait understands.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// DeclaredCause is the rootCauseID of a Remediation that a person wrote: nobody diagnosed it.
const DeclaredCause = "declared"

// Diagnosis is the found root cause with its evidence.
type Diagnosis struct {
	// rootCauseID names the cause in the catalogue.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	RootCauseID string `json:"rootCauseID"`
	// rootCause is the cause in a sentence, with the values found.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	RootCause string `json:"rootCause"`
	// confidence is the probability, in percent, that the cause is right.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Confidence int32 `json:"confidence"`
	// riskLevel is how urgent the failure is.
	// +required
	RiskLevel RiskLevel `json:"riskLevel"`
	// evidence is what the diagnosis rests on, the strongest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Evidence []Citation `json:"evidence,omitempty"`
	// suggestedFixes are the fixes worth trying, the best first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	SuggestedFixes []SuggestedFix `json:"suggestedFixes,omitempty"`
}

// Citation quotes one observation.
type Citation struct {
	// source says where it was observed, for example pod/web-1/status.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Source string `json:"source"`
	// text is the observation, shortened to what matters.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Text string `json:"text"`
	// time is when it happened, where that is known.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// SuggestedFix is a fix in words.
type SuggestedFix struct {
	// priority ranks the fix.
	// +required
	// +kubebuilder:validation:Enum=PRIMARY;SECONDARY;TERTIARY
	Priority string `json:"priority"`
	// action is the action of the closed set that does it; empty for what only a person can do.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Action string `json:"action,omitempty"`
	// description says what to do.
	// +required
	// +kubebuilder:validation:MaxLength=512
	Description string `json:"description"`
	// remedy is true when the actions of this Remediation do it.
	// +optional
	Remedy bool `json:"remedy,omitempty"`
}

// Observed counts how often the failure was seen.
type Observed struct {
	// occurrences is how many distinct failures were seen.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Occurrences int32 `json:"occurrences,omitempty"`
	// firstSeen is when the failure was first seen.
	// +optional
	FirstSeen *metav1.Time `json:"firstSeen,omitempty"`
	// lastSeen is when the failure was last seen.
	// +optional
	LastSeen *metav1.Time `json:"lastSeen,omitempty"`
	// failingSince is when the failure was first seen of those that are not cured yet. It is gone once a cure is verified,
	// the owner's manifest gives more than the cure would, or the Remediation expired.
	// +optional
	FailingSince *metav1.Time `json:"failingSince,omitempty"`
	// ranSeconds is how long a container ran at most before it failed, in seconds: what failed after an hour has not
	// proven itself after a minute. Zero when no run ended.
	// +optional
	// +kubebuilder:validation:Minimum=0
	RanSeconds int64 `json:"ranSeconds,omitempty"`
	// failing is what failed, where nothing can be done about it: the same applied again will fail again.
	// +optional
	Failing *Failing `json:"failing,omitempty"`
}

// Failing recognises what is known to fail in an object that is applied.
type Failing struct {
	// container that failed; empty when the pod as a whole did.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`
	// image that could not be pulled.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
	// templateHash identifies the pod template that failed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TemplateHash string `json:"templateHash,omitempty"`
}

// MaxAttempts is how many values are tried for one failure before it is given up.
const MaxAttempts = 3

// Outcome follows the cure.
type Outcome struct {
	// attempt counts the values tried for this failure, from 1.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3
	Attempt int32 `json:"attempt,omitempty"`
	// appliedAt is when the live pod template was first seen with the cure of this attempt.
	// +optional
	AppliedAt *metav1.Time `json:"appliedAt,omitempty"`
	// verifiedAt is when the cure of this attempt was found to hold, the last time to the day.
	// +optional
	VerifiedAt *metav1.Time `json:"verifiedAt,omitempty"`
	// appliedTemplateHash identifies the pod template that carries the cure.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	AppliedTemplateHash string `json:"appliedTemplateHash,omitempty"`
	// withdrawn says which other failure began with the cure, for which it was taken back.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Withdrawn string `json:"withdrawn,omitempty"`
}

// Trial is how one attempt ended.
type Trial struct {
	// attempt is its number, from 1.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3
	Attempt int32 `json:"attempt"`
	// rootCauseID names the cause that it was tried against.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	RootCauseID string `json:"rootCauseID"`
	// action is what was done: the name of the first of its actions, which the others go along with.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Action string `json:"action"`
	// held is true when the cure was verified, and false when the failure came back in spite of it.
	// +required
	Held bool `json:"held"`
}

// Mark is how the Remediation is written on the objects that carry it: its name and attempt, for example
// deployment-web-oomkilled-app@1.
func (r *Remediation) Mark() string {
	return r.Name + "@" + strconv.Itoa(int(r.Status.Outcome.Attempt))
}

// InForce reports whether the webhook is to consider the Remediation: it cures something, has been diagnosed, and has
// neither failed nor expired.
func (r *Remediation) InForce() bool {
	return len(r.Spec.Actions) > 0 && r.inForce()
}

// KnownFailure reports whether the Remediation remembers a failure that nothing can be done about.
func (r *Remediation) KnownFailure() bool {
	return len(r.Spec.Actions) == 0 && r.Status.Phase == PhaseLearned && r.inForce() && r.Status.Observed.Failing != nil
}

func (r *Remediation) inForce() bool {
	switch r.Status.Phase {
	case PhaseLearned, PhaseApplied, PhaseVerified, PhaseSuperseded:
		return r.Status.Diagnosis != nil && r.Status.LearnedAt != nil
	default:
		return false
	}
}
