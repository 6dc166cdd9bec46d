package redact

import "bytes"

// Private keys in PEM (RFC 7468), of OpenSSH (PROTOCOL.key), PGP (RFC 9580, 6.2) and PuTTY: lines of base64, between
// lines that say so or without them, behind the prefixes of logs, or in a string with \n between them.

var privateKey, boundary = []byte("PRIVATE KEY"), []byte("-----")

const (
	// bodyLine is how long a line of base64 at least is that may be one of a key whose beginning and end are lost.
	bodyLine = 40
	// strangers is how many lines of something else may be between the lines of a key.
	strangers = 3
)

// pem finds private keys.
func (s *scanner) pem() {
	text := s.text
	if bytes.Contains(text, privateKey) {
		for at := 0; ; {
			i := bytes.Index(text[at:], privateKey)
			if i < 0 {
				break
			}
			at += i
			s.armour(at)
			at += len(privateKey)
		}
	}
	s.bodies()
}

// armour looks at a place where PRIVATE KEY is written: in the line before a key, or the line behind one.
func (s *scanner) armour(at int) {
	text := s.text
	if at < s.armoured {
		return
	}
	before := text[max(0, at-48):at]
	before = before[bytes.LastIndexByte(before, '\n')+1:]
	begin, end := bytes.LastIndex(before, []byte("BEGIN")), bytes.LastIndex(before, []byte("END"))
	behind := at + len(privateKey)
	if prefixed(text, behind, " BLOCK") {
		behind += len(" BLOCK")
	}
	dashes := run(text, behind, keyByte)
	isLine := dashes-behind >= 3 && len(bytes.Trim(text[behind:min(dashes, behind+5)], "-")) == 0
	if !isLine && dashes < len(text) || begin < 0 && end < 0 && (!isLine || bytes.ContainsAny(before, ":=")) {
		return
	}
	if end > begin {
		s.keyBehind(at - len(before) + end)
		return
	}
	s.keyAhead(min(behind+5, dashes), at)
}

// keyAhead redacts the key behind a line that begins one.
func (s *scanner) keyAhead(at, name int) {
	text := s.text
	if end, ok := inline(text, at); ok {
		s.secret(start(text, at, end), end)
		s.armoured = end
		if !atLineEnd(text, end) {
			return
		}
	}
	prefix := name - lineStart(text, name, 200)
	missed := 0
	for line := range s.linesBehind(lineEnd(text, at)) {
		content := text[line.start:line.end]
		if bytes.Contains(content, boundary) {
			if stop := bytes.Index(content, boundary); bytes.Contains(content[:stop], []byte(`\n`)) {
				s.secret(line.start, line.start+stop)
			}
			return
		}
		body := bodyOf(text, line)
		size := line.end - body
		next := line.end + 1
		if next < len(text) {
			next = lineEnd(text, next)
		}
		last := line.end+1 < len(text) && bytes.Contains(text[line.end+1:next], boundary)
		switch {
		case size == 0 || armourHeader(content):
			if len(bytes.TrimSpace(content)) > 0 && !armourHeader(content) && !bytes.HasSuffix(content, []byte(Marker)) {
				missed++
			}
		case size >= bodyLine, last, size >= 16 && !ordinary(text[body:line.end]),
			len(bytes.TrimLeft(text[line.start:body], " \t>|")) == 0 && !(size < 16 && plain(text[body:line.end]) && wordlike(text[body:line.end])),
			body-line.start <= prefix && !ordinary(text[body:line.end]):
			s.secret(body, line.end)
			missed = 0
		default:
			missed++
		}
		if missed > strangers {
			return
		}
	}
}

// start moves past the literal line breaks that a body in a string begins with.
func start(text []byte, at, end int) int {
	for at < end && (text[at] == '\\' || (text[at] == 'n' || text[at] == 'r') && text[at-1] == '\\') {
		at++
	}
	return at
}

// armourHeader recognises the lines between the beginning of an armour and its body. Sources: RFC 1421, RFC 9580.
func armourHeader(line []byte) bool {
	line = bytes.TrimSpace(line)
	for _, name := range []string{"Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Charset:", "Hash:"} {
		if bytes.Contains(line, []byte(name)) {
			return true
		}
	}
	return false
}

