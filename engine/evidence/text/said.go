package text

import (
	"bytes"
	"regexp"
	"time"
)

var (
	// dated is when somebody says that they looked.
	dated = regexp.MustCompile(`(?i)\b(?:checked(?: on)?|today(?: is|:)?|as of|now(?: is|:))\s+(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d))?`)
	// askedDate is the command date, with what it answers.
	askedDate = regexp.MustCompile(`(?m)^\$ date(?: -u)?\n(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4})$`)
)

// saidNow is the moment of which a text says in words that it is the present one; the zero time when it says none. A day
// alone is its beginning.
func saidNow(text []byte) time.Time {
	const notes = 64 << 10 // bytes; what is longer nobody wrote by hand
	if len(text) > notes {
		return time.Time{}
	}
	if bytes.Contains(text, []byte("$ date")) {
		if found := askedDate.FindSubmatch(text); found != nil {
			if at, err := time.Parse(time.UnixDate, string(found[1])); err == nil {
				return at.UTC()
			}
		}
	}
	for _, sign := range [...]string{"hecked ", "oday", "s of ", "ow:", "ow is "} {
		if !bytes.Contains(text, []byte(sign)) {
			continue
		}
		found := dated.FindSubmatch(text)
		if found == nil {
			return time.Time{}
		}
		day, clock := string(found[1]), string(found[2])
		if clock == "" {
			clock = "00:00"
		}
		at, err := time.Parse("2006-01-02 15:04", day+" "+clock)
		if err != nil {
			return time.Time{}
		}
		return at
	}
	return time.Time{}
}
