package redact

import (
	"bytes"
	"iter"
)

// linesBehind gives the lines behind the line end at at, without their ends.
func (s *scanner) linesBehind(at int) iter.Seq[span] {
	return func(yield func(span) bool) {
		for {
			if at < len(s.text) && s.text[at] == '\r' {
				at++
			}
			if at >= len(s.text) || s.text[at] != '\n' {
				return
			}
			line := span{at + 1, lineEnd(s.text, at+1)}
			if !yield(line) {
				return
			}
			at = line.end
		}
	}
}

// lines splits the text.
func (s *scanner) lines() []span {
	lines := make([]span, 0, bytes.Count(s.text, []byte("\n"))+1)
	lines = append(lines, span{0, lineEnd(s.text, 0)})
	for line := range s.linesBehind(lines[0].end) {
		lines = append(lines, line)
	}
	return lines
}

// indentOf counts the spaces that a line begins with, and the dash of a list's element.
func indentOf(line []byte) int {
	at := 0
	for at < len(line) && (line[at] == ' ' || line[at] == '\t' || line[at] == '-' && at+1 < len(line) && line[at+1] == ' ') {
		at++
	}
	return at
}
