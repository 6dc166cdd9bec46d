package redact

import "bytes"

// separation is what stands between a key and its value.
type separation uint8

const (
	equals separation = iota // =, :=, =>, %3D
	tight                    // a colon with nothing behind it
	spaced                   // a colon and spaces, as in YAML and in sentences
	apart                    // spaces, behind a flag
)

// separator looks at a : or = at at, and gives where to go on.
func (s *scanner) separator(at int) (int, bool) {
	text := s.text
	next := byte(0)
	if at+1 < len(text) {
		next = text[at+1]
	}
	how, value := equals, at+1
	switch c := text[at]; {
	case c == ':' && next == '/' && prefixed(text, at, "://"):
		return s.url(at)
	case c == ':' && next == ':', c == '=' && (next == '=' || next == '~'):
		return at + 2, false
	case c == '=' && at > 0 && (text[at-1] == '!' || text[at-1] == '<' || text[at-1] == '>'):
		return at + 1, false
	case c == ':' && at > 0 && text[at-1] == '"' && s.invalidPort(at):
		return s.untilQuote(at + 1)
	case c == ':' && next == '=', c == '=' && next == '>':
		value = at + 2
	case c == ':':
		if how = tight; next == ' ' || next == '\t' || next == '\x1b' || next == '\n' || next == '\r' || next == 0 {
			how = spaced
		}
	}
	end := at
	if text[at] == '=' && at > 0 && (text[at-1] == '?' || text[at-1] == '+') {
		end--
	}
	k, ok := s.keyBefore(end)
	if !ok || text[at] == ':' && s.isPlace(k, how) {
		return at + 1, false
	}
	return s.value(k, value, how)
}

// isPlace reports whether what looks like a key is the end of a path, an image's name or an ARN.
func (s *scanner) isPlace(k key, how separation) bool {
	if k.start == 0 {
		return false
	}
	before := s.text[k.start-1]
	return before == '/' || how == tight && before == ':' && !k.quoted
}

// invalidPort recognises how Go's net/url quotes a password with a # or / as a port: invalid port ":hunter2" after host.
func (s *scanner) invalidPort(at int) bool {
	before := bytes.TrimRight(s.text[max(0, at-24):at], `\"`)
	return bytes.HasSuffix(before, []byte("invalid port "))
}

func (s *scanner) untilQuote(at int) (int, bool) {
	end := at
	for end < len(s.text) && s.text[end] != '"' && s.text[end] != '\n' && s.text[end] != '\\' {
		end++
	}
	if numeric(s.text[at:end]) {
		return at, false
	}
	return s.part(at, end)
}

// value looks at the value from at on that belongs to a key, and gives where to go on.
func (s *scanner) value(k key, at int, how separation) (int, bool) {
	text := s.text
	at = skipSpace(text, at)
	if s.goType(k) {
		return at, false
	}
	if k.kind == paired {
		if k.kind = s.nameBefore(k.start); k.kind == public {
			return at, false
		}
		k.deliberate = true
	}
	if atLineEnd(text, at) {
		return s.valueBelow(k, at, how)
	}
	end, ok := s.valueHere(k, at, how)
	if !ok {
		return s.broken(k, at, end)
	}
	return end, true
}

// goType reports whether a key is the name of a type, behind which an error stands: "failed to list *v1.Secret: ...".
// Source: k8s.io/client-go/tools/cache/reflector.go.
func (s *scanner) goType(k key) bool {
	const typesOf = "*v1."
	begin := k.start
	if bytes.HasPrefix(s.text[begin:], []byte(typesOf[1:])) {
		begin += len(typesOf) - 1
	}
	return bytes.HasSuffix(s.text[:begin], []byte(typesOf)) && bytes.HasPrefix(s.text[begin:], []byte("Secret: "))
}

// broken looks at a value that looks like none, but may be the first bytes of one that goes on behind a line break.
func (s *scanner) broken(k key, at, end int) (int, bool) {
	text := s.text
	stop := at
	for stop < len(text) && stop < at+48 && !atLineEnd(text, stop) {
		stop++
	}
	if !atLineEnd(text, stop) {
		return end, false
	}
	begin := stop
	for begin > at && text[begin-1] > ' ' && text[begin-1] != '"' && text[begin-1] != '\'' {
		begin--
	}
	if stop-begin >= 16 || stop == begin {
		return end, false
	}
	if k.kind == counted {
		return end, false
	}
	next, ok := s.below(stop)
	if !ok {
		return end, false
	}
	if piece := text[begin:stop]; !status(piece) && !isOneOf(functions, piece) && !path(piece) && !isOneOf(schemes, piece) {
		s.secret(begin, stop)
	}
	return next, true
}

