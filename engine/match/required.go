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
	parsed, err := syntax.Parse(expression.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return requiredIn(parsed, exact, worth)
}

func requiredIn(expression *syntax.Regexp, exact bool, worth int) []string {
	switch expression.Op {
	case syntax.OpLiteral:
		if exact && expression.Flags&syntax.FoldCase != 0 {
			return nil
		}
		if text := string(expression.Rune); len(text) >= worth {
			return []string{text}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredIn(expression.Sub[0], exact, worth)
	case syntax.OpConcat:
		var best []string
		for _, part := range expression.Sub {
			if found := requiredIn(part, exact, worth); len(found) > 0 && (len(best) == 0 || shortest(found) > shortest(best)) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, part := range expression.Sub {
			found := requiredIn(part, exact, worth)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
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
	needs []string // in small letters: one of them must be in what matches, in any case
}

// maxFiltered is the longest line that is looked at, in bytes.
const maxFiltered = 1 << 10

func newFilter(expression *regexp.Regexp) filter {
	const worth = 3
	if expression == nil {
		return filter{}
	}
	needs := Required(expression, false, worth)
	for i, text := range needs {
		needs[i] = strings.ToLower(text)
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
	return !slices.ContainsFunc(f.needs, func(text string) bool { return bytes.Contains(small[:len(line)], []byte(text)) })
}
