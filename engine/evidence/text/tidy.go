package text

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

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
		text = withoutHeads(text)
	}
	if strings.Contains(text, "* ==> ") {
		text = starred.ReplaceAllString(text, "")
	}
	if strings.Contains(text, "\\\n") {
		text = brokenLine.ReplaceAllString(text, "$1")
	}
	if strings.HasPrefix(text, "#") || strings.Contains(text, "\n#") {
		text = withoutHashes(text)
	}
	if marked(text) {
		text = withoutMarks(text)
	}
	if strings.Contains(text, "NAME READY STATUS RESTARTS AGE ") {
		text = flatTable.ReplaceAllStringFunc(text, unflattened)
	}
	if bulleted(text) {
		text = bullet.ReplaceAllString(text, "")
	}
	if numbered(text) {
		text = lineNumber.ReplaceAllString(text, "")
	}
	if strings.HasPrefix(text, "... ") || strings.Contains(text, "\n... ") {
		text = leftOut.ReplaceAllString(text, "$1")
	}
	if strings.Contains(text, "DELETED ") || strings.Contains(text, "MODIFIED ") || strings.Contains(text, "ADDED ") {
		text = withoutWatched(text)
	}
	if strings.Contains(text, " ←") || strings.Contains(text, " <-") || strings.Contains(text, " <=") || strings.Contains(text, " # ") || strings.Contains(text, " <<") || strings.Contains(text, " // ") || strings.Contains(text, " \\\n") {
		text = withoutRemarks(text)
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
	text = withoutMargin(text)
	if strings.Contains(text, "Warning ") || strings.Contains(text, "Conditions:\n") {
		text = unbroken(text)
	}
	if text = withoutLineHeads(text); text == before {
		return data
	}
	return []byte(text)
}

// withoutMargin takes off what all lines begin with where somebody quoted or indented all that a terminal had shown: the mark of
// a mail, the bar of a chat, or spaces before a prompt.
func withoutMargin(text string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	margin := ""
	switch {
	case strings.HasPrefix(first, "> "), strings.HasPrefix(first, "| ") && !strings.HasSuffix(strings.TrimRight(first, " \r"), "|"):
		margin = first[:2]
	case strings.HasPrefix(first, " "):
		if _, prompt := parsePrompt(first); prompt {
			margin = first[:len(first)-len(strings.TrimLeft(first, " "))]
		}
	}
	if margin == "" {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, margin)
		if blank := strings.TrimSpace(line); !ok && blank != "" && blank != strings.TrimSpace(margin) {
			return text // some lines begin with it, and who knows why
		} else if !ok {
			rest = strings.TrimLeft(line, " >|")
		}
		out.WriteString(rest)
	}
	return out.String()
}

// withoutHeads gives lines of journals the heads that their readers know. Expressions are asked about those lines alone
// that begin as they must.
func withoutHeads(text string) string {
	var out strings.Builder
	copied, at := 0, 0
	for line := range strings.Lines(text) {
		rest := line
		if len(rest) > 4 && rest[3] == ' ' && strings.Contains(rest[:min(len(rest), 40)], " UTC ") {
			rest = fullStamp.ReplaceAllString(rest, "${1}T${2}Z ")
		}
		if start := strings.TrimLeft(rest[:min(len(rest), 60)], " \t"); strings.HasPrefix(start, "kubelet") || strings.HasPrefix(start, "hyperkube") {
			rest = bareHead.ReplaceAllString(rest, "$1")
		}
		if rest != line {
			out.WriteString(text[copied:at])
			out.WriteString(rest)
			copied = at + len(line)
		}
		at += len(line)
	}
	if copied == 0 {
		return text
	}
	out.WriteString(text[copied:])
	return out.String()
}

// starred is what minikube logs puts before each line.
var starred = regexp.MustCompile(`(?m)^\* `)

// fullStamp is the time of a line as journalctl -o short-full prints it, where that is UTC.
var fullStamp = regexp.MustCompile(`(?m)^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (20\d\d-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC `)

// bareHead is the program of a line in klog's format, of which the time and the host before it were cut off.
var bareHead = regexp.MustCompile(`(?m)^[ \t]*(?:kubelet|hyperkube)(?:\[\d+\])?: ([IWEF]\d{4} \d\d:\d\d:\d\d|"(?:Probe|Killing|SyncLoop|Eviction|Failed|Error) )`)

