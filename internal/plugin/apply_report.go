package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// What became of all, and of one deployment.
const (
	succeeded = "SUCCESS"
	failedAll = "FAILED"

	running  = "RUNNING"
	failing  = "FAILED"
	timedOut = "TIMEOUT"
	rejected = "REJECTED"
)

// applyReport is what apply did, as programs read it.
type applyReport struct {
	FinalStatus   string         `json:"final_status"`
	TotalAttempts int            `json:"total_attempts"`
	Seconds       float64        `json:"execution_time_seconds"`
	Attempts      []attempt      `json:"attempts"`
	AuditTrail    []audit.Record `json:"healing_audit_trail"`
}

// attempt is one deployment and what came of it.
type attempt struct {
	Number           int    `json:"attempt_number"`
	DeploymentStatus string `json:"deployment_status"`
	// HealingApplied is set when a cure was put in: for the failure of this attempt before the next, or, in one that did
	// not fail, by its own apply.
	HealingApplied bool                `json:"healing_applied"`
	Details        *remediationDetails `json:"remediation_details"`
	Result         string              `json:"result"`
}

// remediationDetails is the failure of an attempt, and what was changed about it.
type remediationDetails struct {
	FailureType   string                `json:"failure_type"`
	RootCause     string                `json:"root_cause"`
	Modifications []remedy.Modification `json:"modifications"`
	RiskLevel     string                `json:"risk_level"`
}

func detailsOf(record audit.Record) *remediationDetails {
	return &remediationDetails{
		FailureType: string(record.FailureType), RootCause: record.RootCause, RiskLevel: string(record.RiskLevel),
		Modifications: append([]remedy.Modification{}, record.Modifications...),
	}
}

// heal notes that a cure was put in.
func (a *attempt) heal(records []audit.Record) {
	for _, record := range records {
		a.HealingApplied = true
		if a.Details == nil {
			a.Details = detailsOf(record)
			continue
		}
		a.Details.Modifications = append(a.Details.Modifications, record.Modifications...)
	}
}

// trail adds records, each once.
func (r *applyReport) trail(records []audit.Record) {
	known := map[string]bool{}
	for _, record := range r.AuditTrail {
		known[identity(record)] = true
	}
	for _, record := range records {
		if !known[identity(record)] {
			known[identity(record)] = true
			r.AuditTrail = append(r.AuditTrail, record)
		}
	}
}

func identity(record audit.Record) string {
	text, err := json.Marshal(record)
	if err != nil {
		return record.Timestamp // a record of texts and numbers can be encoded
	}
	return string(text)
}

// finish sums up.
func (r *applyReport) finish(took time.Duration) {
	r.TotalAttempts = len(r.Attempts)
	r.Seconds = math.Round(took.Seconds()*10) / 10
	r.FinalStatus = failedAll
	if r.TotalAttempts > 0 && r.Attempts[r.TotalAttempts-1].DeploymentStatus == running {
		r.FinalStatus = succeeded
	}
}

// tell tells a person.
func (r *applyReport) tell(out io.Writer) error {
	p := paint(colored(out))
	var page strings.Builder
	for _, attempt := range r.Attempts {
		status := p.red(fmt.Sprintf("%-8s", attempt.DeploymentStatus))
		if attempt.DeploymentStatus == running {
			status = p.green(fmt.Sprintf("%-8s", attempt.DeploymentStatus))
		}
		fmt.Fprintf(&page, "attempt %d  %s  %s\n", attempt.Number, status, attempt.Result)
		if attempt.HealingApplied && attempt.Details != nil {
			fmt.Fprintf(&page, "           healed    %s\n", words(attempt.Details.Modifications))
		}
	}
	end := p.green(r.FinalStatus)
	if r.FinalStatus != succeeded {
		end = p.red(r.FinalStatus)
	}
	plural := "s"
	if r.TotalAttempts == 1 {
		plural = ""
	}
	fmt.Fprintf(&page, "%s after %d attempt%s in %gs\n", end, r.TotalAttempts, plural, r.Seconds)
	_, err := io.WriteString(out, page.String())
	return err
}
