package redact

import (
	"bytes"
	"encoding/base64"
)

// What a value looks like, when there is no telling what it is.

// bigrams has a bit for every pair of letters that is common in English and in programs: those that occur in at
// least 10 of 6400 words of this project's catalogue and documents and of Go's standard library. A word is nearly
// always made of these alone, and half of the pairs of random letters are.
var bigrams = [26]uint32{
	0x1febd6f, 0x1164917, 0x11efddd, 0x11ef95f, 0x1fff9ff, 0x11ed93d, 0x01e79d5,
	0x01e5119, 0x2aefc7f, 0x0044011, 0x0142911, 0x13cf93d, 0x01cd91b, 0x17efdff,
	0x0fefd7f, 0x15ec9fd, 0x0100800, 0x17efd7f, 0x15ffdfd, 0x1def9ff, 0x00ef97f,
	0x0004115, 0x0066991, 0x0888114, 0x00cb114, 0x0000011,
}

// pronounceable reports whether letters, without regard to case, look like a word.
func pronounceable(letters []byte) bool {
	bad := 0
	for i := 1; i < len(letters); i++ {
		if bigrams[lower(letters[i-1])-'a']>>(lower(letters[i])-'a')&1 == 0 {
			bad++
		}
	}
	return bad <= len(letters)/10
}

// hump gives the end of the part of a camel-cased name at at: URL, Name, name, 123.
func hump(text []byte, at int) int {
	switch {
	case is(text[at], digitByte):
		return run(text, at, digitByte)
	case is(text[at], upperByte):
		end := run(text, at, upperByte)
		if end < len(text) && is(text[end], lowerByte) {
			if end-at > 1 {
				return end - 1
			}
			return run(text, end, lowerByte)
		}
		return end
	case is(text[at], lowerByte):
		return run(text, at, lowerByte)
	}
	return at + 1
}

// wordlike reports whether a value is made of words, as names, paths and sentences are: at least two of three letters
// are in words of at least three letters, those of camel-cased names have 4 on average, and no digits are between
// letters. Of random letters and digits, 12 in a row pass once in 3000 times, 16 once in 15000.
func wordlike(value []byte) bool {
	return words(value, false)
}

// words is wordlike; if it is strict, all parts of a camel-cased name must be words with a vowel. 12 random ones pass half as often.
func words(value []byte, strict bool) bool {
	letters, good, digits := 0, 0, 0
	camel, humps := 0, 0 // letters in camel-cased names, and their parts
	for i := 0; i < len(value); {
		if !is(value[i], alnumByte) {
			i++
			continue
		}
		piece := wordsOf(value[i:run(value, i, alnumByte)], strict)
		if piece.mixed {
			return false
		}
		letters, good, digits = letters+piece.letters, good+piece.good, digits+piece.digits
		if piece.humps > 1 {
			camel, humps = camel+piece.letters, humps+piece.humps
			if strict && piece.good < piece.letters {
				return false
			}
		}
		i += piece.letters + piece.digits
	}
	return letters > 0 && good*3 >= letters*2 && camel >= 4*humps && digits <= letters+8
}

// counts are those of a piece of letters and digits.
type counts struct {
	letters, good, digits, humps int
	mixed                        bool // digits are between letters, or too many behind them
}

func wordsOf(piece []byte, strict bool) (of counts) {
	for i := 0; i < len(piece); {
		end := hump(piece, i)
		size := end - i
		switch {
		case is(piece[i], digitByte):
			of.digits += size
			of.mixed = of.mixed || i > 0 && size > 4
		case of.digits > 0:
			of.mixed = true
			fallthrough
		default:
			of.letters, of.humps = of.letters+size, of.humps+1
			if size >= 3 && pronounceable(piece[i:end]) && (!strict || size == len(piece) || bytes.ContainsAny(piece[i:end], "aeiouyAEIOUY")) {
				of.good += size
			}
		}
		i = end
	}
	return of
}

// plain reports whether a value is a word of letters, maybe with a hyphen or apostrophe inside.
func plain(word []byte) bool {
	for i, c := range word {
		if !is(c, letterByte) && (c != '-' && c != '\'' || i == 0 || i == len(word)-1) {
			return false
		}
	}
	return len(word) > 0
}

// numeric reports whether a value has no letters but digits: a number, an address, a date.
func numeric(value []byte) bool {
	digits := 0
	for _, c := range value {
		switch {
		case is(c, digitByte):
			digits++
		case c != '.' && c != ':' && c != '-' && c != ',' && c != '/' && c != '+' && c != '%':
			return false
		}
	}
	return digits > 0
}

