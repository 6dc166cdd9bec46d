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
	// fullLines is how many lines must be as wide as the window.
	fullLines = 3
)

// unbroken puts together again the lines of events and of descriptions that a window broke. Lines of one width may be that by
// chance, as rows of a table: then most are followed by a line of its own.
func unbroken(text string) string {
	width := windowOf(text)
	if width == 0 {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	goesOn := make([]bool, len(lines)) // in the next line
	full, broken := 0, 0
	piece := false
	for i, line := range lines {
		content := strings.TrimRight(line, "\r\n")
		if utf8.RuneCountInString(content) != width || !piece && !isDescribed(content) {
			piece = false
			continue
		}
		full++
		if piece = i+1 < len(lines) && isRest(lines[i+1], strings.HasSuffix(content, " ")); piece {
			goesOn[i] = true
			broken++
		}
	}
	if broken == 0 || 4*broken < 3*full {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for i, line := range lines {
		if goesOn[i] {
			line = strings.TrimRight(line, "\r\n")
		}
		out.WriteString(line)
	}
	return out.String()
}

// windowOf gives the width of the window that may have broken a text, in characters; 0 when none has.
func windowOf(text string) int {
	width, full := 0, 0
	for line := range strings.Lines(text) {
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
	if width < narrowest || full < fullLines {
		return 0
	}
	return width
}

// isDescribed reports whether a line is surely one of a description or a row of events.
func isDescribed(line string) bool {
	start := trimLeft(line)
	if tellsOfEvent(start) || isEventColumns(start) {
		return true
	}
	if len(start) == len(line) {
		key, _ := cutField(line)
		return isTopKey(key)
	}
	kind, rest := word(start)
	switch status, _ := word(rest); {
	case status == "True", status == "False", status == "Unknown", strings.HasPrefix(start, "/") && status == "from":
		return true // a condition, or what is mounted
	case strings.HasPrefix(rest, "op=") || strings.Contains(kind, ":No"):
		return true // a toleration
	}
	key, value := cutField(start)
	return value != "" && isName(key)
}

// isName recognises the name of a field of a description: words that begin with a capital letter.
func isName(key string) bool {
	if key == "" {
		return false
	}
	for _, word := range strings.Fields(key) {
		if word[0] < 'A' || word[0] > 'Z' {
			return false
		}
	}
	return true
}

// isRest reports whether a line may be the rest of one that a window broke, in a gap between columns or elsewhere: it begins like
// nothing of its own.
func isRest(line string, gap bool) bool {
	line = strings.TrimRight(line, "\r\n")
	start := trimLeft(line)
	if start == "" || strings.HasPrefix(line, "  ") && (!gap || isDescribed(line)) || tellsOfEvent(start) || isTableHeader(start) || isHeadless(start) ||
		start[0] == '{' || isKlog(start) || stampOf([]byte(start)) != nil || syslogStamp(start) > 0 {
		return false
	}
	key, _ := cutField(start)
	_, prompt := parsePrompt(start)
	return !prompt && !isTopKey(key)
}

// tellsOfEvent reports whether a line is a row of events, of a description or of a table.
func tellsOfEvent(start string) bool {
	first, rest := word(start)
	if isEventType(first) {
		return isEventRow(start)
	}
	if _, ok := parseAge(first); !ok || !isDigit(first[0]) && first != "<unknown>" {
		return false
	}
	if strings.HasPrefix(rest, "(") {
		_, rest, _ = strings.Cut(rest, ")")
	}
	kind, _ := word(trimLeft(rest))
	return isEventType(kind)
}
