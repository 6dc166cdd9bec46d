package text

import (
	"bytes"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// A quantity of many digits, or with a large exponent, takes the library that parses it longer than anyone waits:
// it computes the number in full. No resource is measured in such numbers.
const (
	// maxQuantity is the length of the longest quantity that is parsed, in bytes.
	maxQuantity = 64
	// maxExponent is how many digits the exponent of a quantity may have.
	maxExponent = 3
)

// parseQuantity is the only way from a word of a description or a table to a quantity.
func parseQuantity(text string) (resource.Quantity, bool) {
	if !strings.ContainsAny(text, "0123456789") || isHugeNumber([]byte(text)) { // the library takes "-" for 0
		return resource.Quantity{}, false
	}
	quantity, err := resource.ParseQuantity(text)
	return quantity, err == nil
}

// isHugeNumber tells whether a text has the form of a quantity and too many digits for one. The library turns other
// forms down at a glance.
func isHugeNumber(text []byte) bool {
	rest := text[signOf(text):]
	digits := digitsOf(rest)
	rest = rest[digits:]
	if len(rest) > 0 && rest[0] == '.' {
		fraction := digitsOf(rest[1:])
		digits += fraction
		rest = rest[1+fraction:]
	}
	if digits == 0 {
		return false
	}
	suffix := bytes.TrimLeft(rest, "eEinumkKMGTP")
	exponent := digitsOf(suffix[signOf(suffix):])
	if signOf(suffix)+exponent != len(suffix) {
		return false
	}
	return digits > maxQuantity || exponent > maxExponent && (rest[0] == 'e' || rest[0] == 'E')
}

// signOf is how many signs a number begins with: one or none.
func signOf(text []byte) int { return btoi(len(text) > 0 && (text[0] == '+' || text[0] == '-')) }

// digitsOf is how many digits a text begins with.
func digitsOf(text []byte) int {
	at := 0
	for at < len(text) && isDigit(text[at]) {
		at++
	}
	return at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// withoutHugeNumbers gives a JSON value in which every string and number that would be a huge quantity is a string
// that is none, so that the fields of that type stay empty. Names and labels may look like numbers, hashes do: what
// stands below such a field is left alone.
func withoutHugeNumbers(value []byte) []byte {
	s := numberScan{value: value}
	for s.at < len(value) {
		switch c := value[s.at]; {
		case c == '"':
			s.text()
		case c == '-' || isDigit(c):
			s.number()
		case c == '{' || c == '[':
			s.open()
		case c == '}' || c == ']':
			s.depth--
			if s.depth < s.plain {
				s.plain = 0
			}
			s.at++
		default:
			s.at++
		}
	}
	return s.value
}

// numberScan walks through the tokens of a JSON value.
type numberScan struct {
	value  []byte
	copied bool
	at     int
	depth  int
	// plain is the depth from which on no string is a quantity; 0 outside of such fields.
	plain int
	// key is the last string that a colon followed.
	key []byte
}

func (s *numberScan) open() {
	s.depth++
	if s.plain == 0 && holdsText(string(s.key)) {
		s.plain = s.depth
	}
	s.key = nil
	s.at++
}

// holdsText knows the fields of API objects that hold pairs of texts.
func holdsText(key string) bool {
	switch key {
	case "labels", "annotations", "matchLabels", "nodeSelector", "data", "selector":
		return true
	default:
		return false
	}
}

// text reads a string, which begins at s.at.
func (s *numberScan) text() {
	begin := s.at + 1
	end := begin
	for end < len(s.value) && s.value[end] != '"' {
		if s.value[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(s.value))
	s.at = min(end+1, len(s.value))
	inside := s.value[begin:end]
	if rest := bytes.TrimLeft(s.value[s.at:min(len(s.value), s.at+64)], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
		s.key = inside
		return
	}
	if s.plain == 0 && isHugeNumber(bytes.TrimSpace(inside)) {
		s.hide(begin, end)
	}
	s.key = nil
}

// number reads a number, which begins at s.at.
func (s *numberScan) number() {
	begin := s.at
	for s.at < len(s.value) && strings.IndexByte("+-.eE0123456789", s.value[s.at]) >= 0 {
		s.at++
	}
	if isHugeNumber(s.value[begin:s.at]) {
		s.hide(begin, s.at)
		s.value[begin], s.value[s.at-1] = '"', '"'
	}
	s.key = nil
}

// hide overwrites a part of the value, or of a copy: the value is not ours.
func (s *numberScan) hide(begin, end int) {
	if !s.copied {
		s.value, s.copied = bytes.Clone(s.value), true
	}
	for i := begin; i < end; i++ {
		s.value[i] = 'x'
	}
}
