package catalog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// BenchmarkMatchLog compares logs that were made to be slow with a normal one, by byte: ×normal.
func BenchmarkMatchLog(b *testing.B) {
	known, err := BuiltIn()
	if err != nil {
		b.Fatal(err)
	}
	const size = 4 << 20
	var literals []string
	for _, signature := range known.logSignatures {
		literals = append(literals, signature.Text...)
	}
	random := rand.New(rand.NewPCG(3, 5))
	words := func(separator string) []byte {
		var text bytes.Buffer
		for text.Len() < size {
			text.WriteString(literals[random.IntN(len(literals))] + separator)
		}
		return text.Bytes()
	}
	var normal bytes.Buffer
	for i := 0; normal.Len() < size; i++ {
		fmt.Fprintf(&normal, `{"level":"info","caller":"orders/handler.go:%d","msg":"order accepted","order":"%08x","took":"%dms"}`+"\n", i%90, i*2654435761, i%250)
	}
	var base float64
	for _, log := range []struct {
		name string
		text []byte
	}{
		{"normal", normal.Bytes()},
		{"normal in a line", bytes.ReplaceAll(normal.Bytes(), []byte("\n"), []byte(" "))},
		{"literals", words("\n")},
		{"literals in a line", words(" ")},
		{"literals in the wrong case", bytes.ToUpper(words("\n"))},
		{"every literal in every line", []byte(strings.Repeat(strings.Join(literals[:300], " ")+"\n", 500))},
	} {
		b.Run(log.name, func(b *testing.B) {
			b.SetBytes(int64(len(log.text)))
			b.ReportAllocs()
			fastest := time.Hour
			for b.Loop() {
				start := time.Now()
				known.MatchLog(Fact{}, log.text)
				fastest = min(fastest, time.Since(start))
			}
			perByte := float64(fastest) / float64(len(log.text))
			if log.name == "normal" {
				base = perByte
			}
			b.ReportMetric(perByte/base, "×normal")
		})
	}
}
