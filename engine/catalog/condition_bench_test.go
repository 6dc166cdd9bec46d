package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// BenchmarkCondition measures one cause with its sentence as part of the program, and as a user's rule, whose cost is
// counted: ×built-in.
func BenchmarkCondition(b *testing.B) {
	known, err := BuiltIn()
	require.NoError(b, err)
	own, _ := known.Cause("dependency-refused")
	log := []byte("panic: dial tcp 10.3.7.21:5432: connect: connection refused\n")
	container := evidence.Container{Name: "orders", RestartCount: 7}
	scope := NewScope(&evidence.Evidence{}, &evidence.Pod{}, &container, known.MatchLog(Fact{Container: "orders"}, log), time.Time{})

	bounded, err := newEnvironment(func(string) bool { return true }, true)
	require.NoError(b, err)
	users := *own
	users.When, err = bounded.condition(own.When.Text)
	require.NoError(b, err)
	users.Sentence, err = bounded.template(own.Sentence.Text)
	require.NoError(b, err)
	users.Supports, users.Contradictions = nil, nil

	var first float64
	for _, cause := range []struct {
		name string
		*Cause
	}{{"built in", own}, {"a user's", &users}} {
		b.Run(cause.name, func(b *testing.B) {
			for b.Loop() {
				finding, holds := cause.Evaluate(scope)
				if !holds || finding.Sentence() == "" {
					b.Fatal("the cause does not hold")
				}
			}
			each := float64(b.Elapsed()) / float64(b.N)
			if first == 0 {
				first = each
			}
			b.ReportMetric(each/first, "×built-in")
		})
	}
}
