package text

import (
	"bytes"
	"encoding/json"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxManifest is the size of the largest document that is decoded, in bytes: etcd takes objects of 1.5 MiB, and
// the items of a list are decoded one by one.
const maxManifest = 8 << 20

// isManifest tells whether an object in YAML or JSON begins at line i, which without indentation is start.
func (p *parser) isManifest(i int, start string) bool {
	switch start[0] {
	case '{', '[':
		return beginsObject(p.src.text[p.src.starts[i]:], 2)
	case '-':
		if strings.TrimRight(start, " ") == "---" {
			return p.isManifestNext(i + 1)
		}
		start = strings.TrimPrefix(start, "- ")
		fallthrough
	case 'a':
		version, ok := strings.CutPrefix(start, "apiVersion:")
		return ok && isVersion(strings.Trim(version, ` "'`))
	case 'k':
		return strings.HasPrefix(start, "kind:") && p.isTopKey(i, "apiVersion:")
	case 'i':
		return strings.TrimRight(start, " ") == "items:" && i+1 < p.src.lines() && strings.HasPrefix(trimLeft(p.src.line(i+1)), "- ")
	default:
		return false
	}
}

// isManifestNext is for a separator: it belongs to what follows it.
func (p *parser) isManifestNext(i int) bool {
	for ; i < p.src.lines(); i++ {
		start := strings.TrimSpace(p.src.line(i))
		if start == "" || start[0] == '#' {
			continue
		}
		return start != "---" && p.isManifest(i, start)
	}
	return false
}

// isTopKey tells whether a key stands on one of the lines after i.
func (p *parser) isTopKey(i int, key string) bool {
	for j := i + 1; j < min(i+4, p.src.lines()); j++ {
		if strings.HasPrefix(strings.TrimSpace(p.src.line(j)), key) {
			return true
		}
	}
	return false
}

// isVersion recognises an API version such as v1 or apps/v1beta1.
func isVersion(text string) bool {
	if group, version, ok := strings.Cut(text, "/"); ok {
		text = version
		if group == "" || strings.ContainsAny(group, " \t:") {
			return false
		}
	}
	return len(text) >= 2 && len(text) < 32 && text[0] == 'v' && text[1] >= '0' && text[1] <= '9' && !strings.ContainsAny(text, " \t")
}

// beginsObject tells whether JSON begins with the fields that API objects have, maybe inside a list.
func beginsObject(text string, depth int) bool {
	text = strings.TrimLeft(text[:min(len(text), 256)], " \t\r\n")
	if rest, ok := strings.CutPrefix(text, "["); ok && depth > 0 {
		return beginsObject(rest, depth-1)
	}
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return false
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	for _, key := range []string{`"apiVersion"`, `"kind"`, `"items"`, `"metadata"`} {
		if strings.HasPrefix(rest, key) {
			return true
		}
	}
	return false
}

// manifest reads the object or the list of objects that begins at line i. What can't be decoded is a log.
func (p *parser) manifest(i int) int {
	start := strings.TrimSpace(p.src.line(i))
	if start == "---" {
		return i + 1
	}
	read := p.yaml
	if start[0] == '{' || start[0] == '[' {
		read = p.json
	}
	next, ok := read(i)
	if !ok {
		p.plainUntil = max(next, i+1)
		p.logFrom = i + 1
		return p.plainUntil
	}
	return next
}

// json decodes the JSON value that begins at line i. Once as much was read in vain as there is text, no value
// goes on over the end of its line.
func (p *parser) json(i int) (next int, ok bool) {
	text := p.src.text[p.src.starts[i]:]
	if p.jsonRead > len(p.src.text) {
		text = p.src.line(i)
	}
	length, closed := jsonLength(text)
	if !closed {
		p.jsonRead += length
		return i + 1, false
	}
	begin := p.src.starts[i]
	end := begin + length
	next = i + 1
	for next < p.src.lines() && p.src.starts[next] < end {
		next++
	}
	value := bytes.TrimLeft(p.src.data[begin:end], " \t")
	if !isBlank(strings.TrimRight(p.src.text[end:p.src.starts[next]], "\r\n")) || !json.Valid(value) {
		p.jsonRead += length
		return i + 1, false
	}
	return next, p.decode(value, owner{})
}

// jsonLength is how long the object or the list is that a text begins with, by its brackets; or how much of the text
// was read in vain.
func jsonLength(text string) (length int, closed bool) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted && c == '\n': // no string goes on over the end of its line
			return i, false
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1, true
			}
		}
	}
	return len(text), false
}

