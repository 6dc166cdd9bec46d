package plugin

import (
	"io"
	"os"
)

// colored reports whether what is written for a person may have colors: on a terminal that has some, unless NO_COLOR
// is set (https://no-color.org).
func colored(out io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(out)
}

// paint gives text its colors, or leaves it.
type paint bool

func (p paint) red(text string) string   { return p.in("31", text) }
func (p paint) green(text string) string { return p.in("32", text) }
func (p paint) bold(text string) string  { return p.in("1", text) }

func (p paint) in(color, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
