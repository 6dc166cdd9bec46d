package text

import (
	"bytes"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// composed is how long the prefix "service  | " of each line of a log is, which docker compose writes for containers
// that run side by side; 0 when the log has none.
func composed(raw []byte) int {
	bar, lines := 0, 0
	for len(raw) > 0 && lines < 8 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if len(bytes.TrimSpace(line)) == 0 {
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

// splitComposed gives each service its own log, in the order they begin.
func splitComposed(raw []byte, prefix int, whose evidence.Log) []evidence.Log {
	var logs []evidence.Log
	index := map[string]int{}
	current := -1
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		line := raw[:end]
		raw = raw[end:]
		if len(line) >= prefix && line[prefix-1] == '|' {
			name := string(bytes.TrimRight(line[:prefix-1], " "))
			at, seen := index[name]
			if !seen {
				at = len(logs)
				index[name] = at
				whose.Container = name
				logs = append(logs, whose)
			}
			current, line = at, bytes.TrimPrefix(line[prefix:], []byte{' '})
		}
		if current < 0 {
			continue // an empty line before the first
		}
		logs[current].Text = append(logs[current].Text, line...)
	}
	return logs
}
