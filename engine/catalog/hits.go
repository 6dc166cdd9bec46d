package catalog

import (
	"bytes"

	"github.com/kube-remedy/kube-remedy/engine/match"
)

// Hit is a signature together with the fact it recognised.
type Hit struct {
	Signature *Signature
	Fact      *Fact
	groups    []string
	// log says where in its log a hit stands; nil elsewhere.
	log *match.Match
	// loose is set for a hit in text that says nothing of its place.
	loose bool
}

// Weight is the probability that there is a failure of the signature's type, given this hit alone.
func (h *Hit) Weight() float64 {
	if h.loose {
		return looseTrust * h.Signature.Weight
	}
	return h.Signature.Weight
}

// Group gives what a named group of the signature's regular expression captured, or nothing.
func (h *Hit) Group(name string) string {
	if h.Signature.Regexp == nil {
		return ""
	}
	at := h.Signature.Regexp.SubexpIndex(name)
	if at < 0 || at >= len(h.groups) {
		return ""
	}
	return h.groups[at]
}

// LastLine gives the bounds of the last line of a log that the signature recognised; false for other facts.
func (h *Hit) LastLine() (start, end int, ok bool) {
	if h.log == nil {
		return 0, 0, false
	}
	return h.log.Last.Start, h.log.Last.End, true
}

// Match gives the signatures that recognise a fact of a place other than Log, in the order of the facts and then
// of the signatures' ids.
func (c *Catalog) Match(facts []Fact) []*Hit {
	var hits []*Hit
	known := map[words][]recognised{} // pods of one workload say the same
	for i := range facts {
		fact := &facts[i]
		said := words{place: fact.Place, state: fact.State, kind: fact.Type, status: fact.Status, reason: fact.Reason, message: fact.Message}
		if fact.ExitCode != nil {
			said.ended, said.exitCode = true, *fact.ExitCode
		}
		found, seen := known[said]
		if !seen {
			found = c.recognise(*fact)
			known[said] = found
		}
		for _, one := range found {
			hits = append(hits, &Hit{Signature: one.signature, Fact: fact, groups: one.groups})
		}
	}
	return hits
}

// words are all that signatures look at in a fact.
type words struct {
	place                                Place
	state, kind, status, reason, message string
	ended                                bool
	exitCode                             int32
}

// recognised is a signature that fits, with the groups of its expression.
type recognised struct {
	signature *Signature
	groups    []string
}

func (c *Catalog) recognise(fact Fact) []recognised {
	var found []recognised
	index := c.places[fact.Place]
	for _, candidates := range [...][]*Signature{index.byReason[fact.Reason], index.anyReason} {
		for _, signature := range candidates {
			if groups, ok := signature.fits(fact); ok {
				found = append(found, recognised{signature, groups})
			}
		}
	}
	return found
}

// maxQuote bounds what is quoted of a log line, in bytes.
const maxQuote = 1 << 10

// MatchLog gives the signatures that recognise lines of a log. Each hit's fact is the given one with the last
// line recognised as its message and the number of lines as its count.
func (c *Catalog) MatchLog(fact Fact, text []byte) []*Hit {
	var hits []*Hit
	for _, found := range c.logs.Find(text) {
		signature := c.logSignatures[found.Pattern]
		hit := &Hit{Signature: signature, Fact: new(Fact), log: &found}
		*hit.Fact = fact
		hit.Fact.Place = Log
		hit.Fact.Count = found.Count
		line := text[found.Last.Start:found.Last.End]
		hit.Fact.Message = string(bytes.ToValidUTF8(line[:min(len(line), maxQuote)], []byte("\uFFFD")))
		hit.groups = found.Groups
		hits = append(hits, hit)
	}
	return hits
}
