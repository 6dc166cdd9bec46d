package match_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

func literals(literals ...string) match.Pattern {
	return match.Pattern{Literals: literals}
}

func ignoringCase(literals ...string) match.Pattern {
	return match.Pattern{Literals: literals, IgnoreCase: true}
}

func expression(literal, expression string) match.Pattern {
	return match.Pattern{Literals: []string{literal}, Regexp: regexp.MustCompile(expression)}
}

func except(p match.Pattern, not string) match.Pattern {
	p.Not = regexp.MustCompile(not)
	return p
}

func find(t testing.TB, text string, patterns ...match.Pattern) []match.Match {
	t.Helper()
	m, err := match.New(patterns)
	require.NoError(t, err)
	return m.Find([]byte(text))
}

// said tells a match in one line: pattern, count, the texts of the first and the last line with their numbers, groups.
func said(text string, found []match.Match) []string {
	var said []string
	for _, m := range found {
		line := fmt.Sprintf("%d: %d× %d %q", m.Pattern, m.Count, m.First.Number, text[m.First.Start:m.First.End])
		if m.Last != m.First {
			line += fmt.Sprintf(" … %d %q", m.Last.Number, text[m.Last.Start:m.Last.End])
		}
		if m.Groups != nil {
			line += fmt.Sprintf(" %q", m.Groups)
		}
		said = append(said, line)
	}
	return said
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name     string
		text     string
		patterns []match.Pattern
		want     []string
	}{
		{"an empty text has no match", "", []match.Pattern{literals("panic: ")}, nil},
		{"a text of line ends has no match", "\n\r\n\n", []match.Pattern{literals("a")}, nil},
		{"without patterns nothing matches", "panic: ", nil, nil},
		{"matches come in the order of the patterns, not of the text", "first\nsecond\n", []match.Pattern{literals("second"), literals("none"), literals("first")}, []string{`0: 1× 1 "second"`, `2: 1× 0 "first"`}},
		{"any of a pattern's literals will do", "b\nx\na\n", []match.Pattern{literals("a", "b")}, []string{`0: 2× 0 "b" … 2 "a"`}},
		{"a line with several literals of a pattern counts once", "a b a\n", []match.Pattern{literals("a", "b")}, []string{`0: 1× 0 "a b a"`}},
		{"the same literal in two patterns is both", "oom\n", []match.Pattern{literals("oom"), ignoringCase("OOM")}, []string{`0: 1× 0 "oom"`, `1: 1× 0 "oom"`}},
		{"a literal may be the whole line", "x\nkilled\nx", []match.Pattern{literals("killed")}, []string{`0: 1× 1 "killed"`}},
		{"a literal may be at a line's begin", "\nkilled by\n", []match.Pattern{literals("killed")}, []string{`0: 1× 1 "killed by"`}},
		{"a literal may be at a line's end", "was killed\n", []match.Pattern{literals("killed")}, []string{`0: 1× 0 "was killed"`}},
		{"a literal does not go on in the next line", "kil\nled\nkil\r\nled", []match.Pattern{literals("killed")}, nil},
		{"the last line needs no line end", "x\nfatal: disk", []match.Pattern{literals("disk")}, []string{`0: 1× 1 "fatal: disk"`}},
		{"CRLF is not part of the line", "one\r\ntwo\r\n", []match.Pattern{expression("two", "^two$")}, []string{`0: 1× 1 "two" ["two"]`}},
		{"a CR inside a line is", "10%\r20% done\n", []match.Pattern{expression("done", `^10%\r20% done$`)}, []string{`0: 1× 0 "10%\r20% done" ["10%\r20% done"]`}},
		{"a CR at the text's end is not", "done\r", []match.Pattern{expression("done", `^done$`)}, []string{`0: 1× 0 "done" ["done"]`}},
		{"literals may overlap", "abcde", []match.Pattern{literals("abc"), literals("bcd"), literals("cde"), literals("abcde"), literals("bcx")}, []string{`0: 1× 0 "abcde"`, `1: 1× 0 "abcde"`, `2: 1× 0 "abcde"`, `3: 1× 0 "abcde"`}},
		{"a literal may be a suffix of another that is not finished", "xabcd", []match.Pattern{literals("abce"), literals("bc"), literals("c")}, []string{`1: 1× 0 "xabcd"`, `2: 1× 0 "xabcd"`}},
		{"case matters", "error\nERROR\n", []match.Pattern{literals("Error"), literals("ERROR")}, []string{`1: 1× 1 "ERROR"`}},
		{"case does not matter with IgnoreCase", "Error\nERROR\n", []match.Pattern{ignoringCase("eRRor")}, []string{`0: 2× 0 "Error" … 1 "ERROR"`}},
		{"IgnoreCase is for ASCII letters", "GRÖSSE\n\u212Aelvin @[`{\n", []match.Pattern{ignoringCase("größe"), ignoringCase("kelvin"), ignoringCase("`{@["), ignoringCase("GRÖSSE")}, []string{`3: 1× 0 "GRÖSSE"`}},
		{"IgnoreCase is not for regular expressions", "ERROR 5\n", []match.Pattern{{Literals: []string{"error"}, IgnoreCase: true, Regexp: regexp.MustCompile("error (.)")}, {Literals: []string{"error"}, IgnoreCase: true, Regexp: regexp.MustCompile("(?i)error (.)")}}, []string{`1: 1× 0 "ERROR 5" ["ERROR 5" "5"]`}},
		{"a literal in the wrong case does not hide a later one", "KILLED killed", []match.Pattern{literals("killed")}, []string{`0: 1× 0 "KILLED killed"`}},
		{"groups come from the last matching line", "port 1\nport 2\nport x\n", []match.Pattern{expression("port", `port (?P<number>\d)`)}, []string{`0: 2× 0 "port 1" … 1 "port 2" ["port 2" "2"]`}},
		{"a group that took no part is empty", "key=\n", []match.Pattern{expression("key", `key=(\d)?(.*)`)}, []string{`0: 1× 0 "key=" ["key=" "" ""]`}},
		{"a literal alone does not satisfy a regular expression", "port x\n", []match.Pattern{expression("port", `port \d`)}, nil},
		{"a regular expression alone does not either", "port 5\n", []match.Pattern{expression("Port", `port \d`)}, nil},
		{"a regular expression sees one line", "a\nb\n", []match.Pattern{expression("a", `(?s)a.b`)}, nil},
		{"Not refuses a line", "retry later\n", []match.Pattern{except(literals("retry"), "later")}, nil},
		{"Not refuses only its line", "retry now\nretry later\n", []match.Pattern{except(literals("retry"), "later")}, []string{`0: 1× 0 "retry now"`}},
		{"Not and Regexp may stand together", "code 1\ncode 2 ok\n", []match.Pattern{except(expression("code", `code (\d)`), "ok")}, []string{`0: 1× 0 "code 1" ["code 1" "1"]`}},
		{"NUL and bytes that are no character are bytes", "\x00\xff\xfe oom\x00\n\xc3\x28\n", []match.Pattern{literals("\xff\xfe oom\x00"), literals("\xc3\x28")}, []string{`0: 1× 0 "\x00\xff\xfe oom\x00"`, `1: 1× 1 "\xc3("`}},
		{"a literal may stand between colour codes", "\x1b[31mpanic: \x1b[0moh\n", []match.Pattern{literals("panic: ")}, []string{`0: 1× 0 "\x1b[31mpanic: \x1b[0moh"`}},
		{"a long literal is compared to its end", "could not establish a connection to the primary store\n", []match.Pattern{literals("could not establish a connection to the primary stone"), literals("could not establish a connection to the primary store")}, []string{`1: 1× 0 "could not establish a connection to the primary store"`}},
		{"a long literal does not go past the text", "could not establish a connection to the prim", []match.Pattern{literals("could not establish a connection to the primary")}, nil},
		{"a long literal's case is compared to its end", "Could not establish a connection to the PRIMARY\n", []match.Pattern{literals("Could not establish a connection to the primary"), ignoringCase("could not establish a connection to the Primary")}, []string{`1: 1× 0 "Could not establish a connection to the PRIMARY"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := find(t, test.text, test.patterns...)
			require.Equal(t, test.want, said(test.text, found))
			require.Equal(t, naive(test.patterns, []byte(test.text)), found)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name     string
		patterns []match.Pattern
		want     string
	}{
		{"a pattern without a literal", []match.Pattern{literals("a"), {Regexp: regexp.MustCompile("a")}}, "pattern 1: no literal"},
		{"an empty literal", []match.Pattern{literals("a", "")}, `pattern 0: literal "": empty`},
		{"a literal with a line feed", []match.Pattern{literals("a\nb")}, `pattern 0: literal "a\nb": has a line end`},
		{"a literal with a carriage return", []match.Pattern{literals("a\r")}, `pattern 0: literal "a\r": has a line end`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := match.New(test.patterns)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestFindWithThousandsOfSightings(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "%d refused\n", i)
	}
	for _, test := range []struct {
		name    string
		pattern match.Pattern
		want    []string
	}{
		{"all are counted, the first and the last are known", literals("refused"), []string{`0: 5000× 0 "0 refused" … 4999 "4999 refused"`}},
		{"a regular expression that matches all is tried twice", expression("refused", `^(\d+)`), []string{`0: 5000× 0 "0 refused" … 4999 "4999 refused" ["4999" "4999"]`}},
		{"the 16 newest are tried", expression("refused", `^4984 `), []string{`0: 4981× 4984 "4984 refused" ["4984 "]`}},
		{"those before are not", expression("refused", `^4983 `), nil},
		{"but the 4 oldest are", expression("refused", `^[1-3] `), []string{`0: 4983× 1 "1 refused" … 3 "3 refused" ["3 "]`}},
		{"those after are not", expression("refused", `^4 `), nil},
		{"one of the oldest may be the only one", expression("refused", `^0 `), []string{`0: 4981× 0 "0 refused" ["0 "]`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := find(t, text.String(), test.pattern)
			require.Equal(t, test.want, said(text.String(), found))
			require.Equal(t, naive([]match.Pattern{test.pattern}, []byte(text.String())), found)
		})
	}
}

func TestFindInALineOfTenMegabytes(t *testing.T) {
	const length, at = 10 << 20, 7_654_321
	line := bytes.Repeat([]byte("quiet and long; "), length/16)
	copy(line[at:], "<port 8443>")
	copy(line[at+5000:], "<port 9443>")
	text := "before\n" + string(line) + "\nport 1 after\n"
	whole := match.Line{Number: 1, Start: 7, End: 7 + length}
	after := match.Line{Number: 2, Start: 8 + length, End: 20 + length}

	for _, test := range []struct {
		name    string
		pattern match.Pattern
		want    []match.Match
	}{
		{"it counts once", literals("port"), []match.Match{{Count: 2, First: whole, Last: after}}},
		{"every window is tried", expression("port", `port (8\d*)`), []match.Match{{Count: 1, First: whole, Last: whole, Groups: []string{"port 8443", "8443"}}}},
		{"also the next one", expression("port", `port (9\d*)`), []match.Match{{Count: 1, First: whole, Last: whole, Groups: []string{"port 9443", "9443"}}}},
		{"a window has 1 KiB before the literal and 3 from there on", expression("port 8", `^(.*)port 8.*$`), []match.Match{{Count: 1, First: whole, Last: whole, Groups: []string{text[7+at+1-1024 : 7+at+1+3072], text[7+at+1-1024 : 7+at+1]}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, find(t, text, test.pattern))
		})
	}
}

func TestFindLeavesNothingOutWhenALiteralCrossesAWindowsEnd(t *testing.T) {
	line := bytes.Repeat([]byte("."), 20_000)
	copy(line[2000:], "port x")
	copy(line[2000+3072-3:], "port 5")
	found := find(t, string(line), expression("port", `port (\d)`))
	require.Len(t, found, 1)
	require.Equal(t, []string{"port 5", "5"}, found[0].Groups)
}

func TestFindWhereverALiteralStands(t *testing.T) {
	// Blocks, lanes and their begins are all crossed.
	long := "could not establish a connection to the primary store"
	m, err := match.New([]match.Pattern{literals("oom"), literals("x"), literals(long)})
	require.NoError(t, err)
	for at := range 9000 {
		text := make([]byte, 9100)
		copy(text[at:], "oom\nx\n"+long)
		require.Equal(t, []match.Match{
			{Pattern: 0, Count: 1, First: match.Line{Number: 0, Start: 0, End: at + 3}, Last: match.Line{Number: 0, Start: 0, End: at + 3}},
			{Pattern: 1, Count: 1, First: match.Line{Number: 1, Start: at + 4, End: at + 5}, Last: match.Line{Number: 1, Start: at + 4, End: at + 5}},
			{Pattern: 2, Count: 1, First: match.Line{Number: 2, Start: at + 6, End: len(text)}, Last: match.Line{Number: 2, Start: at + 6, End: len(text)}},
		}, m.Find(text), at)
	}
}

func TestFindBoundsWhatRegularExpressionsRead(t *testing.T) {
	// 100 patterns see 20 lines of 4 KiB: 8 MB, of which the budget allows 256 KiB.
	line := strings.Repeat("oom ", 1000) + "\n"
	text := strings.Repeat(line, 19) + strings.Repeat("oom ", 999) + "end\n"
	patterns := []match.Pattern{expression("oom", "end")}
	for range 100 {
		patterns = append(patterns, expression("oom", "never"))
	}
	patterns = append(patterns, literals("oom"))
	found := find(t, text, patterns...)
	require.Len(t, found, 2)
	require.Equal(t, 101, found[1].Pattern)
	require.Equal(t, 20, found[1].Count, "what needs no regular expression is not bounded")

	patterns[0], patterns[100] = patterns[100], patterns[0]
	require.Equal(t, 101, find(t, text, patterns...)[0].Pattern, "past the budget a pattern is not reported")
}

func TestFindAllocatesForMatchesAlone(t *testing.T) {
	m, err := match.New([]match.Pattern{literals("panic: "), expression("oom", "never")})
	require.NoError(t, err)
	// Memory that is used again may have been taken away by the garbage collector: some allocations a Find, few
	// whatever the text's length and what it is full of.
	for _, line := range []string{"all is well\n", "no oom\n", "panic: oom\n"} {
		text := bytes.Repeat([]byte(line), 100_000)
		require.LessOrEqual(t, testing.AllocsPerRun(20, func() { m.Find(text) }), 60.0, line)
	}
}

func TestFindIsSafeForConcurrentUse(t *testing.T) {
	m, err := match.New([]match.Pattern{literals("panic: "), expression("exit", `exit (\d+)`)})
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			text := fmt.Appendf(nil, "%spanic: x\nexit %d\n", strings.Repeat("quiet\n", i*1000), i)
			for range 50 {
				found := m.Find(text)
				if len(found) != 2 || found[1].Groups[1] != fmt.Sprint(i) || found[0].First.Number != i*1000 {
					t.Errorf("%d: %v", i, found)
				}
			}
		})
	}
	all.Wait()
}

func TestFindEqualsNaiveOnRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		patterns := randomPatterns(random)
		text := randomText(random, random.IntN(400))
		if random.IntN(10) == 0 {
			text = randomText(random, 8000+random.IntN(20_000))
		}
		m, err := match.New(patterns)
		require.NoError(t, err)
		require.Equal(t, naive(patterns, text), m.Find(text), "%q in %q", patterns, text)
	}
}

// The alphabet is small, so that texts are full of literals and of what nearly is one.
const alphabet = "aAbBc \x00\xff"

func randomText(random *rand.Rand, length int) []byte {
	text := make([]byte, length)
	for i := range text {
		switch random.IntN(12) {
		case 0:
			text[i] = '\n'
		case 1:
			text[i] = '\r'
		default:
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
	}
	return text
}

func randomPatterns(random *rand.Rand) []match.Pattern {
	expressions := []string{"a", "^.b", "(a+)(b)?", "(?i)ab|c$", "^$", `\bb`, "c(.*)a"}
	patterns := make([]match.Pattern, random.IntN(6))
	for i := range patterns {
		p := &patterns[i]
		p.IgnoreCase = random.IntN(2) == 0
		for range 1 + random.IntN(3) {
			literal := make([]byte, 1+random.IntN(4))
			for j := range literal {
				literal[j] = alphabet[random.IntN(len(alphabet))]
			}
			p.Literals = append(p.Literals, string(literal))
		}
		if random.IntN(2) == 0 {
			p.Regexp = regexp.MustCompile(expressions[random.IntN(len(expressions))])
		}
		if random.IntN(3) == 0 {
			p.Not = regexp.MustCompile(expressions[random.IntN(len(expressions))])
		}
	}
	return patterns
}

// FuzzFind compares with naive, on the text and on one that repeats it until there is more than a block and more
// sightings than are kept. See fuzzPatterns for what lines are.
func FuzzFind(f *testing.F) {
	f.Add("panic: \n!OOM\tkilled", []byte("x panic: y\r\noom\nKilled\n"))
	f.Add("a\nab\nabc\nbc\nc", []byte("abcabc\nab\x00\xff\n"))
	f.Add("*could not establish a connection to the primary store\n-could", bytes.Repeat([]byte("COULD not establish a connection to the primary store. "), 15))
	f.Fuzz(func(t *testing.T, lines string, text []byte) {
		for line := range bytes.Lines(text) {
			if len(line) > 1000 {
				t.Skip("naive knows no windows and no budget")
			}
		}
		patterns := fuzzPatterns(lines)
		m, err := match.New(patterns)
		if err != nil {
			t.Skip(err)
		}
		require.Equal(t, naive(patterns, text), m.Find(text))
		text = append(text, '\n')
		text = bytes.Repeat(text, 9000/len(text)+2)
		require.Equal(t, naive(patterns, text), m.Find(text))
	})
}

// fuzzPatterns reads at most 8 patterns from lines: a character that says more of it, if any, and literals between
// tabs.
func fuzzPatterns(lines string) []match.Pattern {
	var patterns []match.Pattern
	for _, line := range strings.Split(lines, "\n") {
		if len(patterns) == 8 || line == "" {
			break
		}
		p := match.Pattern{}
		switch line[0] {
		case '!':
			p.IgnoreCase = true
		case '*':
			p.IgnoreCase, p.Regexp = true, regexp.MustCompile(`(\w+)\W*$`)
		case '-':
			p.Not = regexp.MustCompile(`\d`)
		}
		p.Literals = strings.Split(strings.TrimLeft(line, "!*-"), "\t")
		patterns = append(patterns, p)
	}
	return patterns
}
