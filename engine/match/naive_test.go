package match_test

import (
	"bytes"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

// naive is Find without an automaton, as its documentation says, for lines of at most 4 KiB and texts that don't
// use up the budget of regular expressions.
func naive(patterns []match.Pattern, text []byte) []match.Match {
	var found []match.Match
	lines := splitLines(text)
	for i, p := range patterns {
		if m, ok := naiveOne(p, text, lines); ok {
			m.Pattern = i
			found = append(found, m)
		}
	}
	return found
}

func naiveOne(p match.Pattern, text []byte, lines []match.Line) (match.Match, bool) {
	var seen []match.Line
	for _, line := range lines {
		if hasLiteral(p, text[line.Start:line.End]) {
			seen = append(seen, line)
		}
	}
	m := match.Match{Count: len(seen)}
	keptSeen := seen
	if len(seen) > 20 {
		keptSeen = append(append([]match.Line{}, seen[:4]...), seen[len(seen)-16:]...)
	}
	newest := len(keptSeen) - 1
	for ; newest >= 0 && !confirms(p, text, keptSeen[newest]); newest-- {
		m.Count--
	}
	if newest < 0 {
		return m, false
	}
	oldest := 0
	for ; oldest < min(4, newest) && !confirms(p, text, keptSeen[oldest]); oldest++ {
		m.Count--
	}
	if oldest == 4 {
		oldest = newest
	}
	m.First, m.Last = keptSeen[oldest], keptSeen[newest]
	if p.Regexp != nil {
		for _, group := range p.Regexp.FindSubmatch(text[m.Last.Start:m.Last.End]) {
			m.Groups = append(m.Groups, string(group))
		}
	}
	return m, true
}

func splitLines(text []byte) []match.Line {
	var lines []match.Line
	start := 0
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		content := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		lines = append(lines, match.Line{Number: len(lines), Start: start, End: start + len(content)})
		start += len(line)
	}
	return lines
}

func hasLiteral(p match.Pattern, line []byte) bool {
	for _, literal := range p.Literals {
		if bytes.Contains(line, []byte(literal)) || p.IgnoreCase && bytes.Contains(foldASCII(string(line)), foldASCII(literal)) {
			return true
		}
	}
	return false
}

// foldASCII leaves other letters alone, and bytes that are no character.
func foldASCII(s string) []byte {
	folded := []byte(s)
	for i, c := range folded {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ", c) >= 0 {
			folded[i] = c + 'a' - 'A'
		}
	}
	return folded
}

func confirms(p match.Pattern, text []byte, line match.Line) bool {
	content := text[line.Start:line.End]
	return (p.Regexp == nil || p.Regexp.Match(content)) && (p.Not == nil || !p.Not.Match(content))
}