// valueHere looks at a value on the line of its key.
func (s *scanner) valueHere(k key, at int, how separation) (int, bool) {
	text := s.text
	switch k.kind {
	case counted:
		if how == spaced && screaming(text[k.start:k.end]) || how == spaced && !k.leads && !k.quoted {
			return at, false // --- PASS: TestFoo
		}
	case header:
		return s.authorization(at, how)
	case cookie:
		if end, ok := s.cookies(at); ok || !k.deliberate {
			return end, ok
		}
		k.kind = doubtful
	}
	if text[at] == '[' && !prefixed(text, at, Marker) {
		return s.list(k, at)
	}
	if how == spaced && (text[at] == '|' || text[at] == '>') {
		return s.block(k, at)
	}
	if open, body := opensQuote(text, at); body > 0 {
		return s.quoted(k, body, open, how)
	}
	return s.unquoted(k, at, how)
}

// opensQuote recognises the start of a quoted value: quotes, behind the backslashes of a string in a string, or the
// prefixes of Python's. It gives what opens it and where its body begins, 0 when there is none.
func opensQuote(text []byte, at int) (open []byte, body int) {
	start := at
	if start+1 < len(text) && (text[start] == 'b' || text[start] == 'u' || text[start] == 'r' || text[start] == '@') && (text[start+1] == '"' || text[start+1] == '\'') {
		start++
	}
	end := start
	for end < len(text) && text[end] == '\\' {
		end++
	}
	if end < len(text) && (text[end] == '"' || text[end] == '\'' || text[end] == '`') {
		return text[start : end+1], end + 1
	}
	return nil, 0
}

// closesQuote finds where a quoted value ends: before what opened it, or at the line's end, or where limit is reached.
func closesQuote(text []byte, at int, open []byte, limit int) (int, bool) {
	start, quote, slashes := at, open[len(open)-1], 0
	for ; at < len(text) && at < limit && text[at] != '\n'; at++ {
		switch text[at] {
		case '\\':
			slashes++
			continue
		case quote:
			if quote == '\'' && slashes == 0 && at+1 < len(text) && text[at+1] == quote && at > start {
				at++ // of YAML and SQL
				continue
			}
			if depth := len(open) - 1; depth == 0 && slashes%2 == 0 || depth > 0 && slashes <= depth {
				return at - min(slashes, depth), true
			}
		}
		slashes = 0
	}
	if at < len(text) && at > 0 && text[at] == '\n' && text[at-1] == '\r' {
		at--
	}
	return at, false
}

// quoted looks at a quoted value.
func (s *scanner) quoted(k key, body int, open []byte, how separation) (int, bool) {
	text := s.text
	if end, ok := closesQuote(text, body, open, body+prose); ok {
		value := text[body:end]
		if keeps(k, text[k.start:k.end], value, true) || !k.quoted && how == spaced && !k.deliberate && objectName(value) || message(value) {
			return body, false
		}
		s.secret(body, end)
		return end, true
	}
	if k.kind == doubtful && !random(text[body:run(text, body, tokenByte)]) {
		return body, false
	}
	end, closed := closesQuote(text, body, open, len(text))
	if !closed && message(text[body:end]) {
		return body, false
	}
	return s.quotation(body, end, open, closed), true
}

// quotation notes a quoted value, and its rest on the next line where it is not closed on its own, and gives its end.
func (s *scanner) quotation(body, end int, open []byte, closed bool) int {
	s.secret(body, end)
	if closed {
		return end
	}
	if next, ok := nextLine(s.text, end); ok && end < len(s.text) {
		stop := s.tokenEnd(next)
		if stop > next && stop < len(s.text) && (s.text[stop] == open[len(open)-1] || s.text[stop] == open[0]) {
			s.secret(next, stop)
			return stop
		}
	}
	return s.continued(end)
}

// keeps reports whether the value of a key is not secret.
func keeps(k key, name, value []byte, quoted bool) bool {
	switch {
	case placeholder(value), status(value) && k.kind != basicAuth, path(value) && (k.kind != password || len(value) > 1 && bytes.Count(value, []byte("/")) > 1 || prefixed(value, 0, "/")):
		return true
	case bytes.EqualFold(value, name):
		return true
	case value[0] == '/' && (string(name) == "PWD" || string(name) == "OLDPWD" || string(name) == "pwd"): // a directory
		return true
	}
	switch k.kind {
	case doubtful:
		if hexadecimal(value) || uuid(value) {
			return !hexKey(name, value)
		}
		return len(value) < 16 || !random(value) || rooted(value)
	case objectLike:
		if screaming(name) && !objectName(value) {
			return false
		}
		return !(screaming(name) && quoted) && objectName(value) || numeric(value) && len(value) < 6
	case basicAuth:
		return !basic(value) && !random(value)
	case counted:
		return numeric(value)
	case confident:
		return numeric(value) && len(value) < 6 || objectName(value) && bytes.ContainsAny(value, "-/") && wordlike(value) && !bytes.ContainsAny(name, "_") && len(value) < 48 && bytes.Contains(value, []byte("token"))
	}
	return false
}