// yaml decodes the YAML document that begins at line i.
func (p *parser) yaml(i int) (next int, ok bool) {
	margin := indentOf(p.src.line(i))
	next = p.yamlEnd(i, margin, false)
	if items, outer := p.yamlItems(i, next, margin); items != nil {
		return next, p.decodeItems(items, outer)
	}
	value, cut, ok := p.yamlToJSON(p.plain(i, next, margin))
	if ok && cut > 0 {
		next = i + cut
	}
	return next, ok && p.decode(value, owner{})
}

// yamlEnd is the line after the document that begins at line i: the next that can't be part of it. A piece of a
// document ends where another begins behind an empty line.
func (p *parser) yamlEnd(i, margin int, piece bool) int {
	versions := 0
	end := i
	for j := i; j < p.src.lines(); j++ {
		line := p.src.line(j)
		if isBlank(line) {
			if piece && j+1 < p.src.lines() && !isBlank(p.src.line(j+1)) && p.isPiece(j+1, trimLeft(p.src.line(j+1))) {
				break
			}
			continue
		}
		if indent := indentOf(line); indent < margin {
			break
		} else if indent == margin {
			start := trimLeft(line)
			if strings.HasPrefix(start, "apiVersion:") {
				versions++
			}
			if versions > 1 || !isYAMLTop(start, j == end) {
				break
			}
		}
		end = j + 1
	}
	return end
}

