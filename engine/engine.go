package engine

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
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

// Knows reports whether the catalogue has a cause of the id.
func (e *Engine) Knows(rootCauseID string) bool {
	_, known := e.catalog.Cause(rootCauseID)
	return known
}

// DiagnoseAll gives the failures found in all workloads of what was observed, the most confident first. A text in
// which no cause was found, and nothing that works, is looked through once more for what Kubernetes says of
// failures, wherever it stands.
func (e *Engine) DiagnoseAll(observations evidence.Observations) []Diagnosis {
	var found []Diagnosis
	workloads := observations.Collect()
	unexplained := len(observations.Text) > 0
	for _, observed := range workloads {
		own := e.Diagnose(observed)
		found = append(found, own...)
		if len(own) > 0 {
			unexplained = unexplained && len(observed.Events) == 0 && !slices.ContainsFunc(own, func(d Diagnosis) bool { return !d.generic })
		} else {
			unexplained = unexplained && !e.works(observed) && !(len(workloads) == 1 && (startedOnce(observed.Events) && !bytes.Contains(observations.Text, []byte(corev1.EventTypeWarning)) || startedAnyway(observed.Events)))
		}
	}
	if unexplained {
		found = explain(found, e.diagnoseText(workloads, observations))
	}
	if len(found) > 0 {
		found = slices.DeleteFunc(found, besides(workloads).over)
	}
	slices.SortStableFunc(found, func(a, b Diagnosis) int {
		return cmp.Or(cmp.Compare(b.Finding.Confidence, a.Finding.Confidence), compareBool(a.generic, b.generic))
	})
	return e.withGist(e.reported(nodesFirst(found), workloads, observations), workloads, observations)
}

// nodesFirst puts pods that wait because nodes are not ready, or for a reason that is not known, behind everything else when
// such a node was diagnosed: it is why they wait.
func nodesFirst(found []Diagnosis) []Diagnosis {
	broken := func(d Diagnosis) bool {
		return d.Workload.Kind == "Node" && d.FailureType == v1alpha1.NodeNotReady && d.Finding.RootCauseID != "node-cordoned"
	}
	if slices.ContainsFunc(found, broken) {
		slices.SortStableFunc(found, func(a, b Diagnosis) int { return compareBool(a.waitsForNodes(), b.waitsForNodes()) })
	}
	killed := func(d Diagnosis) bool { return d.FailureType == v1alpha1.OOMKilled && !d.generic }
	if slices.ContainsFunc(found, killed) {
		slices.SortStableFunc(found, func(a, b Diagnosis) int { return compareBool(a.endsSomehow(), b.endsSomehow()) })
	}
	return found
}

// endsSomehow reports whether a container is only known to end.
func (d Diagnosis) endsSomehow() bool { return d.FailureType == v1alpha1.CrashLoopBackOff && d.generic }

// waitsForNodes reports whether a pod may wait for a node to become ready.
func (d Diagnosis) waitsForNodes() bool {
	return d.FailureType == v1alpha1.Pending && (d.generic || d.Finding.RootCauseID == "nodes-not-ready") || d.Finding.RootCauseID == "sandbox-failed"
}

// explain puts the causes that the text as a whole names in the place of generic ones of the same failure type.
func explain(found, named []Diagnosis) []Diagnosis {
	for _, cause := range named {
		explains := func(d Diagnosis) bool { return cause.sameType(d) && cause.Finding.Confidence >= d.Finding.Confidence }
		if len(found) > 0 && (cause.generic || !slices.ContainsFunc(found, explains)) {
			continue
		}
		found = append(slices.DeleteFunc(found, cause.sameType), cause)
	}
	return found
}

// unclaimed is what a text has beside what was recognised in it: logs of nobody knows what.
func unclaimed(observations evidence.Observations) []byte {
	var text []byte
	for _, log := range observations.Logs {
		if log.Pod == "" && log.Container == "" && log.Node == "" {
			text = append(text, log.Text...)
		}
	}
	return text
}

