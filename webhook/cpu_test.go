//go:build unix

package webhook

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cpuTime is how long the processors worked for this process until now, garbage collection and all. Unlike time on the
// wall it does not grow when other programs want the processors too.
func cpuTime(tb testing.TB) time.Duration {
	var used syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// perOp measures what one run costs: time, processor time and memory.
func perOp(b *testing.B, run func()) {
	run() // pools and caches are filled
	b.ReportAllocs()
	var begun time.Duration
	for first := true; b.Loop(); first = false {
		if first {
			begun = cpuTime(b)
		}
		run()
	}
	b.ReportMetric(float64(cpuTime(b)-begun)/float64(b.N), "cpu-ns/op")
}
