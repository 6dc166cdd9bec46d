package text

import (
	"strings"
)

// section is one line of a description and what is indented below it.
type section struct {
	key, text string // text is the whole line without indentation
	val       string // behind the key
	column    int    // where the value begins
	indent    int
	below     []*section
}

// maxDepth is how deep sections nest at most; what is deeper stays beside what is above it.
const maxDepth = 32

// outline makes a tree of lines by their indentation.
func outline(entries []entry) *section {
	root := &section{indent: -1}
	open := []*section{root}
	for _, e := range entries {
		s := &section{text: e.text, indent: e.indent}
		s.key, s.val = cutField(e.text)
		s.column = e.indent + len(e.text) - len(s.val)
		if len(e.more) > 0 {
			s.val = strings.TrimRight(s.val+"\n"+strings.Join(tabbed(e.more, s.column), "\n"), "\n ")
		}
		for n := len(open); n > 1 && open[n-1].indent >= s.indent; n-- { // of which the indentation was lost
			if open[n-1].indent == s.indent && belongsTo(s.key, open[n-1]) {
				s.indent++
				break
			}
		}
		for open[len(open)-1].indent >= s.indent {
			open = open[:len(open)-1]
		}
		parent := open[len(open)-1]
		parent.below = append(parent.below, s)
		if len(open) < maxDepth {
			open = append(open, s)
		}
	}
	return root
}

// tabbed gives lines of a message their tabs back, which kubectl aligned with the column of the value.
func tabbed(lines []string, column int) []string {
	for i, line := range lines {
		if indentOf(line) == column {
			lines[i] = "\t" + trimLeft(line)
		}
	}
	return lines
}

// find is the first section below with that key; an empty one when there is none.
func (s *section) find(key string) *section {
	for _, b := range s.below {
		if b.key == key {
			return b
		}
	}
	return &section{}
}

func (s *section) has(key string) bool { return s.find(key).key != "" }

// value is the value of a key below; empty when it is missing or <none>.
func (s *section) value(key string) string {
	value := s.find(key).val
	if value == "<none>" || value == "<unset>" {
		return ""
	}
	return value
}

// list are the value and the lines that continue it below, as kubectl prints labels, taints and tolerations.
func (s *section) list() []string {
	if s.key == "" || s.val == "<none>" || s.val == "<unset>" {
		return nil
	}
	var all []string
	if s.val != "" {
		all = append(all, s.val)
	}
	for _, b := range s.below {
		if b.text != "" {
			all = append(all, b.text)
		}
	}
	return all
}

// lines are all lines below with the indentation they have among themselves.
func (s *section) lines() []string {
	if len(s.below) == 0 {
		return nil
	}
	base := s.below[0].indent
	var all []string
	var walk func(*section)
	walk = func(b *section) {
		all = append(all, strings.Repeat(" ", max(0, b.indent-base))+b.text)
		for _, inner := range b.below {
			walk(inner)
		}
	}
	for _, b := range s.below {
		walk(b)
	}
	return all
}

// pairs are labels: key=value each.
func (s *section) pairs() map[string]string {
	var pairs map[string]string
	for _, line := range s.list() {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		if pairs == nil {
			pairs = map[string]string{}
		}
		pairs[key] = value
	}
	return pairs
}

// annotations are "key: value" each, or "key:" and the lines of the value indented below.
func (s *section) annotations() map[string]string {
	if s.key == "" || s.val == "<none>" {
		return nil
	}
	found := map[string][]string{}
	last := ""
	take := func(text string, indent int) {
		key, value := cutField(text)
		if indent > s.column || key == "" || strings.ContainsAny(key, ` "{`) {
			if last != "" {
				found[last] = append(found[last], text)
			}
			return
		}
		last = key
		found[key] = []string{value}
	}
	take(s.val, s.column)
	for _, b := range s.below {
		take(b.text, b.indent)
		for _, inner := range b.lines() {
			take(inner, s.column+1)
		}
	}
	all := map[string]string{}
	for key, lines := range found {
		if key != "" {
			all[key] = strings.TrimPrefix(strings.Join(lines, "\n"), "\n")
		}
	}
	return all
}
