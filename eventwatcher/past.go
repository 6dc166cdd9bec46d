package eventwatcher

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
)

// countPast is how long outcomes are used before they are counted anew. Counting those of 10,000 Remediations takes some
// 15 ms of one core (BenchmarkPast), which is too much for each of the many diagnoses of a storm and nothing every ten
// seconds; and a cure needs longer than that to show whether it holds.
const countPast = 10 * time.Second

// past knows what became of the cures in the whole cluster, as numbers: no name or content of a namespace leaves it. It
// is a Prometheus collector of the same numbers.
type past struct {
	remediations cache.SharedIndexInformer
	knows        *engine.Engine
	clock        clock.PassiveClock

	mu      sync.Mutex
	counted outcomes.Past
	at      time.Time
}

func newPast(remediations cache.SharedIndexInformer, knows *engine.Engine, now clock.PassiveClock) *past {
	return &past{remediations: remediations, knows: knows, clock: now}
}

// known gives the outcomes, of causes that the catalogue has, as they were at most countPast ago; none before the cache
// is filled. The result is shared: it is not to be changed.
func (p *past) known() outcomes.Past {
	if !p.remediations.HasSynced() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.clock.Now(); p.counted == nil || now.Sub(p.at) >= countPast {
		p.counted, p.at = p.count(), now
	}
	return p.counted
}

func (p *past) count() outcomes.Past {
	counted := outcomes.Of(func(yield func(*v1alpha1.Remediation) bool) {
		for _, object := range p.remediations.GetIndexer().List() {
			if remediation, ok := object.(*v1alpha1.Remediation); ok && !yield(remediation) {
				return
			}
		}
	})
	// A rule that is gone is prescribed by no more, and a metric has no more series than the catalogue has causes.
	maps.DeleteFunc(counted, func(treatment outcomes.Treatment, _ outcomes.Count) bool {
		return !p.knows.Knows(treatment.RootCauseID)
	})
	return counted
}

// cameBack remembers of the cure of a name, if the failure came back in spite of it, that it did not hold: where nothing
// can be tried next it stays as it is, and would else count as one of which nothing is known, or that still holds.
func (w *Watcher) cameBack(ctx context.Context, stored map[string]*v1alpha1.Remediation, name string, diagnosis engine.Diagnosis) error {
	known := stored[name]
	if known == nil || !slices.Contains(diagnosis.Latest().Marks, known.Mark()) || below(known, diagnosis) || beyond(known, diagnosis) {
		return nil
	}
	next := known.DeepCopy()
	if next.Status.Tried = outcomes.Refuted(known); slices.Equal(next.Status.Tried, known.Status.Tried) {
		return nil
	}
	written, err := w.store.saveStatus(ctx, known, next)
	if err != nil {
		return err
	}
	stored[name] = written
	return nil
}

var outcomesMetric = prometheus.NewDesc("kube_remedy_outcomes",
	"Workloads that were treated for a root cause by an action, by result: cured at the first, second or a later attempt, or failed. Every replica has the same numbers.",
	[]string{"root_cause", "action", "result"}, nil)

// Describe gives the one metric.
func (p *past) Describe(to chan<- *prometheus.Desc) { to <- outcomesMetric }

// Collect gives its values.
func (p *past) Collect(to chan<- prometheus.Metric) {
	for treatment, count := range p.known() {
		for result, workloads := range map[string]int{"first": count.First, "second": count.Second, "later": count.Later, "failed": count.Failed} {
			to <- prometheus.MustNewConstMetric(outcomesMetric, prometheus.GaugeValue, float64(workloads), treatment.RootCauseID, treatment.Action, result)
		}
	}
}
