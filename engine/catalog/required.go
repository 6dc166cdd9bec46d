package catalog

import (
	"regexp"
	"regexp/syntax"
)

// required gives literals of which one must be in whatever a regular expression matches; none when there is no
// such set of literals long enough to be worth looking for. Exact literals are those that occur as they are;
// others may occur in another case.
func required(expression *regexp.Regexp, exact bool) []string {
	parsed, err := syntax.Parse(expression.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return requiredIn(parsed, exact)
}

func requiredIn(expression *syntax.Regexp, exact bool) []string {
	const worth = 5 // bytes
	switch expression.Op {
	case syntax.OpLiteral:
		if exact && expression.Flags&syntax.FoldCase != 0 {
			return nil
		}
		if text := string(expression.Rune); len(text) >= worth {
			return []string{text}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredIn(expression.Sub[0], exact)
	case syntax.OpConcat:
		var best []string
		for _, part := range expression.Sub {
			if found := requiredIn(part, exact); len(found) > 0 && (len(best) == 0 || shortest(found) > shortest(best)) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, part := range expression.Sub {
			found := requiredIn(part, exact)
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
