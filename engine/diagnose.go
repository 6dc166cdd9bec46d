package engine

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Diagnosis is why a container of a workload failed.
type Diagnosis struct {
	// Workload and Container say what failed.
	Workload  evidence.Workload
	Container string
	// FailureType says how.
	FailureType v1alpha1.FailureType
	// Finding is the cause with its evidence, as the Remediation stores it.
	Finding v1alpha1.Diagnosis
	// Failures are when the failure happened, the oldest first, each run of a container once.
	Failures []Failure
	// MemoryLimit is the limit, in bytes, under which the newest failure happened; zero when there was none.
	MemoryLimit resource.Quantity
	// MemoryRequest is the request that stood beside MemoryLimit; nil when there was none.
	MemoryRequest *resource.Quantity
}

// Failure is one end of one run of a container.
type Failure struct {
	// Pod it happened in, and the remediations that pod carried.
	Pod   string
	Marks []string
	// Time is when the run ended, to the second.
	Time time.Time
}

// Latest is the newest failure. A diagnosis always has one.
func (d Diagnosis) Latest() Failure { return d.Failures[len(d.Failures)-1] }

// detector finds the failures of one type.
type detector func(evidence.Evidence) []Diagnosis

// detectors has one entry for each failure type that is recognised.
var detectors = map[v1alpha1.FailureType]detector{
	v1alpha1.OOMKilled: detectOOMKilled,
}

// risk is how urgent each failure type is.
var risk = map[v1alpha1.FailureType]v1alpha1.RiskLevel{
	v1alpha1.OOMKilled:        v1alpha1.RiskCritical,
	v1alpha1.ImagePullBackOff: v1alpha1.RiskCritical,
	v1alpha1.CrashLoopBackOff: v1alpha1.RiskHigh,
	v1alpha1.Pending:          v1alpha1.RiskHigh,
	v1alpha1.NodeNotReady:     v1alpha1.RiskHigh,
	v1alpha1.ProbeFailure:     v1alpha1.RiskMedium,
}

// Diagnose gives the failures found in the evidence, the most confident first; none for a healthy workload.
// The order is the same for the same evidence.
func Diagnose(observed evidence.Evidence) []Diagnosis {
	var found []Diagnosis
	for _, detect := range detectors {
		found = append(found, detect(observed)...)
	}
	slices.SortFunc(found, func(a, b Diagnosis) int {
		return cmp.Or(
			cmp.Compare(b.Finding.Confidence, a.Finding.Confidence),
			cmp.Compare(a.FailureType, b.FailureType),
			cmp.Compare(a.Container, b.Container),
		)
	})
	return found
}

// Confidence thresholds, in percent.
const (
	// HealAt is the least confidence with which a fix is applied without being asked for.
	HealAt = 70
	// SuggestAt is the least confidence with which a fix is suggested; below it there is only an Event.
	SuggestAt = 50
)
