package text

import (
	"slices"
	"strings"
)

// Build servers and collectors of logs write something of their own before each line.

const (
	// maxHead bounds what is written before each line, in bytes.
	maxHead = 120
	// maxHeads bounds how many lines are asked whether kubectl's output begins inside them.
	maxHeads = 64
)

// printed are the words with which what kubectl prints begins.
var printed = [...]string{"NAME ", "NAMESPACE ", "LAST SEEN ", "Name: ", "Type "}

// withoutLineHeads takes off what stands before each line of kubectl's output: times, levels, names of jobs. Logs are
// left alone, whose readers know what collectors write.
func withoutLineHeads(text string) string {
	if !slices.ContainsFunc(printed[:], func(words string) bool { return strings.Contains(text, words) }) {
		return text
	}
	var out strings.Builder
	next := nextPrinted{text: text}
	head, asked, from := "", 0, 0
	for at := 0; at < len(text); {
		if head == "" {
			if at = next.line(at); at == len(text) || asked == maxHeads {
				break
			}
		}
		end := at + strings.IndexByte(text[at:], '\n') + 1
		if end == at {
			end = len(text)
		}
		line := text[at:end]
		rest, ok := behindHead(line, head)
		if head == "" || !ok {
			var looked bool
			if head, looked = headOf(line, text[end:]); looked {
				asked++
			}
			rest, _ = behindHead(line, head)
		}
		if head != "" {
			out.WriteString(text[from:at])
			out.WriteString(rest)
			from = end
		}
		at = end
	}
	if from == 0 {
		return text
	}
	out.WriteString(text[from:])
	return out.String()
}

// nextPrinted finds the lines in which something printed may begin.
type nextPrinted struct {
	text string
	at   [len(printed)]int // where each of the words stands next, plus one
}

// line is where the next line from a place on begins that has one of the words; the end of the text when none has.
func (n *nextPrinted) line(from int) int {
	least := len(n.text)
	for i, words := range printed {
		if n.at[i] <= from {
			n.at[i] = len(n.text) + 1
			if found := strings.Index(n.text[from:], words); found >= 0 {
				n.at[i] = from + found + 1
			}
		}
		least = min(least, n.at[i]-1)
	}
	if least == len(n.text) {
		return least
	}
	return max(from, strings.LastIndexByte(n.text[:least], '\n')+1)
}

// headOf is what stands before the output of kubectl that begins inside a line; nothing when there is none. It tells
// whether it had to look closely.
func headOf(line, rest string) (head string, looked bool) {
	for _, words := range printed {
		at := strings.Index(line[:min(len(line), maxHead+16)], words)
		if at <= 0 {
			continue
		}
		before := strings.TrimRight(line[:at], " \t")
		if strings.Trim(before, " \t>#*-$|`│") == "" || isCapitals(before) {
			continue
		}
		looked = true
		printed := strings.TrimRight(line[at:], " \r\n")
		switch {
		case words == "Name: ":
			next, _, _ := strings.Cut(rest, "\n")
			next, ok := behindHead(next, line[:len(before)+1])
			key, _ := cutField(strings.TrimSpace(next))
			if !ok || key != "Namespace" && key != "Labels" && key != "Roles" {
				continue
			}
		case words == "Type ":
			if !isEventColumns(printed) || !strings.Contains(printed, "Message") {
				continue
			}
		case !isTableHeader(printed):
			continue
		}
		if len(before) < at {
			return line[:len(before)+1], true
		}
	}
	return "", looked
}

// isCapitals tells whether a text is made of words in capitals, as the names of columns are.
func isCapitals(text string) bool {
	return strings.Trim(text, " \tABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// behindHead gives what stands in a line behind a head of the same form as another: letters and digits may be others,
// and more or fewer, as those of times and levels are.
func behindHead(line, head string) (string, bool) {
	i := 0
	for j := 0; j < len(head); {
		if i >= len(line) || line[i] == '\n' || line[i] == '\r' {
			return line[i:], strings.TrimSpace(head[j:]) == "" // an empty line has no blank behind its head
		}
		of := classOf(head[j])
		if of == other {
			if line[i] != head[j] {
				return "", false
			}
			i, j = i+1, j+1
			continue
		}
		if classOf(line[i]) != of {
			return "", false
		}
		for j < len(head) && classOf(head[j]) == of {
			j++
		}
		for i < len(line) && classOf(line[i]) == of {
			i++
		}
	}
	return line[i:], true
}

// class is what a byte is of in the form of a head.
type class int

const (
	other class = iota
	digits
	letters
)

func classOf(c byte) class {
	switch {
	case isDigit(c):
		return digits
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
		return letters
	default:
		return other
	}
}
