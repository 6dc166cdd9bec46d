package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// How kubectl before 1.7 printed the events of a description.

// parseOldEventRow reads "FirstSeen LastSeen Count From SubObjectPath Type Reason Message", the order of kubectl
// before 1.7. Before 1.2 there was no type, and times stood in place of ages.
func parseOldEventRow(line string) (eventRow, bool) {
	var row eventRow
	var ok2 bool
	first, rest, ok1 := leadingTime(line)
	if ok1 {
		row.first = first
		row.last, rest, ok2 = leadingTime(rest)
	} else {
		var firstText, lastText string
		firstText, rest = word(line)
		lastText, rest = word(rest)
		row.span.first, ok1 = parseAge(firstText)
		row.span.last, ok2 = parseAge(lastText)
	}
	countText, rest := word(rest)
	count, _, ok3 := parseRestarts(countText)
	if !ok1 || !ok2 || !ok3 {
		return row, false
	}
	row.span.count = count
	for _, kind := range []string{corev1.EventTypeWarning, corev1.EventTypeNormal} {
		before, after, ok := cutWord(rest, kind)
		if !ok {
			continue
		}
		row.kind = kind
		row.reason, row.message = word(after)
		row.takeSource(strings.Fields(before))
		return row, isReason(row.reason)
	}
	return row.withoutType(rest)
}

// withoutType reads "{kubelet node-1} [spec.containers{app} | implicitly required container POD] failed Message".
func (row eventRow) withoutType(text string) (eventRow, bool) {
	source, rest, ok := strings.Cut(text, "}")
	if !ok || !strings.HasPrefix(source, "{") {
		return row, false
	}
	rest = trimLeft(rest)
	if behind, ok := strings.CutPrefix(rest, "implicitly required container POD"); ok {
		row.sandbox, rest = true, behind
	} else if path, behind := word(rest); isFieldPath(path) {
		row.fieldPath, rest = path, behind
	}
	row.takeSource(strings.Fields(source))
	row.reason, row.message = word(rest)
	if !isReason(row.reason) {
		return row, false
	}
	row.kind = corev1.EventTypeNormal
	if lower := strings.ToLower(row.reason); strings.Contains(lower, "fail") || strings.Contains(lower, "unhealthy") || strings.Contains(lower, "notready") {
		row.kind = corev1.EventTypeWarning
	}
	row.reason = strings.ToUpper(row.reason[:1]) + row.reason[1:] // as they are written since
	return row, true
}

// takeSource reads who reported an event, maybe with what it is about behind.
func (row *eventRow) takeSource(source []string) {
	if n := len(source); n > 0 && isFieldPath(source[n-1]) {
		row.fieldPath = source[n-1]
		source = source[:n-1]
	}
	row.from = strings.Trim(strings.Join(source, " "), "{} ")
	row.from = strings.TrimSuffix(row.from, ",")
	if component, host := word(row.from); host != "" && !strings.HasSuffix(component, ",") {
		row.from = component + ", " + host
	}
}

// cutWord cuts a text at a word that stands by itself.
func cutWord(text, word string) (before, after string, ok bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 || from > 512 {
			return "", "", false
		}
		at += from
		end := at + len(word)
		if (at == 0 || isSpace(text[at-1])) && end < len(text) && isSpace(text[end]) {
			return text[:at], text[end+1:], true
		}
		from = end
	}
}

// isOldEventRow recognises an event as kubectl describe printed it before 1.7.
func isOldEventRow(start string) bool {
	first, rest := word(start)
	second, rest := word(rest)
	if count, _ := word(rest); first == "" || !isDigit(start[0]) && !strings.Contains(first, ",") || !strings.ContainsAny(count, "0123456789") || second == "" {
		return false
	}
	_, ok := parseOldEventRow(start)
	return ok
}
