package text

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

// What people paste went through consoles, web pages and build servers, and each puts something of its own around
// the lines. It is taken off before anything is read, so that no reader has to know of it.

// tidied gives a text without what was put around its lines: the spaces and entities of web pages, boxes that consoles
// draw, and what build servers and log collectors write before each line of kubectl's output.
func tidied(data []byte) []byte {
	before := string(bytes.TrimPrefix(decodeWide(data), []byte("\xef\xbb\xbf")))
	text := plainSpaces(before)
	if strings.Count(text, "</span>") >= fewTags {
		text = tag.ReplaceAllString(text, "")
	}
	if strings.Contains(text, "&lt;") || strings.Contains(text, "&quot;") || strings.Contains(text, "&nbsp;") || strings.Contains(text, "&#") {
		text = plainSpaces(html.UnescapeString(text))
	}
	if strings.Contains(text, "│") || strings.Contains(text, "┃") || strings.Contains(text, "║") { // the bars
		text = unboxed(text)
	}
	if strings.Contains(text, "|--") || strings.Contains(text, "| --") || strings.Contains(text, "|:-") || strings.Contains(text, "| :-") {
		text = withoutPipes(text)
	}
	if strings.Contains(text, " |\n") {
		text = withoutRightPipes(text)
	}
	if strings.Contains(text, `"NAME `) || strings.Contains(text, `"NAMESPACE `) || strings.Contains(text, `"LAST SEEN `) || strings.Contains(text, `"Name: `) {
		text = withoutQuotes(text)
	}
	if strings.Contains(text, `\n`) {
		text = withoutEscapes(text)
	}
	if strings.Contains(text, `"caller":"`) || strings.Contains(text, `"MESSAGE"`) {
		text = withoutStructure(text)
	}
	if strings.Contains(text, "kubelet") || strings.Contains(text, "hyperkube") {
		text = bareHead.ReplaceAllString(fullStamp.ReplaceAllString(text, "${1}T${2}Z "), "$1")
	}
	if strings.Contains(text, "* ==> ") {
		text = starred.ReplaceAllString(text, "")
	}
	if strings.Contains(text, "\\\n") {
		text = brokenLine.ReplaceAllString(text, "$1")
	}
	if strings.HasPrefix(text, "# ") || strings.Contains(text, "\n# ") {
		text = withoutHashes(text)
	}
	if marked(text) {
		text = withoutMarks(text)
	}
	if numbered(text) {
		text = lineNumber.ReplaceAllString(text, "")
	}
	if strings.HasPrefix(text, "... ") || strings.Contains(text, "\n... ") {
		text = leftOut.ReplaceAllString(text, "$1")
	}
	if strings.Contains(text, " describe ") {
		text = onSameLine.ReplaceAllString(text, "$1\n$2")
	}
	if strings.Contains(text, "Active: ") && strings.Contains(text, ".service") {
		text = withoutOtherUnits(text)
	}
	if strings.Contains(text, "\nStarted container ") || strings.Contains(text, "\nCreated container ") || strings.Contains(text, "\nSuccessfully assigned ") || strings.Contains(text, "\nAdd eth") {
		text = stampLine.ReplaceAllStringFunc(text, onStampedLine)
	}
	if text = withoutLineHeads(text); text == before {
		return data
	}
	return []byte(text)
}

// starred is what minikube logs puts before each line.
var starred = regexp.MustCompile(`(?m)^\* `)

// fullStamp is the time of a line as journalctl -o short-full prints it, where that is UTC.
var fullStamp = regexp.MustCompile(`(?m)^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (20\d\d-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC `)

// bareHead is the program of a line in klog's format, of which the time and the host before it were cut off.
var bareHead = regexp.MustCompile(`(?m)^[ \t]*(?:kubelet|hyperkube)(?:\[\d+\])?: ([IWEF]\d{4} \d\d:\d\d:\d\d|"(?:Probe|Killing|SyncLoop|Eviction|Failed|Error) )`)

// lineNumber is what a page writes before each line of a listing.
var lineNumber = regexp.MustCompile(`(?m)^[ \t]*\d{1,5}\. ?`)

// numbered reports whether each line of a text has its number before it, from the first on.
func numbered(text string) bool {
	const few = 3
	number := 0
	for line := range strings.Lines(text) {
		first, _, found := strings.Cut(strings.TrimLeft(line, " \t"), ".")
		if number++; !found || first != strconv.Itoa(number) {
			return false
		}
		if number == 100*few { // the rest will be as well
			return true
		}
	}
	return number >= few
}

// onSameLine finds a description that begins on the line of the command that printed it.
var onSameLine = regexp.MustCompile(`(?m)^([^\n]{0,40}\b(?:kubectl|oc) describe [^\n]{1,120}?)[ \t]+(Name:[ \t])`)

// brokenLine is the end of a line that goes on with the next, as documents break long ones.
var brokenLine = regexp.MustCompile(`([^ \t\n\\] ?)\\\n[ \t]+`)

