package text

import (
	"strings"
	"unicode/utf8"
)

// What a window makes of a text: a terminal that is narrower than a line goes on in the next, and what is copied from it has
// the line in pieces, all but the last as wide as the window.

const (
	// narrowest is the least width of a window, in characters.
	narrowest = 60
	// fullLines is how many lines must be as wide as the window. At most two of three may be: lines of a table may all be of
	// one width, and each line that was broken has an end.
	fullLines = 3
)

// unbroken puts together again the lines of events and of descriptions that a window broke.
func unbroken(text string) string {
	width := windowOf(text)
	if width == 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	open := false // the line before is of an event or a description, and fills the window
	for line := range strings.Lines(text) {
		content := strings.TrimRight(line, "\r\n")
		full := utf8.RuneCountInString(content) == width
		start := trimLeft(content)
		switch {
		case open && start != "" && !strings.HasPrefix(content, "  ") && !tellsOfEvent(start) && !isTopField(content):
			open = full
		case open:
			out.WriteByte('\n')
			fallthrough
		default:
			open = full && (strings.HasPrefix(content, "  ") || tellsOfEvent(start) || isTopField(content))
		}
		if open {
			line = content
		}
		out.WriteString(line)
	}
	return out.String()
}

// isTopField reports whether a line is a field of a description that nothing stands before, or a prompt.
func isTopField(line string) bool {
	key, _ := cutField(line)
	_, prompt := parsePrompt(line)
	return prompt || isTopKey(key)
}

// windowOf gives the width of the window that broke a text, in characters; 0 when none seems to have.
func windowOf(text string) int {
	width, full, lines := 0, 0, 0
	for line := range strings.Lines(text) {
		lines++
		line = strings.TrimRight(line, "\r\n")
		if len(line) < width {
			continue
		}
		switch count := utf8.RuneCountInString(line); {
		case count > width:
			width, full = count, 1
		case count == width:
			full++
		}
	}
	if width < narrowest || full < fullLines || 3*full > 2*lines {
		return 0
	}
	return width
}

// tellsOfEvent reports whether a line is a row of events, of a description or of a table.
func tellsOfEvent(start string) bool {
	first, rest := word(start)
	if isEventType(first) {
		return isEventRow(start)
	}
	if _, ok := parseAge(first); !ok || !isDigit(first[0]) {
		return false
	}
	if strings.HasPrefix(rest, "(") {
		_, rest, _ = strings.Cut(rest, ")")
	}
	kind, _ := word(trimLeft(rest))
	return isEventType(kind)
}