// flatTable is a table of pods whose lines a page joined, and flatRow one row of it.
var (
	flatTable = regexp.MustCompile(`NAME READY STATUS RESTARTS AGE(?: [a-z0-9][-a-z0-9.]* \d+/\d+ [A-Za-z:/0-9]+ \d+(?: \(\w+ ago\))? \w+)+`)
	flatRow   = regexp.MustCompile(` ([a-z0-9][-a-z0-9.]*) (\d+/\d+) ([A-Za-z:/0-9]+) (\d+(?: \(\w+ ago\))?) (\w+)`)
)

// unflattened gives each row of such a table a line again, what was typed before and after it as well.
func unflattened(table string) string {
	var out strings.Builder
	write := func(cells ...string) {
		fmt.Fprintf(&out, "\n%-63s   %-5s   %-26s   %-18s   %s", cells[0], cells[1], cells[2], cells[3], cells[4])
	}
	write("NAME", "READY", "STATUS", "RESTARTS", "AGE")
	for _, row := range flatRow.FindAllStringSubmatch(table, -1) {
		write(row[1:]...)
	}
	out.WriteString("\n")
	return out.String()
}

// bullet is what stands before each line of a list.
var bullet = regexp.MustCompile(`(?m)^- ?`)

// bulleted reports whether all lines of a text are points of a list, and the first is one that kubectl prints: a list in
// YAML has other keys.
func bulleted(text string) bool {
	const few = 5
	points, named := 0, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if !strings.HasPrefix(line, "- ") {
			return false
		}
		if points < few {
			named = named || strings.HasPrefix(line, "- Name:") || strings.HasPrefix(line, "- NAME ")
		}
		points++
	}
	return points >= few && named
}

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

// watchedRow reads a row that kubectl get --watch --output-watch-events prints: what happened, to the object of which name, and
// the row itself.
func watchedRow(line string) (what, name, row string, ok bool) {
	what, row = word(line)
	switch what {
	case "EVENT", "ADDED", "MODIFIED", "DELETED":
	default:
		return "", "", "", false
	}
	name, rest := word(row)
	for range 2 { // there may be a namespace before the name
		second, behind := word(rest)
		if isRatio(second) || second == "READY" {
			return what, name, row, true
		}
		name, rest = second, behind
	}
	return "", "", "", false
}

// withoutWatched gives a text without the column that says what happened to the object of a row, and without the rows of
// objects that were deleted.
func withoutWatched(text string) string {
	deleted := map[string]bool{}
	for line := range strings.Lines(text) {
		if what, name, _, ok := watchedRow(line); ok {
			deleted[name] = what == "DELETED"
		}
	}
	if len(deleted) == 0 {
		return text
	}
	var kept strings.Builder
	kept.Grow(len(text))
	for line := range strings.Lines(text) {
		_, name, row, ok := watchedRow(line)
		switch {
		case !ok:
			kept.WriteString(line)
		case !deleted[name]:
			kept.WriteString(row)
		}
	}
	return kept.String()
}

// isRow recognises a row of a table of pods or nodes.
func isRow(words []string) bool { return headlessPod(words) != nil || headlessNode(words) != nil }

// withoutRemarks gives a text without what somebody wrote behind rows of a table of pods or nodes, or Markdown's break of a
// line.
func withoutRemarks(text string) string {
	var kept strings.Builder
	kept.Grow(len(text))
	for line := range strings.Lines(text) {
		at := -1
		if cut := strings.TrimRight(line, " \t\r\n"); strings.HasSuffix(cut, ` \`) {
			at = len(cut) - 2
		}
		for _, mark := range [...]string{" ←", " <-", " <=", " # ", " <<", " // "} {
			if found := strings.Index(line, mark); found >= 0 && (at < 0 || found < at) {
				at = found
			}
		}
		if at >= 0 && isRow(fewWords(strings.TrimSpace(line[:at]))) {
			kept.WriteString(line[:at])
			kept.WriteByte('\n')
			continue
		}
		kept.WriteString(line)
	}
	return kept.String()
}

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
