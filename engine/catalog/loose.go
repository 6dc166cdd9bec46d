package catalog

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/match"
)

// Text that names no object and has no shape that is known may still be what Kubernetes wrote: a message that
// somebody copied out of a status or an event.
const (
	// looseTrust lowers the weight of a signature found in such text: it may only be spoken of.
	looseTrust = 0.85
	// looseReason is the least length, in bytes, of a reason that is looked for by itself: shorter ones are words of
	// everyday language (Failed, Error, Killing).
	looseReason = 9
	// maxLooseLine bounds how much of a line is asked what it is about, in bytes.
	maxLooseLine = 2 << 10
)

// statusCodes are reasons that are status codes of gRPC as well, and say nothing without their place.
var statusCodes = map[string]bool{"DeadlineExceeded": true}

// envelopes are words of which one stands in every message about a failure of the type: an error text alone, such
// as a refused connection, may be about anything.
var envelopes = map[v1alpha1.FailureType]*regexp.Regexp{
	v1alpha1.ImagePullBackOff: regexp.MustCompile(`(?i)\b(?:pull|pulling|pulled|image|manifest)\b|ImagePull|ErrImage|docker://|container registry|https?://[\w.:-]+/v2/`),
	v1alpha1.Pending:          regexp.MustCompile(`(?i)schedul(?:e|ed|ing|able)\b|(?:kube|default)-scheduler|nodes? (?:are|is) available|forbidden|quota|volume|claim|storage|fit failure|predicate|priority|preempt|scale-?up|admission|denied the request|node\(s\) (?:had|did)`),
	v1alpha1.ProbeFailure:     regexp.MustCompile(`(?i)\bprobe\b|liveness|readiness|health ?check`),
}

// containing are words of which one stands beside a message about a container that is short enough to be about anything.
var containing = regexp.MustCompile(`(?i)container|sandbox|volume|\bpods?\b|^\W*Error: |^\W*[a-z ]+\W*$`)

// about says which failure type a line is about that names what was done: whatever else it says is only why.
func about(line []byte) v1alpha1.FailureType {
	switch {
	case probing.Match(line):
		return v1alpha1.ProbeFailure
	case pulling.Match(line):
		return v1alpha1.ImagePullBackOff
	case mounting.Match(line):
		return v1alpha1.CrashLoopBackOff
	default:
		return ""
	}
}

var (
	mounting = regexp.MustCompile(`MountVolume\.\w+ failed|AttachVolume\.\w+ failed`)
	probing  = regexp.MustCompile(`(?:Liveness|Readiness|Startup) probe (?:failed|errored)`)
	pulling  = regexp.MustCompile(`(?i)fail(?:ed|ing) to pull|pulling image|pull image|ImagePull(?:BackOff)?\b`)
)

// loosePattern gives what finds a signature in loose text; false for one that is looked for in logs anyway, for one
// that can't be recognised without its place or is about a message that was cut off, and for the gist of a text, which no line is.
func loosePattern(signature *Signature) (match.Pattern, bool) {
	if signature.Role != Failure || slices.Contains(signature.Places, Log) || slices.Contains(signature.Places, Gist) || len(signature.ExitCode) > 0 && len(signature.Text) == 0 {
		return match.Pattern{}, false
	}
	if slices.Contains(signature.Places, Event) && signature.Regexp != nil && signature.Regexp.String() == "^$" {
		return match.Pattern{}, false // a message that is not there
	}
	if slices.Contains(signature.Reason, "Starting") {
		return match.Pattern{}, false // it tells by how often it comes
	}
	pattern := match.Pattern{Literals: signature.Text, IgnoreCase: signature.IgnoreCase, Regexp: signature.Regexp, Not: signature.Not}
	if !slices.Contains(signature.Places, Text) { // which is written for lines
		pattern.Regexp, pattern.Not = unanchored(signature.Regexp), unanchored(signature.Not)
	}
	if len(pattern.Literals) == 0 && signature.Regexp != nil {
		pattern.Literals, pattern.IgnoreCase = match.Required(pattern.Regexp, false, worthSeeking), true                               // the expression decides about case
		pattern.Literals = slices.DeleteFunc(pattern.Literals, func(text string) bool { return strings.EqualFold(text, "rpc error") }) // which any client of gRPC writes
	}
	if len(pattern.Literals) == 0 {
		pattern.Literals = slices.DeleteFunc(slices.Clone(signature.Reason), func(reason string) bool { return len(reason) < looseReason || statusCodes[reason] })
		pattern.IgnoreCase = false
		if pattern.Regexp == nil && len(pattern.Literals) > 0 { // inside a longer word it is a name, as of a feature gate
			reasons := `\b(?:` + strings.Join(pattern.Literals, "|") + `)\b`
			pattern.Regexp = regexp.MustCompile(reasons)
			if pattern.Not == nil { // "no ImagePullBackOff" and "OOMKilled: false" say that all is well
				pattern.Not = regexp.MustCompile(`(?i:\b(?:no|not|without|never) )` + reasons + "|" + reasons + `"?[:=]\s*"?(?:false|0|null|no)\b`)
			}
		}
	}
	return pattern, len(pattern.Literals) > 0
}

