package cases_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/cases"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// BenchmarkDiagnoseHostileText reads and diagnoses 10 MB of text that was made to be costly, and reports the ratio
// to an ordinary log of the same size in the same run.
func BenchmarkDiagnoseHostileText(b *testing.B) {
	const size = 10_000_000
	known, err := catalog.BuiltIn()
	require.NoError(b, err)
	with := engine.New(known)
	fill := func(line func(i int) string) []byte {
		var text bytes.Buffer
		for i := 0; text.Len() < size; i++ {
			text.WriteString(line(i))
		}
		return text.Bytes()[:size]
	}
	var literals []string
	for _, signature := range known.Signatures() {
		literals = append(literals, signature.Text...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	ordinary := fill(func(i int) string {
		return fmt.Sprintf("2026-03-01T11:%02d:%02d.%03dZ INFO  [worker-%d] orders.Handler: order %08x accepted, %d items in %dms\n", i/3600%60, i/60%60, i%1000, i%8, i*2654435761, i%7+1, i%250)
	})
	measure := func(b *testing.B, with *engine.Engine, text []byte) float64 {
		b.SetBytes(size)
		best := time.Duration(1<<63 - 1)
		for b.Loop() {
			began := time.Now()
			cases.Diagnose(with, text)
			best = min(best, time.Since(began))
		}
		return best.Seconds()
	}
	var base float64
	b.Run("an ordinary log", func(b *testing.B) { base = measure(b, with, ordinary) })
	for _, hostile := range []struct {
		name string
		text []byte
	}{
		{"one line", bytes.ReplaceAll(ordinary, []byte("\n"), []byte(" "))},
		{"empty lines", bytes.Repeat([]byte("\n"), size)},
		{"colour codes at every word", fill(func(i int) string { return "\x1b[32mINFO\x1b[0m \x1b[1morder\x1b[0m \x1b[38;5;12maccepted\x1b[0m\n" })},
		{"binary", fill(func(int) string {
			return string([]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), 0})
		})},
		{"nothing but the words of signatures", fill(func(i int) string { return literals[i%len(literals)] + "\n" })},
		{"the words of signatures in one line", fill(func(i int) string { return literals[i%len(literals)] + " " })},
		{"half of what expressions ask for", fill(func(i int) string {
			return "Failed to pull image \"" + strings.Repeat("a/", 40) + "\": " + strings.Repeat("rpc error: code = ", 20) + "\n"
		})},
		{"brackets and quotes", fill(func(int) string { return "{[\"\\'`<${%(" })},
		{"almost events", fill(func(int) string { return "  Warning  Failed  1s (x2 over  3m)  kubelet\n" })},
		{"kubelets that start, minutes apart", fill(func(i int) string {
			return "  Normal   Starting   " + strconv.Itoa(i*6) + "m    kubelet, edge-1     Starting kubelet.\n"
		})},
		{"rows with remarks", fill(func(int) string { return "web-6d5f8b7c9-x2x4z   0/1   ContainerStatusUnknown   0   1d   # gone\n" })},
		{"pulls without ages", fill(func(i int) string {
			return "  Warning  Failed  " + "Failed to pull image \"a" + strconv.Itoa(i%2000) + "\": not found\n  Warning  Failed  Error: ErrImagePull\n"
		})},
		{"health endpoints, almost", fill(func(int) string { return `{"status":500,"a":"/healthz"} GET /a/b/healthz/ready/live/alive ` + "\n" })},
		{"almost klog", fill(func(int) string { return "E1124 00:00:00.000000    1 pod_workers.go:1] \"a\" err=\"\\\"\\\"\n" })},
	} {
		b.Run(hostile.name, func(b *testing.B) {
			b.ReportMetric(measure(b, with, hostile.text)/base, "x-ordinary")
		})
	}
	b.Run("rules of users whose expressions back up", func(b *testing.B) {
		theirs, mistakes := known.With([]catalog.File{{Name: "theirs.yaml", Data: []byte(rulesThatBackUp())}})
		require.Empty(b, mistakes)
		with := engine.New(theirs)
		var base float64
		b.Run("an ordinary log", func(b *testing.B) { base = measure(b, with, ordinary) })
		for _, hostile := range []struct{ name, line string }{
			{"a line that begins again and again", strings.Repeat("a", 1000) + "!\n"},
			{"words that are almost right", strings.Repeat("aa aaaa ", 100) + "\n"},
			{"one line", strings.Repeat("a", 1000)},
		} {
			b.Run(hostile.name, func(b *testing.B) {
				b.ReportMetric(measure(b, with, fill(func(int) string { return hostile.line }))/base, "x-ordinary")
			})
		}
	})
}

// rulesThatBackUp has expressions that engines which go back cannot finish on lines that almost match.
func rulesThatBackUp() string {
	rules := "signatures:\n"
	for i, expression := range []string{`^(a+)+$`, `^(a|aa)*(a|b)*c$`, `^(.*a){20}x$`, `^((a? ?)*)*b$`, `^([a-z ]+)*[0-9]$`} {
		rules += fmt.Sprintf("- {id: back-up-%d, failureType: CrashLoopBackOff, places: [log], text: [aaaa], regexp: '%s', weight: 0.5, source: none, fires: [%s], misses: [%q]}\n",
			i, expression, []string{"aaaa", "aaaac", strings.Repeat("a", 20) + "x", "aaaab", "aaaa1"}[i], "aaaa?")
	}
	return rules
}
