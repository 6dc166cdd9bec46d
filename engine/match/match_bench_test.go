package match_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

// BenchmarkFind compares Find with what regexp alone can do: an expression per signature on every line, and a
// single alternation of them, which doesn't even say which signature it is. These take minutes for the whole
// log, so they read its beginning, and ×… is by bytes. MB/s is the mean; ×… and best-MB/s come from the fastest
// iteration of each, which other work on the machine disturbs least.
func BenchmarkFind(b *testing.B) {
	patterns := signatures()
	for _, log := range []struct {
		name string
		text []byte
	}{
		{"no failure", logOf(0)},
		{"a failure every 1000 lines", logOf(1000)},
		{"a failure every 20 lines", logOf(20)},
	} {
		b.Run(log.name, func(b *testing.B) {
			var naive, alternation float64
			b.Run("expression per signature", func(b *testing.B) {
				expressions := asExpressions(patterns)
				naive = measure(b, log.text[:256<<10], func(text []byte) { matchLines(expressions, text) })
			})
			b.Run("alternation", func(b *testing.B) {
				expression := asAlternation(patterns)
				alternation = measure(b, log.text[:256<<10], func(text []byte) { matchLines([]*regexp.Regexp{expression}, text) })
			})
			b.Run("Find", func(b *testing.B) {
				m, err := match.New(patterns)
				require.NoError(b, err)
				ours := measure(b, log.text, func(text []byte) { m.Find(text) })
				b.ReportMetric(naive/ours, "×expressions")
				b.ReportMetric(alternation/ours, "×alternation")
			})
		})
	}
}

// BenchmarkFindHostile compares texts that were made to be slow with a normal log, by byte: ×normal. A log in which
// every line is another failure costs most. It is a small part of what is done with such a text; the whole is what
// BenchmarkDiagnoseHostileText of engine/cases compares.
func BenchmarkFindHostile(b *testing.B) {
	m, err := match.New(signatures())
	require.NoError(b, err)
	find := func(text []byte) { m.Find(text) }
	normal := logOf(1000)
	var base float64
	b.Run("normal", func(b *testing.B) { base = measure(b, normal, find) })
	for _, hostile := range []struct {
		name string
		text []byte
	}{
		{"a line of 10 MB", bytes.ReplaceAll(normal[:10<<20], []byte("\n"), []byte(" "))},
		{"a line of 10 MB with its only literal at the end", append(bytes.Repeat([]byte("0123456789"), 1<<20), "panic: x"...)},
		{"lines of one byte", bytes.Repeat([]byte("x\n"), logSize/2)},
		{"colour codes at every word", bytes.ReplaceAll(normal, []byte(" "), []byte("\x1b[0m \x1b[1;31m"))},
		{"binary", randomBytes(logSize)},
		{"literals only", wordsOf(allLiterals(), "\n")},
		{"literals only in a line", wordsOf(allLiterals(), " ")},
		{"literals in the wrong case", bytes.ToUpper(wordsOf(allLiterals(), "\n"))},
		{"literals without their last byte", wordsOf(withoutLastByte(allLiterals()), " ")},
		{"every literal in every line of 4 KiB", everyLiteralPerLine()},
	} {
		b.Run(hostile.name, func(b *testing.B) {
			b.ReportMetric(measure(b, hostile.text, find)/base, "×normal")
		})
	}
	b.Run("expressions that back up", func(b *testing.B) {
		m, err := match.New([]match.Pattern{expression("a", `^(a+)+$`), expression("aa", `(a|aa)*(a|b)*c$`), expression("aaa", `(.*)(.*)(.*)x`), expression("a a", `((a? ?)*)*b`)})
		require.NoError(b, err)
		find := func(text []byte) { m.Find(text) }
		var base float64
		b.Run("normal", func(b *testing.B) { base = measure(b, normal, find) })
		b.Run("where there is nothing", func(b *testing.B) {
			text := bytes.Repeat([]byte(strings.Repeat("a", 1000)+" \n"), logSize/1000)
			b.ReportMetric(measure(b, text, find)/base, "×normal")
		})
	})
}

// BenchmarkNew is what a catalogue costs at start.
func BenchmarkNew(b *testing.B) {
	patterns := signatures()
	b.ReportAllocs()
	for b.Loop() {
		_, err := match.New(patterns)
		require.NoError(b, err)
	}
}

// BenchmarkFindInAMessage is a short text, such as an event's.
func BenchmarkFindInAMessage(b *testing.B) {
	m, err := match.New(signatures())
	require.NoError(b, err)
	text := []byte(`Error: failed to start container "web": error mounting "/etc/shop.conf" to rootfs: not a directory`)
	measure(b, text, func(text []byte) { m.Find(text) })
}

// measure runs work on text and returns the nanoseconds per byte of the fastest iteration.
func measure(b *testing.B, text []byte, work func([]byte)) float64 {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	fastest := time.Hour
	for b.Loop() {
		start := time.Now()
		work(text)
		fastest = min(fastest, time.Since(start))
	}
	perByte := float64(fastest.Nanoseconds()) / float64(len(text))
	b.ReportMetric(1000/perByte, "best-MB/s")
	return perByte
}

func matchLines(expressions []*regexp.Regexp, text []byte) {
	for line := range bytes.Lines(text) {
		for _, expression := range expressions {
			expression.Match(line)
		}
	}
}

func asExpressions(patterns []match.Pattern) []*regexp.Regexp {
	var expressions []*regexp.Regexp
	for _, source := range sources(patterns) {
		expressions = append(expressions, regexp.MustCompile(source))
	}
	return expressions
}

func asAlternation(patterns []match.Pattern) *regexp.Regexp {
	return regexp.MustCompile("(?:" + strings.Join(sources(patterns), ")|(?:") + ")")
}

// sources are regular expressions that stand for patterns, without groups.
func sources(patterns []match.Pattern) []string {
	group := regexp.MustCompile(`\(\?P<\w+>`)
	var sources []string
	for _, p := range patterns {
		if p.Regexp != nil {
			sources = append(sources, group.ReplaceAllString(p.Regexp.String(), "(?:"))
			continue
		}
		var quoted []string
		for _, literal := range p.Literals {
			quoted = append(quoted, regexp.QuoteMeta(literal))
		}
		source := strings.Join(quoted, "|")
		if p.IgnoreCase {
			source = "(?i)" + source
		}
		sources = append(sources, source)
	}
	return sources
}

func allLiterals() []string {
	var all []string
	for _, p := range signatures() {
		all = append(all, p.Literals...)
	}
	return all
}

func withoutLastByte(literals []string) []string {
	for i, literal := range literals {
		literals[i] = literal[:len(literal)-1]
	}
	return literals
}

func wordsOf(words []string, separator string) []byte {
	random := rand.New(rand.NewPCG(3, 5))
	text := make([]byte, 0, logSize+1000)
	for len(text) < logSize {
		text = append(text, words[random.IntN(len(words))]...)
		text = append(text, separator...)
	}
	return text
}

// everyLiteralPerLine has lines that concern every expression, and that most don't match.
func everyLiteralPerLine() []byte {
	line := append([]byte(strings.Join(allLiterals(), "")), '\n')
	return bytes.Repeat(line, logSize/len(line))
}

func randomBytes(size int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	text := make([]byte, size)
	_, _ = random.Read(text)
	return text
}
