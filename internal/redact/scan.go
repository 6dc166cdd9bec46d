package redact

import "bytes"

// scan goes over the text once, and looks closer at what begins like a token, and at what separates a key from its
// value.
func (s *scanner) scan() {
	text := s.text
	for i := 0; i < len(text); {
		switch {
		case is(text[i], wordByte):
			i = s.word(i)
		case is(text[i], stopByte):
			i = s.stop(i)
		default:
			i++
		}
	}
}

// word looks at a word that begins at at, and gives where to go on.
func (s *scanner) word(at int) int {
	text := s.text
	if at > 0 && text[at-1] == '\\' && (text[at] == 'n' || text[at] == 'r' || text[at] == 't') {
		return at + 1 // a line break in a string
	}
	if shapes[text[at]] != nil {
		if end, ok := s.token(at); ok {
			return s.past(end)
		}
	}
	end := run(text, at, wordByte)
	if end < len(text) {
		switch text[end] {
		case ' ', '\t', '"', '\'', ',', '\n', '\r', '`':
			if next, ok := s.behind(at, end); ok {
				return s.past(next)
			}
		}
	}
	return end
}

// past notes that everything before end is dealt with.
func (s *scanner) past(end int) int {
	s.done = end
	return end
}

// stop looks at what is no word but may stand for a secret, and gives where to go on.
func (s *scanner) stop(at int) int {
	text := s.text
	end, ok := at, false
	switch text[at] {
	case ':', '=':
		end, ok = s.separator(at)
	case '$':
		end, ok = s.crypt(at)
	case '@':
		end, ok = s.beforeAt(at)
	case '%':
		end, ok = s.escaped(at)
	case '>':
		end, ok = s.element(at)
	case '{':
		end, ok = s.scheme(at)
	case '~':
		end, ok = s.azure(at)
	case '\x1b':
		end = skipColour(text, at)
	}
	if ok {
		return s.past(end)
	}
	return max(end, at+1)
}

// crypt finds a hash of a password that begins with $.
func (s *scanner) crypt(at int) (int, bool) {
	end := crypted(s.text, at)
	if end == at {
		return at, false
	}
	_, broken := s.below(end)
	if size := end - at; size >= 24 || size >= 12 && atLineEnd(s.text, s.pastStop(end)) || broken {
		s.secret(at, end)
		return s.continued(end), true
	}
	return end, false
}

// crypted gives the end of a hash of a password as of crypt(3) and its kin at at: $2b$10$…, $6$…, $apr1$…,
// $argon2id$v=19$…. Sources: crypt(5), Apache's "Password Formats", the PHC string format.
func crypted(text []byte, at int) int {
	end := at
	if end < len(text) && text[end] == '$' {
		end++
		method := run(text, end, alnumByte|urlByte)
		if method == end || method-end > 16 || method == len(text) || text[method] != '$' {
			return at
		}
		if !cryptMethods[string(text[end:method])] {
			return at
		}
		end = method
	}
	for end < len(text) && (is(text[end], baseByte) || text[end] == '$' || text[end] == '.' || text[end] == ',' || text[end] == ':') {
		end++
	}
	for end > at && (text[end-1] == ',' || text[end-1] == ':' || text[end-1] == '.') {
		end--
	}
	return end
}

var cryptMethods = set(`1 2 2a 2b 2x 2y 5 6 7 y gy apr1 md5 sha1 scrypt argon2i argon2d argon2id pbkdf2 pbkdf2-sha1 pbkdf2-sha256 pbkdf2-sha512
	P H S bcrypt bcrypt-sha256`)

// scheme finds the hash of a password of LDAP (RFC 2307): {SSHA}….
func (s *scanner) scheme(at int) (int, bool) {
	for _, name := range []string{"{SSHA}", "{SHA}", "{SMD5}", "{MD5}", "{SSHA256}", "{SSHA512}", "{SHA256}", "{SHA512}", "{CRYPT}", "{PBKDF2-SHA256}"} {
		if prefixed(s.text, at, name) {
			start := at + len(name)
			end := start
			for end < len(s.text) && (is(s.text[end], baseByte) || s.text[end] == '$' || s.text[end] == '.') {
				end++
			}
			_, broken := s.below(end)
			if end-start >= 12 || broken {
				s.secret(start, end)
				return s.continued(end), true
			}
		}
	}
	return at, false
}

