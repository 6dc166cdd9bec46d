package webhook

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
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

// TestAHealIsCountedOnce asks about the same object as the API server and its owner do.
func TestAHealIsCountedOnce(t *testing.T) {
	t.Parallel()
	request := func(operation, more, old string) string {
		return reviewOf(`{"uid":"1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"shop","name":"web","operation":"` + operation +
			`","options":{"fieldManager":"kubectl-client-side-apply"},"object":` + deployment("128Mi", "", "") + more + `,"oldObject":` + old + `}`)
	}
	unhealed := deployment("128Mi", "", "")
	carrying := func(list string) string {
		return deployment("256Mi", `,"annotations":{"kube-remedy.io/remediations":"`+list+`"}`, "")
	}
	const mark = "deployment-web-oomkilled-app@1"
	for _, test := range []struct {
		name  string
		asked []string
		later time.Duration
		want  int
	}{
		{"the first apply after the failure", []string{request("UPDATE", "", unhealed)}, 0, 1},
		{"a creation", []string{request("CREATE", "", "null")}, 0, 1},
		{"every creation", []string{request("CREATE", "", "null"), request("CREATE", "", "null")}, 0, 2},
		{"a dry run is none", []string{request("UPDATE", `,"dryRun":true`, unhealed)}, 0, 0},
		{"an update that the API server asks about again", []string{request("UPDATE", "", unhealed), request("UPDATE", "", unhealed)}, time.Second, 1},
		{"one that is healed anew later", []string{request("UPDATE", "", unhealed), request("UPDATE", "", unhealed)}, time.Minute, 2},
		{"an apply of what carries the cure", []string{request("UPDATE", "", carrying(mark))}, 0, 0},
		{"an apply of what carries it with others", []string{request("UPDATE", "", carrying("a@1,"+mark+",b@1"))}, 0, 0},
		{"an apply of what carries an earlier attempt", []string{request("UPDATE", "", carrying("deployment-web-oomkilled-app@0"))}, 0, 1},
		{"an apply of what carries another's", []string{request("UPDATE", "", carrying("my-"+mark))}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := clocktesting.NewFakePassiveClock(noon.Time)
			registry := prometheus.NewRegistry()
			handler := newHandler(known{learned()}.healer(), newMetrics(registry), slog.New(slog.DiscardHandler), clock)
			for _, body := range test.asked {
				require.Contains(t, post(handler, "application/json", strings.NewReader(body)).Body.String(), `"patch":`)
				clock.SetTime(clock.Now().Add(test.later))
			}
			families, err := registry.Gather()
			require.NoError(t, err)
			counted := 0.0
			for _, family := range families {
				for _, series := range family.GetMetric() {
					if family.GetName() == "kube_remedy_admission_patches_total" {
						counted += series.GetCounter().GetValue()
					}
				}
			}
			require.EqualValues(t, test.want, counted)
		})
	}
}