// reported asks what a text as a whole says of images and memory where it was taken for the log of a program that gives up:
// the error of a registry reads like that of any other server.
func (e *Engine) reported(found []Diagnosis, workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	if len(found) == 0 || len(observations.Text) == 0 || slices.ContainsFunc(found, func(d Diagnosis) bool { return !d.logged && !d.generic || d.FailureType != v1alpha1.CrashLoopBackOff }) {
		return found
	}
	if slices.ContainsFunc(found, func(d Diagnosis) bool { return !d.logged }) { // what a container writes of others is not about it
		observations.Text = unclaimed(observations)
	}
	stuck := !slices.ContainsFunc(found, func(d Diagnosis) bool { return d.Finding.RootCauseID != "rollout-stuck" })
	h := wholeText(workloads, observations)
	candidates := e.diagnoseHits(h, slices.DeleteFunc(e.looseHits(h), func(hit *catalog.Hit) bool { return hit.Signature.FailureType == v1alpha1.CrashLoopBackOff }))
	if stuck || len(candidates) == 0 {
		candidates = append(candidates, e.lastLook(workloads, observations)...)
	}
	for _, named := range candidates {
		if stuck && named.FailureType != v1alpha1.CrashLoopBackOff || named.FailureType == v1alpha1.ImagePullBackOff || named.FailureType == v1alpha1.OOMKilled && !named.generic {
			return append([]Diagnosis{named}, found...)
		}
	}
	return found
}

func (d Diagnosis) sameType(other Diagnosis) bool { return d.FailureType == other.FailureType }

// works reports whether something in the evidence of a workload without a diagnosis was seen to be as it should, or
// was understood and found to be no failure.
func (e *Engine) works(observed evidence.Evidence) bool {
	h := newHistory(observed)
	return h.works() || h.forgotten() || len(e.catalog.Match(h.facts())) > 0 ||
		slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool { return !h.eventMatters(event) }) ||
		slices.ContainsFunc(observed.Logs, func(log evidence.Log) bool { return log.Node != "" && goesWell(log.Text) })
}

// shortJournal is how many lines of a journal are looked through for what Kubernetes says of failures, wherever it stands:
// in a longer one what matters was understood, and the rest is daily life.
const shortJournal = 8

// wellInJournal is what a node's programs write when something goes well, or was ended on purpose.
var wellInJournal = regexp.MustCompile(`ContainerStarted|\bStarting kubelet main|\bSuccessfully |\bsucceeded\b|\bSyncLoop REMOVE|: (?:Started|Reached target) |\b(?:became|is|status=")ready\b|Ready True|completed|\bAttached\b|updated successfully| returns (?:successfully|sandbox id|image reference)`)

// goesWell reports whether the journal of a node is no short story of something that goes wrong.
func goesWell(journal []byte) bool {
	return bytes.Count(journal, []byte("\n")) > shortJournal || wellInJournal.Match(journal)
}

// works reports whether something in the evidence was seen to be as it should.
func (h *history) works() bool {
	return h.completed() || h.rolledOut() || h.countsReady() ||
		slices.ContainsFunc(h.observed.Containers, func(container evidence.Container) bool {
			return h.containers[containerKey{container.Pod, container.Name}].well
		}) ||
		slices.ContainsFunc(h.observed.Claims, func(claim evidence.Claim) bool { return claim.Phase == string(corev1.ClaimBound) }) ||
		slices.ContainsFunc(h.observed.Nodes, func(node evidence.Node) bool {
			return slices.ContainsFunc(node.Conditions, func(condition corev1.NodeCondition) bool {
				return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
			})
		})
}

// startedOnce reports whether a container was started, once, and nothing happened after that.
func startedOnce(events []evidence.Event) bool {
	var last, started time.Time
	starts := int32(0)
	for _, event := range events {
		switch {
		case event.Type != corev1.EventTypeNormal:
			return false
		case event.Reason == "Started":
			starts += event.Count
			started = event.Time
		case event.Time.After(last):
			last = event.Time
		}
	}
	return starts == 1 && !last.After(started)
}

