package redact

import "bytes"

// longestUserinfo is how far an @ is looked for. Tokens of registries, which are the longest, have some 2000 bytes.
const longestUserinfo = 2200

// longestHost is how far a colon without an @ is looked for.
const longestHost = 320

// url finds the password of a URL, whose :// begins at at. Source: RFC 3986, 3.2.1, and the connection strings of
// PostgreSQL, MongoDB, Redis and AMQP; but people write / # ? @ in passwords without encoding them, so an @ is
// looked for behind these too where a port would not be one.
func (s *scanner) url(at int) (int, bool) {
	text, start := s.text, at+len("://")
	end, limit := start, min(len(text), start+longestUserinfo)
	lone := bytes.IndexByte(text[start:limit], '@') < 0
	if lone { // there is only a host to look at
		limit = min(limit, start+longestHost)
	}
	slash, sign := -1, -1 // the first of / ? # and the last @, but for those behind the first / ? # behind an @
	for ; end < limit && !endsURL(text, end); end++ {
		if c := text[end]; c == '@' {
			sign = end
		} else if c == '/' || c == '?' || c == '#' {
			if slash < 0 {
				slash = end
			}
			if sign >= 0 || lone {
				break
			}
		}
	}
	authority := end
	if slash >= 0 {
		authority = slash
	}
	colon := bytes.IndexByte(text[start:authority], ':')
	switch {
	case sign >= 0 && (slash < 0 || sign < slash):
		return s.userinfo(start, sign)
	case colon < 0 || text[start] == '[':
		return start, false
	}
	port := start + colon + 1
	if end := run(text, port, digitByte); end == authority || end == len(text) || text[end] == ',' { // also of the first of several hosts
		if !atLineEnd(text, authority) {
			return start, false
		}
		if next, at, ok := atOnNextLine(text, authority); ok {
			s.secret(port, authority)
			s.secret(next, at)
			return at, true
		}
		return start, false
	}
	if sign >= 0 {
		s.secret(port, sign)
		return sign, true
	}
	return s.cutUserinfo(port, authority, slash >= 0)
}

// endsURL reports whether a byte can't be part of a URL, however sloppy.
func endsURL(text []byte, at int) bool {
	switch c := text[at]; c {
	case '"', '<', '>', '`', '\\':
		return true
	case '\'':
		return at+1 == len(text) || !is(text[at+1], alnumByte)
	default:
		return c <= ' '
	}
}

// userinfo notes the secret of a userinfo: what is behind the colon, or all of it where that is no name.
func (s *scanner) userinfo(start, end int) (int, bool) {
	if prefixed(s.text, end+1, "sha256:") { // docker://image:tag@sha256:…
		return start, false
	}
	if i := bytes.IndexByte(s.text[start:end], ':'); i >= 0 {
		return s.part(start+i+1, end)
	}
	if i := bytes.Index(s.text[start:end], []byte("%3A")); i >= 0 {
		return s.part(start+i+3, end)
	}
	if user := s.text[start:end]; random(user) || digest(user) && len(user) >= 32 {
		return s.part(start, end)
	}
	return start, false
}

// cutUserinfo looks at what is behind a colon and is no port: a password that was broken off or cut off.
func (s *scanner) cutUserinfo(port, end int, more bool) (int, bool) {
	text := s.text
	for !more && end < len(text) && end < port+longestUserinfo && !endsURL(text, end) {
		end++
	}
	value := bytes.TrimRight(text[port:end], ".,;)]}")
	name := bytes.Trim(value, "<>{}[]()$%*")
	if more || !atLineEnd(text, end) {
		return port, false
	}
	if next, at, ok := atOnNextLine(text, end); ok {
		s.secret(port, end)
		s.secret(next, at)
		return at, true
	}
	figures := run(value, 0, digitByte)
	if len(value) == 0 || placeholder(value) || status(name) || bytes.EqualFold(name, []byte("port")) || len(name) < len(value) ||
		figures > 0 && figures < len(value) && !is(value[figures], alnumByte) {
		return port, false
	}
	if plain(value) && end < len(text) && wordlike(value) {
		return port, false
	}
	s.secret(port, port+len(value))
	return port + len(value), true
}

// atOnNextLine finds the @ of a userinfo that was broken off at a line's end.
func atOnNextLine(text []byte, end int) (start, at int, ok bool) {
	if end >= len(text) {
		return 0, 0, false
	}
	start, ok = nextLine(text, end)
	if !ok {
		return 0, 0, false
	}
	for at = start; at < len(text) && at < start+longestUserinfo; at++ {
		switch c := text[at]; {
		case c == '@':
			return start, at, at+1 < len(text) && is(text[at+1], alnumByte)
		case c <= ' ' || c == '"' || c == '/' || c == '<':
			return 0, 0, false
		}
	}
	return 0, 0, false
}
