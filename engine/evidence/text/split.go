package text

import (
	"bytes"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// composed is how long the prefix "service  | " of each line of a log is, which docker compose writes for containers
// that run side by side; 0 when the log has none.
func composed(raw []byte) int {
	bar, lines := 0, 0
	for len(raw) > 0 && lines < 8 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if len(bytes.TrimSpace(line)) == 0 || lines > 0 && bytes.Contains(line, []byte(" exited with code ")) {
			continue
		}
		at := bytes.Index(line, []byte(" |"))
		if at <= 0 || bar > 0 && at != bar || !isObjectName(string(bytes.TrimRight(line[:at], " "))) {
			return 0
		}
		bar = at
		lines++
	}
	if lines < 2 {
		return 0
	}
	return bar + len(" |")
}

// splitComposed gives each service its own log.
func splitComposed(raw []byte, prefix int, whose evidence.Log) []evidence.Log {
	length := func(line []byte) int {
		switch {
		case len(line) < prefix || line[prefix-1] != '|':
			return 0
		case len(line) > prefix && line[prefix] == ' ':
			return prefix + 1
		default:
			return prefix
		}
	}
	return split(raw, length, func(prefix string) evidence.Log {
		whose.Container = strings.TrimRight(prefix, "| ")
		return whose
	})
}

// split gives each writer its own log, in the order they begin, without the prefix that names it. A line without
// prefix belongs to the line before it.
func split(raw []byte, length func(line []byte) int, of func(prefix string) evidence.Log) []evidence.Log {
	var logs []evidence.Log
	index := map[string]int{}
	current := -1
	for line := range bytes.Lines(raw) {
		prefix := length(line)
		if prefix > 0 || current < 0 {
			key := strings.TrimRight(string(line[:prefix]), " ")
			at, seen := index[key]
			if !seen {
				at = len(logs)
				index[key] = at
				logs = append(logs, of(key))
			}
			current = at
		}
		logs[current].Text = append(logs[current].Text, line[prefix:]...)
	}
	return logs
}
