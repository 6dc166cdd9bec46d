// Package cases reads the case files that hold the catalogue to its word and measures the engine against them:
// texts as kubectl prints them, each with the diagnosis it must get.
//
// It promises that a case means the same in the tests and in the report: the first diagnosis of each workload
// and container must be as wanted, none may stand beside the wanted ones, and none may have a cause that the case
// rules out.
package cases

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence/text"
)

// Case is one text with what must be found in it.
type Case struct {
	// Name is that of the file.
	Name string
	// Wanted are the diagnoses that must be found; none for a healthy case.
	Wanted []Want
	// Not are ids of causes that must not be found.
	Not []string
	// From is where the text comes from, About what happened in it.
	From, About string
	// Text is what the engine gets to see.
	Text []byte
}

// Want is one wanted diagnosis.
type Want struct {
	FailureType v1alpha1.FailureType
	Cause       string
	// Container is empty when the case leaves it open.
	Container string
}

// Parse reads a case file: lines of "key: value", a line "---", and the text. An error names the file and what is
// wrong with it.
func Parse(name string, data []byte) (Case, error) {
	head, body, found := bytes.Cut(data, []byte("\n---\n"))
	if !found {
		return Case{}, fmt.Errorf("%s: no line --- between head and text", name)
	}
	parsed := Case{Name: name, Text: body}
	healthy := false
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value, _, _ = strings.Cut(value, " # ")
		value = strings.TrimSpace(value)
		switch key {
		case "want":
			words := strings.Fields(value)
			switch {
			case value == "healthy":
				healthy = true
			case len(words) == 2:
				parsed.Wanted = append(parsed.Wanted, Want{FailureType: v1alpha1.FailureType(words[0]), Cause: words[1]})
			case len(words) == 3:
				parsed.Wanted = append(parsed.Wanted, Want{FailureType: v1alpha1.FailureType(words[0]), Cause: words[1], Container: words[2]})
			default:
				return Case{}, fmt.Errorf("%s: want: %q must be healthy, or a failure type, a cause and maybe a container", name, value)
			}
		case "not":
			parsed.Not = append(parsed.Not, strings.Fields(strings.ReplaceAll(value, ",", " "))...)
		case "from":
			parsed.From = value
		case "about":
			parsed.About = value
		case "":
		default:
			return Case{}, fmt.Errorf("%s: unknown key %q; expected want, not, from, about", name, key)
		}
	}
	if healthy == (len(parsed.Wanted) > 0) {
		return Case{}, fmt.Errorf("%s: want: a case is either healthy or has diagnoses", name)
	}
	return parsed, nil
}

// now stands in where a text has only ages.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Diagnose gives what the engine finds in a text, over all workloads in it, the most confident first.
func Diagnose(with *engine.Engine, data []byte) []engine.Diagnosis {
	return with.DiagnoseAll(text.Parse(data, now))
}

// Check reports how what was found differs from what is wanted; nil when it does not.
func (c Case) Check(found []engine.Diagnosis) error {
	left := slices.Clone(found)
	for _, want := range c.Wanted {
		at := slices.IndexFunc(left, want.is)
		if at < 0 {
			return fmt.Errorf("wanted %s, found %s", want, list(found))
		}
		left = slices.Delete(left, at, at+1)
	}
	for _, other := range left {
		if slices.ContainsFunc(c.Wanted, func(want Want) bool { return want.sameAs(other) }) {
			continue // the same failure in another pod or workload of the text
		}
		return fmt.Errorf("wanted %s, found %s", c.Wanted, list(found))
	}
	for _, diagnosis := range found {
		if slices.Contains(c.Not, diagnosis.Finding.RootCauseID) {
			return fmt.Errorf("%s must not be found: %s", diagnosis.Finding.RootCauseID, list(found))
		}
	}
	return nil
}

func (w Want) String() string {
	return strings.TrimSpace(string(w.FailureType) + " " + w.Cause + " " + w.Container)
}

func (w Want) is(d engine.Diagnosis) bool {
	return w.sameAs(d) && (w.Container == "" || w.Container == d.Container)
}

func (w Want) sameAs(d engine.Diagnosis) bool {
	return w.FailureType == d.FailureType && w.Cause == d.Finding.RootCauseID
}

func list(found []engine.Diagnosis) string {
	if len(found) == 0 {
		return "nothing"
	}
	var words []string
	for _, d := range found {
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s %s %d%%", d.FailureType, d.Finding.RootCauseID, d.Container, d.Finding.Confidence)))
	}
	return strings.Join(words, "; ")
}
