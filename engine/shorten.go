package engine

// Shorten cuts text that is longer than limit bytes, without splitting a character, and marks the cut with an
// ellipsis. limit must have room for the ellipsis: 3 bytes.
func Shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit - len("…")
	for end > 0 && text[end]&0xC0 == 0x80 { // inside a character
		end--
	}
	return text[:end] + "…"
}
