package engine

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	// zero is a metric as Prometheus reads it, whose value is nothing.
	zero = regexp.MustCompile(`^[a-zA-Z_:][\w:]*(?:\{[^}]*\})? 0(?:\.0+)?(?: \d+)?$`)
	// passed are the lines in which tests say that they went well.
	passed = regexp.MustCompile(`^(?:--- PASS:|=== (?:RUN|CONT|PAUSE|NAME) |[✓✔√] |ok\s+\S+\s+[\d.(])|\bPASSED\b|^test \S+ \.\.\. ok$`)
	// supposed are words of documents that tell what could be; what happened has numbers and quotations.
	supposed = regexp.MustCompile(`(?i)\b(?:if|look for|e\.g\.|for example|such as|means|would|may|might|usually)\b`)
	// alerting is a rule that tells when an alert is to be sent.
	alerting = regexp.MustCompile(`(?m)^\s*(?:- )?"?alert"?: `)
	asking   = regexp.MustCompile(`(?m)^\s*(?:- )?"?expr"?: `)
)

// spoken gives what a text says has happened: without metrics of nothing, their documentation, templates, tests that
// went well and sentences about what could be, which become blanks. Alerting rules say nothing.
func spoken(text []byte) []byte {
	if bytes.Contains(text, []byte("alert")) && bytes.Contains(text, []byte("expr")) && alerting.Match(text) && asking.Match(text) {
		return nil
	}
	var kept []byte
	at := 0
	for line := range bytes.Lines(text) {
		if supposes(string(bytes.TrimSpace(line[:min(len(line), maxSpoken)]))) {
			if kept == nil {
				kept = bytes.Clone(text)
			}
			for i := at; i < at+len(line); i++ { // what is left keeps its place
				if kept[i] != '\n' {
					kept[i] = ' '
				}
			}
		}
		at += len(line)
	}
	if kept == nil {
		return text
	}
	return kept
}

// maxSpoken bounds how much of a line is asked whether it says anything, in bytes.
const maxSpoken = 1 << 10

// supposes tells whether a line says nothing of what happened.
func supposes(line string) bool {
	switch {
	case line == "":
		return false
	case strings.HasPrefix(line, "# HELP "), strings.HasPrefix(line, "# TYPE "), strings.Contains(line, "{{") && strings.Contains(line, "}}"):
		return true
	case strings.HasSuffix(line, "0") && zero.MatchString(line), mayPass(line) && passed.MatchString(line):
		return true
	default: // registries answer with such words
		return !strings.ContainsAny(line, `0123456789"`) && !strings.Contains(line, "does not exist or may require") && !strings.Contains(line, "You have reached your pull rate limit") && supposed.MatchString(line)
	}
}

// mayPass spares most lines the expression that tells whether a test went well.
func mayPass(line string) bool {
	switch line[0] {
	case '-', '=', 'o', 't', "✓"[0]:
		return true
	default:
		return strings.Contains(line, "PASSED")
	}
}
