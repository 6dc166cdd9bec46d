package match

import "regexp"

// search is one Find. Its memory is used again by later ones.
type search struct {
	m      *Matcher
	text   []byte
	lines  lineReader
	hits   hits
	slots  []int32 // by pattern: 1 + the index in seen, 0 if it was not seen
	until  []int   // by pattern: where the window of its last sighting ends, 0 if it was not seen
	seen   []sightings
	unread int // how many bytes regular expressions may still read
}

// find is Matcher.Find.
func (s *search) find(text []byte) []Match {
	s.text, s.lines, s.unread = text, lineReader{text: text}, budget
	s.m.automaton.scan(text, &s.hits, s.visit)
	s.confirm()
	found := s.matches()
	for i := range s.seen {
		s.slots[s.seen[i].pattern], s.until[s.seen[i].pattern] = 0, 0
	}
	s.text, s.lines, s.seen = nil, lineReader{}, s.seen[:0]
	return found
}

// visit takes down the literals whose keys end at the hits, which come in their order in the text.
func (s *search) visit(base int, found []hit) {
	var state uint32 // of the hit before, all of whose literals have sightings that speak for them
	var until int    // up to where
	for _, h := range found {
		end := base + int(h.end)
		if h.state == state && end <= until {
			continue // as in a text that repeats one byte
		}
		state, until = h.state, len(s.text)
		for _, key := range s.m.automaton.endsAt(h.state) {
			place := s.m.places[key]
			if covered := s.until[place.pattern] - int(place.rest); end <= covered {
				until = min(until, covered)
				continue // the last sighting already speaks for it
			}
			until = 0
			l := &s.m.literals[key]
			at := end - l.key
			if !l.begins(s.text[at:]) {
				continue
			}
			slot := s.slots[l.pattern]
			if slot == 0 {
				s.seen = append(s.seen, newSightings(l.pattern))
				slot = int32(len(s.seen))
				s.slots[l.pattern] = slot
			}
			s.until[l.pattern] = s.seen[slot-1].add(s.lines.at(end-1), at)
		}
	}
}

// confirm finds out which sightings match. It takes one of each pattern at a time, so that one with many long
// lines doesn't leave nothing of the budget for the others.
func (s *search) confirm() {
	for turn := range keptAll {
		for i := range s.seen {
			if n := &s.seen[i]; n.newest < 0 && turn < n.size() && s.try(n, n.size()-1-turn, &n.groups) {
				n.newest = n.size() - 1 - turn
			}
		}
	}
	for turn := range keptOldest {
		for i := range s.seen {
			if n := &s.seen[i]; n.oldest < 0 && turn < n.newest && s.try(n, turn, nil) {
				n.oldest = turn
			}
		}
	}
}

// try says whether the i-th kept sighting of n matches, and puts where its groups stand in the window into groups
// unless that is nil. When the budget is used up it can't tell, and says no.
func (s *search) try(n *sightings, i int, groups *[]int) bool {
	p, sighting := &s.m.patterns[n.pattern], n.get(i)
	window := s.window(sighting)
	for _, step := range [...]struct {
		expression *regexp.Regexp
		filter     *filter
		want       bool
	}{{p.Regexp, &s.m.yes[n.pattern], true}, {p.Not, &s.m.not[n.pattern], false}} {
		if step.expression == nil {
			continue
		}
		if step.filter.excludes(window) {
			if step.want {
				n.refute(sighting)
				return false
			}
			continue
		}
		if s.unread <= 0 {
			return false
		}
		s.unread -= len(window) + tryCost
		var matches bool
		if step.want && groups != nil {
			*groups = step.expression.FindSubmatchIndex(window)
			matches = *groups != nil
		} else {
			matches = step.expression.Match(window)
		}
		if matches != step.want {
			n.refute(sighting)
			return false
		}
	}
	return true
}

// window is what regular expressions see of a sighting's line.
func (s *search) window(of *sighting) []byte {
	begin, end := of.window()
	return s.text[begin:end]
}

// matches returns what was found, by pattern.
func (s *search) matches() []Match {
	count := 0
	for i := range s.seen {
		if s.seen[i].newest >= 0 {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	found := make([]Match, 0, count)
	for pattern, slot := range s.slots {
		if slot > 0 && s.seen[slot-1].newest >= 0 {
			found = append(found, s.match(pattern, &s.seen[slot-1]))
		}
	}
	return found
}

func (s *search) match(pattern int, n *sightings) Match {
	newest := n.get(n.newest)
	match := Match{Pattern: pattern, Count: n.lines, First: newest.line, Last: newest.line}
	if n.oldest >= 0 {
		match.First = n.get(n.oldest).line
	}
	if n.groups != nil {
		match.Groups = groups(n.groups, s.window(newest))
	}
	return match
}

// groups returns copies, so that they don't hold the text.
func groups(at []int, window []byte) []string {
	copies := make([]string, len(at)/2)
	for i := range copies {
		if begin := at[2*i]; begin >= 0 {
			copies[i] = string(window[begin:at[2*i+1]])
		}
	}
	return copies
}
