package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReportOfARealServer(t *testing.T) {
	var text strings.Builder
	mine := result{
		sync: 2 * time.Second, syncCPU: time.Second, syncPeak: 60 << 20, steady: 50 << 20, peak: 80 << 20, heap: heap{Live: 30 << 20, InUse: 40 << 20}, onWire: 9 << 10,
		churnCPU: time.Second,
		churned: churned{
			events: 100, took: 10 * time.Second, marked: 3, lags: []time.Duration{400 * time.Millisecond, 500 * time.Millisecond},
			real: atRealServer{writes: []time.Duration{20 * time.Millisecond, 30 * time.Millisecond}, leftOut: 900, others: 1, silent: 2},
		},
	}
	other := mine
	other.churned.real = atRealServer{}
	r := report{
		options: options{size: size{pods: 1024, workloads: 35, nodes: 11}, rate: 100, marks: 1, during: 10 * time.Second, cores: 1, real: true}, to: &text,
		results: map[string][]result{ours: {mine}, usual: {other}, baseOurs: {{heap: heap{Live: 29 << 20}}}, baseUsual: {{heap: heap{Live: 10 << 20}}}},
	}
	r.printReal(t.Context(), "0.50 0.40 0.30 1/100 4711", "Kubernetes v1.37.2, kwok v0.8.0")
	for _, line := range []string{
		"Kubernetes v1.37.2, kwok v0.8.0; load before the cluster was started 0.50 0.40 0.30 1/100 4711\n",
		"A real API server with 1024 pods of 35 templates in 11 nodes that kwok plays; a pod is 9.0 KiB as protobuf.",
		"stored: p50 500 ms, p99 500 ms, of 3 failures; 300 of these ms are a pause on purpose.\n",
		"answer to the write, which came after 30 ms (p50) and 30 ms (p99)",
		"A lone pod is its own workload",
		"1 failures had no Remediation within 30s of the last update.\n",
		"Beside the watcher 900 of 1000 updates were left out",
		"Beside the watcher 2 nodes counted as lost",
		"1 Remediations were stored for pods that were not made to fail.\n",
	} {
		require.Contains(t, text.String(), line)
	}
	require.Regexp(t, `live heap for each pod +1024 B +20480 B +0\.050\n`, text.String())
	require.NotContains(t, text.String(), "Beside the usual informer")
	require.NotContains(t, text.String(), "Goals")

	text.Reset()
	none := other
	none.churned.marked, none.churned.lags = 0, nil
	r.results[ours] = []result{none}
	r.printReal(t.Context(), "", "")
	require.Contains(t, text.String(), "No pod was made to fail.\n")
	require.NotContains(t, text.String(), "OOMKilled")
}