// unanchored gives a regular expression that also finds a message inside a line.
func unanchored(expression *regexp.Regexp) *regexp.Regexp {
	if expression == nil {
		return nil
	}
	text := withoutAnchors(expression.String())
	if text == expression.String() {
		return expression
	}
	if whole(expression) {
		text = "(?:" + text + ")" + endsThere
	}
	loose, err := regexp.Compile(text)
	if err != nil {
		return expression
	}
	return loose
}

// withoutAnchors puts nothing in the place of the beginning and the end of a text or line in an expression that is
// known to be right. It works on the text because writing a parsed one (regexp/syntax) takes most of the time in which
// the catalogue is read.
func withoutAnchors(expression string) string {
	const nothing = "(?:)"
	var out strings.Builder
	for i := 0; i < len(expression); {
		rest := expression[i:]
		length := 1
		switch {
		case strings.HasPrefix(rest, `\A`), strings.HasPrefix(rest, `\z`):
			out.WriteString(nothing)
			i += 2
			continue
		case rest[0] == '^', rest[0] == '$':
			out.WriteString(nothing)
			i++
			continue
		case strings.HasPrefix(rest, `\Q`):
			length = len(rest)
			if end := strings.Index(rest, `\E`); end >= 0 {
				length = end + 2
			}
		case rest[0] == '\\':
			length = min(2, len(rest))
		case rest[0] == '[':
			length = classLength(rest)
		}
		out.WriteString(rest[:length])
		i += length
	}
	return out.String()
}

// classLength gives how long the class of characters is that an expression begins with: "[^]a-z[:digit:]]".
func classLength(expression string) int {
	i := 1
	if strings.HasPrefix(expression[i:], "^") {
		i++
	}
	for first := true; i < len(expression); first = false {
		switch named := strings.Index(expression[i:], ":]"); {
		case expression[i] == ']' && !first:
			return i + 1
		case expression[i] == '\\':
			i += 2
		case strings.HasPrefix(expression[i:], "[:") && named > 0:
			i += named + 2
		default:
			i++
		}
	}
	return len(expression)
}

// endsThere is what may follow a message that must be there as a whole.
const endsThere = `(?:\\?["'\x60]|\W{0,4}(?:$|\n)|[;|<]|\s{2})`

// whole reports whether an expression takes a message from its beginning to its end.
func whole(expression *regexp.Regexp) bool {
	text := expression.String()
	return strings.HasPrefix(text, "^") && strings.HasSuffix(text, "$") && !strings.HasSuffix(text, `\$`) && !strings.Contains(text, "|^")
}

// MatchWords gives the signatures of the place Text that recognise a line of text.
func (c *Catalog) MatchWords(fact Fact, text []byte) []*Hit {
	return loosely(c.words, c.wordSignatures, fact, text, false)
}

// MatchLoose gives the signatures of the places other than Log that recognise a line of text.
func (c *Catalog) MatchLoose(fact Fact, text []byte) []*Hit {
	return loosely(c.loose, c.looseSignatures, fact, text, true)
}

// loosely gives the signatures that a matcher finds in lines; those of error texts alone need a word that says what
// they are about.
func loosely(matcher *match.Matcher, signatures []*Signature, fact Fact, text []byte, enveloped bool) []*Hit {
	var hits []*Hit
	for _, found := range matcher.Find(text) {
		line := text[found.Last.Start:found.Last.End]
		line = line[:min(len(line), maxLooseLine)]
		kind := signatures[found.Pattern].FailureType
		if envelope := envelopes[kind]; enveloped && envelope != nil && !envelope.Match(line) {
			continue
		}
		if enveloped && kind == v1alpha1.CrashLoopBackOff && signatures[found.Pattern].Regexp != nil && whole(signatures[found.Pattern].Regexp) && !containing.Match(line) {
			continue
		}
		if other := about(line); enveloped && other != "" && other != kind {
			continue
		}
		hit := &Hit{Signature: signatures[found.Pattern], Fact: new(Fact), log: &found, groups: found.Groups, loose: true}
		*hit.Fact = fact
		hit.Fact.Place = Log
		hit.Fact.Count = found.Count
		line = bytes.TrimSpace(line)
		hit.Fact.Message = string(bytes.ToValidUTF8(line[:min(len(line), maxQuote)], []byte("\uFFFD")))
		hits = append(hits, hit)
	}
	return hits
}
