package match_test

import (
	"testing"
	"regexp"
	"bytes"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

const benchmarkSize = 16 << 20

func BenchmarkQuick(b *testing.B) {
	m, err := match.New(signatures())
	require.NoError(b, err)
	for _, c := range []struct{name string; every int}{{"none",0},{"1000",1000},{"20",20}} {
		log := logOf(benchmarkSize, c.every)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = len(m.Find(log))
			}
			b.ReportMetric(float64(n), "matches")
		})
	}
}
var _ = regexp.MustCompile
var _ = bytes.Count
var _ = strings.Count
