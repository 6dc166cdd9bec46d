package manifest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// errElsewhere says that an operation is not one that can be carried out on the text alone.
var errElsewhere = errors.New("the text can't be edited in place")

// editAll carries out operations on the text of a document, one after the other, and leaves all else as it is.
func editAll(text string, operations []remedy.Operation) (string, error) {
	for _, operation := range operations {
		root, err := kyaml.Parse(text)
		if err != nil {
			return "", err
		}
		if text, err = edit(text, root.YNode(), operation); err != nil {
			return "", err
		}
	}
	return text, nil
}

func edit(text string, root *kyaml.Node, operation remedy.Operation) (string, error) {
	parent, last, err := parentOf(root, operation.Path)
	if err != nil {
		return "", err
	}
	at := child(parent, last)
	flow := parent.Style&kyaml.FlowStyle != 0
	switch {
	case operation.Op == "remove" && at >= 0 && !flow && parent.Kind == kyaml.MappingNode && len(parent.Content) > 2:
		key := parent.Content[at-1]
		lines := newLines(text)
		first, end := key.Line-1, lines.end(key.Line-1, key.Column-1)
		if strings.TrimLeft(lines.all[first][:key.Column-1], " ") != "" {
			return "", errElsewhere // it stands behind the dash of its item
		}
		return lines.without(first, end), nil
	case operation.Op == "remove":
		return "", errElsewhere
	case at >= 0 && parent.Kind == kyaml.MappingNode:
		return replaceScalar(text, parent.Content[at], operation.Value)
	case at >= 0 && operation.Op == "replace":
		return replaceScalar(text, parent.Content[at], operation.Value)
	case parent.Kind == kyaml.MappingNode && flow:
		return addToFlow(text, parent, last, operation.Value)
	case parent.Kind == kyaml.MappingNode && len(parent.Content) > 0:
		return addToMapping(text, parent, last, operation.Value)
	case parent.Kind == kyaml.SequenceNode && !flow && at < 0 && len(parent.Content) > 0:
		return addToSequence(text, parent, operation.Value)
	default:
		return "", errElsewhere
	}
}

// replaceScalar writes another scalar where one stands on one line, in the quotes that it has.
func replaceScalar(text string, node *kyaml.Node, value any) (string, error) {
	if node.Kind != kyaml.ScalarNode || node.Anchor != "" || node.Style&(kyaml.LiteralStyle|kyaml.FoldedStyle|kyaml.TaggedStyle) != 0 {
		return "", errElsewhere
	}
	from := offset(text, node.Line, node.Column)
	if from < 0 {
		return "", errElsewhere
	}
	words, isText := value.(string)
	rest, _, _ := strings.Cut(text[from:], "\n")
	length := 0
	switch {
	case node.Style&kyaml.DoubleQuotedStyle != 0:
		length = quoted(rest, '"')
	case node.Style&kyaml.SingleQuotedStyle != 0:
		length = quoted(rest, '\'')
	case node.Value != "" && strings.HasPrefix(rest, node.Value):
		length = len(node.Value)
	}
	if length == 0 {
		return "", errElsewhere
	}
	var written string
	switch {
	case isText && node.Style&kyaml.SingleQuotedStyle != 0 && !strings.ContainsAny(words, "\n\r\t"):
		written = "'" + strings.ReplaceAll(words, "'", "''") + "'"
	case isText && node.Style&kyaml.DoubleQuotedStyle != 0:
		written = inJSON(words)
	default:
		var err error
		if written, err = scalar(value); err != nil {
			return "", err
		}
	}
	return text[:from] + written + text[from+length:], nil
}

// quoted gives the length of a quoted scalar that begins a line, its quotes counted; zero when it does not end there.
func quoted(line string, quote byte) int {
	for i := 1; i < len(line); i++ {
		switch {
		case quote == '"' && line[i] == '\\':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i + 1
		}
	}
	return 0
}

// scalar writes a value on one line.
func scalar(value any) (string, error) {
	switch value.(type) {
	case map[string]any, []any:
		return "", errElsewhere
	}
	node, err := nodeOf(value)
	if err != nil {
		return "", err
	}
	out, err := kyaml.MarshalWithOptions(node, &kyaml.EncoderOptions{})
	written := strings.TrimSuffix(string(out), "\n")
	if strings.Contains(written, "\n") {
		return inJSON(value), err
	}
	return written, err
}

// inJSON writes a value as JSON, which is YAML in flow style too.
func inJSON(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// addToFlow adds a member at the end of a mapping that is written in braces.
func addToFlow(text string, parent *kyaml.Node, name string, value any) (string, error) {
	from := offset(text, parent.Line, parent.Column)
	if from < 0 || text[from] != '{' {
		return "", errElsewhere
	}
	end := closing(text, from)
	if end < 0 {
		return "", errElsewhere
	}
	key, written := name, inJSON(value)
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		key = inJSON(name)
	} else if short, err := flow(value); err == nil {
		written = short
	}
	body := strings.TrimRight(text[from+1:end], " \t\r\n")
	lead := ", "
	switch {
	case strings.TrimSpace(body) == "":
		lead = ""
	case strings.Contains(text[from:end], "\n"): // one member a line
		lead = ",\n" + strings.Repeat(" ", max(parent.Content[len(parent.Content)-2].Column-1, 0))
	}
	return text[:from+1] + body + lead + key + ": " + written + text[from+1+len(body):], nil
}

