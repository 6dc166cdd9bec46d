package eventwatcher

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// metrics are what the watcher counts.
type metrics struct {
	reconciled *prometheus.CounterVec // by result
	verdicts   *prometheus.CounterVec // by failure type and what learning came to
	phases     *prometheus.CounterVec // by failure type and phase reached
	healing    *prometheus.HistogramVec
	questions  *prometheus.CounterVec // by what they are about and the result
	armed      prometheus.Counter
	readmitted prometheus.Counter
	leader     prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		reconciled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_reconciles_total", Help: "Workloads looked at, by result: ok, conflict or error.",
		}, []string{"result"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_diagnoses_total", Help: "New failures diagnosed, by failure type and what was learned from them: RemediationLearned, RemediationRenewed, RemediationGivenUp, RemediationWithdrawn, RemediationNotFound or counted.",
		}, []string{"failure_type", "verdict"}),
		phases: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_remediation_transitions_total", Help: "Phases that remediations entered, by failure type.",
		}, []string{"failure_type", "phase"}),
		healing: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kube_remedy_healing_duration_seconds",
			Help:    "Time from the first failure that was not cured yet until the workload was applied with its cure (phase Applied) and until the cure was found to hold (phase Verified), by failure type. An attempt that was not enough counts as Applied, and the next goes on from the same failure.",
			Buckets: healingBuckets,
		}, []string{"failure_type", "phase"}),
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kube_remedy_questions_total", Help: "Questions asked of registries and the API server after a diagnosis, by result: answered, private or failed.",
		}, []string{"about", "result"}),
		armed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kube_remedy_armed_total", Help: "Workloads armed so that their next kubectl apply reaches admission.",
		}),
		readmitted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kube_remedy_readmitted_total", Help: "Workloads re-admitted because their owners ask for it.",
		}),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kube_remedy_leader", Help: "1 while this replica holds the lease and writes.",
		}),
	}
	// Prometheus takes what a series begins with for no increase, so the first of each kind is seen only if it begins with 0.
	for _, result := range []string{"ok", "conflict", "error"} {
		m.reconciled.WithLabelValues(result)
	}
	for _, failure := range v1alpha1.FailureTypes() {
		for _, verdict := range []verdict{counted, learned, escalated, givenUp, noCure, withdrawn} {
			m.verdicts.WithLabelValues(string(failure), string(verdict))
		}
		for _, phase := range v1alpha1.Phases() {
			m.phases.WithLabelValues(string(failure), string(phase))
		}
		for _, phase := range healingPhases {
			m.healing.WithLabelValues(string(failure), string(phase))
		}
	}
	registry.MustRegister(m.reconciled, m.verdicts, m.phases, m.healing, m.questions, m.armed, m.readmitted, m.leader)
	return m
}

// healingPhases are those whose being reached is a part of healing.
var healingPhases = []v1alpha1.Phase{v1alpha1.PhaseApplied, v1alpha1.PhaseVerified}

// healingBuckets are in seconds: from a pipeline, or the watcher itself, that applies at once, to people who apply when
// they deploy next.
var healingBuckets = []float64{
	10, 30, 60, 2 * 60, 5 * 60, 15 * 60, 30 * 60, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 86400, 2 * 86400, 4 * 86400, 7 * 86400, 14 * 86400, 30 * 86400,
}

// entered counts the phase that a Remediation enters. before is nil for one that is new.
func (m *metrics) entered(before, after *v1alpha1.Remediation, now time.Time) {
	failure, phase := string(after.Spec.FailureType), after.Status.Phase
	m.phases.WithLabelValues(failure, string(phase)).Inc()
	// What was applied again without having failed since its cure was verified is no healing.
	if before != nil && before.Status.Observed.FailingSince != nil && slices.Contains(healingPhases, phase) {
		took := now.Sub(before.Status.Observed.FailingSince.Time)
		m.healing.WithLabelValues(failure, string(phase)).Observe(max(took, 0).Seconds()) // the failure has its node's time
	}
}
