package redact

import (
	"bytes"
	"slices"
)

// Dumps of Kubernetes Secrets (core/v1): what is under data and stringData, whatever its keys are named.

// manifests finds dumps of Secrets.
func (s *scanner) manifests() {
	if !bytes.Contains(s.text, []byte("Secret")) || !bytes.Contains(s.text, []byte("kind")) {
		return
	}
	s.yamlSecrets()
	s.jsonSecrets()
}

// yamlSecrets looks at the neighbours of the lines kind: Secret: those that are indented as it is, or more.
func (s *scanner) yamlSecrets() {
	if !bytes.Contains(s.text, []byte("kind: Secret")) {
		return
	}
	lines := slices.Collect(s.lines())
	seen := 0 // lines before it belong to an object that was looked at
	for i, line := range lines {
		content := s.text[line.start:line.end]
		depth := indentOf(content)
		if depth == len(content) || string(bytes.TrimSpace(content[depth:])) != "kind: Secret" || i < seen {
			continue
		}
		first := i
		for first > seen && !beginsObject(s.text, lines[first], depth) && s.within(lines[first-1], depth) {
			first--
		}
		next := i + 1
		for next < len(lines) && s.within(lines[next], depth) && !beginsObject(s.text, lines[next], depth) {
			next++
		}
		s.data(lines[first:next], depth)
		seen = next
	}
}

// within reports whether a line belongs to an object that is indented by depth.
func (s *scanner) within(line span, depth int) bool {
	content := s.text[line.start:line.end]
	return len(bytes.TrimSpace(content)) == 0 || indentOf(content) >= depth && !bytes.HasPrefix(content, []byte("---"))
}

// beginsObject reports whether a line is the first of an element of a list whose fields are indented by depth.
func beginsObject(text []byte, line span, depth int) bool {
	return depth >= 2 && line.end-line.start > depth && text[line.start+depth-2] == '-' && indentOf(text[line.start:line.end]) == depth
}

// data redacts what is under data and stringData in the lines of an object.
func (s *scanner) data(lines []span, depth int) {
	inside := false
	for _, line := range lines {
		content := s.text[line.start:line.end]
		indent := indentOf(content)
		if indent == len(content) {
			continue
		}
		if indent <= depth {
			name := bytes.TrimSpace(content[indent:])
			inside = string(name) == "data:" || string(name) == "stringData:"
			continue
		}
		if !inside {
			continue
		}
		start := line.start + indent
		if colon := run(s.text, start, keyByte); colon < line.end && colon > start && s.text[colon] == ':' {
			start = skipSpace(s.text[:line.end], colon+1)
			if mark := bytes.TrimSpace(s.text[start:line.end]); len(mark) > 0 && len(bytes.Trim(mark, "|>+-0123456789")) == 0 && (mark[0] == '|' || mark[0] == '>') {
				continue
			}
		}
		value := trimmed(s.text, span{start, line.end})
		if content := string(s.text[value.start:value.end]); content == "" || content == Marker || content == `""` || content == "{}" {
			continue
		}
		if _, body := opensQuote(s.text, value.start); body > 0 && body < value.end && s.text[value.end-1] == s.text[body-1] {
			s.secret(body, value.end-1)
			continue
		}
		s.secret(value.start, value.end)
		s.continued(value.end)
	}
}

// jsonSecrets redacts the strings in all objects named data and stringData of a text that has a Secret.
func (s *scanner) jsonSecrets() {
	text, found := s.text, false
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("Secret"))
		if i < 0 {
			break
		}
		at += i
		before := bytes.TrimRight(text[max(0, at-24):at], `\" :`)
		found = found || bytes.HasSuffix(before, []byte("kind")) && at > 0 && text[at-1] == '"'
		at += len("Secret")
	}
	if !found {
		return
	}
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("ata"))
		if i < 0 {
			return
		}
		at += i + len("ata")
		if !bytes.HasSuffix(text[:at], []byte(`"data`)) && !bytes.HasSuffix(text[:at], []byte(`"stringData`)) {
			continue
		}
		open := at
		for open < len(text) && open < at+32 && bytes.IndexByte([]byte("\\\": \t\n"), text[open]) >= 0 {
			open++
		}
		if open < len(text) && text[open] == '{' {
			at = s.strings(open + 1)
		}
	}
}

// strings redacts the values of a flat object of strings, and gives its end.
func (s *scanner) strings(at int) int {
	text := s.text
	for at < len(text) {
		for at < len(text) && bytes.IndexByte([]byte(" \t\r\n,"), text[at]) >= 0 {
			at++
		}
		open, body := opensQuote(text, at)
		if body == 0 {
			return at
		}
		end, closed := closesQuote(text, body, open, len(text))
		if !closed {
			return end
		}
		at = skipSpace(text, end+len(open))
		if at >= len(text) || text[at] != ':' {
			return at
		}
		at = skipSpace(text, at+1)
		if open, body = opensQuote(text, at); body == 0 {
			return at
		}
		end, closed = closesQuote(text, body, open, len(text))
		if string(text[body:end]) != Marker {
			if end = s.quotation(body, end, open, closed); !closed && (end >= len(text) || text[end] != open[0]) {
				return end
			}
		}
		at = min(end+len(open), len(text))
	}
	return at
}
