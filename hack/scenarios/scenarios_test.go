package scenarios

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

func all(t *testing.T) []*Scenario {
	t.Helper()
	scenarios, err := LoadAll(".")
	require.NoError(t, err)
	return scenarios
}

// TestTheScenariosAreManyAndVaried holds the suite to what it is for.
func TestTheScenariosAreManyAndVaried(t *testing.T) {
	scenarios := all(t)
	require.GreaterOrEqual(t, len(scenarios), 72)
	types, kinds, causes, sampled := map[string]int{}, map[string]int{}, map[string]bool{}, map[string]bool{}
	unhealed, traps, samples := 0, 0, 0
	for _, scenario := range scenarios {
		types[scenario.Type]++
		kinds[scenario.Kind()]++
		causes[scenario.RootCause] = true
		if !scenario.Heals() {
			unhealed++
		}
		if scenario.Trap != "" {
			traps++
		}
		if scenario.Sample {
			samples++
			sampled[scenario.RootCause] = true
		}
	}
	for folder, count := range types {
		require.GreaterOrEqual(t, count, 10, folder)
	}
	require.GreaterOrEqual(t, unhealed, 12)
	require.GreaterOrEqual(t, traps, 6)
	require.Subset(t, slices.Collect(maps.Keys(kinds)), []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
	require.InDelta(t, float64(len(scenarios))/4, samples, 1, "a quarter runs with every test")
	require.GreaterOrEqual(t, len(sampled)-1, 25, "the quarter shows many causes")
	known, err := catalog.BuiltIn()
	require.NoError(t, err)
	for cause := range causes {
		_, has := known.Cause(cause)
		require.True(t, cause == "" || has, "the catalogue has no cause %q", cause)
	}
}

// TestWhatMustNotDifferStandsInTheManifest finds expectations that nothing could fail.
func TestWhatMustNotDifferStandsInTheManifest(t *testing.T) {
	for _, scenario := range all(t) {
		objects, err := scenario.Objects()
		require.NoError(t, err, scenario.ID())
		for _, object := range objects {
			if !scenario.owns(object) {
				continue
			}
			fields := FieldsOf(object)
			for _, field := range scenario.After.MustNotDiffer {
				require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(path string) bool { return covers([]string{field}, path) }),
					"%s: %s has no %s", scenario.ID(), scenario.Owner, field)
			}
		}
	}
}
