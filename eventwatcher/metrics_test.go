package eventwatcher

import (
	"os"
	"regexp"
	"strings"
	"testing"

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
	require.Equal(t, 3, series["kube_remedy_reconciles_total"])
}
