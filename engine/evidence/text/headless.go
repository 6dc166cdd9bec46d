package text

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Rows of tables are often quoted without the line that names their columns. Those of pods and of events are told by
// what their cells are.

// headless gives the cells of a row without a header; false when the line is no row of a known table.
func headless(start string) (cells, bool) {
	words := fewWords(start)
	kind, names := podTable, headlessPod(words)
	if names == nil {
		kind, names = eventTable, headlessEvent(words)
	}
	if names == nil {
		kind, names = nodeTable, headlessNode(words)
	}
	if names == nil {
		return cells{}, false
	}
	header := tableHeader{kind: kind}
	for _, name := range names {
		header.columns = append(header.columns, column{name: name})
	}
	values, ok := header.byWords(start)
	return cells{header, values}, ok
}

// isHeadless looks at the first words before it takes the trouble to name the columns.
func isHeadless(start string) bool {
	first, rest := word(start)
	second, rest := word(rest)
	third, _ := word(rest)
	if _, ok := parseAge(second); ok && isEventType(third) {
		first = second // behind a namespace
	}
	if !isRatio(second) && !isRatio(third) && !isNodeStatus(second) && !isNodeStatus(third) {
		if _, ok := parseAge(first); !ok || !isDigit(first[0]) {
			return false
		}
	}
	_, ok := headless(start)
	return ok
}

// isRatio recognises "1/2".
func isRatio(text string) bool {
	slash := strings.IndexByte(text, '/')
	return slash > 0 && slash < len(text)-1 && len(text) < 12 && isDigit(text[0]) && isDigit(text[len(text)-1])
}

// fewWords are the first words of a line; a parenthesis goes with the word before it.
func fewWords(line string) []string {
	var words []string
	for rest := line; rest != "" && len(words) < 12; {
		var first string
		first, rest = word(rest)
		if strings.HasPrefix(rest, "(") {
			inside, behind, _ := strings.Cut(rest, ")")
			first, rest = first+" "+inside+")", trimLeft(behind)
		}
		words = append(words, first)
		if name, _, _ := strings.Cut(words[0], " ("); len(words) == 2 && !isObjectName(name) {
			break // nearly every line of a log
		}
	}
	return words
}

// headlessPod names the columns of "[NAMESPACE] NAME READY STATUS RESTARTS AGE" and of what wide tables add.
func headlessPod(words []string) []string {
	var names []string
	if len(words) > 2 && isObjectName(words[1]) {
		if _, _, ok := ratio(words[2]); ok {
			names, words = []string{"NAMESPACE"}, words[1:]
		}
	}
	if len(words) < 5 || !isObjectName(words[0]) {
		return nil
	}
	_, _, ok1 := ratio(words[1])
	_, _, ok2 := parseRestarts(words[3])
	if _, ok := parseAge(words[4]); !ok || !ok1 || !ok2 || !isPodStatus(words[2]) {
		return nil
	}
	names = append(names, "NAME", "READY", "STATUS", "RESTARTS", "AGE")
	switch more := len(words) - 5; more {
	case 0:
		return names
	case 1: // wide tables had no addresses once
		return append(names, "NODE")
	default:
		return append(names, []string{"IP", "NODE", "NOMINATED NODE", "READINESS GATES"}[:min(more, 4)]...)
	}
}

// isPodStatus recognises what the STATUS of a pod may be.
func isPodStatus(text string) bool {
	rest, initializing := strings.CutPrefix(text, "Init:")
	if _, _, ok := ratio(rest); initializing && ok {
		return true
	}
	return isReason(rest) && rest[0] >= 'A' && rest[0] <= 'Z'
}

// headlessNode names the columns of "NAME STATUS [ROLES] AGE [VERSION]", and of "NAME LABELS STATUS" before 1.1.
func headlessNode(words []string) []string {
	switch {
	case len(words) < 3 || !isObjectName(words[0]):
		return nil
	case len(words) == 3 && isNodeStatus(words[2]) && strings.Contains(words[1], "="):
		return []string{"NAME", "LABELS", "STATUS"}
	case !isNodeStatus(words[1]):
		return nil
	}
	if _, ok := parseAge(words[2]); ok {
		return append([]string{"NAME", "STATUS", "AGE"}, []string{"VERSION"}[:min(len(words)-3, 1)]...)
	}
	if len(words) < 4 {
		return nil
	}
	if _, ok := parseAge(words[3]); !ok {
		return nil
	}
	names := append([]string{"NAME", "STATUS", "ROLES", "AGE"}, []string{"VERSION"}[:min(len(words)-4, 1)]...)
	if len(words) > 6 && (words[5] == "<none>" || isAddress(words[5])) { // a wide table, whose columns may have spaces
		names = append(names, "INTERNAL-IP", "MESSAGE")
	} else if len(words) == 6 { // a column of one's own, as the machine's name at a provider
		names = append(names, "MESSAGE")
	}
	return names
}

