package text

import (
	"strings"
)

// withoutHashes takes off the marks of comments behind which scripts and tutorials quote what was printed: of lines that
// follow each other when one of them can't be a comment.
func withoutHashes(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); {
		end, printed := i, i > 0 && asksCluster(lines[i-1])
		for ; end < len(lines) && strings.HasPrefix(lines[end], "#"); end++ {
			printed = printed || isPrinted(strings.TrimPrefix(lines[end], "#"))
		}
		for ; printed && i < end; i++ {
			lines[i] = strings.TrimPrefix(strings.TrimPrefix(lines[i], "#"), " ")
		}
		i = max(end, i+1)
	}
	return strings.Join(lines, "")
}

// asksCluster recognises a line that runs kubectl, behind which comments quote what it printed.
func asksCluster(line string) bool {
	start := strings.TrimPrefix(trimLeft(line), "$ ")
	return strings.HasPrefix(start, "kubectl ") || strings.HasPrefix(start, "oc ")
}

// isPrinted recognises lines that kubectl prints and nobody writes: rows and columns of events, headers of tables, and the
// lines of Python's traces.
func isPrinted(line string) bool {
	start := trimLeft(strings.TrimLeft(trimLeft(strings.TrimRight(line, "\r\n")), ">")) // a quotation inside a comment
	return start != "" && (isTableHeader(start) || isEventColumns(start) || isEventRow(start) || strings.HasPrefix(start, "File \"") && strings.Contains(start, "\", line "))
}
