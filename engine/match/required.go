package match

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Required gives literals of which one must be in whatever a regular expression matches; none when there is no
// such set of literals long enough to be worth looking for. Exact literals are those that occur as they are;
// others may occur in another case. Worth is the least length, in bytes.
func Required(expression *regexp.Regexp, exact bool, worth int) []string {
	return longest(required(expression, exact, worth))
}

// required gives all such sets that are known: of each one literal must be there.
func required(expression *regexp.Regexp, exact bool, worth int) [][]string {
	parsed, err := syntax.Parse(expression.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return requiredIn(parsed, exact, worth)
}

func requiredIn(expression *syntax.Regexp, exact bool, worth int) [][]string {
	switch expression.Op {
	case syntax.OpLiteral:
		if exact && expression.Flags&syntax.FoldCase != 0 {
			return nil
		}
		if text := string(expression.Rune); len(text) >= worth {
			return [][]string{{text}}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredIn(expression.Sub[0], exact, worth)
	case syntax.OpConcat:
		var all [][]string
		for _, part := range expression.Sub {
			all = append(all, requiredIn(part, exact, worth)...)
		}
		return all
	case syntax.OpAlternate:
		var all []string
		for _, part := range expression.Sub {
			found := longest(requiredIn(part, exact, worth))
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return [][]string{all}
	}
	return nil
}

// longest gives the set whose shortest literal is the longest.
func longest(sets [][]string) []string {
	var best []string
	for _, found := range sets {
		if len(best) == 0 || shortest(found) > shortest(best) {
			best = found
		}
	}
	return best
}

func shortest(all []string) int {
	least := len(all[0])
	for _, text := range all {
		least = min(least, len(text))
	}
	return least
}

// filter says which lines need not be shown to a regular expression.
type filter struct {
	needs [][]string // in small letters: one of each must be in what matches, in any case
}

// maxFiltered is the longest line that is looked at, in bytes.
const maxFiltered = 1 << 10

func newFilter(expression *regexp.Regexp) filter {
	const worth = 3
	if expression == nil {
		return filter{}
	}
	needs := required(expression, false, worth)
	for _, texts := range needs {
		for i, text := range texts {
			texts[i] = strings.ToLower(text)
		}
	}
	return filter{needs: needs}
}

// excludes reports whether the expression surely doesn't match a line. Letters beyond ASCII may be cases of those within.
func (f *filter) excludes(line []byte) bool {
	if len(f.needs) == 0 || len(line) > maxFiltered {
		return false
	}
	var small [maxFiltered]byte
	for i, c := range line {
		if c >= utf8.RuneSelf {
			return false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	return slices.ContainsFunc(f.needs, func(texts []string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return bytes.Contains(small[:len(line)], []byte(text)) })
	})
}