// hexKey reports whether a key that may be anything makes hexadecimal digits a secret.
func hexKey(name, value []byte) bool {
	if len(value) < 32 || uuid(value) {
		return false
	}
	for _, c := range name {
		if is(c, upperByte) || c == '_' || c == '-' || c == '.' {
			return true
		}
	}
	return string(name) == "sig" || string(name) == "signature"
}

// unquoted looks at a value without quotes.
func (s *scanner) unquoted(k key, at int, how separation) (int, bool) {
	text := s.text
	end := s.unquotedEnd(at)
	value := text[at:end]
	if how != equals {
		value = bytes.TrimRight(value, ".,;:!")
	}
	name := text[k.start:k.end]
	if len(value) > longestKept && k.kind != doubtful {
		s.secret(at, end)
		return s.continued(end), true
	}
	value = value[:min(len(value), longestKept)]
	if len(value) == 0 || keeps(k, name, value, false) || (value[0] == '(' || value[0] == '{') && how != apart || expression(value) {
		return at, false
	}
	if how == tight && numeric(value) && len(value) < 6 {
		return at, false
	}
	if bytes.HasSuffix(value, []byte("://")) || prefixed(text, end, "://") || bytes.Contains(value, []byte("://")) {
		return at, false // what is secret of it is found later
	}
	if how == spaced || how == apart {
		var tells bool
		if end, tells = s.tells(k, at, at+len(value), how); !tells {
			return at, false
		}
		s.secret(at, end)
		return s.continued(end), true
	}
	if len(value) < longestKept {
		end = at + len(value)
	}
	s.secret(at, end)
	return s.continued(end), true
}

// tells decides whether what stands behind a key and a space is its value, and not the rest of a sentence, and gives
// its end.
func (s *scanner) tells(k key, at, end int, how separation) (int, bool) {
	text := s.text
	value := text[at:end]
	rest := bytes.TrimLeft(text[end:min(lineEnd(text, end), end+prose)], " \t.,;:!)]}\"'")
	switch {
	case !plain(value):
		if word := bytes.TrimLeft(rest, " "); numeric(value) && (bytes.HasPrefix(word, []byte("byte")) || bytes.HasPrefix(word, []byte("char"))) {
			return end, false
		}
		return end, k.deliberate || k.kind == password || random(value) || !objectName(value) && !wordlike(value) && len(value) >= 8
	case len(rest) == 0 || rest[0] == '#':
		return end, k.deliberate && !isOneOf(functions, value)
	case how == apart:
		return end, !isOneOf(functions, value)
	case beginsPair(rest):
		return end, k.deliberate
	case isOneOf(functions, value) || message(text[at:min(lineEnd(text, at), at+prose)]) || !k.leads || bytes.IndexByte(text[end:min(end+2, len(text))], ':') >= 0:
		return end, false
	}
	return lineEnd(text, at), true // a passphrase in YAML
}

// beginsPair reports whether text begins with another key and its separator.
func beginsPair(text []byte) bool {
	end := run(text[:min(len(text), 64)], 0, keyByte)
	if end == 0 {
		return false
	}
	if quoted := end < len(text) && (text[end] == '"' || text[end] == '\''); quoted {
		end++
	}
	end = skipSpace(text[:min(len(text), 72)], end)
	return end < len(text) && (text[end] == '=' || text[end] == ':')
}

// unquotedEnd finds where a value without quotes ends. Marks end it where something follows that is no part of it.
func (s *scanner) unquotedEnd(at int) int {
	text, end := s.text, at
	opened := 0 // brackets
	for ; end < len(text); end++ {
		switch c := text[end]; {
		case c <= ' ' || c == '"' || c == '`' || c == 0x7f:
			return end
		case c == '\'':
			if end+1 == len(text) || !is(text[end+1], alnumByte) {
				return end
			}
		case c == '\\':
			if end+1 < len(text) && bytes.IndexByte([]byte(`nrt"'\u`), text[end+1]) >= 0 {
				return end
			}
		case c == ',' || c == ';' || c == '&' || c == '|':
			if endsList(text, end+1) {
				return end
			}
		case c == '(' || c == '[' || c == '{' || c == '<' && !prefixed(text, end, "</"):
			opened++
		case (c == ')' || c == ']' || c == '}' || c == '>') && opened > 0:
			opened--
		case c == ')' || c == ']' || c == '}' || c == '>':
			if end+1 == len(text) || bytes.IndexByte([]byte(" \t\r\n\"'`,;.:)]}>"), text[end+1]) >= 0 {
				return end
			}
		case c == '<':
			if prefixed(text, end, "</") {
				return end
			}
		case c == '%':
			if prefixed(text, end, "%26") {
				return end
			}
		}
	}
	return end
}