// timelike reports whether a value begins like 2026-01-02T03:04:05Z, 2026/01/02 or 12:01:02.
func timelike(value []byte) bool {
	for _, shape := range []string{"0000-00-00", "0000/00/00", "00/00/0000", "00:00:00", "00000000T000000"} {
		if shaped(value, shape) {
			return true
		}
	}
	return false
}

func shaped(value []byte, shape string) bool {
	if len(value) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if digit := is(value[i], digitByte); shape[i] == '0' && !digit || shape[i] != '0' && value[i] != shape[i] {
			return false
		}
	}
	return true
}

// uuid reports whether a value is one.
func uuid(value []byte) bool {
	if len(value) != 36 {
		return false
	}
	for i, c := range value {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash && c != '-' || !dash && !is(lower(c), hexByte) {
			return false
		}
	}
	return true
}

// hexadecimal reports whether a value is made of hexadecimal digits only.
func hexadecimal(value []byte) bool {
	for _, c := range value {
		if !is(lower(c), hexByte) {
			return false
		}
	}
	return len(value) > 0
}

// digest reports whether a value is as long as hashes of git and images, container IDs and trace IDs are.
func digest(value []byte) bool {
	return (len(value) == 64 || len(value) == 40 || len(value) == 32) && hexadecimal(value)
}

// objectName reports whether a value is a name of Kubernetes, maybe behind a namespace: labels of lower case, the
// first a word and the others words or short, as of web-7d9c8b6f5-x2x9z.
func objectName(value []byte) bool {
	if len(value) == 0 || len(value) > 128 || !is(value[0], lowerByte) {
		return false
	}
	labels, slashes, start := 0, 0, 0
	for i := 0; i <= len(value); i++ {
		if i < len(value) && value[i] != '-' && value[i] != '.' && value[i] != '/' {
			if !is(value[i], lowerByte|digitByte) {
				return false
			}
			continue
		}
		if label := value[start:i]; !objectLabel(label, labels == 0) {
			return false
		}
		if i < len(value) && value[i] == '/' {
			slashes++
		}
		labels, start = labels+1, i+1
	}
	return slashes <= 1 && (labels > 1 || wordlike(value))
}

// objectLabel reports whether a value is a word of the name of a Kubernetes object: a word, letters of a few, or, but
// for the first, a number or what controllers append: up to 5 letters and digits, or 10 of those that Kubernetes
// generates names of (k8s.io/apimachinery/pkg/util/rand) or of hexadecimal ones.
func objectLabel(label []byte, first bool) bool {
	if len(label) == 0 || len(label) > 63 {
		return false
	}
	if wordlike(label) || len(label) <= 4 && run(label, 0, lowerByte) == len(label) {
		return true
	}
	return !first && (len(label) <= 5 || len(label) <= 10 && (hexadecimal(label) || len(bytes.Trim(label, "bcdfghjklmnpqrstvwxz2456789")) == 0))
}

// path reports whether a value is a file's path or a URL.
func path(value []byte) bool {
	for _, start := range []string{"/", "./", "../", "~/", "file:", "classpath:"} {
		if prefixed(value, 0, start) {
			return wordlike(value) || len(value) < 4
		}
	}
	at := bytes.Index(value, []byte("://"))
	return at > 0 && run(value, 0, schemeByte) == at || file(value)
}

// extensions are those of files that keys and their kin are kept in.
var extensions = set("pem key crt cer der p12 pfx jks pub yaml yml json toml conf cfg ini txt env properties")

