package eventwatcher

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// metrics are what the watcher counts.
type metrics struct {
	reconciled *prometheus.CounterVec // by result
	verdicts   *prometheus.CounterVec // by failure type and what learning came to
	phases     *prometheus.CounterVec // by failure type and phase reached
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
	}
	registry.MustRegister(m.reconciled, m.verdicts, m.phases, m.questions, m.armed, m.readmitted, m.leader)
	return m
}