// isNodeStatus recognises what the STATUS of a node may be.
func isNodeStatus(text string) bool {
	ready, more, _ := strings.Cut(text, ",")
	return (ready == "Ready" || ready == "NotReady" || ready == "Unknown") && (more == "" || more == "SchedulingDisabled")
}

// headlessEvent names the columns of "LAST TYPE REASON OBJECT MESSAGE" and of the order before 1.14.
func headlessEvent(words []string) []string {
	if len(words) < 4 {
		return nil
	}
	if _, ok := parseAge(words[1]); ok && isEventType(words[2]) && isObjectName(words[0]) {
		if names := headlessEvent(words[1:]); names != nil {
			return append([]string{"NAMESPACE"}, names...)
		}
		return nil
	}
	if last, ok := parseAge(strings.SplitN(words[0], " ", 2)[0]); !ok || !last.known {
		return nil
	}
	if isEventType(words[1]) {
		kind, name, ok := strings.Cut(words[3], "/")
		if ok && isReason(words[2]) && kindOf(kind) != "" && isObjectName(name) {
			return []string{"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"}[:min(len(words), 5)]
		}
		return nil
	}
	_, firstSeen := parseAge(words[1])
	if count := intOf[int32](words[2]); !firstSeen || count == nil || len(words) < 8 || !isObjectName(words[3]) {
		return nil
	}
	if isEventType(words[5]) || isEventType(words[6]) {
		return []string{"LASTSEEN", "FIRSTSEEN", "COUNT", "NAME", "KIND", "SUBOBJECT", "TYPE", "REASON", "SOURCE", "MESSAGE"}
	}
	if isFieldPath(words[5]) && isReason(words[6]) { // before 1.2 without a type
		return []string{"LASTSEEN", "FIRSTSEEN", "COUNT", "NAME", "KIND", "SUBOBJECT", "REASON", "SOURCE", "MESSAGE"}
	}
	return nil
}

func isEventType(text string) bool {
	return text == corev1.EventTypeNormal || text == corev1.EventTypeWarning
}

// headlessRows reads rows without a header from line i on.
func (p *parser) headlessRows(i int) int {
	seen := p.clock.sighting()
	j := i
	for ; j < p.src.lines(); j++ {
		row, ok := headless(trimLeft(p.src.line(j)))
		if ok && row.header.kind == eventTable && row.header.index("MESSAGE") < 0 { // the message is on the next line
			if row, ok = p.brokenHeadless(j); ok {
				j++
			}
		}
		if !ok && isElision(p.src.line(j)) {
			continue
		}
		if !ok || !p.row(row, seen) {
			break
		}
	}
	if j == i {
		p.logFrom = i + 1
		return i + 1
	}
	return j
}

// brokenHeadless reads an event whose message stands on the line after line j.
func (p *parser) brokenHeadless(j int) (cells, bool) {
	if j+1 >= p.src.lines() || isBlank(p.src.line(j+1)) || isHeadless(trimLeft(p.src.line(j+1))) {
		return cells{}, false
	}
	return headless(strings.TrimSpace(p.src.line(j)) + "  " + strings.TrimSpace(p.src.line(j+1)))
}

// isElision recognises the dots and the words that people put where they left something out.
func isElision(line string) bool {
	if len(line) > 64 {
		return false
	}
	switch strings.ToLower(strings.Trim(line, " \t[]()<>{}*#-.…_")) {
	case "snip", "snipped", "cut", "omitted", "truncated", "output omitted", "skipped", "redacted":
		return true
	case "":
		return strings.Contains(line, "..") || strings.Contains(line, "…")
	default:
		return false
	}
}

// isAddress recognises an address of the internet protocol.
func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
