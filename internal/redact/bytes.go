package redact

import "bytes"

// class says what a byte can be part of.
type class uint16

const (
	upperByte class = 1 << iota
	lowerByte
	digitByte
	hexByte    // lower case
	wordByte   // letters, digits, _
	keyByte    // of names of keys: also - and .
	urlByte    // base64url, as most tokens are: also -
	baseByte   // base64, either alphabet, and its padding
	pemByte    // base64 as of PEM, and its padding
	tokenByte  // any of the above, ~ and %
	spaceByte  // space and tab
	schemeByte // of a URL's scheme and of what authenticates
	stopByte   // where the scan has a look
)

const (
	letterByte = upperByte | lowerByte
	alnumByte  = letterByte | digitByte
)

var classes = func() (table [256]class) {
	for c := range 256 {
		var of class
		switch b := byte(c); {
		case 'A' <= b && b <= 'Z':
			of = upperByte
		case 'a' <= b && b <= 'z':
			of = lowerByte
		case '0' <= b && b <= '9':
			of = digitByte
		}
		if of == digitByte || 'a' <= c && c <= 'f' {
			of |= hexByte
		}
		if of != 0 {
			of |= wordByte | keyByte | urlByte | baseByte | pemByte | tokenByte | schemeByte
		}
		table[c] = of
	}
	for chars, of := range map[string]class{
		"_": wordByte | keyByte | urlByte | baseByte | tokenByte,
		"-": keyByte | urlByte | baseByte | tokenByte | schemeByte,
		".": keyByte | tokenByte, "+/=": baseByte | pemByte | tokenByte, "~%": tokenByte,
		"=:$@%>{\x1b~": stopByte,
	} {
		for _, c := range []byte(chars) {
			table[c] |= of
		}
	}
	table[' '] |= spaceByte
	table['\t'] |= spaceByte
	return table
}()

func is(c byte, of class) bool { return classes[c]&of != 0 }

// run gives the end of the bytes of a class from at on.
func run(text []byte, at int, of class) int {
	for at < len(text) && is(text[at], of) {
		at++
	}
	return at
}

// runWithin is run that stops at most limit bytes behind at.
func runWithin(text []byte, at int, of class, limit int) int {
	return run(text[:min(len(text), at+limit)], at, of)
}

// runBack gives the start of the bytes of a class that end at at, not before floor.
func runBack(text []byte, at, floor int, of class) int {
	for at > floor && is(text[at-1], of) {
		at--
	}
	return at
}

// prefixed reports whether text has a prefix at at.
func prefixed(text []byte, at int, prefix string) bool {
	return len(text)-at >= len(prefix) && string(text[at:at+len(prefix)]) == prefix
}

// atLineEnd reports whether a line, or the text, ends at at.
func atLineEnd(text []byte, at int) bool {
	return at >= len(text) || text[at] == '\n' || text[at] == '\r' && at+1 < len(text) && text[at+1] == '\n'
}

// lineEnd gives the end of the line at at, without what ends it.
func lineEnd(text []byte, at int) int {
	end := len(text)
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		end = at + i
	}
	if end > at && end < len(text) && text[end-1] == '\r' {
		end--
	}
	return end
}

// lineStart gives the start of the line at at, or a place at most within bytes before.
func lineStart(text []byte, at, within int) int {
	floor := max(0, at-within)
	return floor + bytes.LastIndexByte(text[floor:at], '\n') + 1
}

// nextLine gives where the words of the line behind the line end at begin; false when there is no such line.
func nextLine(text []byte, at int) (int, bool) {
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at+1 >= len(text) || text[at] != '\n' {
		return 0, false
	}
	at++
	for limit := min(at+64, len(text)); at < limit && is(text[at], spaceByte); {
		at++
	}
	return at, at < len(text)
}

// skipColour gives the end of a terminal's escape sequence at at; at itself when there is none.
func skipColour(text []byte, at int) int {
	if !prefixed(text, at, "\x1b[") {
		return at
	}
	end := at + 2
	for end < len(text) && end < at+24 && (is(text[end], digitByte) || text[end] == ';') {
		end++
	}
	if end < len(text) && is(text[end], letterByte) {
		return end + 1
	}
	return at
}

// skipColourBack gives the start of a terminal's escape sequence that ends at at; at itself when there is none.
func skipColourBack(text []byte, at, floor int) int {
	if at <= floor || text[at-1] != 'm' {
		return at
	}
	start := at - 1
	for start > floor && start > at-24 && (is(text[start-1], digitByte) || text[start-1] == ';') {
		start--
	}
	if start-2 >= floor && text[start-1] == '[' && text[start-2] == '\x1b' {
		return start - 2
	}
	return at
}

// skipSpace gives the end of spaces and colours at at.
func skipSpace(text []byte, at int) int {
	for limit := min(at+64, len(text)); at < limit; {
		switch next := skipColour(text, at); {
		case next > at:
			at = next
		case is(text[at], spaceByte):
			at++
		default:
			return at
		}
	}
	return at
}

// skipSpaceBack gives the start of spaces and colours that end at at.
func skipSpaceBack(text []byte, at, floor int) int {
	for limit := max(floor, at-64); at > limit; {
		switch before := skipColourBack(text, at, limit); {
		case before < at:
			at = before
		case is(text[at-1], spaceByte):
			at--
		default:
			return at
		}
	}
	return at
}

func lower(c byte) byte {
	if is(c, upperByte) {
		c += 'a' - 'A'
	}
	return c
}

// lowered gives a short word in lower case; false when it has more bytes than fit.
func lowered(word []byte, room *[96]byte) ([]byte, bool) {
	if len(word) > len(room) {
		return nil, false
	}
	for i, c := range word {
		room[i] = lower(c)
	}
	return room[:len(word)], true
}
