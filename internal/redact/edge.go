package redact

import "bytes"

// least is how many bytes at a cut edge can be more of a secret than may be told.
const least = 6

// edges looks at the edges where the text was cut off.
func (s *scanner) edges() {
	if len(s.text) == 0 {
		return
	}
	if s.front {
		s.frontEdge()
	}
	if s.back {
		s.backEdge()
	}
}

// frontEdge redacts what the text begins with, up to a space or quote, if it may be the rest of a secret.
func (s *scanner) frontEdge() {
	text := s.text
	start := 0
	for start < len(text) && start < 4096 && text[start] <= ' ' {
		start++
	}
	end := start
	for end < len(text) && text[end] > ' ' && text[end] != '"' && text[end] != '\\' && text[end] != '`' && text[end] != 0x7f {
		end++
	}
	if end == start || prefixed(text, start, Marker) {
		return
	}
	if i := bytes.IndexByte(text[start:end], '@'); i >= 0 && start+i+1 < end && is(text[start+i+1], alnumByte|baseByte) && !prefixed(text, start+i+1, "sha256:") && bytes.IndexByte(text[start:start+i], '/') < 0 {
		s.secret(start, start+i) // the end of a userinfo
		return
	}
	token := min(s.tokenEnd(start), end)
	if assigns(text, start, token) {
		token = start + bytes.IndexByte(text[start:token], '=')
	}
	switch {
	case end-start < least:
	case token-start >= least:
		if !ordinary(text[start:token]) || digest(text[start:token]) || text[token-1] == '=' {
			s.frontBody(start, token)
		}
	case !ordinary(text[start:end]) && token < end && bytes.IndexByte([]byte(":([{<="), text[token]) < 0:
		s.secret(start, end)
	}
}

// frontBody redacts the rest of a secret at the front, and what goes on behind line breaks, real or in a string.
func (s *scanner) frontBody(start, end int) {
	text := s.text
	s.secret(start, end)
	for prefixed(text, end, `\n`) || prefixed(text, end, `\\n`) {
		next := end + bytes.IndexByte(text[end:], 'n') + 1
		stop := run(text, next, baseByte)
		if stop-next < 16 && !prefixed(text, stop, `\n-----`) && !prefixed(text, next, "-----") {
			break
		}
		s.secret(next, stop)
		end = stop
	}
	s.continued(end)
}

// backEdge redacts what the text ends with, if it may be the beginning of a secret, and lines of a key before it.
func (s *scanner) backEdge() {
	text := s.text
	end := len(text)
	for end > 0 && end > len(text)-4096 && text[end-1] <= ' ' {
		end--
	}
	start := runBack(text, end, 0, tokenByte)
	if !s.backWord(start, end) {
		return
	}
	line := bytes.LastIndexByte(text[:start], '\n')
	for line > 0 {
		above := span{bytes.LastIndexByte(text[:line], '\n') + 1, line}
		if text[line-1] == '\r' {
			above.end--
		}
		if body := bodyOf(text, above); keyLine(text, above.start, span{body, above.end}) {
			s.secret(body, above.end)
			line = above.start - 1
			continue
		}
		return
	}
}

func (s *scanner) backWord(start, end int) bool {
	text := s.text
	value := text[start:end]
	if i := bytes.LastIndexByte(value, '='); i >= 0 && i < len(value)-1 { // behind a key that isn't one of a secret
		start += i + 1
		value = value[i+1:]
	}
	named := bytes.HasSuffix(text[:start], []byte("sha256:")) || bytes.HasSuffix(text[:start], []byte("://"))
	if len(value) < least || ordinary(value) && !digest(value) || hexadecimal(value) && named {
		return false
	}
	if last := bytes.LastIndexByte(value, '/'); start > 0 && text[start-1] == ':' && last >= 0 && wordlike(value[:last]) { // a URL
		return false
	}
	s.secret(start, end)
	return true
}
