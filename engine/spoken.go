package engine

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// trouble are words of failures that are counted.
const trouble = `[a-z_]*(?:fail|error|kill|oom|crash|backoff|imagepull|pending|evict|unhealthy|not ?ready|hung|oops|corrupt|lost)[a-z_]*`

// sought is an expression with words of which one stands in all that it matches: most lines have none of them.
type sought struct {
	signs []string
	form  *regexp.Regexp
}

func (s sought) may(text []byte) bool {
	return slices.ContainsFunc(s.signs, func(sign string) bool { return bytes.Contains(text, []byte(sign)) })
}

// within gives the same for the lines of a text, with those of the words that the text has.
func (s sought) within(text []byte) sought {
	return sought{slices.DeleteFunc(slices.Clone(s.signs), func(sign string) bool { return !bytes.Contains(text, []byte(sign)) }), s.form}
}

func (s sought) in(text []byte) bool { return s.may(text) && s.form.Match(text) }

var (
	// zero is a metric as Prometheus reads it, whose value is nothing.
	zero = regexp.MustCompile(`^[a-zA-Z_:][\w:]*(?:\{[^}]*\})? 0(?:\.0+)?(?: \d+)?$`)
	// none is a count of nothing, with the words that say of what before it.
	none     = regexp.MustCompile(`^[^\d,;/|]*(?:\([^)]*\))?\s*(?:[:=]|\s)\s*0$|^[\w-]+\s{2,}0$|^(?:[\w. -]+: )?(?:\w+ 0 ?)+$`)
	troubled = regexp.MustCompile(`(?i)` + trouble)
	// counted is a count of nothing among others.
	counted = regexp.MustCompile(`(?i)^\s*(?:[^:]*: )?0 ` + trouble + `(?: [a-z]+)?\s*$|^\s*(?:[^:\d]*: )?` + trouble + `:? 0\s*$`)
	// passed are the lines in which tests say that they went well.
	passed = regexp.MustCompile(`^(?:--- PASS:|=== (?:RUN|CONT|PAUSE|NAME) |[✓✔√] |ok\s+\S+\s+[\d.(])|\bPASSED\b|\.\.\. ok$|\bshould .* passed$`)
	// steps are those of Ginkgo's tests, which name what they provoke, and of plays that try again.
	steps = sought{[]string{"STEP: ", "(expected)", "RETRYING: "}, regexp.MustCompile(`(?:^|: )STEP: |\(expected\)$|\bFAILED - RETRYING: `)}
	// supposed are words of documents that tell what could be; what happened has numbers and quotations.
	supposed = regexp.MustCompile(`(?i)\b(?:if|what to do|look for|e\.g\.|for example|such as|means|would|may|might|usually)\b|^[*•-] [A-Z]\w+ (?:→|=>) `)
	// step is one of instructions.
	step = regexp.MustCompile(`^\d{1,2}[.)] (?i:kubectl|check|look|see|run|verify|inspect|make sure|try)\b`)
	// alerting is a rule that tells when an alert is to be sent.
	alerting = regexp.MustCompile(`(?m)^\s*(?:- )?"?alert"?: `)
	asking   = regexp.MustCompile(`(?m)^\s*(?:- )?"?expr"?: `)
	// changing is the beginning of what git says of a change.
	changing = regexp.MustCompile(`^\s*(?:commit [0-9a-f]{7,40}\n|diff --git )`)
	// closed is an alert or a ticket that is over, as Alertmanager, Grafana, Zabbix, New Relic and others say so.
	closed = sought{[]string{"RESOLVED", "esolved", "losed", "CLOSED", "inactive"}, regexp.MustCompile(`(?mi)^\W{0,2}\[RESOLVED|^RESOLVED:|^\W{0,4}Problem (?:has been )?resolved\b|\balert\W{1,5}closed\b|"(?:status|alertstate)": ?"(?:resolved|inactive)"|\bstatus=resolved\b`)}
	// past are sentences about what was and is no more.
	past = sought{[]string{"behoben", "erledigt", "gelöst", "解消", "解決", "解决", "修复", "恢复", "corrigé", "résolu", "solucionad", "resuelto", "resolvid", "исправлен", "устранен", "해결", "ixed", "olved", "arlier", "efore", "No ", "0 matches", "0 results", "0 hits", "muted", "the fix", "läuft"}, regexp.MustCompile(`(?i)\b(?:behoben|erledigt|gelöst|has been (?:fixed|resolved)|(?:was|now) (?:fixed|resolved|solved))\b|^earlier\b|^[Bb]efore(?: \([^)]*\))?:|^No (?:errors|problems|issues)\b|\b0 (?:matches|results|hits)\b|\bmuted\b|\bsince the fix\b|(?:→|->|=>) ?läuft\b|解消(?:しま|され|済)|解決(?:しま|され|済)|(?:已|问题)解决|已(?:经)?(?:修复|恢复)|\b(?:corrigée?|résolue?|solucionad[oa]|resuelto|resolvid[oa])\b|исправлен|устранен|해결(?:됨|되었|했)`)}
	// heading stands over the revisions of a rollout or a release.
	heading = regexp.MustCompile(`^\s*REVISION\s+(?:CHANGE-CAUSE|UPDATED\s)`)
	// deployed is the revision of a release that is there now.
	deployed = regexp.MustCompile(`^\d+\s.*\sdeployed\s`)
	// searching is an expression that looks for a message and is none.
	searching = regexp.MustCompile(`\\[dSw][+*]`)
	// listed are words in quotation marks, as of reasons that are looked for.
	listed = regexp.MustCompile(`\[(?:\s*['"]\w+['"]\s*,){2,}\s*['"]\w+['"]\s*\]`)
	// option is a flag with its description, as programs print their usage.
	option = regexp.MustCompile(`^(?:-\w, )?--?[a-zA-Z][\w-]*(?:[ =]\S+)?(?:\s{2,}\S|\s*$)|^(?:--[a-z][\w-]*=\S+\s*){2,}$`)
)

