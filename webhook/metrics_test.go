package webhook

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// TestEveryReasonToFailOpenIsCountedFromZero looks for the reasons in the sources.
func TestEveryReasonToFailOpenIsCountedFromZero(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	given := map[outcome][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`(?:(failed)\(|wrong\(http\.\w+, )"(\w+)"`).FindAllSubmatch(text, -1) {
			of := rejected
			if len(found[1]) > 0 {
				of = failure
			}
			given[of] = append(given[of], string(found[2]))
		}
	}
	var opens []string
	for outcome, reasons := range given {
		slices.Sort(reasons)
		reasons = slices.Compact(reasons)
		require.Equal(t, reasons, answersToSee[outcome])
		opens = append(opens, reasons...)
	}
	slices.Sort(opens)
	registry := prometheus.NewRegistry()
	newMetrics(registry)
	require.Equal(t, slices.Compact(opens), labelsOf(t, registry, "kube_remedy_admission_fail_open_total"))
	require.Len(t, labelsOf(t, registry, "kube_remedy_admission_patches_total"), 6, "failure types")
}

// labelsOf gives the values of the only label of a metric, whose series are all 0.
func labelsOf(t *testing.T, registry *prometheus.Registry, name string) []string {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	var values []string
	for _, family := range families {
		for _, series := range family.GetMetric() {
			if family.GetName() == name {
				require.Zero(t, series.GetCounter().GetValue())
				require.Len(t, series.GetLabel(), 1)
				values = append(values, series.GetLabel()[0].GetValue())
			}
		}
	}
	return values
}
