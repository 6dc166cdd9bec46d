package plugin

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kube-remedy/kube-remedy/engine"
)

// teller writes stories for a person.
type teller struct {
	paint
	now  time.Time
	page strings.Builder
}

// line writes a line behind a label; further lines of the same have none.
func (t *teller) line(label, format string, args ...any) {
	fmt.Fprintf(&t.page, "  %s %s\n", t.bold(fmt.Sprintf("%-8s", label)), strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// lines writes the same label for several lines once.
func (t *teller) lines(label string, texts []string) {
	for i, text := range texts {
		if i > 0 {
			label = ""
		}
		t.line(label, "%s", text)
	}
}

func (t *teller) tell(s story) {
	fmt.Fprintf(&t.page, "%s: %s in namespace %s\n", t.bold(s.FailureType), s.Workload, s.Namespace)
	t.line("Name", "%s", s.Name)
	if s.RootCause != "" {
		t.line("Why", "%s", oneLine(s.RootCause))
		t.line("", "%s, confidence %d%%, risk %s", s.RootCauseID, s.Confidence, s.RiskLevel)
	}
	var quoted []string
	for _, cited := range s.Evidence {
		quoted = append(quoted, fmt.Sprintf("%s: “%s”%s", oneLine(cited.Source), engine.Shorten(oneLine(cited.Text), 300), t.when(cited.Time)))
	}
	t.lines("Evidence", quoted)
	t.line("Seen", "%d times%s", s.Occurrences, t.between(s))
	t.tellChange(s)
	t.line("Outcome", "%s", oneLine(s.Outcome))
	var tried []string
	for _, trial := range s.Tried {
		tried = append(tried, fmt.Sprintf("attempt %d: %s against %s: %s", trial.Attempt, trial.Action, trial.RootCauseID, trial.words()))
	}
	t.lines("Tried", tried)
	var times []string
	for _, moment := range []struct{ what, at string }{{"learned", s.LearnedAt}, {"applied", s.AppliedAt}, {"verified", s.VerifiedAt}} {
		if moment.at != "" {
			times = append(times, moment.what+" "+moment.at+t.age(moment.at))
		}
	}
	t.lines("When", times)
	author := "learned by the event watcher"
	if s.Author != "" {
		author = "written by " + s.Author
	}
	if s.ApprovedBy != "" {
		author += ", approved by " + s.ApprovedBy
	}
	t.line("By", "%s", author)
	t.lines("Undo", s.Undo)
	if s.Remedy != "" && len(s.Undo) == 0 {
		t.line("Undo", "nothing: the workload does not carry it")
	}
	if s.Remedy != "" {
		return
	}
	var fixes []string
	for i, fix := range s.SuggestedFixes {
		fixes = append(fixes, fmt.Sprintf("%d. %s", i+1, oneLine(fix.Description)))
	}
	t.lines("To do", fixes)
}

// tellChange writes what is changed, before and after.
func (t *teller) tellChange(s story) {
	switch {
	case s.Remedy == "":
		t.line("Change", "none")
		return
	case len(s.Modifications) == 0:
		t.line("Change", "%s", s.Remedy)
		t.line("", "now nothing: %s", s.Unchanged)
		return
	}
	width := 0
	for _, modification := range s.Modifications {
		width = max(width, len(field(modification)))
	}
	label := "Change"
	if !s.Carried {
		label = "Will be"
	}
	var texts []string
	for _, modification := range s.Modifications {
		texts = append(texts, fmt.Sprintf("%-*s  %s → %s", width, field(modification),
			t.red(orNone(modification.OldValue)), t.green(orNone(modification.NewValue))))
	}
	t.lines(label, texts)
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return engine.Shorten(oneLine(value), 200)
}

// oneLine gives text that neither breaks a line nor tells a terminal what to do.
func oneLine(text string) string {
	text = strings.ReplaceAll(text, "\n", " ⏎ ")
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029') {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func (t *teller) between(s story) string {
	switch {
	case s.LastSeen == "":
		return ""
	case s.FirstSeen == s.LastSeen:
		return ", at " + s.LastSeen + t.age(s.LastSeen)
	default:
		return ", first " + s.FirstSeen + ", last " + s.LastSeen + t.age(s.LastSeen)
	}
}

func (t *teller) when(at string) string {
	if at == "" {
		return ""
	}
	return " at " + at
}

// age writes how long ago a time is, in brackets.
func (t *teller) age(stamp string) string {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return ""
	}
	return " (" + duration.HumanDuration(t.now.Sub(at)) + " ago)"
}
