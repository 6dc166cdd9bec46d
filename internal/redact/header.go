package redact

import "bytes"

// Authentication schemes whose credentials are a single word. Source: IANA's registry of HTTP authentication schemes,
// and those of GitHub (token), Discord (Bot), Okta (SSWS), Azure (SharedKey), Datadog and others.
var schemes = set(`bearer basic token negotiate ntlm apikey api-key key bot ssws sharedkey sharedkeylite sharedaccesssignature dpop hoba gnap
	privatetoken jwt splunk genie geniekey snowflake lws mac concealed vapid`)

// authorization looks at the value of an Authorization header, and gives where to go on. Source: RFC 9110, 11.6.2.
func (s *scanner) authorization(at int, how separation) (int, bool) {
	text := s.text
	var open []byte
	if at < len(text) && text[at] == '[' && !prefixed(text, at, Marker) {
		at = skipSpace(text, at+1)
	}
	if quote, body := opensQuote(text, at); body > 0 {
		open, at = quote, body
	}
	limit := lineEnd(text, at)
	if open != nil {
		limit, _ = closesQuote(text, at, open, limit)
	}
	first := run(text[:limit], at, schemeByte)
	scheme := text[at:first]
	credential := skipSpace(text[:limit], first)
	if credential > first && isOneOf(schemes, scheme) {
		return s.credential(credential, limit, open != nil)
	}
	if credential > first && credential < limit && (bytes.EqualFold(scheme, []byte("digest")) || bytes.EqualFold(scheme, []byte("oauth")) || bytes.HasPrefix(scheme, []byte("AWS4-")) || bytes.HasPrefix(scheme, []byte("GOOG4-")) || bytes.EqualFold(scheme, []byte("AWS")) || bytes.EqualFold(scheme, []byte("hawk"))) {
		if bytes.IndexByte(text[credential:limit], '=') < 0 && bytes.IndexByte(text[credential:limit], ':') < 0 {
			return credential, false
		}
		s.secret(credential, limit)
		return limit, true
	}
	end := s.unquotedEnd(at)
	value := bytes.TrimRight(text[at:min(end, limit)], ".,;:")
	if len(value) < 6 || placeholder(value) || status(value) || plain(value) && (len(value) < 16 || wordlike(value)) || message(text[at:min(limit, at+prose)]) ||
		how == spaced && wordlike(value) || path(value) || expression(value) {
		return at, false
	}
	s.secret(at, at+len(value))
	return s.continued(at + len(value)), true
}

// credential looks at what is behind a scheme.
func (s *scanner) credential(at, limit int, quoted bool) (int, bool) {
	text := s.text
	end := min(s.unquotedEnd(at), limit)
	if end < limit && (text[end] == ',' || text[end] == ';') && end > at { // Cookie-like lists of challenges
		limit = end
	}
	value := bytes.TrimRight(text[at:end], ".,;:")
	switch {
	case placeholder(value) || status(value) || len(value) == 0:
		return at, false
	case bytes.HasPrefix(value, []byte("realm=")) || bytes.HasPrefix(value, []byte("error=")) || expression(value):
		return at, false // a challenge
	case plain(value) && !quoted && (end < limit || isOneOf(functions, value)):
		if rest := text[end:min(limit, end+prose)]; !random(value) && message(rest) || wordlike(value) && len(value) < 20 {
			return at, false
		}
	}
	s.secret(at, at+len(value))
	return s.continued(at + len(value)), true
}

// attributes of cookies, which are no secrets. Source: RFC 6265, 4.1.1, and its successor's drafts.
var attributes = set(`path domain expires max-age samesite version priority secure httponly partitioned comment`)

// cookies looks at the values of a Cookie or Set-Cookie header from at on, or of a list of them.
func (s *scanner) cookies(at int) (int, bool) {
	text := s.text
	list := text[at] == '[' && !prefixed(text, at, Marker)
	if list {
		at = skipSpace(text, at+1)
	}
	open, body := opensQuote(text, at)
	if body == 0 {
		return s.pairs(at, lineEnd(text, at), list)
	}
	found := false
	for range 64 {
		limit, _ := closesQuote(text, body, open, len(text))
		end, ok := s.pairs(body, limit, false)
		found = found || ok
		at = end
		if next := skipSpace(text, min(limit+len(open), len(text))); ok && list && next < len(text) && text[next] == ',' {
			if open, body = opensQuote(text, skipSpace(text, next+1)); body > 0 {
				continue
			}
		}
		break
	}
	return at, found
}

