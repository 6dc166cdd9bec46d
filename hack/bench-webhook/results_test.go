package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMediansOfRounds(t *testing.T) {
	var all results
	for _, output := range []string{
		"goos: linux\nBenchmarkHandler/patched/env-15/ours-2   \t 100\t 20 ns/op\t 5 cpu-ns/op\nBenchmarkHandler/patched/env-15/typical-2 \t 10\t 40 cpu-ns/op\nPASS\n",
		"BenchmarkHandler/patched/env-15/ours-2 100 30 ns/op 7 cpu-ns/op\nBenchmarkHandler/patched/env-15/typical-2 10 14 cpu-ns/op\n",
		"BenchmarkHandler/patched/env-15/ours-2 100 10 ns/op 6 cpu-ns/op\nBenchmarkHandler/patched/env-15/typical-2 10 60 cpu-ns/op\n",
	} {
		require.NoError(t, all.add(output))
	}
	const ours, typical = "Handler/patched/env-15/ours", "Handler/patched/env-15/typical"
	require.Equal(t, 20.0, all.median(ours, "ns/op"))
	require.Equal(t, 10.0, all.least(ours, "ns/op"))
	require.Equal(t, 0.125, all.ratio(ours, "cpu-ns/op", typical, "cpu-ns/op"))
	require.Equal(t, []string{"ours", "typical"}, all.below("Handler/patched/env-15"))
	require.Error(t, all.add("BenchmarkX-2 1 many ns/op"))
}
