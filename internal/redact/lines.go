package redact

import "iter"

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

// lines gives all lines.
func (s *scanner) lines() iter.Seq[span] {
	return func(yield func(span) bool) {
		first := span{0, lineEnd(s.text, 0)}
		if !yield(first) {
			return
		}
		for line := range s.linesBehind(first.end) {
			if !yield(line) {
				return
			}
		}
	}
}

// trimmed gives a part of a text without the spaces around it.
func trimmed(text []byte, part span) span {
	for part.start < part.end && text[part.start] <= ' ' {
		part.start++
	}
	for part.end > part.start && text[part.end-1] <= ' ' {
		part.end--
	}
	return part
}

// indentOf counts the spaces that a line begins with, and the dash of a list's element.
func indentOf(line []byte) int {
	at := 0
	for at < len(line) && (line[at] == ' ' || line[at] == '\t' || line[at] == '-' && at+1 < len(line) && line[at+1] == ' ') {
		at++
	}
	return at
}
