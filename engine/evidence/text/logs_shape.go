package text

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"
)

// stampLength is that of a time to the second, "2026-02-03T10:02:29".
const stampLength = 19

// stampOf is the time that a line begins with, up to milliseconds, in a form that sorts; empty when there is none.
func stampOf(line []byte) []byte {
	line = bytes.TrimPrefix(line, []byte{'['})
	if len(line) < stampLength || line[0] != '2' || line[4] != '-' || line[7] != '-' || line[10] != 'T' && line[10] != ' ' || line[13] != ':' || line[16] != ':' {
		return nil
	}
	end := stampLength
	for end < min(len(line), stampLength+4) && (line[end] == '.' || line[end] == ',' || line[end] >= '0' && line[end] <= '9') {
		end++
	}
	return line[:end]
}

// orderOf is the time of a line in a form that sorts: that which it begins with, or that of an access log of nginx or
// Apache; empty when there is none.
func orderOf(line []byte) []byte {
	const form = "02/Jan/2006:15:04:05"
	if stamp := stampOf(line); stamp != nil {
		return stamp
	}
	line, _, _ = bytes.Cut(line[:min(len(line), maxHead)], []byte{'\n'})
	open := bytes.IndexByte(line, '[') + 1
	if open == 0 || len(line) < open+len(form) || line[open+2] != '/' {
		return nil
	}
	at, err := time.Parse(form, string(line[open:open+len(form)]))
	if err != nil {
		return nil
	}
	return at.AppendFormat(nil, time.DateTime)
}

// chronological turns a log around that was copied from a view which shows the newest line first. Lines without a
// time stay behind the one above them.
func chronological(raw []byte) []byte {
	const enough = 3 // lines whose times tell the order
	last := orderOf(raw)
	if last == nil {
		return raw
	}
	var records []int
	decreases := 0
	for at := 0; at < len(raw); {
		if stamp := orderOf(raw[at:]); stamp != nil {
			order := bytes.Compare(stamp, last)
			if order > 0 {
				return raw
			}
			if order < 0 {
				decreases++
			}
			last = stamp
			records = append(records, at)
		}
		length := bytes.IndexByte(raw[at:], '\n')
		if length < 0 {
			break
		}
		at += length + 1
	}
	if len(records) < enough || decreases < enough-1 {
		return raw
	}
	turned := make([]byte, 0, len(raw)+1)
	end := len(raw)
	for i := len(records) - 1; i >= 0; i-- {
		record := raw[records[i]:end]
		turned = append(turned, record...)
		if len(record) > 0 && record[len(record)-1] != '\n' {
			turned = append(turned, '\n')
		}
		end = records[i]
	}
	return turned
}

// withoutCommonPrefix removes names of pods, containers and the like that a tool put before each line.
func withoutCommonPrefix(raw []byte) []byte {
	const enough, longest = 3, 160
	first, _, _ := bytes.Cut(raw, []byte{'\n'})
	prefix := first[:min(len(first), longest)]
	lines := 0
	for rest := raw; len(rest) > 0 && len(prefix) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		lines++
		same := 0
		for same < min(len(prefix), len(line)) && prefix[same] == line[same] {
			same++
		}
		prefix = prefix[:same]
	}
	end := bytes.LastIndexByte(prefix, ' ') + 1
	for end > 1 && !isNames(bytes.TrimRight(prefix[:end], " ")) { // lines of one moment have their time in common, too
		end = bytes.LastIndexByte(bytes.TrimRight(prefix[:end], " "), ' ') + 1
	}
	if lines < enough || end == 0 || !isNames(bytes.TrimRight(prefix[:end], " ")) {
		return raw
	}
	for end > 1 && prefix[end-1] == ' ' && prefix[end-2] == ' ' {
		end-- // what is indented stays so
	}
	out := make([]byte, 0, len(raw))
	for rest := raw; len(rest) > 0; {
		length := bytes.IndexByte(rest, '\n') + 1
		if length == 0 {
			length = len(rest)
		}
		line := rest[:length]
		if len(line) > end {
			line = line[end:]
		}
		out, rest = append(out, line...), rest[length:]
	}
	return out
}

// isNames tells whether a text is made of one to three names of objects, of which one has a hyphen and a digit, as those
// of pods have.
func isNames(text []byte) bool {
	words, pod := bytes.Fields(text), false
	for _, word := range words {
		name := string(bytes.Trim(word, "[]:|›"))
		if name != "" && (!isObjectName(name) || !strings.ContainsAny(name, "abcdefghijklmnopqrstuvwxyz")) { // or a date
			return false
		}
		pod = pod || bytes.IndexByte(word, '-') > 0 && bytes.ContainsAny(word, "0123456789")
	}
	return pod && len(words) <= 3
}

// unwrapped takes the lines of a log out of what Docker's log files, Google's Cloud Logging and CloudWatch have around them.
func unwrapped(raw []byte) []byte {
	if !prefixed(raw, wrapped) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for rest := raw; len(rest) > 0; {
		length := bytes.IndexByte(rest, '\n') + 1
		if length == 0 {
			length = len(rest)
		}
		line := rest[:length]
		rest = rest[length:]
		var record struct{ Log, TextPayload, Line, Message string }
		if tab := tabBehindStamp(line); tab > 0 {
			line = line[tab:]
		} else if wrapped(line) > 0 && json.Unmarshal(bytes.TrimRight(bytes.TrimSpace(line), ","), &record) == nil {
			line = append(bytes.TrimRight([]byte(cmp.Or(record.Log, record.TextPayload, record.Line, record.Message)), "\n"), '\n')
		}
		out = append(out, line...)
	}
	return out
}

// wrapped is positive for a line that holds another.
func wrapped(line []byte) int {
	if bytes.HasPrefix(line, []byte(`{"log":"`)) || bytes.HasPrefix(line, []byte(`{"textPayload":"`)) {
		return 1
	}
	if len(line) > 0 && line[0] == '{' && (bytes.Contains(line, []byte(`"kubernetes":{`)) && (bytes.Contains(line, []byte(`"message":"`)) || bytes.Contains(line, []byte(`"log":"`))) ||
		bytes.Contains(line, []byte(`"line":"`)) && (bytes.Contains(line, []byte(`"ts":"`)) || bytes.Contains(line, []byte(`"timestamp":"`)))) {
		return 1 // what Elasticsearch and Loki give out
	}
	return tabBehindStamp(line)
}

// tabBehindStamp is the length of a time and the tab that CloudWatch puts behind it; 0 when there is none.
func tabBehindStamp(line []byte) int {
	if stampOf(line) == nil {
		return 0
	}
	tab := bytes.IndexByte(line[:min(len(line), 40)], '\t')
	if tab < stampLength || bytes.IndexByte(line[stampLength:tab], ' ') >= 0 {
		return 0
	}
	return tab + 1
}