// keyBehind redacts the key before a line that ends one, whose beginning may be lost.
func (s *scanner) keyBehind(end int) {
	text := s.text
	at := end
	for at > 0 && text[at-1] == '-' {
		at--
	}
	if stop := at; stop > 1 && text[stop-2] == '\\' || stop > 0 && is(text[stop-1], baseByte) { // in a string
		for at > 0 && (is(text[at-1], baseByte) || text[at-1] == '\\' || text[at-1] == ' ' && stop-at > 40 && is(text[max(0, at-2)], baseByte)) {
			if stop-at > 5 && prefixed(text, at, boundary5) {
				at += len(boundary)
				break
			}
			at--
		}
		if stop-at > 4 {
			s.secret(at, stop)
		}
	}
	start := lineStart(text, at, 256)
	if start > 0 && text[start-1] != '\n' {
		return
	}
	prefix := end - 5 - start
	for first := true; start > 0; first = false {
		line := span{bytes.LastIndexByte(text[:start-1], '\n') + 1, start - 1}
		if line.end > line.start && text[line.end-1] == '\r' {
			line.end--
		}
		content := text[line.start:line.end]
		body := bodyOf(text, line)
		size := line.end - body
		if bytes.Contains(content, boundary) || size == 0 || !first && size < 16 ||
			size < bodyLine && ordinary(text[body:line.end]) && !(first && body-line.start <= max(prefix, 0)) {
			return
		}
		s.secret(body, line.end)
		start = line.start
	}
}

const boundary5 = "-----"

// inline gives the end of a key's body that is on the line of its beginning, at at: in a string, with \n or spaces for
// line breaks.
func inline(text []byte, at int) (int, bool) {
	line := text[at:lineEnd(text, at)]
	if len(line) < 2 || line[0] != '\\' && !(line[0] == ' ' && is(line[1], baseByte)) && !is(line[0], baseByte) {
		return at, false
	}
	if end := bytes.Index(line, []byte("-----END")); end >= 0 {
		return at + end, true
	}
	if line[0] == ' ' && run(line, 1, pemByte) < 17 { // a sentence
		return at, false
	}
	if end := bytes.IndexAny(line, `"'`); end >= 0 {
		return at + end, true
	}
	return at + len(line), true
}

// bodyOf gives where the base64 begins that a line ends with.
func bodyOf(text []byte, line span) int {
	end := line.end
	for end > line.start && is(text[end-1], spaceByte) {
		end--
	}
	return runBack(text, end, line.start, pemByte)
}

// bodies finds keys of which only lines of base64 are left: at least two in a row, but for those of certificates and
// public keys, whose beginning says what they are.
func (s *scanner) bodies() {
	text := s.text
	last, known := span{}, false
	for line := range s.lines() {
		if line.end-line.start < bodyLine {
			last, known = span{}, bytes.Contains(text[line.start:line.end], []byte("-----BEGIN")) && !bytes.Contains(text[line.start:line.end], privateKey)
			continue
		}
		if tail := text[line.end-5 : line.end]; string(tail) == boundary5 {
			known = bytes.Contains(text[line.start:line.end], []byte("BEGIN")) && !bytes.Contains(text[line.start:line.end], privateKey)
		}
		body := span{bodyOf(text, line), line.end}
		if isBody := keyLine(text, line.start, body); known || !isBody {
			known = known && (isBody || string(text[line.end-5:line.end]) == boundary5)
			last = span{}
			continue
		}
		if last.end > 0 {
			s.secret(last.start, last.end)
			s.secret(body.start, body.end)
			s.continued(body.end)
		}
		last = body
	}
}

// keyLine reports whether a line ends like one of the body of a key.
func keyLine(text []byte, start int, body span) bool {
	value := text[body.start:body.end]
	if len(value) < bodyLine || !random(value) || digest(value) || bytes.IndexByte(bytes.TrimRight(value, "="), '=') >= 0 {
		return false
	}
	return body.start == start || text[body.start-1] != ':' && text[body.start-1] != '-' // go.sum; sha512-… of npm
}
