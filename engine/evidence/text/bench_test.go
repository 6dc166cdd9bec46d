package text

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// aLog is a log of about that many bytes, in the forms that programs use.
func aLog(size int) []byte {
	lines := []string{
		`2026-11-24T09:13:05.123Z  INFO 1 --- [nio-8080-exec-3] c.e.ledger.PaymentController : accepted payment 8124 of 12.40 EUR`,
		`{"level":"info","ts":1764000000.123,"caller":"server/handler.go:81","msg":"request served","path":"/v1/items","status":200}`,
		`10.244.1.7 - - [24/Nov/2026:09:13:05 +0000] "GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.34"`,
		`INFO:     10.0.0.7:53022 - "POST /predict HTTP/1.1" 200 OK`,
		`[2026-11-24 09:13:05,123] WARN [main] Name resolution of broker-2 took 812 ms`,
		`	at com.example.ledger.Main.main(Main.java:42)`,
		`Error: connect ECONNREFUSED 10.96.12.7:5432`,
		``,
	}
	var out bytes.Buffer
	for i := 0; out.Len() < size; i++ {
		out.WriteString(lines[i%len(lines)])
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func someEvents(count int) string {
	var out strings.Builder
	out.WriteString("LAST SEEN   TYPE      REASON      OBJECT                  MESSAGE\n")
	for i := range count {
		fmt.Fprintf(&out, "%-11s Warning   BackOff     pod/web-7d9f8b6c5d-%05d   Back-off restarting failed container app in pod web-7d9f8b6c5d-%05d_shop(2f1)\n", fmt.Sprintf("%ds", i%60), i, i)
	}
	return out.String()
}

func BenchmarkParse(b *testing.B) {
	describe := readFile(b, "pod-crashing.describe.txt")
	for _, bench := range []struct {
		name string
		text []byte
	}{
		{"a described pod with a log of 4 KiB", append(append(describe, "\n\n"...), aLog(4<<10)...)},
		{"a manifest of a pod", readFile(b, "pod-crashing.manifest.yaml")},
		{"500 events and a log of 1 MiB", append([]byte(someEvents(500)+"\n"), aLog(1<<20)...)},
		{"a log of 1 MiB", aLog(1 << 20)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(bench.text, aMoment)
			}
		})
	}
}

// BenchmarkHostile reports how many times longer a byte of a hostile text takes than one of an ordinary log and one
// of an ordinary description, which are measured in the same run.
func BenchmarkHostile(b *testing.B) {
	perByte := func(b *testing.B, text []byte) float64 {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			Parse(text, aMoment)
		}
		return float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(len(text))
	}
	var log, description float64
	b.Run("an ordinary log", func(b *testing.B) { log = perByte(b, aLog(1<<20)) })
	b.Run("ordinary descriptions", func(b *testing.B) {
		described := append(readFile(b, "pod-crashing.describe.txt"), "\n\n"...)
		description = perByte(b, bytes.Repeat(described, 1<<20/len(described)))
	})
	texts := hostile()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if len(texts[name]) < 1<<16 {
			continue // what a short text costs is not in its bytes
		}
		b.Run(name, func(b *testing.B) {
			each := perByte(b, []byte(texts[name]))
			b.ReportMetric(each/log, "x-log")
			b.ReportMetric(each/description, "x-description")
		})
	}
}
