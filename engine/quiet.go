package engine

import (
	"bytes"
	"regexp"
)

// quiet gives a text without what tests that went well wrote, what was tried by hand in an interpreter, records that
// Logstash shows of others, and what is written every day of which nothing comes, which become blanks. The last is left out
// of a text that is longer than maxIdle.
func quiet(text []byte) []byte { return quietUpTo(text, maxIdle) }

// quietUpTo is quiet with another bound, for one of many texts.
func quietUpTo(text []byte, bound int) []byte {
	b := &blanks{text: text}
	b.tests()
	b.tries()
	b.fields()
	if len(text) <= bound {
		b.idles()
	}
	return b.text
}

// blanks is a text of which what says nothing is overwritten, so that the rest keeps its place.
type blanks struct {
	text []byte
	own  bool // text is a copy
}

func (b *blanks) blank(from, to int) {
	if !b.own {
		b.text, b.own = bytes.Clone(b.text), true
	}
	for i := from; i < to; i++ {
		if b.text[i] != '\n' {
			b.text[i] = ' '
		}
	}
}

// tests blanks what Go's tests wrote that passed.
func (b *blanks) tests() {
	if !bytes.Contains(b.text, []byte("--- PASS: ")) {
		return
	}
	at, from := 0, -1
	for line := range bytes.Lines(b.text) {
		start := bytes.TrimLeft(line, " ")
		switch {
		case bytes.HasPrefix(start, []byte("=== RUN ")):
			from = at
		case bytes.HasPrefix(start, []byte("--- PASS: ")) && from >= 0:
			b.blank(from, at+len(line))
			from = -1
		case bytes.HasPrefix(start, []byte("--- FAIL: ")):
			from = -1
		}
		at += len(line)
	}
}

// tries blanks what Python answered to what was typed in.
func (b *blanks) tries() {
	if !bytes.Contains(b.text, []byte(`File "<stdin>"`)) {
		return
	}
	at, inside := 0, false
	for line := range bytes.Lines(b.text) {
		inside = inside || bytes.HasPrefix(line, []byte(">>> "))
		if inside {
			b.blank(at, at+len(line))
		}
		at += len(line)
	}
}

// field is one of a record as Ruby prints it.
var field = regexp.MustCompile(`^\s*"[@\w.]+" => `)

// fields blanks those of records: they are what somebody else's program said.
func (b *blanks) fields() {
	if !bytes.Contains(b.text, []byte(`" => `)) {
		return
	}
	at := 0
	for line := range bytes.Lines(b.text) {
		if field.Match(line[:min(len(line), maxSpoken)]) {
			b.blank(at, at+len(line))
		}
		at += len(line)
	}
}
