package match

// A step of the automaton waits for the one before it: the next state is a load whose address is the last state.
// So a text is read in blocks of four lanes that step side by side, and the processor works on one while the
// others wait. A lane starts longestKey-1 bytes ahead of its part, in the root state: a key that ends in the part
// begins no earlier.
const (
	lanes      = 4
	laneBytes  = 2048
	shortLane  = 128 // of a block for what is left
	ahead      = longestKey - 1
	blockSize  = ahead + lanes*laneBytes
	shortBlock = ahead + lanes*shortLane
)

// hit is a place where keys end.
type hit struct {
	end   uint32 // the offset after their last byte, from where the scan was told to visit
	state uint32
}

// hits are those of a block, by lane.
type hits struct {
	count [lanes]int
	found [lanes][laneBytes]hit
}

// scan calls visit with the places in text where keys end, some at a time, in their order. Their offsets count
// from base. room is reused.
func (a *automaton) scan(text []byte, room *hits, visit func(base int, found []hit)) {
	for done := 0; done < len(text); {
		base, size := done, laneBytes
		switch rest := len(text) - done; {
		case done == 0:
			size = min(ahead, rest)
			a.walk(text[:size], 0, room)
		case rest >= lanes*laneBytes:
			size = lanes * laneBytes
			walkBlock(a, (*[blockSize]byte)(text[done-ahead:]), room)
		case rest >= lanes*shortLane:
			size = lanes * shortLane
			walkBlock(a, (*[shortBlock]byte)(text[done-ahead:]), room)
		default:
			size = min(size, rest)
			a.walk(text[done-ahead:done+size], ahead, room)
		}
		for lane := range room.found {
			if count := room.count[lane]; count > 0 {
				visit(base, room.found[lane][:count])
			}
		}
		done += size
	}
}

// walk replaces what is in room by what ends in part after its first skip bytes.
func (a *automaton) walk(part []byte, skip int, room *hits) {
	room.count = [lanes]int{}
	table, ending, classes := a.table, a.ending, &a.classes
	state := uint32(0)
	for _, c := range part[:skip] {
		state = table[state+uint32(classes[c])]
	}
	for i, c := range part[skip:] {
		state = table[state+uint32(classes[c])]
		if state >= ending {
			room.add(0, i, state, ending)
		}
	}
}

// walkBlock replaces what is in room by what ends in block after its first ahead bytes.
func walkBlock[block [blockSize]byte | [shortBlock]byte](a *automaton, text *block, room *hits) {
	room.count = [lanes]int{}
	table, ending, classes := a.table, a.ending, &a.classes
	lane := (len(*text) - ahead) / lanes
	var s0, s1, s2, s3 uint32
	for i := range ahead {
		s0 = table[s0+uint32(classes[(*text)[i]])]
		s1 = table[s1+uint32(classes[(*text)[i+lane]])]
		s2 = table[s2+uint32(classes[(*text)[i+2*lane]])]
		s3 = table[s3+uint32(classes[(*text)[i+3*lane]])]
	}
	for i := ahead; i < ahead+lane; i++ {
		s0 = table[s0+uint32(classes[(*text)[i]])]
		s1 = table[s1+uint32(classes[(*text)[i+lane]])]
		s2 = table[s2+uint32(classes[(*text)[i+2*lane]])]
		s3 = table[s3+uint32(classes[(*text)[i+3*lane]])]
		if s0 >= ending || s1 >= ending || s2 >= ending || s3 >= ending {
			room.add(0, i-ahead, s0, ending)
			room.add(1, i-ahead+lane, s1, ending)
			room.add(2, i-ahead+2*lane, s2, ending)
			room.add(3, i-ahead+3*lane, s3, ending)
		}
	}
}

// add adds a hit behind the byte at offset at to those of a lane, if keys end in state. It writes first and counts then: a
// branch would be guessed wrongly where hits are many.
func (h *hits) add(lane, at int, state, ending uint32) {
	count := h.count[lane]
	h.found[lane][count&(laneBytes-1)] = hit{end: uint32(at + 1), state: state}
	if state >= ending {
		count++
	}
	h.count[lane] = count
}
