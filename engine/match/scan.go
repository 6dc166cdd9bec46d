package match

// A step of the automaton waits for the one before it: the next state is a load whose address is the last state.
// So a text is read in blocks of four lanes that step side by side, and the processor works on one while the
// others wait. A lane starts longestKey-1 bytes ahead of its part, in the root state: a key that ends in the part
// begins no earlier.
const (
	lanes     = 4
	laneBytes = 2048
	ahead     = longestKey - 1
	blockSize = ahead + lanes*laneBytes
)

// hit is a place where keys end.
type hit struct {
	end   int // the offset in the text after their last byte
	state uint32
}

// hits is room for what a block's lanes find.
type hits [lanes][]hit

// scan calls visit with the places in text where keys end, some at a time, in their order. found is reused.
func (a *automaton) scan(text []byte, found *hits, visit func([]hit)) {
	done := 0
	if len(text) >= blockSize {
		done = ahead
		visit(a.walk(text[:ahead], 0, found[0][:0]))
	}
	for ; done > 0 && len(text)-done >= lanes*laneBytes; done += lanes * laneBytes {
		a.walkBlock((*[blockSize]byte)(text[done-ahead:]), done, found)
		for _, lane := range found {
			visit(lane)
		}
	}
	found[0] = a.walk(text, done, found[0][:0])
	visit(found[0])
}

// walk appends to found what ends in text after offset done.
func (a *automaton) walk(text []byte, done int, found []hit) []hit {
	table, ending, classes := a.table, a.ending, &a.classes
	state := uint32(0)
	for _, c := range text[max(0, done-ahead):done] {
		state = table[state+uint32(classes[c])]
	}
	for i, c := range text[done:] {
		state = table[state+uint32(classes[c])]
		if state >= ending {
			found = append(found, hit{end: done + i + 1, state: state})
		}
	}
	return found
}

// walkBlock replaces found by what ends in block, lane by lane. The lanes' parts begin at offset done of the text,
// which is offset ahead of the block.
func (a *automaton) walkBlock(block *[blockSize]byte, done int, found *hits) {
	for i := range found {
		found[i] = found[i][:0]
	}
	table, ending, classes := a.table, a.ending, &a.classes
	var s0, s1, s2, s3 uint32
	for i := range ahead {
		s0 = table[s0+uint32(classes[block[i]])]
		s1 = table[s1+uint32(classes[block[i+laneBytes]])]
		s2 = table[s2+uint32(classes[block[i+2*laneBytes]])]
		s3 = table[s3+uint32(classes[block[i+3*laneBytes]])]
	}
	for i := ahead; i < ahead+laneBytes; i++ {
		s0 = table[s0+uint32(classes[block[i]])]
		s1 = table[s1+uint32(classes[block[i+laneBytes]])]
		s2 = table[s2+uint32(classes[block[i+2*laneBytes]])]
		s3 = table[s3+uint32(classes[block[i+3*laneBytes]])]
		if s0 >= ending || s1 >= ending || s2 >= ending || s3 >= ending {
			end := done + i - ahead + 1
			for lane, state := range [lanes]uint32{s0, s1, s2, s3} {
				if state >= ending {
					found[lane] = append(found[lane], hit{end: end + lane*laneBytes, state: state})
				}
			}
		}
	}
}
