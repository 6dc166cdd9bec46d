package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Consoles, web pages and people draw boxes and tables around what they show.

const (
	// bars are the sides of boxes.
	bars = "│┃║"
	// edges are what the top and the bottom of a box is made of.
	edges = "─━═╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝╠╣"
	// fewBoxed is how many lines in a row make a box.
	fewBoxed = 3
)

// boxed is a line inside a box.
type boxed struct {
	content string
	// closed is set when the right side of the box is there: then the width of the content is known.
	closed bool
}

// unboxed takes the sides of boxes off, and puts together again what was broken to fit into them.
func unboxed(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	var run []boxed
	var raw []string
	flush := func() {
		if len(run) < fewBoxed {
			for _, line := range raw {
				out.WriteString(line)
			}
		} else {
			writeBoxed(&out, run)
		}
		run, raw = run[:0], raw[:0]
	}
	for line := range strings.Lines(text) {
		inside, ok := insideBox(strings.TrimRight(line, " \t\r\n"))
		if !ok {
			flush()
			out.WriteString(line)
			continue
		}
		run, raw = append(run, inside), append(raw, line)
	}
	flush()
	return out.String()
}

// insideBox gives what a line of a box holds; false for a line that is in none.
func insideBox(line string) (boxed, bool) {
	start := trimLeft(line)
	if strings.Trim(start, edges+" ") == "" && start != "" || strings.Contains(start, "──") && strings.ContainsAny(start[:min(len(start), 4)], "┌╭╔└╰╚├") {
		return boxed{}, true
	}
	found := boxed{content: line}
	first, width := utf8.DecodeRuneInString(start)
	left := strings.ContainsRune(bars, first) && width > 0
	if left {
		found.content = start[width:]
	}
	last, width := utf8.DecodeLastRuneInString(found.content)
	if strings.ContainsRune(bars, last) && width > 1 {
		found.content, found.closed = found.content[:len(found.content)-width], true
	}
	return found, left || found.closed
}

// writeBoxed writes the lines of a box. One that reaches to the column before its right side goes on in the next.
func writeBoxed(out *strings.Builder, run []boxed) {
	padded := !slices.ContainsFunc(run[1:], func(line boxed) bool { return line.content != "" && line.content[0] != ' ' })
	for i, line := range run {
		content := line.content
		if padded && (i > 0 || strings.HasPrefix(content, " ")) {
			content = strings.TrimPrefix(content, " ")
		}
		kept := strings.TrimRight(content, " ")
		out.WriteString(kept)
		full := line.closed && kept != "" && len(kept) >= len(content)-1 && i+1 < len(run) && run[i+1].content != ""
		if !full {
			out.WriteByte('\n')
		}
	}
}

// withoutPipes makes tables as kubectl prints them of those that are written in Markdown.
func withoutPipes(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	table := false
	for line := range strings.Lines(text) {
		start := strings.TrimSpace(line)
		if len(start) < 2 || start[0] != '|' || len(start) > maxPipes || !table && !beginsColumns(start) {
			table = table && len(start) > 1 && start[0] == '|'
			out.WriteString(line)
			continue
		}
		if table && strings.Trim(start, "|-: ") == "" {
			continue
		}
		cells := strings.Split(strings.Trim(start, "|"), "|")
		for i, cell := range cells {
			if cell = strings.Trim(cell, " \t`*"); cell == "" {
				cell = "<none>"
			}
			cells[i] = cell
		}
		row := strings.Join(cells, "   ")
		if !table && isTableHeader(strings.ToUpper(row)) {
			table, row = true, strings.ToUpper(row)
		}
		if !table {
			out.WriteString(line)
			continue
		}
		out.WriteString(row)
		out.WriteByte('\n')
	}
	return out.String()
}

// withoutRightPipes takes off the right ends of cells where most lines have them and none has a left one: a table of
// one column, copied from a web page.
func withoutRightPipes(text string) string {
	closed, open := 0, 0
	for line := range strings.Lines(text) {
		switch start := strings.TrimSpace(line); {
		case start == "":
		case start[0] == '|':
			return text
		case strings.HasSuffix(start, " |"):
			closed++
		default:
			open++
		}
	}
	if closed < fewBoxed || open > closed/2 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight(line, "| \t\r\n"))
		out.WriteByte('\n')
	}
	return out.String()
}

// maxPipes bounds the rows of tables in Markdown, in bytes.
const maxPipes = 4 << 10

// beginsColumns tells whether the first cell of a row in Markdown is the name of the first column of one of kubectl's
// tables.
func beginsColumns(row string) bool {
	first, _, _ := strings.Cut(row[1:], "|")
	switch strings.ToUpper(strings.Trim(first, " \t`*")) {
	case "NAME", "NAMESPACE", "POD", "LAST SEEN":
		return true
	default:
		return false
	}
}
