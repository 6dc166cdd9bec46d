package e2e

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
	"github.com/kube-remedy/kube-remedy/hack/scenarios/runner"
)

// sampledAtATime is how many scenarios run beside each other, and beside the other tests.
const sampledAtATime = 5

// TestASampleOfTheScenarios runs the fixed quarter of hack/scenarios, which shows that many causes are found with the
// right cause in the right place. What has passed before must pass: what fails beside many others, where the machine may
// have been too slow for its times, must when it is run again. What has not passed before changes nothing.
func TestASampleOfTheScenarios(t *testing.T) {
	t.Parallel()
	require.NoError(t, cluster.RealNode())
	sample, err := scenarios.LoadAll("../scenarios")
	require.NoError(t, err)
	sample = slices.DeleteFunc(sample, func(scenario *scenarios.Scenario) bool { return !scenario.Sample })
	passed, err := scenarios.ReadPassed("../scenarios", scenarios.PassedOnNode)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run, err := runner.New(ctx, cluster, pair, "../scenarios")
	require.NoError(t, err)
	var late []*scenarios.Scenario
	var mu sync.Mutex
	for _, group := range runner.Groups(sample) {
		runner.Each(ctx, sampledAtATime, group, func(scenario *scenarios.Scenario) {
			outcome := run.Run(ctx, scenario)
			if outcome.Passed() {
				t.Logf("%s passed in %.0f s: found %s, healed at apply %d", scenario.ID(), outcome.Took.Seconds(), outcome.Found, outcome.HealedAt)
				return
			}
			t.Logf("%s fails beside others: %q", scenario.ID(), outcome.Problems)
			if !passed.Has(scenario.ID()) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			late = append(late, scenario)
		})
	}
	for _, scenario := range late {
		if outcome := run.Run(ctx, scenario); !outcome.Passed() {
			t.Errorf("%s passed before, and fails: %q", scenario.ID(), outcome.Problems)
		}
	}
}
