package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// diagnosisReport is a diagnosis as programs read it.
type diagnosisReport struct {
	Workload       string           `json:"workload"`
	Namespace      string           `json:"namespace,omitempty"`
	Container      string           `json:"container"`
	FailureType    string           `json:"failure_type"`
	RootCauseID    string           `json:"root_cause_id"`
	RootCause      string           `json:"root_cause"`
	Confidence     int32            `json:"confidence"`
	Severity       string           `json:"severity"`
	RiskLevel      string           `json:"risk_level"`
	Evidence       []evidenceReport `json:"evidence"`
	SuggestedFixes []fixReport      `json:"suggested_fixes"`
}

type evidenceReport struct {
	Source string `json:"source"`
	Text   string `json:"text"`
	Time   string `json:"time,omitempty"`
}

type fixReport struct {
	Priority    string `json:"priority"`
	Action      string `json:"action"`
	Description string `json:"description"`
	Remedy      bool   `json:"remedy"`
}

func reportOf(diagnosis engine.Diagnosis) diagnosisReport {
	report := diagnosisReport{
		Workload: diagnosis.Workload.Kind + "/" + diagnosis.Workload.Name, Namespace: diagnosis.Workload.Namespace,
		Container: diagnosis.Container, FailureType: string(diagnosis.FailureType),
		RootCauseID: diagnosis.Finding.RootCauseID, RootCause: diagnosis.Finding.RootCause, Confidence: diagnosis.Finding.Confidence,
		Severity: string(diagnosis.Severity), RiskLevel: string(diagnosis.Finding.RiskLevel),
		Evidence: []evidenceReport{}, SuggestedFixes: []fixReport{},
	}
	if diagnosis.Workload.Kind == "" {
		report.Workload = ""
	}
	for _, citation := range diagnosis.Finding.Evidence {
		cited := evidenceReport{Source: citation.Source, Text: citation.Text}
		if citation.Time != nil {
			cited.Time = citation.Time.UTC().Format(time.RFC3339)
		}
		report.Evidence = append(report.Evidence, cited)
	}
	for _, fix := range diagnosis.Finding.SuggestedFixes {
		report.SuggestedFixes = append(report.SuggestedFixes, fixReport{
			Priority: fix.Priority, Action: fix.Action, Description: fix.Description, Remedy: fix.Remedy,
		})
	}
	return report
}

func printDiagnoses(out io.Writer, format string, found []engine.Diagnosis) error {
	if format == "text" {
		return printText(out, found)
	}
	reports := make([]diagnosisReport, 0, len(found))
	for _, diagnosis := range found {
		reports = append(reports, reportOf(diagnosis))
	}
	return printStructured(out, format, reports)
}

// printStructured writes a value as JSON or YAML.
func printStructured(out io.Writer, format string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err == nil && format == "yaml" {
		data, err = yaml.JSONToYAML(data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	_, err = fmt.Fprintln(out, strings.TrimSuffix(string(data), "\n"))
	return err
}

// printText writes diagnoses for a person.
func printText(out io.Writer, found []engine.Diagnosis) error {
	var page strings.Builder
	if len(found) == 0 {
		page.WriteString("No failure found.\n")
	}
	for i, diagnosis := range found {
		if i > 0 {
			page.WriteString("\n")
		}
		writeDiagnosis(&page, diagnosis)
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// unnamed says what failed when nobody knows its name.
func unnamed(failure v1alpha1.FailureType) string {
	switch failure {
	case v1alpha1.NodeNotReady:
		return "a node of unknown name"
	case v1alpha1.Pending:
		return "a pod of unknown name"
	default:
		return "a container of unknown name"
	}
}

func writeDiagnosis(page *strings.Builder, diagnosis engine.Diagnosis) {
	title := unnamed(diagnosis.FailureType)
	if diagnosis.Workload.Kind != "" && diagnosis.Workload.Name != "" {
		title = diagnosis.Workload.Kind + "/" + diagnosis.Workload.Name
	}
	if diagnosis.Workload.Namespace != "" {
		title += " in namespace " + diagnosis.Workload.Namespace
	}
	if diagnosis.Container != "" {
		title += ", container " + diagnosis.Container
	}
	finding := diagnosis.Finding
	fmt.Fprintf(page, "%s: %s\n", diagnosis.FailureType, title)
	fmt.Fprintf(page, "  Why      %s\n", oneLine(finding.RootCause))
	fmt.Fprintf(page, "           %s, confidence %d%%, risk %s, severity %s\n", finding.RootCauseID, finding.Confidence, finding.RiskLevel, diagnosis.Severity)
	for i, citation := range finding.Evidence {
		label := "Evidence"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(page, "  %-8s %s: %s\n", label, oneLine(citation.Source), engine.Shorten(oneLine(citation.Text), 300))
	}
	for i, fix := range finding.SuggestedFixes {
		label := "To do"
		if i > 0 {
			label = ""
		}
		remedy := ""
		if fix.Remedy {
			remedy = " [kube-remedy does this at the next apply]"
		}
		fmt.Fprintf(page, "  %-8s %d. %s%s\n", label, i+1, oneLine(fix.Description), remedy)
	}
}