// pairs looks at the names and values of cookies from at on, up to limit. Go prints lists of them with spaces between.
func (s *scanner) pairs(at, limit int, spaced bool) (int, bool) {
	text := s.text
	found, end := false, at
	for range 64 {
		name := at
		for at < limit && at < name+128 && text[at] > ' ' && bytes.IndexByte([]byte("=;\":["), text[at]) < 0 {
			at++
		}
		if at == name || at >= limit {
			break
		}
		if text[at] == '=' {
			value := at + 1
			attribute := isOneOf(attributes, text[name:at])
			reach := limit
			if attribute {
				reach = min(limit, value+prose)
			}
			if at = cookieEnd(text, value, reach); attribute {
				if i := bytes.IndexByte(text[at:min(limit, at+32)], ';'); i >= 0 { // dates have spaces
					at += i
				}
			} else if !placeholder(text[value:at]) {
				s.secret(value, at)
				found, end = true, at
			}
		}
		if at >= limit || text[at] != ';' && !(spaced && text[at] == ' ') {
			break
		}
		at = skipSpace(text[:limit], at+1)
	}
	if found && atLineEnd(text, end) {
		end = s.continued(end)
	}
	return end, found
}

// cookieEnd gives the end of a cookie's value.
func cookieEnd(text []byte, at, limit int) int {
	for ; at < limit && text[at] != ';' && text[at] > ' ' && text[at] != '"' && text[at] != '\\'; at++ {
		if text[at] == ']' && (at+1 == limit || text[at+1] <= ' ') && !prefixed(text, at+1-len(Marker), Marker) {
			break
		}
	}
	return at
}

// behind looks at what stands behind a word that ends at end, if the word is one that values stand behind: a
// scheme, a flag, the name of a secret. It gives where to go on.
func (s *scanner) behind(start, end int) (int, bool) {
	text := s.text
	word := text[start:end]
	if start > 0 && text[start-1] == '-' {
		if next, ok := s.flag(start, end); ok {
			return next, true
		}
	}
	if text[end] != ' ' {
		return end, false
	}
	switch lower(word[len(word)-1]) {
	case 'r', 'c':
		if bytes.EqualFold(word, []byte("bearer")) {
			return s.bare(end, 8, true)
		}
		if bytes.EqualFold(word, []byte("basic")) {
			next := skipSpace(text, end)
			stop := run(text, next, baseByte)
			if value := text[next:stop]; basic(value) && len(value) >= 6 && !plain(value) || random(value) && len(value) >= 12 {
				s.secret(next, stop)
				return s.continued(stop), true
			}
		}
	case 'd', 't', 'n', 'y', 's', 'e':
		if of := classify(word); of == confident || of == password || of == objectLike {
			return s.bare(end, 12, true)
		} else if of == doubtful && len(word) <= 4 {
			return s.bare(end, 16, false)
		}
	}
	return end, false
}

// fillers are words between a key and its value in a sentence.
var fillers = set("is was value provided given used of for with the new generated found in request be to set header your current")

// bare looks for a value behind the name of a secret in a sentence: it must look random, and have least bytes.
// If digits, it may be hexadecimal.
func (s *scanner) bare(at, least int, digits bool) (int, bool) {
	text := s.text
	for range 4 {
		at = skipSpace(text, at)
		for at < len(text) && (text[at] == '"' || text[at] == '\'' || text[at] == '`' || text[at] == ':' || text[at] == '(' || text[at] == '<' || text[at] == ' ' || text[at] == '\\' && at+1 < len(text) && text[at+1] == '"') {
			at++
		}
		end := run(text, at, tokenByte)
		value := bytes.TrimRight(text[at:end], ".")
		switch {
		case len(value) >= least && (random(value) || least < 12 && !ordinary(value) && !plain(value) && bytes.IndexByte(value, '=') < 0 || digits && hexadecimal(value) && len(value) >= 32):
			s.secret(at, at+len(value))
			return s.continued(at + len(value)), true
		case len(value) > 0 && len(value) < 16 && end == at+len(value) && atLineEnd(text, end) && !status(value):
			if next, ok := s.below(end); ok {
				s.secret(at, end)
				return next, true
			}
			return at, false
		case !isOneOf(fillers, value) || len(value) == 0:
			return at, false
		}
		at = end
	}
	return at, false
}

