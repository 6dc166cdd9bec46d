package gist

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What of a text is looked at, so that reading a log of any size costs the same.
const (
	// maxHead and maxTail are how much of the beginning and of the end of a text is read, in bytes.
	maxHead, maxTail = 8 << 10, 24 << 10
	// maxLine is how much of one line is read, in bytes.
	maxLine = 1 << 10
	// lastLines is how many lines at the end are told apart from the others: how a log ends decides much about it.
	lastLines = 1
	// stem is how many letters of a word stand for all its forms: restart, restarted, restarting.
	stem = 5
	// span is how many characters in a row are looked at together, whatever words they are of: names that programs and
	// people make up, and words that no text to learn from has, are made of known pieces.
	span = 8
)

// marks are the characters beside letters and digits that say something.
const marks = `!:="'()[]/`

// Features calls yield with what the text is judged by, many of them more than once: its words, stems of words and
// pairs of neighbouring ones, those of its last line once more with the prefix "$", characters in a row with the prefix
// "~", and about how many lines it has. What is yielded is valid until yield returns. Any bytes will do; a text costs no more than 32 KiB of it.
func Features(text []byte, yield func(feature []byte)) {
	text = Ends(bytes.TrimSpace(text))
	r := reader{yield: yield}
	lines := bytes.Count(text, []byte("\n")) + 1
	for left := lines; left > 0; left-- {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = line[:min(len(line), maxLine)]
		r.read(line, "")
		r.spans(line)
		if left <= lastLines {
			r.read(line, "$")
		}
	}
	yield([]byte(sizeOf(lines)))
}

// Ends gives what of a text is read: all of it, or its beginning and its end.
func Ends(text []byte) []byte {
	if len(text) <= maxHead+maxTail {
		return text
	}
	return append(bytes.Clone(text[:maxHead]), text[len(text)-maxTail:]...)
}

// sizeOf says about how many lines there are.
func sizeOf(lines int) string {
	switch {
	case lines == 1:
		return "<one line>"
	case lines <= 3:
		return "<few lines>"
	case lines <= 10:
		return "<some lines>"
	default:
		return "<many lines>"
	}
}

// reader takes lines apart.
type reader struct {
	yield func([]byte)
	// word is the one being read, in small letters; before is the one before it on its line, shortened.
	word, before, feature []byte
	// letters are the characters of the line in small letters, and starts where the last of them begin.
	letters []byte
	starts  []int
}

// spans yields the characters of a line in rows of span. All digits are the same. Space counts: how far a line is
// indented, and how far columns are apart, tells what was printed.
func (r *reader) spans(line []byte) {
	r.letters, r.starts = r.letters[:0], r.starts[:0]
	for len(line) > 0 {
		letter, size := rune(line[0]), 1
		if letter >= utf8.RuneSelf {
			letter, size = utf8.DecodeRune(line)
		}
		line = line[size:]
		switch {
		case letter <= ' ':
			letter = ' '
		case isDigit(letter):
			letter = '#'
		}
		r.starts = append(r.starts, len(r.letters))
		r.letters = utf8.AppendRune(r.letters, unicode.ToLower(letter))
		if all := len(r.starts); all >= span {
			r.yield(r.join("~", r.letters[r.starts[all-span]:], nil))
		}
	}
}

func (r *reader) read(line []byte, prefix string) {
	r.before = r.before[:0]
	for len(line) > 0 {
		first, size := rune(line[0]), 1
		if first >= utf8.RuneSelf {
			first, size = utf8.DecodeRune(line)
		}
		switch {
		case isDigit(first):
			size = run(line, isDigit)
			r.number(line[:size])
		case ideograph(first):
			r.word = append(r.word[:0], line[:size]...)
		case unicode.IsLetter(first):
			size = run(line, inWord)
			r.word = r.word[:0]
			r.word = appendLower(r.word, line[:size])
		case first < utf8.RuneSelf && strings.IndexByte(marks, line[0]) >= 0:
			r.word = append(r.word[:0], line[:size]...)
		default:
			line = line[size:]
			continue
		}
		line = line[size:]
		r.tell(prefix)
	}
}

// appendLower appends a word in small letters.
func appendLower(to, word []byte) []byte {
	for len(word) > 0 {
		if letter := word[0]; letter < utf8.RuneSelf {
			if 'A' <= letter && letter <= 'Z' {
				letter += 'a' - 'A'
			}
			to, word = append(to, letter), word[1:]
			continue
		}
		letter, size := utf8.DecodeRune(word)
		to, word = utf8.AppendRune(to, unicode.ToLower(letter)), word[size:]
	}
	return to
}

// number keeps numbers that may have a meaning, such as exit codes and statuses of HTTP, and of others their size.
func (r *reader) number(digits []byte) {
	switch {
	case len(digits) == 1:
		r.word = append(r.word[:0], '#')
	case len(digits) > 3:
		r.word = append(r.word[:0], "##"...)
	default:
		r.word = append(r.word[:0], digits...)
	}
}

// tell yields the word that was read, alone and with the one before it.
func (r *reader) tell(prefix string) {
	r.yield(r.join(prefix, r.word, nil))
	if end := stemEnd(r.word); end < len(r.word) {
		r.word = append(r.word[:end], '*')
		r.yield(r.join(prefix, r.word, nil))
	}
	if len(r.before) > 0 {
		r.yield(r.join(prefix, r.before, r.word))
	}
	r.before = append(r.before[:0], r.word...)
}

func (r *reader) join(prefix string, first, second []byte) []byte {
	r.feature = append(append(r.feature[:0], prefix...), first...)
	if second != nil {
		r.feature = append(append(r.feature, ' '), second...)
	}
	return r.feature
}

// stemEnd gives where the stem of a word ends, in bytes.
func stemEnd(word []byte) int {
	end := 0
	for range stem {
		_, size := utf8.DecodeRune(word[end:])
		end += size
	}
	return end
}

// run gives the length of what belongs together at the beginning of a line, in bytes.
func run(line []byte, belongs func(rune) bool) int {
	size := 0
	for size < len(line) {
		next, width := rune(line[size]), 1
		if next >= utf8.RuneSelf {
			next, width = utf8.DecodeRune(line[size:])
		}
		if !belongs(next) {
			break
		}
		size += width
	}
	return size
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_'
	}
	return unicode.IsLetter(r) && !ideograph(r)
}

// ideograph reports whether a character is a word or a syllable by itself, in a script that has no spaces.
func ideograph(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