// stampLine finds an event as TrueNAS shows it: the time on a line of its own, and the message on the next.
var stampLine = regexp.MustCompile(`(?m)^(20\d\d-\d\d-\d\d) (\d\d:\d\d:\d\d)\r?\n([A-Z0][^\n]{8,})$`)

// onStampedLine writes such an event on one line, as stamped reads it.
func onStampedLine(event string) string {
	found := stampLine.FindStringSubmatch(event)
	kind := corev1.EventTypeWarning
	if reason := stampedReason(found[3]); reason == "" || reasonOf(found[3]) == "" && reason != "Failed" {
		kind = corev1.EventTypeNormal
	}
	return found[1] + "T" + found[2] + "Z [" + kind + "] " + found[3]
}

// What a page wrote around the words of a text that was copied with its tags.
var tag = regexp.MustCompile(`</?(?:span|pre|code|div|strong|em|font|br|p)\b[^>\n]{0,200}>`)

// fewTags is how many words are coloured at least in what was copied from a page.
const fewTags = 3

// leftOut are dots in front of a line, in place of what stood before it.
var leftOut = regexp.MustCompile(`(?m)^\.\.\. +(\S)`)

// spaces are what web pages and word processors use in place of a blank, and marks without a width.
var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2007", " ", "\u3000", "  ", "\u200b", "", "\u2060", "")

func plainSpaces(text string) string {
	if !strings.Contains(text, "\u00a0") && !strings.Contains(text, "\u202f") && !strings.Contains(text, "\u200b") && !strings.Contains(text, "\u3000") {
		return text
	}
	return spaces.Replace(text)
}

// withoutQuotes takes the lines of what kubectl printed out of a list of strings, one on each line.
func withoutQuotes(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		inside, quoted := strings.CutPrefix(strings.TrimSpace(line), `"`)
		inside, closed := strings.CutSuffix(strings.TrimSuffix(inside, ","), `"`)
		if !quoted || !closed || strings.Contains(inside, `": `) {
			out.WriteString(line)
			continue
		}
		out.WriteString(strings.ReplaceAll(inside, `\"`, `"`))
		out.WriteByte('\n')
	}
	return out.String()
}

// withoutEscapes gives the lines of a description or a table that stands in one line, as programs quote it.
func withoutEscapes(text string) string {
	const least = 4 // ends of lines: fewer are something in a log
	var out strings.Builder
	for line := range strings.Lines(text) {
		inside := strings.TrimPrefix(strings.TrimSpace(line), `"`)
		if !strings.HasPrefix(inside, "Name:") && !strings.HasPrefix(inside, "NAME ") && !strings.HasPrefix(inside, "NAMESPACE ") || strings.Count(inside, `\n`) < least {
			out.WriteString(line)
			continue
		}
		out.WriteString(escapes.Replace(strings.TrimSuffix(strings.TrimSuffix(inside, ","), `"`)))
		out.WriteByte('\n')
	}
	return out.String()
}

