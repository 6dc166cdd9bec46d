package match

import "bytes"

// lineReader finds the lines of a text at ascending offsets. It reads the text once, whatever their number.
type lineReader struct {
	text []byte
	line Line
	next int // the offset after the line and its end; 0 before the first
}

// at returns the line at an offset that is not before the last one's line. The result is valid until the next call.
func (r *lineReader) at(offset int) *Line {
	if offset >= r.next {
		r.advance(offset)
	}
	return &r.line
}

func (r *lineReader) advance(offset int) {
	passed := r.text[r.next:offset]
	if r.next > 0 {
		r.line.Number++
	}
	r.line.Number += bytes.Count(passed, []byte{'\n'})
	r.line.Start = r.next + bytes.LastIndexByte(passed, '\n') + 1
	end := bytes.IndexByte(r.text[offset:], '\n')
	if end < 0 {
		r.line.End, r.next = len(r.text), len(r.text)
	} else {
		r.line.End, r.next = offset+end, offset+end+1
	}
	if r.line.End > r.line.Start && r.text[r.line.End-1] == '\r' {
		r.line.End--
	}
}