// parts are pieces of lines that name what did not happen where they stand, with what tells that there may be one:
// requests that were answered, lists of words, queries, and names that are made of such words.
var parts = []sought{
	{[]string{" HTTP/"}, regexp.MustCompile(`"(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) [^" ]+ HTTP/[\d.]+" [123]\d\d\b[^"]*(?:"[^"]*" ?)*`)},
	{[]string{"["}, listed},
	{[]string{`== "`, `=="`, "== '"}, regexp.MustCompile(`== ?["'][^"']*["']`)},
	{[]string{"one of"}, regexp.MustCompile(`\bone of:? (?:\w+, ?){2,}(?:or )?\w+`)},
	{[]string{"enum"}, regexp.MustCompile(`\benum"?: ?\[[^\]]*\]`)},
	{[]string{`issue "`, `ticket "`, `page "`, `article "`, `title "`, `subject "`}, regexp.MustCompile(`\b(?:issue|ticket|page|article|title|subject) "[^"]*"`)},
	{[]string{"eleted ", "emoved ", "urged ", "runed "}, regexp.MustCompile(`\b(?i:deleted|removed|purged|pruned) \d+ (?:OOMKilled|Evicted|CrashLoopBackOff|ImagePullBackOff|Failed)\b`)},
	{[]string{"OOM killer script ", "OnOutOfMemoryError"}, regexp.MustCompile(`\bOOM killer script (?:disabled|enabled)\b|-XX:[+-]\w*OnOutOfMemoryError`)},
	{[]string{" # "}, regexp.MustCompile(`^\s*(?:- )?[a-z][\w-]*: [^#]* # .*(?:when|if|without|below|shows up|unless|otherwise)\b.*`)},
	{[]string{" WHERE "}, regexp.MustCompile(` WHERE .*`)},
	{[]string{"--"}, regexp.MustCompile(`(?:^|\s)--[a-z][\w-]*=\S+`)},
	{[]string{"|"}, regexp.MustCompile(`\|[=~] *\\?"[^"]*"`)},
	{[]string{"oom", "OOM", "rash", "mage", "nsched", "nhealthy", "of_memory"}, regexp.MustCompile(`(?i)\b(?:task|job|step|test) [a-z]+_oom(?:_[a-z]+)*\b|[a-z0-9]/oom[-_]?kill\w*/|(?:[a-z0-9][-.+]|[.+]\b)(?:oom[-_]?kill(?:ed|ing|er)?|out_of_memory|crashloop(?:ing|backoff)?|imagepull(?:backoff)?|unschedulable|unhealthy)\b(?:[-.+_]\w+)*|\b(?:oom[-_]?kill(?:ed|ing|er)?|crashloop(?:ing|backoff)?|imagepull(?:backoff)?)[-.+][a-z0-9][\w.+-]*`)},
}

// spoken gives what a text says has happened: without metrics of nothing, their documentation, templates, tests that
// went well, usage, commands, what is over, and sentences about what could be, which become blanks. Alerting rules, and
// alerts that are over, say nothing.
func spoken(text []byte) []byte {
	if bytes.Contains(text, []byte("alert")) && bytes.Contains(text, []byte("expr")) && alerting.Match(text) && asking.Match(text) {
		return nil
	}
	if changing.Match(text[:min(len(text), maxSpoken)]) || closed.in(text) && !bytes.Contains(bytes.ToLower(text), []byte("firing")) {
		return nil
	}
	b := &blanks{text: quiet(text)}
	b.revisions()
	b.retried()
	at := 0
	described := false // the line before is a flag, and this one may say what it is for
	for line := range bytes.Lines(b.text) {
		start := line[:min(len(line), maxSpoken)]
		words := string(bytes.TrimSpace(start))
		switch {
		case described && bytes.HasPrefix(bytes.TrimLeft(start, " "), []byte("\t")), supposes(words):
			b.blank(at, at+len(line))
			described = strings.HasPrefix(words, "-")
		default:
			described = false
			b.parts(start, at)
		}
		at += len(line)
	}
	return b.text
}