// escapes are how strings say in one line what takes several (RFC 8259, section 7).
var escapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\"`, `"`)

// marked tells whether somebody drew attention to parts of a text.
func marked(text string) bool {
	return strings.Contains(text, "**") || strings.Contains(text, "^^^") || strings.Contains(text, " <-") || strings.Contains(text, "\t<-") ||
		strings.Contains(text, " <=") || strings.Contains(text, " <<<") || strings.Contains(text, "\u2190")
}

// arrows are what somebody writes behind the line that matters.
var arrows = [...]string{" <--", "\t<--", " <==", "\t<==", " <<<", "\t<<<", " \u2190", "\t\u2190", "  <-", "\t<-"}

// withoutArrow takes off an arrow and what stands behind it.
func withoutArrow(line string) string {
	for _, arrow := range arrows {
		if at := strings.Index(line, arrow); at >= 0 {
			line = line[:at]
			if kept := strings.TrimRight(line, " \t"); strings.HasSuffix(kept, " #") || strings.HasSuffix(kept, "\t#") {
				line = strings.TrimRight(kept, "# \t")
			}
		}
	}
	return line
}

// withoutMarks takes off what draws attention to parts of a text: bold letters of Markdown, arrows behind a line, and
// carets below it.
func withoutMarks(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		content, end := line, ""
		if strings.HasSuffix(line, "\n") {
			content, end = line[:len(line)-1], "\n"
		}
		if strings.Contains(content, "^^^") && strings.Trim(content, "^~ \t\r") == "" {
			continue
		}
		if strings.Contains(content, "**") && !strings.Contains(content, "***") && !strings.Contains(content, "/**") && !strings.Contains(content, "**/") {
			content = withoutStars(content)
		}
		if len(content) < maxMarked && (strings.Contains(content, "<") || strings.Contains(content, "\u2190")) {
			content = withoutArrow(content)
		}
		out.WriteString(content)
		out.WriteString(end)
	}
	return out.String()
}

// withoutStars takes off what makes letters bold, on both sides of something or where the bold letters of several lines
// begin or end.
func withoutStars(line string) string {
	line = strings.ReplaceAll(line, "**_**", "") // slanted within bold
	if strings.Count(line, "**")%2 == 0 {
		return strings.ReplaceAll(line, "**", "")
	}
	start := trimLeft(line)
	if behind, opens := strings.CutPrefix(start, "**"); opens && !strings.HasPrefix(behind, " (") { // Elixir begins its errors so
		return line[:len(line)-len(start)] + behind
	}
	return strings.TrimSuffix(strings.TrimRight(line, " \t\r"), "**")
}

// maxMarked bounds the lines that are searched for arrows, in bytes.
const maxMarked = 1 << 10

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

const (
	// maxHead bounds what is written before each line, in bytes.
	maxHead = 120
	// maxHeads bounds how many lines are asked whether kubectl's output begins inside them.
	maxHeads = 64
)

// printed are the words with which what kubectl prints begins.
var printed = [...]string{"NAME ", "NAMESPACE ", "LAST SEEN ", "Name: ", "Type "}

// withoutLineHeads takes off what stands before each line of kubectl's output: times, levels, names of jobs. Logs are
// left alone, whose readers know what collectors write.
func withoutLineHeads(text string) string {
	if !slices.ContainsFunc(printed[:], func(words string) bool { return strings.Contains(text, words) }) {
		return text
	}
	var out strings.Builder
	next := nextPrinted{text: text}
	head, asked, from := "", 0, 0
	for at := 0; at < len(text); {
		if head == "" {
			if at = next.line(at); at == len(text) || asked == maxHeads {
				break
			}
		}
		end := at + strings.IndexByte(text[at:], '\n') + 1
		if end == at {
			end = len(text)
		}
		line := text[at:end]
		rest, ok := behindHead(line, head)
		if head == "" || !ok {
			var looked bool
			if head, looked = headOf(line, text[end:]); looked {
				asked++
			}
			rest, _ = behindHead(line, head)
		}
		if head != "" {
			out.WriteString(text[from:at])
			out.WriteString(rest)
			from = end
		}
		at = end
	}
	if from == 0 {
		return text
	}
	out.WriteString(text[from:])
	return out.String()
}

// nextPrinted finds the lines in which something printed may begin.
type nextPrinted struct {
	text string
	at   [len(printed)]int // where each of the words stands next, plus one
}

// line is where the next line from a place on begins that has one of the words; the end of the text when none has.
func (n *nextPrinted) line(from int) int {
	least := len(n.text)
	for i, words := range printed {
		if n.at[i] <= from {
			n.at[i] = len(n.text) + 1
			if found := strings.Index(n.text[from:], words); found >= 0 {
				n.at[i] = from + found + 1
			}
		}
		least = min(least, n.at[i]-1)
	}
	if least == len(n.text) {
		return least
	}
	return max(from, strings.LastIndexByte(n.text[:least], '\n')+1)
}

// headOf is what stands before the output of kubectl that begins inside a line; nothing when there is none. It tells
// whether it had to look closely.
func headOf(line, rest string) (head string, looked bool) {
	for _, words := range printed {
		at := strings.Index(line[:min(len(line), maxHead+16)], words)
		if at <= 0 {
			continue
		}
		before := strings.TrimRight(line[:at], " \t")
		if strings.Trim(before, " \t>#*-$|`│") == "" || isCapitals(before) {
			continue
		}
		looked = true
		printed := strings.TrimRight(line[at:], " \r\n")
		switch {
		case words == "Name: ":
			next, _, _ := strings.Cut(rest, "\n")
			next, ok := behindHead(next, line[:len(before)+1])
			key, _ := cutField(strings.TrimSpace(next))
			if !ok || key != "Namespace" && key != "Labels" && key != "Roles" {
				continue
			}
		case words == "Type ":
			if !isEventColumns(printed) || !strings.Contains(printed, "Message") {
				continue
			}
		case !isTableHeader(printed):
			continue
		}
		if len(before) < at {
			return line[:len(before)+1], true
		}
	}
	return "", looked
}

// isCapitals tells whether a text is made of words in capitals, as the names of columns are.
func isCapitals(text string) bool {
	return strings.Trim(text, " \tABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// behindHead gives what stands in a line behind a head of the same form as another: letters and digits may be others,
// and more or fewer, as those of times and levels are.
func behindHead(line, head string) (string, bool) {
	i := 0
	for j := 0; j < len(head); {
		if i >= len(line) || line[i] == '\n' || line[i] == '\r' {
			return line[i:], strings.TrimSpace(head[j:]) == "" // an empty line has no blank behind its head
		}
		of := classOf(head[j])
		if of == other {
			if line[i] != head[j] {
				return "", false
			}
			i, j = i+1, j+1
			continue
		}
		if classOf(line[i]) != of {
			return "", false
		}
		for j < len(head) && classOf(head[j]) == of {
			j++
		}
		for i < len(line) && classOf(line[i]) == of {
			i++
		}
	}
	return line[i:], true
}

// class is what a byte is of in the form of a head.
type class int

const (
	other class = iota
	digits
	letters
)

func classOf(c byte) class {
	switch {
	case isDigit(c):
		return digits
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
		return letters
	default:
		return other
	}
}