// flow writes a value in braces without more quotes than it needs.
func flow(value any) (string, error) {
	node, err := nodeOf(value)
	if err != nil {
		return "", err
	}
	var fold func(*kyaml.Node)
	fold = func(node *kyaml.Node) {
		if node.Kind != kyaml.ScalarNode {
			node.Style = kyaml.FlowStyle
		}
		for _, below := range node.Content {
			fold(below)
		}
	}
	fold(node)
	out, err := kyaml.MarshalWithOptions(node, &kyaml.EncoderOptions{})
	written := strings.TrimSuffix(string(out), "\n")
	if err == nil && strings.Contains(written, "\n") {
		err = errElsewhere
	}
	return written, err
}

// closing gives the offset of the brace that closes the one at from; -1 when none does.
func closing(text string, from int) int {
	depth := 0
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			if before := text[i-1]; strings.ContainsRune(" \t\n{[,:", rune(before)) {
				length := quoted(text[i:], text[i])
				if length == 0 {
					return -1
				}
				i += length - 1
			}
		case '#':
			if text[i-1] == ' ' || text[i-1] == '\n' {
				return -1 // comments may hold braces
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// addToMapping adds a member after the last one of a mapping that is written in lines.
func addToMapping(text string, parent *kyaml.Node, name string, value any) (string, error) {
	key := parent.Content[len(parent.Content)-2]
	written, err := block(text, map[string]any{name: value})
	if err != nil {
		return "", err
	}
	lines := newLines(text)
	return lines.insert(lines.end(key.Line-1, key.Column-1), key.Column-1, written), nil
}

// addToSequence adds an item after the last one of a sequence that is written in lines.
func addToSequence(text string, parent *kyaml.Node, value any) (string, error) {
	item := parent.Content[len(parent.Content)-1]
	lines := newLines(text)
	line := lines.all[item.Line-1]
	dash := strings.LastIndex(line[:min(item.Column-1, len(line))], "-")
	if dash < 0 || strings.TrimLeft(line[:dash], " ") != "" {
		return "", errElsewhere
	}
	written, err := block(text, []any{value})
	if err != nil {
		return "", err
	}
	return lines.insert(lines.end(item.Line-1, dash), dash, written), nil
}

// block writes a value in lines, its sequences indented as those of the text are.
func block(text string, value any) (string, error) {
	node, err := nodeOf(value)
	if err != nil {
		return "", err
	}
	out, err := kyaml.MarshalWithOptions(node, &kyaml.EncoderOptions{SeqIndent: kyaml.SequenceIndentStyle(kyaml.DeriveSeqIndentStyle(text))})
	return string(out), err
}

// offset gives the byte at which a line and column, both from 1, begin; columns are counted in characters.
func offset(text string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(text[at:], '\n')
		if next < 0 {
			return -1
		}
		at += next + 1
	}
	for ; column > 1; column-- {
		if at >= len(text) {
			return -1
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if at >= len(text) {
		return -1
	}
	return at
}

// lines is a text by its lines, without their ends.
type lines struct {
	all  []string
	ends string // how lines end
}

func newLines(text string) lines {
	ends := "\n"
	if strings.Contains(text, "\r\n") {
		ends = "\r\n"
	}
	return lines{all: strings.Split(text, "\n"), ends: ends}
}

// end gives the first line after what begins at a line and column, both from 0: the first that is not further in,
// but for comments and empty lines that something further in follows.
func (l lines) end(first, column int) int {
	end := first + 1
	for i := first + 1; i < len(l.all); i++ {
		line := strings.TrimRight(l.all[i], " \t\r")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case line == "":
			continue
		case indent > column:
			end = i + 1
		case line[indent] == '#':
			continue
		case indent == column && strings.HasPrefix(line[indent:], "- ") && !strings.HasPrefix(strings.TrimLeft(l.all[first], " "), "- "):
			end = i + 1 // a sequence may stand as far in as its key
		case indent == column && line[indent:] == "-" && !strings.HasPrefix(strings.TrimLeft(l.all[first], " "), "- "):
			end = i + 1
		default:
			return end
		}
	}
	return end
}

// insert gives the text with more lines before one, each so far in.
func (l lines) insert(before, column int, more string) string {
	added := strings.Split(strings.TrimSuffix(more, "\n"), "\n")
	for i, line := range added {
		added[i] = strings.Repeat(" ", column) + line + strings.TrimSuffix(l.ends, "\n")
	}
	all := slices.Insert(slices.Clone(l.all), before, added...)
	if before == len(l.all) { // the last line had no end
		all[before-1] += strings.TrimSuffix(l.ends, "\n")
	}
	return strings.Join(all, "\n")
}

// without gives the text without the lines from first to before end.
func (l lines) without(first, end int) string {
	return strings.Join(slices.Delete(slices.Clone(l.all), first, end), "\n")
}
