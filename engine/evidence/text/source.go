package text

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// source is a text cut into lines.
type source struct {
	data []byte
	text string // the same as data
	// starts are the offsets of the lines, and behind the last the length of the text.
	starts []int
	// coloured is set when the text has terminal escapes, quoted when lines in a row begin like a quoted mail.
	coloured, quoted bool
	// curled is set when the text has typographic quotes.
	curled bool
	// commented are the lines of output that a script or a document has as comments; nil where there are none.
	commented []bool
}

func newSource(data []byte) *source {
	data = decodeWide(data)
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	s := &source{data: data, text: string(data), coloured: bytes.IndexByte(data, escape) >= 0}
	s.starts = make([]int, 0, bytes.Count(data, []byte{'\n'})+2)
	for at := 0; at < len(s.text); {
		s.starts = append(s.starts, at)
		length := strings.IndexByte(s.text[at:], '\n')
		if length < 0 {
			break
		}
		at += length + 1
	}
	s.starts = append(s.starts, len(s.text))
	s.curled = strings.Contains(s.text, "\u201c")
	s.quoted = strings.HasPrefix(s.text, ">") || strings.Contains(s.text, "\n>") || strings.Contains(s.text, "\n  >")
	s.findComments()
	return s
}

// findComments finds the output of kubectl in comments: lines in a row that begin with #, of which one is the header of
// a table or an event.
func (s *source) findComments() {
	if !strings.HasPrefix(s.text, "#") && !strings.Contains(s.text, "\n#") && !strings.Contains(s.text, " #") {
		return
	}
	var found []bool
	for i := 0; i < s.lines(); i++ {
		begin, output := i, false
		for ; i < s.lines(); i++ {
			line, ok := uncommented(s.line(i))
			if !ok {
				break
			}
			start := trimLeft(line)
			output = output || isTableHeader(start) || isEventRow(start)
		}
		if !output || i-begin < 2 {
			continue
		}
		if found == nil {
			found = make([]bool, s.lines())
		}
		for j := begin; j < i; j++ {
			found[j] = true
		}
	}
	s.commented = found
}

// uncommented gives a line without the sign of a comment; false for one that is none.
func uncommented(line string) (string, bool) {
	rest, ok := strings.CutPrefix(trimLeft(line), "#")
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return line, false
	}
	return strings.TrimPrefix(rest, " "), true
}

// lines is how many lines there are.
func (s *source) lines() int { return len(s.starts) - 1 }

// line is the i-th line without its end and without terminal colours.
func (s *source) line(i int) string {
	line := s.text[s.starts[i]:s.starts[i+1]]
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if s.coloured {
		line = stripColours(line)
	}
	if s.curled {
		line = straight(line)
	}
	if s.quoted && (s.isQuoted(i-1) || s.isQuoted(i+1)) && strings.HasPrefix(trimLeft(line), ">") {
		line = strings.TrimPrefix(strings.TrimLeft(trimLeft(line), ">"), " ")
	}
	if s.commented != nil && s.commented[i] {
		line, _ = uncommented(line)
	}
	return line
}

// straight gives a line the quotes of programs, where a forum made it look better.
func straight(line string) string {
	if !strings.Contains(line, "\u201c") && !strings.Contains(line, "\u201d") {
		return line
	}
	return strings.ReplaceAll(strings.ReplaceAll(line, "\u201c", `"`), "\u201d", `"`)
}

// isQuoted tells whether a line begins as mails and issues quote lines. One alone may be a prompt.
func (s *source) isQuoted(i int) bool {
	return i >= 0 && i < s.lines() && strings.HasPrefix(trimLeft(s.text[s.starts[i]:s.starts[i+1]]), ">")
}

// raw are the bytes of the lines from to before until, as they were.
func (s *source) raw(from, until int) []byte {
	return s.data[s.starts[from]:s.starts[until]:s.starts[until]]
}

const escape = 0x1b

// stripColours removes terminal escape sequences of the form ESC [ … letter.
func stripColours(line string) string {
	at := strings.IndexByte(line, escape)
	if at < 0 {
		return line
	}
	var out strings.Builder
	for at >= 0 {
		out.WriteString(line[:at])
		line = line[at+1:]
		if strings.HasPrefix(line, "[") {
			end := 1
			for end < len(line) && (line[end] < 0x40 || line[end] > 0x7e) {
				end++
			}
			line = line[min(end+1, len(line)):]
		}
		at = strings.IndexByte(line, escape)
	}
	out.WriteString(line)
	return out.String()
}

// decodeWide makes UTF-8 of UTF-16 with a byte order mark, which PowerShell writes into files.
func decodeWide(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for data = data[2:]; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return []byte(string(utf16.Decode(units)))
}

// indentOf is how far a line is indented, in columns; a tab goes to the next multiple of 8.
func indentOf(line string) int {
	column := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			column++
		case '\t':
			column += 8 - column%8
		default:
			return column
		}
	}
	return column
}

// dedent takes up to margin columns of indentation away.
func dedent(line string, margin int) string {
	at, column := 0, 0
	for at < len(line) && column < margin {
		switch line[at] {
		case ' ':
			column++
		case '\t':
			column += 8 - column%8
		default:
			return line[at:]
		}
		at++
	}
	return line[at:]
}

func isBlank(line string) bool { return trimLeft(line) == "" }

// word cuts the first word off a text, and the white space around it.
func word(text string) (first, rest string) {
	text = trimLeft(text)
	for i := range len(text) {
		if isSpace(text[i]) {
			return text[:i], trimLeft(text[i:])
		}
	}
	return text, ""
}

// trimLeft removes spaces and tabs; it is the first thing that is done to every line.
func trimLeft(text string) string {
	i := 0
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	return text[i:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
