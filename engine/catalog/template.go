package catalog

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
)

// Bounds of what a template gives, in bytes. Values come from texts that strangers wrote.
const (
	maxValue    = 256
	maxRendered = 1 << 10
)

// Template is a sentence with expressions as ${…} in it.
type Template struct {
	// Text as it was written.
	Text  string
	parts []part
}

// part is either text or an expression.
type part struct {
	text    string
	program cel.Program
}

// template compiles a sentence.
func (e *environment) template(text string) (Template, error) {
	compiled := Template{Text: text}
	rest := text
	for {
		before, after, found := strings.Cut(rest, "${")
		compiled.parts = append(compiled.parts, part{text: before})
		if !found {
			return compiled, nil
		}
		end := endOfExpression(after)
		if end < 0 {
			return Template{}, fmt.Errorf("${ without its } in %q", text)
		}
		program, _, err := e.compile(after[:end])
		if err != nil {
			return Template{}, err
		}
		compiled.parts = append(compiled.parts, part{program: program})
		rest = after[end+1:]
	}
}

// endOfExpression gives where the } stands that ends an expression, past strings and braces in it; -1 if nowhere.
func endOfExpression(text string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quote != 0 && b == '\\':
			i++
		case quote != 0 && b == quote:
			quote = 0
		case quote != 0:
		case b == '"' || b == '\'':
			quote = b
		case b == '{':
			depth++
		case b == '}' && depth == 0:
			return i
		case b == '}':
			depth--
		}
	}
	return -1
}

// render fills in the values found in the scope. One that can't be evaluated is shown as "?".
func (t Template) render(scope *Scope) string {
	var out strings.Builder
	for _, part := range t.parts {
		out.WriteString(part.text)
		if part.program == nil {
			continue
		}
		value, _, err := part.program.Eval(scope)
		if err != nil {
			out.WriteString("?")
			continue
		}
		out.WriteString(printable(fmt.Sprint(value.Value()), maxValue))
	}
	return printable(out.String(), maxRendered)
}

// printable gives text as one line without control characters and at most limit bytes of it.
func printable(text string, limit int) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), !unicode.IsPrint(r):
			return -1
		default:
			return r
		}
	}, text)
	if len(clean) <= limit {
		return clean
	}
	end := limit - len("…")
	for end > 0 && clean[end]&0xC0 == 0x80 { // inside a character
		end--
	}
	return clean[:end] + "…"
}
