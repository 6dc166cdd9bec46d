package text

import "time"

// clock makes times of ages. What was printed at one moment, such as one description, is one sighting; its
// moment is derived from what it shows both as a time and as an age.
type clock struct {
	sightings []*sighting
	// newest is the newest time of things that were not printed as ages: manifests, journals.
	newest time.Time
	// said is the present moment, where the text names it.
	said time.Time
	// journal is the newest time of a journal: of uncertain year and zone.
	journal time.Time
}

// sighting is one moment at which something was printed.
type sighting struct {
	newest time.Time // the newest absolute time that was shown
	link   time.Time // the moment, by something that was shown as time and as age
	grain  time.Duration
	first  age // the smallest age shown
	ages   []pending
	at     time.Time
}

// pending is an age that waits for its moment.
type pending struct {
	age time.Duration
	set func(time.Time)
}

func (c *clock) sighting() *sighting {
	s := &sighting{}
	c.sightings = append(c.sightings, s)
	return s
}

// saw notes an absolute time.
func (s *sighting) saw(t time.Time) {
	if t.After(s.newest) {
		s.newest = t
	}
}

// linked notes that t was that long ago. The finest of several tells.
func (s *sighting) linked(t time.Time, ago age) {
	if t.IsZero() || !ago.known || (!s.link.IsZero() && ago.grain >= s.grain) {
		return
	}
	s.link, s.grain = t.Add(ago.duration), ago.grain
}

// ago has set called with the time that was that long before the sighting, once that is known.
func (s *sighting) ago(a age, set func(time.Time)) {
	if !a.known {
		return
	}
	if !s.first.known || a.duration < s.first.duration {
		s.first = a
	}
	s.ages = append(s.ages, pending{a.duration, set})
}

// firm is the moment as far as the sighting itself tells for sure.
func (s *sighting) firm() time.Time {
	if s.link.IsZero() {
		return time.Time{}
	}
	return later(s.link, s.newest)
}

// loose is the moment by a guess: nothing happened between the newest time and the youngest age.
func (s *sighting) loose() time.Time {
	if s.newest.IsZero() {
		return time.Time{}
	}
	return s.newest.Add(s.first.duration)
}

// resolve derives the moments and sets everything that waits for one. It returns the newest moment that is known
// for sure, the zero time when there is none: a guess is good enough to order events, not to say how old they are.
func (c *clock) resolve(now time.Time) time.Time {
	shared, sure, waiting := c.shared()
	if shared.IsZero() && waiting {
		shared, sure = now, true
	}
	newest := time.Time{}
	if sure && shared.Equal(c.said) {
		newest = c.said
	}
	for _, s := range c.sightings {
		s.at = s.firm()
		if s.at.IsZero() {
			s.at = later(shared, s.newest)
		}
		if (len(s.ages) > 0 || !s.newest.IsZero()) && (sure || !s.firm().IsZero()) {
			newest = later(newest, s.at)
		}
		for _, p := range s.ages {
			p.set(s.at.Add(-p.age).UTC().Truncate(time.Second))
		}
	}
	return newest
}

// shared is the moment for sightings that have none of their own, whether it is sure, and whether anything waits
// for one.
func (c *clock) shared() (shared time.Time, sure, waiting bool) {
	var firm, loose time.Time
	for _, s := range c.sightings {
		waiting = waiting || len(s.ages) > 0
		firm = later(firm, s.firm())
		loose = later(loose, s.loose())
	}
	if c.said.After(later(c.newest, later(loose, c.journal))) && firm.IsZero() {
		return c.said, true, waiting
	}
	for _, t := range []time.Time{firm, loose, c.newest, c.journal} {
		if !t.IsZero() {
			return t, !firm.IsZero(), waiting
		}
	}
	return time.Time{}, false, waiting
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
