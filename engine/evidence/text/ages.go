package text

import (
	"strconv"
	"strings"
	"time"
)

// ageUnits are those of duration.HumanDuration of apimachinery, which kubectl prints ages with.
func ageUnit(letter byte) time.Duration {
	switch letter {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	case 'd':
		return 24 * time.Hour
	case 'y':
		return 365 * 24 * time.Hour
	default:
		return 0
	}
}

// age is how long ago something was, as kubectl prints it: cut down to two or three figures.
type age struct {
	duration time.Duration
	// grain is the unit of the last figure: the truth may be up to that much older.
	grain time.Duration
	// known is false for <unknown> and <invalid>.
	known bool
}

// parseAge reads a text such as 45s, 2m3s, 4d12h, 2y105d, <unknown> or <invalid>.
func parseAge(text string) (age, bool) {
	if text == "<unknown>" || text == "<invalid>" || text == "..." || text == "…" { // the last where somebody left it out
		return age{}, true
	}
	if len(text) < 2 || len(text) > 16 {
		return age{}, false
	}
	parsed := age{known: true}
	for text != "" {
		digits := 0
		for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits > 6 || digits == len(text) {
			return age{}, false
		}
		unit := ageUnit(text[digits])
		if unit == 0 || parsed.grain != 0 && unit >= parsed.grain {
			return age{}, false
		}
		number, _ := strconv.Atoi(text[:digits])
		// 292 years are what a duration holds; a figure that doesn't fit is no age.
		if number > int(200*365*24*time.Hour/unit) {
			return age{}, false
		}
		parsed.duration += time.Duration(number) * unit
		parsed.grain = unit
		text = text[digits+1:]
	}
	return parsed, true
}

// span is the age of an event that may have happened several times.
type span struct {
	last, first age
	count       int32
}

// parseSpan reads an age and, when it follows, "(x5 over 10m)", and returns the rest behind white space.
func parseSpan(text string) (parsed span, rest string, ok bool) {
	first, rest := word(text)
	last, ok := parseAge(first)
	if !ok {
		return span{}, text, false
	}
	parsed = span{last: last, first: last, count: 1}
	if !strings.HasPrefix(rest, "(x") {
		return parsed, rest, true
	}
	inside, behind, ok := strings.Cut(rest[2:], ")")
	if !ok || len(inside) > 40 {
		return parsed, rest, true
	}
	times, over, hasOver := strings.Cut(inside, " over ")
	count, err := strconv.ParseInt(times, 10, 32)
	if err != nil || count < 1 {
		return parsed, rest, true
	}
	parsed.count = int32(count)
	if since, ok := parseAge(strings.TrimSpace(over)); hasOver && ok {
		parsed.first = since
	}
	return parsed, trimLeft(behind), true
}

// parseRestarts reads "5" or "5 (3m ago)".
func parseRestarts(text string) (count int32, ago age, ok bool) {
	first, rest := word(text)
	number, err := strconv.ParseInt(first, 10, 32)
	if err != nil || number < 0 {
		return 0, age{}, false
	}
	if inside, found := strings.CutPrefix(rest, "("); found {
		ago, _ = parseAge(strings.TrimSuffix(inside, " ago)"))
	}
	return int32(number), ago, true
}

// descriptionTime is how kubectl describe prints a time: in the zone of the machine it ran on.
const descriptionTime = time.RFC1123Z

// parseTime reads a time of a description; the zero time when there is none.
func parseTime(text string) time.Time {
	parsed, err := time.Parse(descriptionTime, strings.TrimSpace(text))
	if err != nil || parsed.Year() < 2000 {
		return time.Time{}
	}
	return parsed
}

// leadingTime cuts a time of a description off the front of a text.
func leadingTime(text string) (parsed time.Time, rest string, ok bool) {
	text = trimLeft(text)
	if len(text) < len(descriptionTime) || text[3] != ',' { // behind the day of the week
		return time.Time{}, text, false
	}
	stamp := text[:len(descriptionTime)]
	if _, err := time.Parse(descriptionTime, stamp); err != nil {
		return time.Time{}, text, false
	}
	return parseTime(stamp), trimLeft(text[len(stamp):]), true
}
