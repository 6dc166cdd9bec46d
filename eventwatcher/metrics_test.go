package eventwatcher

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// TestEveryVerdictAndPhaseIsCountedFromZero compares them with what metrics.md promises and the API has.
func TestEveryVerdictAndPhaseIsCountedFromZero(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	newMetrics(registry)
	families, err := registry.Gather()
	require.NoError(t, err)
	series := map[string]int{}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			require.Zero(t, one.GetCounter().GetValue())
			require.Zero(t, one.GetHistogram().GetSampleCount())
			series[family.GetName()]++
		}
	}
	learning, err := os.ReadFile("learn.go")
	require.NoError(t, err)
	verdicts := len(regexp.MustCompile(`(?m)^\t\w+ +(verdict)? += "\w+"`).FindAll(learning, -1))
	definition, err := os.ReadFile("../engine/api/v1alpha1/remediation.go")
	require.NoError(t, err)
	phases := regexp.MustCompile(`(?m)^// \+kubebuilder:validation:Enum=(.*)\ntype Phase`).FindSubmatch(definition)
	require.NotNil(t, phases)
	var all []string
	for _, phase := range v1alpha1.Phases() {
		all = append(all, string(phase))
	}
	require.Equal(t, string(phases[1]), strings.Join(all, ";"))
	failures := len(v1alpha1.FailureTypes())
	require.Equal(t, failures*verdicts, series["kube_remedy_diagnoses_total"])
	require.Equal(t, failures*len(all), series["kube_remedy_remediation_transitions_total"])
	require.Equal(t, failures*2, series["kube_remedy_healing_duration_seconds"])
	require.Equal(t, 3, series["kube_remedy_reconciles_total"])
}

// TestHealingIsTimedFromTheFirstFailureThatIsNotCured lets a failure come, be cured by the second attempt, come back, and be
// cured again, as learning and following store it.
func TestHealingIsTimedFromTheFirstFailureThatIsNotCured(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	// hours gives what was observed so far for a phase: all durations together, in hours.
	hours := func(phase string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			for _, one := range family.GetMetric() {
				if labels := one.GetLabel(); family.GetName() == "kube_remedy_healing_duration_seconds" && labels[0].GetValue() == "OOMKilled" && labels[1].GetValue() == phase {
					return one.GetHistogram().GetSampleSum() / 3600
				}
			}
		}
		require.Fail(t, "there is no such series")
		return 0
	}
	var known *v1alpha1.Remediation
	fails := func(at int, limit string) func() *v1alpha1.Remediation { // in spite of the cure
		return func() *v1alpha1.Remediation {
			var marks []string
			if known != nil {
				marks = []string{known.Mark()}
			}
			return mustLearn(t, known, oom(limit, marks, noon.Add(time.Duration(at)*time.Hour)))
		}
	}
	var now time.Time
	enters := func(phase v1alpha1.Phase) func() *v1alpha1.Remediation {
		return func() *v1alpha1.Remediation { return toPhase(known, phase, now) }
	}
	for _, step := range []struct {
		name              string
		at                int // hours after noon
		next              func() *v1alpha1.Remediation
		applied, verified float64
	}{
		{"a failure", 0, fails(0, "128Mi"), 0, 0},
		{"its cure is applied", 1, enters("Applied"), 1, 0},
		{"it fails in spite of it", 2, fails(2, "256Mi"), 1, 0},
		{"the second attempt is applied", 3, enters("Applied"), 1 + 3, 0},
		{"and holds", 4, enters("Verified"), 4, 4},
		{"an apply goes without it", 5, enters("Learned"), 4, 4},
		{"the next has it again, and nothing failed between", 6, enters("Applied"), 4, 4},
		{"and it holds again", 7, enters("Verified"), 4, 4},
		{"weeks later it is not enough any more", 500, fails(499, "512Mi"), 4, 4},
		{"the third attempt is applied", 501, enters("Applied"), 4 + 2, 4},
		{"and holds", 502, enters("Verified"), 6, 4 + 3},
		{"the owner gives more", 600, enters("Superseded"), 6, 7},
		{"which is too little", 700, fails(700, "2Gi"), 6, 7},
		{"and is healed", 701, enters("Applied"), 6 + 1, 7},
	} {
		now = noon.Add(time.Duration(step.at) * time.Hour)
		next := step.next()
		if known == nil || next.Status.Phase != known.Status.Phase {
			m.entered(known, next, now)
		}
		known = next
		require.InDelta(t, step.applied, hours("Applied"), 1e-6, step.name)
		require.InDelta(t, step.verified, hours("Verified"), 1e-6, step.name)
	}
}