// file reports whether a value is a file's name.
func file(value []byte) bool {
	dot := bytes.LastIndexByte(value, '.')
	return dot > 0 && len(value) < 128 && extensions[string(value[dot+1:])] && !random(value[:dot]) &&
		len(bytes.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:")) == 0
}

// rooted reports whether a value is a path from a root on: its first part is a word.
func rooted(value []byte) bool {
	if len(value) < 4 || value[0] != '/' {
		return false
	}
	first := value[1:]
	if i := bytes.IndexByte(first, '/'); i > 0 {
		return wordlike(first[:i]) || i <= 4 && run(first, 0, lowerByte) == i
	}
	return false
}

// marks are what passwords have, and tokens don't.
const marks = "!#$&*^@?"

// random reports whether a value looks like nothing a person would write: long, of many characters, letters and
// digits or both cases mixed, not words, no ID that is no secret.
func random(value []byte) bool {
	if len(value) < 12 {
		return false
	}
	var upper, small, digits, turns int
	var seen [4]uint64
	var last class
	for _, c := range value {
		seen[c>>6] |= 1 << (c & 63)
		kind := classes[c] & alnumByte
		switch kind {
		case upperByte:
			upper++
		case lowerByte:
			small++
		case digitByte:
			digits++
		default:
			if !is(c, tokenByte) && bytes.IndexByte([]byte(marks), c) < 0 {
				return false
			}
		}
		if kind != last && kind != 0 {
			turns, last = turns+1, kind
		}
	}
	distinct := 0
	for _, bits := range seen {
		for ; bits != 0; bits &= bits - 1 {
			distinct++
		}
	}
	if distinct < 7 || turns < 3 || !(digits >= 1 && upper+small >= 4) && !(upper >= 3 && small >= 3) {
		return false
	}
	return !hexadecimal(value) && !uuid(value) && !timelike(value) && !wordlike(value) && !objectName(value)
}

// basic reports whether a value is user:password in base64.
func basic(value []byte) bool {
	value = bytes.TrimRight(value, "=")
	if len(value) < 4 || len(value) > 4096 {
		return false
	}
	plain, err := base64.RawStdEncoding.AppendDecode(nil, value)
	if err != nil {
		return false
	}
	colon := bytes.IndexByte(plain, ':')
	for _, c := range plain {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return colon >= 0
}

// placeholder reports whether a value stands for one that is not there: <password>, ${PASSWORD}, %s, ****, null.
func placeholder(value []byte) bool {
	if prefixed(value, 0, Marker) {
		return len(value) == len(Marker)
	}
	if len(value) == 0 {
		return true
	}
	same, alnum := true, false
	for _, c := range value {
		same = same && c == value[0]
		alnum = alnum || is(c, alnumByte) || c >= 0x80
	}
	if same && (!alnum || value[0] == 'x' || value[0] == 'X' || len(value) == 1) || !alnum && len(value) < 4 {
		return true
	}
	first, last := value[0], value[len(value)-1]
	switch inside := value[1:]; first {
	case '<':
		return last == '>' && nameIn(inside[:len(inside)-1]) || string(value) == "<nil>"
	case '{':
		return last == '}' && nameIn(inside[:len(inside)-1])
	case '$':
		if len(inside) > 1 && (inside[0] == '{' && last == '}' || inside[0] == '(' && last == ')') {
			return true
		}
		return upperName(inside)
	case '%':
		return len(inside) == 1 && is(inside[0], letterByte) || len(inside) > 2 && last == '%' && upperName(inside[:len(inside)-1]) ||
			inside[0] == '+' || inside[0] == '[' || inside[0] == '('
	case '*', '.', '#':
		return len(bytes.Trim(value, "*.#")) == 0
	}
	return false
}

// nameIn reports whether what stands between brackets is a name.
func nameIn(inside []byte) bool {
	for _, c := range inside {
		if !is(c, keyByte|spaceByte) && c != '{' && c != '}' {
			return false
		}
	}
	return len(inside) < 64 && (len(inside) < 8 || wordlike(inside))
}

func upperName(name []byte) bool {
	for i, c := range name {
		if !is(c, upperByte) && c != '_' && (i == 0 || !is(c, digitByte)) {
			return false
		}
	}
	return len(name) > 0
}

// expression reports whether a value is code that gets it, as in the lines that tracebacks quote: letters only, and
// behind a name an index, a call, or another name that is a word or one of a secret.
func expression(value []byte) bool {
	value = bytes.TrimLeft(value, "&*")
	end := run(value, 0, letterByte)
	if end < 1 || end == len(value) || bytes.ContainsAny(value, "$!@#%&^+/~=") {
		return false
	}
	for i, c := range value {
		if is(c, digitByte) && i > 0 && is(value[i-1], letterByte) {
			return false
		}
	}
	switch last := value[bytes.LastIndexByte(value, '.')+1:]; {
	case bytes.ContainsAny(value, "(["):
		return end >= 2 || wordlike(value)
	case value[end] != '.':
		return false
	default:
		return end >= 2 && wordlike(value) || classify(last) >= objectLike && !random(last)
	}
}

// ordinary reports whether what stands at a cut edge, or on the line behind a secret, is no piece of a secret.
func ordinary(value []byte) bool {
	if prefixed(value, 0, "0x") && hexadecimal(value[2:]) || len(value) > 1 && value[0] == 'v' && numeric(value[1:]) || prefixed(value, 0, Marker) {
		return true
	}
	if run(value, 0, digitByte) == len(value) && len(value) >= 12 {
		return value[0] == '1' && (len(value) == 13 || len(value) == 16 || len(value) == 19) // a time
	}
	return numeric(value) || timelike(value) || uuid(value) || digest(value) || words(value, true) || objectName(value)
}
