package engine

import (
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/gist"
)

// What the gist of a text must be sure of before it is listened to, as probabilities. They were chosen on texts from
// which it had not learned.
const (
	// speaks: a text in which nothing was found is about a failure.
	speaks = 0.85
	// overrules: a text is about another failure than the generic one that was found.
	overrules = 0.9
	// clears: a text is about no failure, where one was found with a confidence, in percent, of no more than unsure.
	clears, unsure = 0.95, 50
)

// withGist asks for the gist of a text where nothing was found in it, or nothing that is sure. Nothing is added to a
// text in which something works, and nothing is taken that the evidence is sure of.
func (e *Engine) withGist(found []Diagnosis, workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	if len(observations.Text) == 0 || len(found) > 0 && !found[0].generic && found[0].Finding.Confidence > unsure {
		return found
	}
	about := gist.BuiltIn().Read(observations.Text)
	switch {
	case len(found) == 0:
		if about.Failing < speaks || slices.ContainsFunc(workloads, func(observed evidence.Evidence) bool { return newHistory(observed).works() }) {
			return nil
		}
		return e.spoken(about, workloads, observations)
	case 1-about.Failing >= clears && found[0].Finding.Confidence <= unsure:
		return nil
	case found[0].generic && about.Type != found[0].FailureType && about.Probability >= overrules:
		return append(e.spoken(about, workloads, observations), found...)
	default:
		return found
	}
}

// spoken gives the diagnosis that a text's gist comes to, of the only workload that is named in it.
func (e *Engine) spoken(about gist.Gist, workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	observed := evidence.Evidence{ObservedAt: observations.At}
	if len(workloads) == 1 {
		observed.Workload = workloads[0].Workload
	}
	h := newHistory(observed)
	fact := catalog.Fact{Place: catalog.Gist, Reason: string(about.Type), Message: gist.BuiltIn().Telling(observations.Text, about.Type), Count: 1, Source: "the words of the text"}
	var found []Diagnosis
	for _, candidate := range fold(e.candidates(h, e.catalog.Match([]catalog.Fact{fact}))) {
		found = append(found, withRemedies(candidate.diagnosis(h), &h.observed))
	}
	return found
}