// maxSpoken bounds how much of a line is asked whether it says anything, in bytes.
const maxSpoken = 1 << 10

// supposes tells whether a line says nothing of what happened.
func supposes(line string) bool {
	switch {
	case line == "":
		return false
	case strings.Contains(line, "{{") && strings.Contains(line, "}}"),
		strings.HasPrefix(line, "$ ") && !strings.Contains(line, " STATUS "),
		strings.HasPrefix(line, "OCI runtime exec failed: "): // kubectl exec of what an image does not have
		return true
	case tellsNothing(line), line[0] <= '9' && step.MatchString(line), strings.Contains(line, `\`) && searching.MatchString(line), past.in([]byte(line)):
		return true
	default: // registries answer with such words
		return !strings.ContainsAny(line, `0123456789"`) && !strings.Contains(line, "does not exist or may require") && !strings.Contains(line, "You have reached your pull rate limit") && supposed.MatchString(line)
	}
}

// tellsNothing tells whether a line is a count of nothing, of a test that went well or of a program's usage.
func tellsNothing(line string) bool {
	switch {
	case line == "":
		return false
	case strings.HasSuffix(line, "0") && (zero.MatchString(line) || none.MatchString(line) && troubled.MatchString(line)), mayPass(line) && passed.MatchString(line):
		return true
	default:
		return strings.HasPrefix(line, "# HELP ") || strings.HasPrefix(line, "# TYPE ") || line[0] == '-' && option.MatchString(line) || steps.in([]byte(line))
	}
}

// mayPass spares most lines the expression that tells whether a test went well.
func mayPass(line string) bool {
	switch line[0] {
	case '-', '=', 'o', 't', "✓"[0]:
		return true
	default:
		return strings.Contains(line, "PASSED") || strings.HasSuffix(line, "... ok") || strings.HasSuffix(line, " passed")
	}
}

// parts blanks the pieces of a line that name what did not happen.
func (b *blanks) parts(line []byte, at int) {
	for _, part := range parts {
		if part.may(line) {
			for _, found := range part.form.FindAllIndex(line, -1) {
				b.blank(at+found[0], at+found[1])
			}
		}
	}
	if !bytes.Contains(line, []byte("0 ")) && !bytes.Contains(line, []byte(" 0")) {
		return
	}
	for from := 0; from < len(line); {
		item := line[from:]
		if end := bytes.IndexAny(item, ",;/|"); end >= 0 {
			item = item[:end]
		}
		if counted.Match(item) {
			b.blank(at+from, at+from+len(item))
		}
		from += len(item) + 1
	}
}

// attempt is one of several of a step of Argo Workflows, that went well or failed.
var attempt = regexp.MustCompile(`([✔✖]) ([\w.-]+)\((\d+)\)`)

// retried blanks the attempts at a step of which a later one went well.
func (b *blanks) retried() {
	if !bytes.Contains(b.text, []byte("✖")) || !bytes.Contains(b.text, []byte("✔")) {
		return
	}
	last := map[string]int{} // one more than where a step went well
	at := 0
	for line := range bytes.Lines(b.text) {
		if found := attempt.FindSubmatch(line); found != nil && string(found[1]) == "✔" {
			last[string(found[2])] = at + 1
		}
		at += len(line)
	}
	at = 0
	for line := range bytes.Lines(b.text) {
		if found := attempt.FindSubmatch(line); found != nil && string(found[1]) == "✖" && last[string(found[2])] > at {
			b.blank(at, at+len(line))
		}
		at += len(line)
	}
}

// revisions blanks what failed in revisions before the one that is there.
func (b *blanks) revisions() {
	if !bytes.Contains(b.text, []byte("REVISION")) {
		return
	}
	at, from, inside, causes := 0, 0, false, false
	for line := range bytes.Lines(b.text) {
		switch {
		case heading.Match(line):
			from, inside, causes = at+len(line), true, bytes.Contains(line, []byte("CHANGE-CAUSE"))
		case inside && (len(line) == 0 || line[0] < '0' || line[0] > '9'):
			inside = false
		case inside && (causes || deployed.Match(line)):
			b.blank(from, at+len(line))
		}
		at += len(line)
	}
}
