package text

import (
	"bytes"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// endLog ends the log that runs, if any, before line i.
func (p *parser) endLog(i int) {
	if p.logFrom == 0 {
		return
	}
	raw := p.src.raw(p.logFrom-1, i)
	p.logFrom = 0
	if len(bytes.Trim(raw, " \t\r\n-=.")) == 0 || len(raw) < 128 && isElision(string(bytes.TrimSpace(raw))) { // nothing was written
		return
	}
	whose := p.logOwner(raw)
	raw = chronological(unwrapped(raw))
	if prefixed(raw, podPrefixOf) {
		p.logs = append(p.logs, splitByPod(raw, whose)...)
		return
	}
	if prefix := composed(raw); prefix > 0 {
		p.logs = append(p.logs, splitComposed(raw, prefix, whose)...)
		return
	}
	whose.Text = withoutCommonPrefix(withoutRuntimePrefixes(raw))
	p.logs = append(p.logs, whose)
}

// logOwner is what the prompt, and the lines that kubectl itself prints first, say about a log.
func (p *parser) logOwner(raw []byte) evidence.Log {
	if p.command.isJournal() {
		return evidence.Log{Node: nodeOr(p.command.host)}
	}
	if !p.command.isLogs() {
		return evidence.Log{}
	}
	whose := evidence.Log{Namespace: p.command.namespace, Container: p.command.container, Previous: p.command.previous}
	if p.command.kind == "pod" {
		whose.Pod = p.command.name
	}
	for range 2 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if pod, ok := between(line, "using pod/", ""); ok && bytes.HasPrefix(line, []byte("Found ")) {
			whose.Pod = pod
		}
		if container, ok := between(line, `Defaulted container "`, `"`); ok && whose.Container == "" {
			whose.Container = container
		}
	}
	return whose
}

func nodeOr(name string) string {
	if name == "" {
		return evidence.UnknownNode
	}
	return name
}

// between is the text between two literals on a line; up to the line's end when the second is empty.
func between(line []byte, before, after string) (string, bool) {
	_, rest, ok := bytes.Cut(line, []byte(before))
	if !ok {
		return "", false
	}
	if after != "" {
		rest, _, ok = bytes.Cut(rest, []byte(after))
	}
	return string(bytes.TrimSpace(rest)), ok
}

// prefixed looks whether one of the first lines has a prefix.
func prefixed(raw []byte, prefix func([]byte) int) bool {
	for range 5 {
		line, rest, more := bytes.Cut(raw, []byte{'\n'})
		if prefix(line) > 0 {
			return true
		}
		if !more {
			return false
		}
		raw = rest
	}
	return false
}

// podPrefixOf is the length of "[pod/NAME/CONTAINER] ", which kubectl logs --prefix writes; 0 when there is none.
func podPrefixOf(line []byte) int {
	if !bytes.HasPrefix(line, []byte("[pod/")) {
		return 0
	}
	end := bytes.Index(line[:min(len(line), 512)], []byte("] "))
	if end < 0 || bytes.Count(line[:end], []byte{'/'}) != 2 {
		return 0
	}
	return end + 2
}

// splitByPod gives each container its own log.
func splitByPod(raw []byte, whose evidence.Log) []evidence.Log {
	logs := split(raw, podPrefixOf, func(prefix string) evidence.Log { return ownedBy(whose, prefix) })
	for i := range logs {
		logs[i].Text = withoutRuntimePrefixes(logs[i].Text)
	}
	return logs
}

func ownedBy(whose evidence.Log, prefix string) evidence.Log {
	parts := strings.Split(strings.TrimSuffix(prefix, "]"), "/")
	if len(parts) == 3 {
		whose.Pod, whose.Container = parts[1], parts[2]
	}
	return whose
}

// withoutRuntimePrefixes removes what container runtimes write before each line of a log file. Other logs
// come back as they are.
func withoutRuntimePrefixes(raw []byte) []byte {
	if !prefixed(raw, runtimePrefixOf) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		line := raw[:end]
		raw = raw[end:]
		length := runtimePrefixOf(line)
		partial := length > 0 && line[length-2] == 'P'
		line = line[length:]
		if partial {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
		}
		out = append(out, line...)
	}
	return out
}

// runtimePrefixOf is the length of a prefix of the CRI log format, "2024-01-02T03:04:05.678Z stderr F "; 0 when
// there is none.
func runtimePrefixOf(line []byte) int {
	if len(line) < 20 || line[0] != '2' || line[4] != '-' || line[10] != 'T' {
		return 0
	}
	end := bytes.IndexByte(line[:min(len(line), 48)], ' ')
	if end < 19 {
		return 0
	}
	rest := line[end+1:]
	if !bytes.HasPrefix(rest, []byte("stdout ")) && !bytes.HasPrefix(rest, []byte("stderr ")) {
		return 0
	}
	// The tag is F or P, maybe with more behind a colon.
	rest = rest[len("stdout "):]
	if len(rest) < 1 || (rest[0] != 'F' && rest[0] != 'P') {
		return 0
	}
	length := end + 1 + len("stdout ") + 1
	if len(rest) == 1 || rest[1] == '\n' || rest[1] == '\r' {
		return 0
	}
	if rest[1] != ' ' {
		return 0
	}
	return length + 1
}
