// Package match finds hundreds of patterns in a log at once.
//
// A pattern's literals say where it might be: the literals of all patterns are found in a single pass over the
// text, whatever their number. Its regular expressions say whether it is there: they see only the lines where a
// literal was seen, and a bounded number of those, so that no text is slow.
package match

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// budget is how many bytes the regular expressions of one Find may read, whatever the text, so that a text can't
	// make them costly. A log whose patterns see a few hundred lines stays below it.
	budget = 256 << 10
	// tryCost is what starting an expression costs, in bytes that it could have read instead.
	tryCost = 192
)

// Pattern is a log signature. A line matches when any of Literals occurs in it, Regexp (if not nil) matches the
// line's window, and Not (if not nil) does not.
//
// The window is the line without its line end, if it has at most 4 KiB. Of a longer line it is 4 KiB around the
// literal, 1 KiB of them before it, so there ^ and $ may match inside the line; the next window begins at the
// first literal that is not in the last.
type Pattern struct {
	Literals   []string // at least one; not empty, without line ends
	IgnoreCase bool     // in Literals, of ASCII letters; regular expressions have their own (?i)
	Regexp     *regexp.Regexp
	Not        *regexp.Regexp
}

// Line is a line of a text. A line ends with "\n" or the text's end; a "\r" right before that belongs to the end.
type Line struct {
	Number     int // from 0
	Start, End int // byte offsets in the text; the line end is not part of it
}

// Match says that a pattern matches lines of a text.
//
// Regular expressions are not tried on every line. Of a pattern's sightings (literals, each outside the window of
// the one before) the oldest 4 and the newest 16 are kept. Of these, Last is the newest that matches, and First
// the oldest that matches among the oldest 4, or else Last.
type Match struct {
	Pattern int // its index
	// Count is on how many lines a literal was seen, without the lines that were tried and don't match. Without
	// regular expressions it is exact, with them an upper bound of the lines that match.
	Count int
	// First and Last are the first and the last matching line that was found; the same if there is one. Without
	// regular expressions they are exact.
	First, Last Line
	// Groups are those of Regexp in Last, as of FindSubmatch: the whole match, then the groups, empty where one
	// took no part. Nil without Regexp.
	Groups []string
}

// Matcher finds patterns. It does not change and is safe for concurrent use.
type Matcher struct {
	patterns  []Pattern
	yes, not  []filter // by pattern, of its expressions
	literals  []literal
	places    []place // by literal
	automaton *automaton
	searches  sync.Pool // of *search, with the room that earlier ones took
}

// literal is one of a pattern; its index is that of its key in the automaton.
type literal struct {
	text       string // in lower case if ignoreCase
	ignoreCase bool
	key        int // the length of its key, a prefix
	pattern    int
}

// place is what decides whether a literal needs a closer look: apart from the rest of it, so that all fit into the
// nearest cache.
type place struct {
	pattern int32
	rest    int32 // how much of the literal lies behind its key
}

// New returns a Matcher for patterns. It is an error for a pattern to have no literal, or one that is empty or
// has a line end, which no line could match.
func New(patterns []Pattern) (*Matcher, error) {
	m := &Matcher{patterns: slices.Clone(patterns)}
	var keys []string
	for i, p := range patterns {
		m.yes, m.not = append(m.yes, newFilter(p.Regexp)), append(m.not, newFilter(p.Not))
		if len(p.Literals) == 0 {
			return nil, fmt.Errorf("pattern %d: no literal", i)
		}
		for _, text := range p.Literals {
			if err := checkLiteral(text); err != nil {
				return nil, fmt.Errorf("pattern %d: literal %q: %w", i, text, err)
			}
			folded := lowerString(text)
			key := folded[:min(len(folded), longestKey)]
			keys = append(keys, key)
			if p.IgnoreCase {
				text = folded
			}
			m.literals = append(m.literals, literal{text: text, ignoreCase: p.IgnoreCase, key: len(key), pattern: i})
			m.places = append(m.places, place{pattern: int32(i), rest: int32(len(text) - len(key))})
		}
	}
	m.automaton = newAutomaton(keys)
	m.searches.New = func() any {
		return &search{m: m, slots: make([]int32, len(m.patterns)), until: make([]int, len(m.patterns))}
	}
	return m, nil
}

func checkLiteral(text string) error {
	switch {
	case text == "":
		return errors.New("empty")
	case strings.ContainsAny(text, "\r\n"):
		return errors.New("has a line end")
	}
	return nil
}

// Find returns the patterns that match lines of text, in the order of their indexes; nil if none does. It reads
// the text once. Its regular expressions together read at most 256 KiB and a window; what they could not read any
// more counts as not matching.
func (m *Matcher) Find(text []byte) []Match {
	s := m.searches.Get().(*search)
	found := s.find(text)
	m.searches.Put(s)
	return found
}

// begins says whether text begins with the literal.
func (l *literal) begins(text []byte) bool {
	if len(text) < len(l.text) {
		return false
	}
	if !l.ignoreCase {
		return string(text[:len(l.text)]) == l.text
	}
	for i := range len(l.text) {
		if lower(text[i]) != l.text[i] {
			return false
		}
	}
	return true
}

// lowerString changes ASCII letters only, and so never the length.
func lowerString(s string) string {
	folded := []byte(s)
	for i, c := range folded {
		folded[i] = lower(c)
	}
	return string(folded)
}