// isYAMLTop tells whether a line without indentation may be part of an object: a field, whose names begin in
// lower case, an item, or a comment. Behind an empty line only a field that is known is one: a log may follow.
func isYAMLTop(start string, joined bool) bool {
	if strings.HasPrefix(start, "- ") || strings.HasPrefix(start, "#") {
		return true
	}
	key, value := cutField(start)
	if key == "" || key[0] < 'a' || key[0] > 'z' {
		return false
	}
	for i := range len(key) {
		if c := key[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	quoted := value != "" && (value[0] == '"' || value[0] == '\'' || value[0] == '{')
	return isObjectField(key) || joined && (quoted || !strings.Contains(value, ": "))
}

// isObjectField knows the fields that the objects this package reads have at their top.
func isObjectField(name string) bool {
	switch name {
	case "apiVersion", "kind", "metadata", "spec", "status", "items", "data", "type", "reason", "message", "note", "count", "involvedObject", "regarding",
		"related", "firstTimestamp", "lastTimestamp", "eventTime", "series", "source", "action", "reportingComponent", "reportingController",
		"reportingInstance", "deprecatedSource", "deprecatedCount", "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "provisioner",
		"parameters", "reclaimPolicy", "mountOptions", "allowVolumeExpansion", "volumeBindingMode", "allowedTopologies", "value", "globalDefault":
		return true
	default:
		return false
	}
}

// plain is the text of some lines without their margin.
func (p *parser) plain(from, until, margin int) []byte {
	if margin == 0 && !p.src.coloured && !p.src.quoted {
		return p.src.raw(from, until)
	}
	var out bytes.Buffer
	for j := from; j < until; j++ {
		out.WriteString(dedent(p.src.line(j), margin))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// yamlItems cuts the items of a list apart, so that one that is broken or huge doesn't spoil the others. It
// returns nil when the document is no list. A list whose kind names that of its items tells it to outer.
func (p *parser) yamlItems(from, until, margin int) (items [][]byte, outer owner) {
	at := -1
	for j := from; j < until; j++ {
		if line := p.src.line(j); indentOf(line) == margin {
			start := strings.TrimSpace(line)
			if start == "items:" || j == from && strings.HasPrefix(start, "- ") {
				at = j + btoi(start == "items:")
			}
			outer.note(start)
		}
	}
	if at < 0 || at >= until {
		return nil, outer
	}
	depth := indentOf(p.src.line(at))
	begin := -1
	for j := at; j <= until; j++ {
		var line string
		if j < until {
			if line = p.src.line(j); isBlank(line) || indentOf(line) > depth {
				continue
			}
		}
		if begin >= 0 {
			items = append(items, p.item(begin, j, depth))
		}
		if !strings.HasPrefix(trimLeft(line), "- ") {
			break
		}
		begin = j
	}
	return items, outer
}

// item is the text of one item of a list without its dash.
func (p *parser) item(from, until, depth int) []byte {
	text := p.plain(from, until, depth+2)
	first, _, _ := bytes.Cut(text, []byte{'\n'})
	// The dash itself stops the removal of the margin.
	if bytes.HasPrefix(first, []byte("- ")) {
		text = append([]byte(nil), text...)
		copy(text, "  ")
		text = bytes.TrimLeft(text, " ")
	}
	return text
}

func (p *parser) decodeItems(items [][]byte, outer owner) bool {
	decoded := false
	for _, item := range items {
		if outer.kind == "" && !bytes.Contains(item, []byte("kind")) {
			continue // nothing says what it is
		}
		if value, _, ok := p.yamlToJSON(item); ok && p.decode(value, outer) {
			decoded = true
		}
	}
	return decoded || len(items) == 0
}

// maxMended is how many documents of a text are tried again, which costs as much as the first time.
const maxMended = 64

// yamlToJSON converts one document, unless it is too large or repeats parts of itself: what kubectl prints has
// no aliases, and a few can stand for gigabytes. A document with dots where something was left out is read without
// these, and one that goes over into something else up to there; cut is then the number of its lines that count.
func (p *parser) yamlToJSON(document []byte) (value []byte, cut int, ok bool) {
	if len(document) > maxManifest || hasAliases(document) {
		return nil, 0, false
	}
	value, err := yaml.YAMLToJSON(document)
	if err == nil || p.mended >= maxMended {
		return value, 0, err == nil
	}
	p.mended++
	document = append(bytes.TrimRight(withoutElisions(document), "\r\n"), '\n') // the line of an error depends on it
	for range 4 {
		if value, err = yaml.YAMLToJSON(document); err == nil {
			return value, cut, true
		}
		if cut = min(errorLine(err), bytes.Count(document, []byte{'\n'})) - 1; cut < 2 {
			return nil, 0, false
		}
		document = firstLines(document, cut)
	}
	return nil, 0, false
}

// errorLine is the line that an error of the YAML library names; 0 when it names none.
func errorLine(err error) int {
	_, rest, _ := strings.Cut(err.Error(), "yaml: line ")
	number, _, _ := strings.Cut(rest, ":")
	if line := intOf[int32](number); line != nil {
		return int(*line)
	}
	return 0
}

func firstLines(document []byte, count int) []byte {
	end := 0
	for range count {
		length := bytes.IndexByte(document[end:], '\n')
		if length < 0 {
			return document
		}
		end += length + 1
	}
	return document[:end]
}

// withoutElisions empties the lines that stand for what was left out.
func withoutElisions(document []byte) []byte {
	lines := bytes.Split(document, []byte{'\n'})
	for i, line := range lines {
		if isElision(string(bytes.TrimRight(line, "\r"))) {
			lines[i] = nil
		}
	}
	return bytes.Join(lines, []byte{'\n'})
}

// hasAliases tells whether a document may use an anchor that it defines. It takes some text for one that isn't.
func hasAliases(document []byte) bool {
	if bytes.IndexByte(document, '&') < 0 || bytes.IndexByte(document, '*') < 0 {
		return false
	}
	anchors := map[string]bool{}
	for i := range document {
		c := document[i]
		if c != '&' && c != '*' || i > 0 && isNameByte(document[i-1]) {
			continue
		}
		end := i + 1
		for end < len(document) && end-i < 128 && isNameByte(document[end]) {
			end++
		}
		switch name := string(document[i+1 : end]); {
		case name == "":
		case c == '&':
			anchors[name] = true
		case anchors[name]:
			return true
		}
	}
	return false
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
