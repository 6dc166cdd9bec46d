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
	line Line
	at   int // the literal's offset in the text
}

// window returns the offsets of what regular expressions see.
func (s sighting) window() (begin, end int) {
	if !s.long() {
		return s.line.Start, s.line.End
	}
	begin = max(s.line.Start, s.at-windowBefore)
	return begin, min(s.line.End, begin+windowSize)
}

// long says that the line does not fit into one window.
func (s sighting) long() bool {
	return s.line.End-s.line.Start > windowSize
}

// sightings are those of one pattern.
type sightings struct {
	pattern  int
	count    int // how many there are
	lines    int // how many lines have one, without those that were found not to match
	lastLine int // where the last one's line begins
	// Of those kept, in their order: the oldest and the newest known to match; -1 is none.
	oldest, newest int
	groups         []int             // where the groups of the newest stand in its window
	kept           [keptAll]sighting // the oldest, from keptOldest on the newest as a ring
}

func newSightings(pattern int) sightings {
	return sightings{pattern: pattern, lastLine: -1, oldest: -1, newest: -1}
}

// add notes a sighting and returns where its window ends: it speaks for all literals up to there.
func (n *sightings) add(line *Line, at int) (until int) {
	if line.Start != n.lastLine {
		n.lines++
		n.lastLine = line.Start
	}
	s := &n.kept[slot(n.count)]
	s.line, s.at = *line, at
	n.count++
	_, until = s.window()
	return until
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
