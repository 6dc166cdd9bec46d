package plugin

import (
	"fmt"
	"io"
	"strings"
)

// printMarkdown writes the catalogue as a page for docs.
func (l listing) printMarkdown(out io.Writer) error {
	var page strings.Builder
	fmt.Fprintf(&page, "# What kube-remedy recognises\n\n"+
		"%d causes, which say why a workload fails, and %d signatures, the facts they rest on. This page is written by "+
		"`kubectl remedy catalog -o markdown`; `kubectl remedy catalog ID` explains one entry in the terminal.\n", len(l.Causes), len(l.Signatures))
	for _, failure := range l.failureTypes() {
		fmt.Fprintf(&page, "\n## %s\n", failure)
		for _, cause := range l.Causes {
			if cause.FailureType == failure {
				cause.writeMarkdown(&page)
			}
		}
	}
	page.WriteString("\n## Signatures\n\n| id | failure type | where | looks for | source |\n|---|---|---|---|---|\n")
	for _, signature := range l.Signatures {
		kind := signature.FailureType
		if kind == "" {
			kind = signature.Role
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", signature.ID, kind, strings.Join(signature.Places, ", "),
			cell(signature.matcher()), cell(signature.Source))
	}
	_, err := io.WriteString(out, page.String())
	return err
}

func (c causeListing) writeMarkdown(page *strings.Builder) {
	fmt.Fprintf(page, "\n### %s\n\n%s\n\n", c.ID, c.Sentence)
	fmt.Fprintf(page, "Rests on: %s.\n", strings.Join(c.Signatures, ", "))
	if c.When != "" {
		fmt.Fprintf(page, "\nHolds when:\n\n```\n%s\n```\n", c.When)
	}
	page.WriteString("\n")
	for i, fix := range c.SuggestedFixes {
		action := ""
		if fix.Action != "" {
			action = " (`" + fix.Action + "`)"
		}
		fmt.Fprintf(page, "%d. %s%s\n", i+1, fix.Description, action)
	}
}

// failureTypes gives those of the causes, in the order of their first cause.
func (l listing) failureTypes() []string {
	var all []string
	seen := map[string]bool{}
	for _, cause := range l.Causes {
		if !seen[cause.FailureType] {
			seen[cause.FailureType] = true
			all = append(all, cause.FailureType)
		}
	}
	return all
}

// cell gives text that does not break a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}