// azure finds a client secret of Microsoft Entra: three characters, a digit, Q~, and 31 to 34 more. Source: gitleaks.
func (s *scanner) azure(at int) (int, bool) {
	text := s.text
	if at < 5 || text[at-1] != 'Q' || !is(text[at-2], digitByte) || runBack(text, at-2, at-5, tokenByte) != at-5 {
		return at, false
	}
	end := run(text, at+1, tokenByte)
	_, broken := s.below(end)
	if size := end - at - 1; size < 31 && !(size >= 8 && atLineEnd(text, end)) && !broken {
		return at, false
	}
	s.secret(max(at-5, s.done), end)
	return s.continued(end), true
}

// escaped looks at what is percent-encoded: %3D is a separator.
func (s *scanner) escaped(at int) (int, bool) {
	text := s.text
	if at+2 >= len(text) || !hexadecimal(text[at+1:at+3]) {
		return at, false
	}
	if text[at+1] == '3' && lower(text[at+2]) == 'd' {
		if k, ok := s.keyBefore(at); ok {
			return s.value(k, at+3, equals)
		}
	}
	return at + 3, false
}

// element finds the value of an XML element that is named like a secret: <password>…</password>.
func (s *scanner) element(at int) (int, bool) {
	text := s.text
	start := runBack(text, at, max(s.done, at-96), keyByte)
	if start == at || start == 0 || text[start-1] != '<' && text[start-1] != ':' || at+1 >= len(text) {
		return at, false
	}
	kind := classify(text[start:at])
	end := at + 1
	for end < len(text) && text[end] != '<' && text[end] != '\n' {
		end++
	}
	value := bytes.TrimSpace(text[at+1 : end])
	next, below := 0, 0 // the rest on the next line
	if atLineEnd(text, end) {
		if line, ok := nextLine(text, end); ok {
			next, below = line, s.unquotedEnd(line)
		}
	}
	switch {
	case prefixed(text, end, "</"):
	case next < below && prefixed(text, below, "</"+string(text[start:at])):
	case atLineEnd(text, end) && run(value, 0, tokenByte) >= 8 && !ordinary(value) && bytes.IndexByte(value, ' ') < 0:
		next, below = 0, 0
	default:
		return at, false
	}
	if kind < objectLike || kind == header || kind == cookie || kind == paired || next == below && (placeholder(value) || status(value)) {
		return at, false
	}
	if kind == basicAuth && !basic(value) || kind == counted && numeric(value) {
		return at, false
	}
	s.secret(at+1, end)
	if next < below {
		s.secret(next, below)
		return below, true
	}
	return s.continued(end), true
}

// beforeAt finds the password in front of an address without a scheme, as of Go's MySQL driver: user:password@tcp(…).
func (s *scanner) beforeAt(at int) (int, bool) {
	text := s.text
	if !prefixed(text, at, "@tcp(") && !prefixed(text, at, "@unix(") && !prefixed(text, at, "@cloudsql(") && !prefixed(text, at, "@//") {
		return at, false
	}
	start := at
	for floor := max(s.done, at-256); start > floor && text[start-1] > ' ' && text[start-1] != '"' && text[start-1] != '\'' && text[start-1] != '`'; {
		start--
	}
	userinfo := text[start:at]
	if text[at+1] == '/' { // Oracle: user/password@//host
		if i := bytes.LastIndexByte(userinfo, '/'); i >= 0 && bytes.Contains(userinfo, []byte("thin:")) {
			return s.part(start+i+1, at)
		}
		return at, false
	}
	if i := bytes.IndexByte(userinfo, ':'); i >= 0 {
		return s.part(start+i+1, at)
	}
	return at, false
}

// part notes that text[start:end] is secret unless it stands for one that is not there.
func (s *scanner) part(start, end int) (int, bool) {
	if placeholder(s.text[start:end]) && end-start != 1 || start >= end {
		return end, false
	}
	s.secret(start, end)
	return s.continued(end), true
}
