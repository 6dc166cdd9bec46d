package offline

import (
	"errors"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

var update = flag.Bool("update", false, "remember which scenarios pass")

// TestScenariosOffline diagnoses and heals every scenario from captured evidence. What passed once must pass again;
// what never did is only told.
func TestScenariosOffline(t *testing.T) {
	all, err := scenarios.LoadAll("..")
	require.NoError(t, err)
	passed, err := scenarios.ReadPassed("..", scenarios.PassedOffline)
	require.NoError(t, err)
	var now []string
	for _, scenario := range all {
		if _, err := os.Stat(scenario.Evidence()); errors.Is(err, os.ErrNotExist) {
			require.False(t, passed.Has(scenario.ID()), "%s has lost its evidence", scenario.ID())
			continue
		}
		outcome := Run(scenario)
		if outcome.Passed() {
			now = append(now, scenario.ID())
			continue
		}
		t.Logf("%s: %q", scenario.ID(), outcome.Problems)
		require.Falsef(t, passed.Has(scenario.ID()), "%s passed before", scenario.ID())
	}
	t.Logf("%d of %d pass", len(now), len(all))
	if *update {
		require.NoError(t, passed.Add(now...))
	}
}
