package plugin

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

//go:embed postmortem.html
var postmortemPage string

// longest bounds a value or a quotation on the page, in bytes: what a Remediation keeps of a log is shorter, what a
// manifest has in a field may be a whole program.
const longest = 4 << 10

// printHTML writes the report as one page. html/template escapes what is put in by where it stands.
func (p postmortem) printHTML(out io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"badge": badgeOf,
		"field": field,
		"short": func(text string) string { return engine.Shorten(text, longest) },
		"rate":  func(rate float64) string { return fmt.Sprintf("%.0f%%", rate*100) },
		"words": trialReport.words,
	}).Parse(postmortemPage)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	var written strings.Builder
	if err := page.Execute(&written, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = io.WriteString(out, legible(written.String()))
	return err
}

// badge is where a failure stands in a word or two, and the class by which the page colors it.
type badge struct{ Class, Text string }

func badgeOf(s story) badge {
	switch phase := v1alpha1.Phase(s.Phase); {
	case phase == v1alpha1.PhaseExpired:
		return badge{"past", "expired"}
	case s.Remedy == "":
		return badge{"bad", "no cure"}
	case s.Withdrawn != "":
		return badge{"bad", "taken back"}
	case phase == v1alpha1.PhaseFailed:
		return badge{"bad", "given up"}
	case phase == v1alpha1.PhaseSuperseded:
		return badge{"past", "superseded"}
	case phase == v1alpha1.PhaseVerified:
		return badge{"good", "verified"}
	case phase == v1alpha1.PhaseApplied:
		return badge{"open", "being watched"}
	case s.Mode == string(v1alpha1.Suggest):
		return badge{"open", "waits for approval"}
	default:
		return badge{"open", "waits for an apply"}
	}
}

// legible makes characters visible that would hide what a text says, or have no place in HTML: control characters, and
// those without width or that turn the direction of writing. The page itself has none.
func legible(page string) string {
	var out strings.Builder
	for _, r := range strings.ToValidUTF8(page, string(utf8.RuneError)) {
		switch {
		case r == '\n' || r == '\t':
			out.WriteRune(r)
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
