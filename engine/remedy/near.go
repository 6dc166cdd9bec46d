package remedy

// near reports how far a word is from another: how many letters are added, left out, replaced or swapped with their
// neighbour. It gives up, with a distance above most, once there are more.
func near(a, b string, most int) int {
	if a == b {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > most || len(b) > 256 {
		return most + 1
	}
	before, last, row := make([]int, len(a)+1), make([]int, len(a)+1), make([]int, len(a)+1)
	for i := range last {
		last[i] = i
	}
	for j := 1; j <= len(b); j++ {
		row[0] = j
		for i := 1; i <= len(a); i++ {
			differs := 1
			if a[i-1] == b[j-1] {
				differs = 0
			}
			row[i] = min(last[i]+1, row[i-1]+1, last[i-1]+differs)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[i] = min(row[i], before[i-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(a)]
}

// mistyped is how far a name may be from the one that was meant: two letters, and never more than a quarter of a
// short name.
func mistyped(name string) int { return min(2, len(name)/4) }

// onlyNear gives the only name among several that is close enough to be meant, and closer than any other; false when
// there is none, or nobody could say which. The name itself does not count.
func onlyNear(name string, among []string) (string, bool) {
	most := mistyped(name)
	best, found, tied := most+1, "", false
	for _, other := range among {
		if other == name || other == found {
			continue
		}
		switch distance := near(name, other, most); {
		case distance < best:
			best, found, tied = distance, other, false
		case distance == best && distance <= most:
			tied = true
		}
	}
	return found, best <= most && !tied
}

// NearName reports whether a name is close enough to another that a typing mistake may tell them apart.
func NearName(name, other string) bool {
	return name != other && near(name, other, mistyped(name)) <= mistyped(name)
}
