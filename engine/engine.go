package engine

import (
	"cmp"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Confidence thresholds, in percent.
const (
	// HealAt is the least confidence with which a fix is applied without being asked for.
	HealAt = 70
	// SuggestAt is the least confidence with which a fix is suggested; below it there is only an Event.
	SuggestAt = 50
	// reportAt is the least confidence with which a cause is named at all.
	reportAt = 30
)

// Engine diagnoses with what a catalogue knows. It never changes and may be used from many goroutines.
type Engine struct {
	catalog *catalog.Catalog
}

// New gives an engine that uses the catalogue.
func New(known *catalog.Catalog) *Engine { return &Engine{catalog: known} }

// Diagnose gives the failures found in the evidence of one workload, the most confident first; none for a healthy
// one. Each container has at most one diagnosis: symptoms are folded under their cause. The order is the same for
// the same evidence.
func (e *Engine) Diagnose(observed evidence.Evidence) []Diagnosis {
	h := newHistory(observed)
	if h.completed() {
		return nil
	}
	hits := append(e.catalog.Match(h.facts()), e.logHits(h)...)
	candidates := e.candidates(h, hits)
	if len(candidates) == 0 && observed.Workload.Kind == "" {
		candidates = e.candidates(h, append(hits, e.looseHits(h)...))
	}
	var found []Diagnosis
	for _, candidate := range fold(candidates) {
		found = append(found, candidate.diagnosis(h))
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

// candidate is a cause that holds for a container, or for the workload as a whole when the container is empty.
type candidate struct {
	catalog.Finding
	container string
	// hits are those of the cause's signatures, the strongest first.
	hits []catalog.Hit
	// killed is set when a probe made the kubelet kill the container, ends when it ended by itself.
	killed, ends bool
	observed     evidence.Container
}

// candidates evaluates the causes that the hits make worth considering.
func (e *Engine) candidates(h *history, hits []catalog.Hit) []candidate {
	scopes := scopes{h: h, hits: hits, built: map[string]*scoped{}}
	byCause := map[*catalog.Cause][]catalog.Hit{}
	var causes []*catalog.Cause
	for _, hit := range hits {
		for _, cause := range e.catalog.Candidates(hit.Signature.ID) {
			if byCause[cause] == nil {
				causes = append(causes, cause)
			}
			byCause[cause] = append(byCause[cause], hit)
		}
	}
	var found []candidate
	for _, cause := range causes {
		for _, container := range containersIn(byCause[cause]) {
			scope := scopes.of(container)
			finding, holds := cause.Evaluate(scope.Scope)
			if !holds || percent(finding.Confidence) < reportAt {
				continue
			}
			own := slices.DeleteFunc(slices.Clone(byCause[cause]), func(hit catalog.Hit) bool {
				return container != "" && hit.Fact.Container != "" && hit.Fact.Container != container
			})
			slices.SortStableFunc(own, func(a, b catalog.Hit) int { return cmp.Compare(b.Weight(), a.Weight()) })
			found = append(found, candidate{
				Finding: finding, container: container, hits: own, observed: scope.container, killed: scope.killed, ends: scope.ends,
			})
		}
	}
	return found
}

// containersIn gives the containers that hits are about; only the empty name when they are about none.
func containersIn(hits []catalog.Hit) []string {
	var names []string
	for _, hit := range hits {
		if hit.Fact.Container != "" && !slices.Contains(names, hit.Fact.Container) {
			names = append(names, hit.Fact.Container)
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	slices.Sort(names)
	return names
}
