package match

import "slices"

// longestKey is how many bytes of a literal the automaton looks for; what a literal has beyond them is compared
// where its key was found. It bounds the automaton's size, and how far a lane must start ahead of its part. 16
// instead of 32 makes the table of 220 literals a third smaller (426 KB), and no log slower.
const longestKey = 16

// automaton finds keys (literals, cut to longestKey, ASCII letters folded) in a text: Aho-Corasick as a dense
// table over byte classes. Its states are row offsets in the table, so that a step is one addition and one load;
// the states where a key ends come last, so that one comparison finds them.
//
// It is our own because libraries for it read one byte after the other. With 220 literals on 16 MB of the log of
// the benchmarks, on one core of an AMD EPYC (Zen 4), Go 1.26, fastest of many runs, none of the literals found:
//
//	this automaton, four lanes                            2070 MB/s
//	this automaton, one lane                               600 MB/s
//	cloudflare/ahocorasick (case matters; no places)       430 MB/s
//	BobuSumisu/aho-corasick (case matters)                 390 MB/s
//	petar-dambovaliev/aho-corasick, DFA, ASCII case folded 250 MB/s
//	bytes.Index for each literal (case matters)             32 MB/s
//
// Six lanes, states of 16 bits and rows for all 256 bytes without classes were each no faster.
type automaton struct {
	classes [256]uint8 // of a byte; 0 is every byte that no key has
	stride  uint32     // length of a row: the number of classes
	table   []uint32   // state + class → state
	ending  uint32     // the first state where a key ends
	ends    [][]int32  // for every state from ending on, by row: the keys that end there, ascending
}

// newAutomaton builds the automaton for keys, none of them empty.
func newAutomaton(keys []string) *automaton {
	a := &automaton{}
	a.classify(keys)
	t := newTrie(keys, &a.classes, int(a.stride))
	t.link()
	a.lay(t)
	return a
}

// classify gives every byte of the keys a class of its own, except that an ASCII letter shares one with its
// other case.
func (a *automaton) classify(keys []string) {
	a.stride = 1
	for _, key := range keys {
		for i := range len(key) {
			c := lower(key[i])
			if a.classes[c] != 0 {
				continue
			}
			a.classes[c] = uint8(a.stride)
			a.classes[upper(c)] = uint8(a.stride)
			a.stride++
		}
	}
}

// lay numbers the states of t, those where a key ends last, and writes the table.
func (a *automaton) lay(t *trie) {
	order := make([]int32, 0, len(t.ends)) // of nodes
	for _, ending := range []bool{false, true} {
		if ending {
			a.ending = uint32(len(order)) * a.stride
		}
		for node, keys := range t.ends {
			if len(keys) > 0 == ending {
				order = append(order, int32(node))
			}
		}
	}
	states := make([]uint32, len(order)) // of nodes
	for row, node := range order {
		states[node] = uint32(row) * a.stride
		if keys := t.ends[node]; len(keys) > 0 {
			a.ends = append(a.ends, keys)
		}
	}
	a.table = make([]uint32, 0, len(t.next))
	for _, node := range order {
		for _, next := range t.row(node) {
			a.table = append(a.table, states[next])
		}
	}
}

// endsAt returns the keys that end where the automaton came to state, at least ending.
func (a *automaton) endsAt(state uint32) []int32 {
	return a.ends[(state-a.ending)/a.stride]
}

// trie holds the nodes of the automaton while it is built. Node 0 is the root.
type trie struct {
	width int
	next  []int32   // width per node: the next node by class; 0 is the root, which no node leads to before link
	ends  [][]int32 // by node: the keys that end there
}

func newTrie(keys []string, classes *[256]uint8, width int) *trie {
	t := &trie{width: width, next: make([]int32, width), ends: make([][]int32, 1)}
	for i, key := range keys {
		node := int32(0)
		for j := range len(key) {
			c := int(classes[key[j]])
			child := t.row(node)[c]
			if child == 0 {
				child = int32(len(t.ends))
				t.row(node)[c] = child
				t.next = append(t.next, make([]int32, width)...)
				t.ends = append(t.ends, nil)
			}
			node = child
		}
		t.ends[node] = append(t.ends[node], int32(i))
	}
	return t
}

func (t *trie) row(node int32) []int32 {
	return t.next[int(node)*t.width:][:t.width]
}

// link makes the trie a complete automaton: breadth first, a node without a child for a class goes where its
// longest proper suffix goes, and what ends in that suffix ends in the node too.
func (t *trie) link() {
	suffix := make([]int32, len(t.ends))
	var queue []int32
	for _, child := range t.row(0) {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		node := queue[0]
		back := t.row(suffix[node])
		for c, child := range t.row(node) {
			if child == 0 {
				t.row(node)[c] = back[c]
				continue
			}
			suffix[child] = back[c]
			queue = append(queue, child)
		}
		if inherited := t.ends[suffix[node]]; len(inherited) > 0 {
			t.ends[node] = slices.Concat(t.ends[node], inherited)
			slices.Sort(t.ends[node])
		}
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
