package match

// What is kept of a pattern's sightings.
const (
	keptOldest = 4
	keptNewest = 16
	keptAll    = keptOldest + keptNewest
)

// A window is what regular expressions see of a line.
const (
	windowSize   = 4 << 10
	windowBefore = 1 << 10 // of a longer line's window, what lies before the literal
)

// sighting is a literal of a pattern in a line, outside the window of the pattern's sighting before.
type sighting struct {
	line       Line
	begin, end int // the window's offsets in the text
}

func newSighting(line Line, at int) sighting {
	s := sighting{line: line, begin: line.Start, end: line.End}
	if s.long() {
		s.begin = max(line.Start, at-windowBefore)
		s.end = min(line.End, s.begin+windowSize)
	}
	return s
}

// long says that the line does not fit into one window.
func (s *sighting) long() bool {
	return s.line.End-s.line.Start > windowSize
}

// sightings are those of one pattern.
type sightings struct {
	pattern int
	lines   int // how many lines have one, without those that were found not to match
	count   int // how many there are
	last    sighting
	kept    [keptAll]sighting // the oldest, from keptOldest on the newest as a ring
	// Of those kept, in their order: the oldest and the newest known to match; -1 is none.
	oldest, newest int
}

func newSightings(pattern int) sightings {
	return sightings{pattern: pattern, oldest: -1, newest: -1}
}

// covers says that the last sighting already speaks for a literal that ends at offset end.
func (n *sightings) covers(end int) bool {
	return n.count > 0 && end <= n.last.end
}

func (n *sightings) add(s sighting) {
	if n.count == 0 || s.line.Start != n.last.line.Start {
		n.lines++
	}
	n.last = s
	n.kept[slot(n.count)] = s
	n.count++
}

// refute takes a line that doesn't match out of the count. A long line stays in it: another window may match.
func (n *sightings) refute(s *sighting) {
	if !s.long() {
		n.lines--
	}
}

// size is how many are kept.
func (n *sightings) size() int {
	return min(n.count, keptAll)
}

// get returns one of those kept, 0 being the oldest.
func (n *sightings) get(i int) *sighting {
	if i >= keptOldest {
		i += n.count - n.size()
	}
	return &n.kept[slot(i)]
}

// slot is where the i-th of all sightings is kept.
func slot(i int) int {
	if i < keptOldest {
		return i
	}
	return keptOldest + (i-keptOldest)%keptNewest
}