// flag looks at the value of a command line's flag: --password VALUE, -p of MySQL's programs, -u of curl's.
func (s *scanner) flag(start, end int) (int, bool) {
	text := s.text
	begin := runBack(text, start, max(s.done, start-64), keyByte)
	if begin > 0 && text[begin] == '-' && !(text[begin-1] <= ' ' || bytes.IndexByte([]byte(`"'[(,`+"`"), text[begin-1]) >= 0) {
		return end, false
	}
	name := bytes.TrimLeft(text[begin:end], "-")
	value, dashes := end, end-begin-len(name)
	if dashes == 0 {
		return end, false
	}
	if dashes == 1 && s.shortFlag(begin, name, &value) {
		return s.argument(begin+1, value, false)
	}
	if of := classify(name); of >= confident && of < header || of == objectLike && dashes == 2 || string(name) == "setcookie" {
		return s.argument(begin+dashes, value, of == objectLike)
	}
	if login := string(name) == "user" || string(name) == "u" || string(name) == "proxy-user"; login && s.said(begin, "curl", "wget", "http") {
		return s.login(value)
	}
	return end, false
}

// shortFlag reports whether a flag of one letter is that of a password, and where its value begins.
func (s *scanner) shortFlag(begin int, name []byte, value *int) bool {
	switch {
	case name[0] == 'p' && s.said(begin, "mysql", "mariadb", "sshpass"):
		*value = begin + 2
		return len(name) > 1 || !s.said(begin, "mysql", "mariadb")
	case string(name) == "a" && s.said(begin, "redis-cli"):
		return true
	case string(name) == "w" && s.said(begin, "ldap"):
		return true
	}
	return false
}

// said reports whether one of some words is on the line before at.
func (s *scanner) said(at int, words ...string) bool {
	line := s.text[lineStart(s.text, at, prose):at]
	for _, word := range words {
		if bytes.Contains(line, []byte(word)) {
			return true
		}
	}
	return false
}

// argument looks at the argument behind a flag, whose name begins at name, on the line or in the next element of a list.
func (s *scanner) argument(name, at int, object bool) (int, bool) {
	text := s.text
	if at < len(text) && (text[at] == '"' || text[at] == '\'') { // "--password", "hunter2"
		next := skipSpace(text, at+1)
		if next < len(text) && text[next] == ',' {
			next = skipSpace(text, next+1)
			if next < len(text) && text[next] == '\n' {
				next, _ = nextLine(text, next)
			}
		}
		open, body := opensQuote(text, next)
		if body == 0 {
			return at, false
		}
		end, closed := closesQuote(text, body, open, len(text))
		if value := text[body:min(end, body+prose)]; closed && placeholder(value) || len(value) == 0 || value[0] == '-' || object && objectName(value) {
			return at, false
		}
		return s.quotation(body, end, open, closed), true
	}
	if at < len(text) && text[at] == '`' { // the end of a quotation
		return at, false
	}
	k := key{start: name, end: at, kind: confident, deliberate: true}
	if of := classify(text[name:at]); of == password || at-name == 1 {
		k.kind = password
	}
	next := skipSpace(text, at)
	if next < len(text) && text[next] == '\n' { // the next element of a list in YAML
		if next, _ = nextLine(text, next); !prefixed(text, next, "- ") {
			return at, false
		}
		next += 2
	}
	if next >= len(text) || text[next] == '-' || atLineEnd(text, next) || object && objectName(text[next:s.unquotedEnd(next)]) {
		return at, false
	}
	if open, body := opensQuote(text, next); body > 0 {
		if len(open) == 1 && bytes.IndexByte([]byte(",]):"), text[min(body, len(text)-1)]) >= 0 {
			return at, false // the end of a quotation
		}
		return s.quoted(k, body, open, apart)
	}
	if end, ok := s.unquoted(k, next, apart); ok {
		return end, true
	}
	return s.broken(k, next, next)
}

// login looks at user:password behind a flag.
func (s *scanner) login(at int) (int, bool) {
	text := s.text
	at = skipSpace(text, at)
	if at < len(text) && (text[at] == '"' || text[at] == '\'') {
		at++
	}
	end := s.unquotedEnd(at)
	colon := bytes.IndexByte(text[at:end], ':')
	if colon < 0 || numeric(text[at:end]) || prefixed(text, at+colon, "://") {
		return at, false
	}
	return s.part(at+colon+1, end)
}
