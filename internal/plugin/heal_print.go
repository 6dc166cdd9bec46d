package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"golang.org/x/term"

	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/manifest"
)

// healReport is an object of the manifest as programs read it.
type healReport struct {
	Kind       string             `json:"kind"`
	Namespace  string             `json:"namespace,omitempty"`
	Name       string             `json:"name"`
	Healed     bool               `json:"healed"`
	Diagnoses  []healedReport     `json:"diagnoses"`
	Patch      []remedy.Operation `json:"patch"`
	AuditTrail []audit.Record     `json:"healing_audit_trail"`
}

type healedReport struct {
	diagnosisReport
	Remedy  string   `json:"remedy"`
	Safety  string   `json:"safety,omitempty"`
	Applied bool     `json:"applied"`
	Reason  string   `json:"reason,omitempty"`
	Refused []string `json:"refused,omitempty"`
}

// print writes what was asked for.
func (o healOptions) print(out io.Writer, files []*manifest.File, before [][]byte, objects []*healed) error {
	switch o.output {
	case "json":
		return printStructured(out, "json", healReports(objects))
	case "patch":
		for _, object := range objects {
			if len(object.operations) == 0 {
				continue
			}
			if err := json.NewEncoder(out).Encode(object.operations); err != nil {
				return err
			}
		}
		return nil
	case "diff":
		colored := o.colored(out)
		for i, file := range files {
			if err := printDiff(out, o.files[i], before[i], file.Bytes(), colored); err != nil {
				return err
			}
		}
		return nil
	default:
		for i, file := range files {
			text := file.Bytes()
			if i > 0 && !bytes.HasPrefix(text, []byte("---")) {
				text = append([]byte("---\n"), text...)
			}
			if len(text) > 0 && text[len(text)-1] != '\n' && i < len(files)-1 {
				text = append(text, '\n')
			}
			if _, err := out.Write(text); err != nil {
				return err
			}
		}
		return nil
	}
}

func healReports(objects []*healed) []healReport {
	reports := make([]healReport, 0, len(objects))
	for _, object := range objects {
		report := healReport{
			Kind: object.kind(), Namespace: object.metadata("namespace"), Name: object.name(), Healed: len(object.operations) > 0,
			Diagnoses: []healedReport{}, Patch: []remedy.Operation{}, AuditTrail: []audit.Record{},
		}
		report.Patch, report.AuditTrail = append(report.Patch, object.operations...), append(report.AuditTrail, object.records...)
		for _, became := range object.outcomes {
			told := healedReport{
				diagnosisReport: reportOf(became.diagnosis), Remedy: remedy.Describe(became.prescribed.Actions), Applied: became.changed, Reason: became.reason,
			}
			if told.Remedy != "" {
				told.Safety = became.prescribed.Safety.String()
			}
			for _, refusal := range became.prescribed.Refused {
				told.Refused = append(told.Refused, refusal.String())
			}
			report.Diagnoses = append(report.Diagnoses, told)
		}
		reports = append(reports, report)
	}
	return reports
}

// colored reports whether a diff is to have colors (https://no-color.org).
func (o healOptions) colored(out io.Writer) bool {
	if o.color != "auto" {
		return o.color == "always"
	}
	file, ok := out.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(file.Fd()))
}

// splitLines gives the lines of a text with their ends; the last gets the remark of diff where it has none.
func splitLines(text []byte) []string {
	var found []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			line += "\n\\ No newline at end of file\n"
		}
		found = append(found, line)
	}
	return found
}

// printDiff writes a unified diff with three lines of context.
func printDiff(out io.Writer, name string, before, after []byte, colored bool) error {
	if bytes.Equal(before, after) {
		return nil
	}
	diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: splitLines(before), B: splitLines(after), FromFile: "a/" + strings.TrimPrefix(name, "/"), ToFile: "b/" + strings.TrimPrefix(name, "/"), Context: 3,
	})
	if err != nil {
		return fmt.Errorf("compare %s: %w", name, err)
	}
	if !colored {
		_, err = io.WriteString(out, diff)
		return err
	}
	var page strings.Builder
	for line := range strings.Lines(diff) {
		color := ""
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			color = "\x1b[1m"
		case strings.HasPrefix(line, "@@"):
			color = "\x1b[36m"
		case strings.HasPrefix(line, "+"):
			color = "\x1b[32m"
		case strings.HasPrefix(line, "-"):
			color = "\x1b[31m"
		}
		if color == "" {
			page.WriteString(line)
			continue
		}
		page.WriteString(color + strings.TrimSuffix(line, "\n") + "\x1b[0m\n")
	}
	_, err = io.WriteString(out, page.String())
	return err
}