// endsList reports whether a mark of lists before at separates a value from the next, or from nothing.
func endsList(text []byte, at int) bool {
	if at == len(text) || text[at] <= ' ' || text[at] == '"' || text[at] == '\'' || text[at] == ';' || text[at] == '-' || text[at] == '\\' {
		return true
	}
	end := run(text, at, keyByte)
	for limit := min(len(text), at+40); end > at && end < limit && (text[end] == ' ' || is(text[end], keyByte)); { // User Id=
		end++
	}
	return end > at && end < len(text) && (text[end] == '=' || text[end] == ':' || text[end] == '%')
}

// list looks at the elements of a list: "tokens": ["a", "b"], Authorization:[Bearer …].
func (s *scanner) list(k key, at int) (int, bool) {
	text, found := s.text, false
	at = skipSpace(text, at+1)
	for range 64 {
		open, body := opensQuote(text, at)
		if body == 0 {
			if found || at < len(text) && text[at] == ']' {
				return at, found
			}
			end := at
			for end < len(text) && text[end] > ' ' && text[end] != ']' && text[end] != ',' {
				end++
			}
			if value := text[at:end]; keeps(k, text[k.start:k.end], value, true) || plain(value) || !is(value[0], alnumByte) {
				return at, false
			}
			s.secret(at, end)
			return end, true
		}
		end, closed := closesQuote(text, body, open, len(text))
		if value := text[body:min(end, body+prose)]; !keeps(k, text[k.start:k.end], value, true) && !message(value) {
			found = true
			if end = s.quotation(body, end, open, closed); !closed {
				return end, true
			}
		}
		if !closed {
			return end, found
		}
		if at = skipSpace(text, end+len(open)); at >= len(text) || text[at] != ',' {
			return at, found
		}
		at = skipSpace(text, at+1)
	}
	return at, found
}

// block looks at the lines of a block of YAML: password: |.
func (s *scanner) block(k key, at int) (int, bool) {
	text := s.text
	end := lineEnd(text, at)
	if len(bytes.Trim(text[at:end], "|>+-0123456789 \t")) > 0 || k.kind == doubtful || k.kind == counted {
		return at, false
	}
	begin := lineStart(text, k.start, 128)
	depth, found := indentOf(text[begin:]), false
	for line := range s.linesBehind(end) {
		content := trimmed(text, line)
		if content.start == content.end {
			continue
		}
		if indentOf(text[line.start:line.end]) <= depth {
			break
		}
		s.secret(content.start, content.end)
		end, found = line.end, true
	}
	return end, found
}

// valueBelow looks at a value that is not on the line of its key.
func (s *scanner) valueBelow(k key, at int, how separation) (int, bool) {
	text := s.text
	next, ok := nextLine(text, at)
	if !ok || k.kind == header || k.kind == cookie || k.kind == paired {
		return at, false
	}
	stop := s.tokenEnd(next)
	value := text[next:stop]
	if !random(value) && !(how == equals && len(value) >= 12 && !ordinary(value)) || stop < len(text) && text[stop] == ':' {
		return at, false
	}
	s.secret(next, stop)
	s.continued(stop)
	return at, false
}

// nameBefore tells what a value belongs to whose key is value: - name: DB_PASSWORD, or <add key="DbPassword" …>.
func (s *scanner) nameBefore(at int) kind {
	text := s.text
	before := text[max(0, at-160):at]
	i := max(bytes.LastIndex(before, []byte("name")), bytes.LastIndex(before, []byte("Name")), bytes.LastIndex(before, []byte("key=")), bytes.LastIndex(before, []byte(`key"`)))
	if i < 0 || bytes.Count(before[i:], []byte("\n")) > 1 || bytes.IndexByte(before[i:], '}') >= 0 {
		return public
	}
	name := bytes.TrimLeft(before[min(i+len("key"), len(before)):], "e\"'\\:= \t")
	name = name[:run(name, 0, keyByte)]
	if of := classify(name); of >= confident && of < header || of == objectLike && screaming(name) {
		return max(of, confident)
	}
	return public
}