// startedAnyway reports whether a container was started, once, after everything else that happened to its pod: what was warned
// of before did not keep it from that.
func startedAnyway(events []evidence.Event) bool {
	var started time.Time
	for _, event := range events {
		switch {
		case event.Reason != "Started":
		case event.Count > 1 || !started.IsZero():
			return false
		default:
			started = event.Time
		}
	}
	return !started.IsZero() && !slices.ContainsFunc(events, func(event evidence.Event) bool {
		return event.Time.After(started) || event.Type != corev1.EventTypeNormal && !event.Time.Before(started)
	})
}

// diagnoseText looks for failures in the text as a whole, which may be about the only workload named in it.
func (e *Engine) diagnoseText(workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	h := wholeText(workloads, observations)
	if found := e.diagnoseHits(h, e.looseHits(h)); len(found) > 0 {
		return found
	}
	return e.lastLook(workloads, observations)
}

// lastLook looks for what any text says of failures in words.
func (e *Engine) lastLook(workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	return e.diagnoseHits(wholeText(workloads, observations), e.wordHits(observations.Text))
}

// wholeText is the history of the only workload that a text names, with the text as its log.
func wholeText(workloads []evidence.Evidence, observations evidence.Observations) *history {
	observed := evidence.Evidence{ObservedAt: observations.At}
	if len(workloads) == 1 {
		observed = workloads[0]
	}
	observed.Logs = []evidence.Log{{Text: observations.Text}}
	return newHistory(observed)
}

// diagnoseHits gives the diagnoses that hits come to.
func (e *Engine) diagnoseHits(h *history, hits []*catalog.Hit) []Diagnosis {
	var found []Diagnosis
	for _, candidate := range fold(e.candidates(h, hits)) {
		found = append(found, withRemedies(candidate.diagnosis(h), &h.observed))
	}
	return found
}

// Diagnose gives the failures found in the evidence of one workload, the most confident first; none for a healthy
// one. Each container has at most one diagnosis: symptoms are folded under their cause. The order is the same for
// the same evidence.
func (e *Engine) Diagnose(observed evidence.Evidence) []Diagnosis {
	h := newHistory(observed)
	if h.completed() {
		return nil
	}
	hits := append(e.catalog.Match(h.facts()), e.logHits(h)...)
	if observed.Workload.Kind == "" {
		hits = append(hits, apart(e.looseHits(h), hits)...)
	}
	candidates := e.candidates(h, hits)
	var found []Diagnosis
	for _, candidate := range fold(candidates) {
		found = append(found, withRemedies(candidate.diagnosis(h), &h.observed))
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
	hits []*catalog.Hit
	// scope is what the cause was found in.
	scope *scoped
}

// candidates evaluates the causes that the hits make worth considering.
func (e *Engine) candidates(h *history, hits []*catalog.Hit) []candidate {
	scopes := scopes{h: h, hits: hits, built: map[string]*scoped{}}
	byCause := make(map[*catalog.Cause][]*catalog.Hit, 2*len(hits))
	causes := make([]*catalog.Cause, 0, 2*len(hits))
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
			own := slices.DeleteFunc(slices.Clone(byCause[cause]), func(hit *catalog.Hit) bool {
				return container != "" && hit.Fact.Container != "" && hit.Fact.Container != container
			})
			slices.SortStableFunc(own, func(a, b *catalog.Hit) int { return cmp.Compare(b.Weight(), a.Weight()) })
			found = append(found, candidate{
				Finding: finding, container: container, hits: own, scope: scope,
			})
		}
	}
	return found
}

// containersIn gives the containers that hits are about; only the empty name when they are about none.
func containersIn(hits []*catalog.Hit) []string {
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
