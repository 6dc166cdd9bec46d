package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

func newExplain(connection *connection) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "explain NAME|TYPE/NAME ...",
		Short: "Tell the story of a remediation: what failed, why, what is changed, and how to undo it",
		Example: `  # What was learned about a workload, or a pod of it
  kubectl remedy explain deployment/web

  # One remediation, for a program
  kubectl remedy explain deployment-web-oomkilled-app -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			to, err := connection.connect()
			if err != nil {
				return err
			}
			stories, err := to.explain(command.Context(), args)
			if err != nil {
				return err
			}
			if output != "text" {
				return printStructured(connection.streams.Out, output, stories)
			}
			teller := teller{paint: paint(colored(connection.streams.Out)), now: connection.clock.Now()}
			for i, story := range stories {
				if i > 0 {
					teller.page.WriteString("\n")
				}
				teller.tell(story)
			}
			_, err = fmt.Fprint(connection.streams.Out, teller.page.String())
			return err
		},
	}
	addOutput(command, &output)
	return command
}

// addOutput adds the flag for commands that write text, JSON or YAML.
func addOutput(command *cobra.Command, output *string) {
	command.Flags().StringVarP(output, "output", "o", "text", "text, json or yaml")
	completeFlag(command, "output", "text", "json", "yaml")
}

func checkOutput(output string) error {
	if !slices.Contains([]string{"text", "json", "yaml"}, output) {
		return fmt.Errorf("--output %q must be text, json or yaml", output)
	}
	return nil
}

// story is what explain tells of a Remediation, as programs read it.
type story struct {
	Name           string                `json:"name"`
	Namespace      string                `json:"namespace"`
	Workload       string                `json:"workload"`
	FailureType    string                `json:"failure_type"`
	RootCauseID    string                `json:"root_cause_id"`
	RootCause      string                `json:"root_cause"`
	Confidence     int32                 `json:"confidence"`
	RiskLevel      string                `json:"risk_level"`
	Occurrences    int32                 `json:"occurrences"`
	FirstSeen      string                `json:"first_seen,omitempty"`
	LastSeen       string                `json:"last_seen,omitempty"`
	Evidence       []evidenceReport      `json:"evidence"`
	Mode           string                `json:"mode"`
	Phase          string                `json:"phase"`
	Attempt        int32                 `json:"attempt"`
	Remedy         string                `json:"remedy"`
	Modifications  []remedy.Modification `json:"modifications"`
	Carried        bool                  `json:"carried"`
	Unchanged      string                `json:"unchanged,omitempty"`
	LearnedAt      string                `json:"learned_at,omitempty"`
	AppliedAt      string                `json:"applied_at,omitempty"`
	VerifiedAt     string                `json:"verified_at,omitempty"`
	Outcome        string                `json:"outcome"`
	Withdrawn      string                `json:"withdrawn,omitempty"`
	Tried          []trialReport         `json:"tried"`
	Author         string                `json:"author"`
	ApprovedBy     string                `json:"approved_by,omitempty"`
	Undo           []string              `json:"undo"`
	SuggestedFixes []fixReport           `json:"suggested_fixes"`
}

// trialReport is how one attempt ended, as programs read it.
type trialReport struct {
	Attempt     int32  `json:"attempt"`
	RootCauseID string `json:"root_cause_id"`
	Action      string `json:"action"`
	// Result is held, failed or withdrawn.
	Result string `json:"result"`
}

// triedOf tells how the attempts of a Remediation ended, as far as it is known.
func triedOf(remediation *v1alpha1.Remediation) []trialReport {
	told := []trialReport{}
	for _, trial := range outcomes.Tried(remediation) {
		report := trialReport{Attempt: trial.Attempt, RootCauseID: trial.RootCauseID, Action: trial.Action, Result: "failed"}
		switch {
		case trial.Held:
			report.Result = "held"
		case remediation.Status.Outcome.Withdrawn != "" && trial.Attempt == remediation.Status.Outcome.Attempt:
			report.Result = "withdrawn"
		}
		told = append(told, report)
	}
	return told
}

// words says how an attempt ended, for a person.
func (t trialReport) words() string {
	switch t.Result {
	case "failed":
		return "the failure came back"
	case "withdrawn":
		return "taken back"
	default:
		return t.Result
	}
}

// explain gives the stories of what arguments name.
func (c *cluster) explain(ctx context.Context, args []string) ([]story, error) {
	waiting := wait(c.streams.Err, c.clock, "reading remediations")
	defer waiting.end()
	found, err := c.find(ctx, args)
	if err != nil {
		return nil, err
	}
	stories := make([]story, 0, len(found))
	for _, remediation := range found {
		live, _, err := c.target(ctx, remediation)
		if err != nil {
			return nil, err
		}
		stories = append(stories, storyOf(remediation, live))
	}
	return stories, nil
}

func storyOf(remediation *v1alpha1.Remediation, live object) story {
	status := remediation.Status
	told := story{
		Name: remediation.Name, Namespace: remediation.Namespace, Workload: targetOf(remediation),
		FailureType: string(remediation.Spec.FailureType), Occurrences: status.Observed.Occurrences,
		FirstSeen: stamp(status.Observed.FirstSeen), LastSeen: stamp(status.Observed.LastSeen),
		Evidence: []evidenceReport{}, Modifications: []remedy.Modification{}, Undo: []string{}, SuggestedFixes: []fixReport{},
		Mode: string(modeOf(remediation)), Phase: string(status.Phase), Attempt: status.Outcome.Attempt,
		Remedy: remedy.Describe(remediation.Spec.Actions), LearnedAt: stamp(status.LearnedAt),
		AppliedAt: stamp(status.Outcome.AppliedAt), VerifiedAt: stamp(status.Outcome.VerifiedAt), Outcome: outcomeOf(remediation),
		Withdrawn: status.Outcome.Withdrawn, Tried: triedOf(remediation),
		Author: remediation.Annotations[v1alpha1.AuthorAnnotation], ApprovedBy: remediation.Annotations[v1alpha1.ApprovedByAnnotation],
	}
	if diagnosis := status.Diagnosis; diagnosis != nil {
		told.RootCauseID, told.RootCause = diagnosis.RootCauseID, diagnosis.RootCause
		told.Confidence, told.RiskLevel = diagnosis.Confidence, string(diagnosis.RiskLevel)
		for _, cited := range diagnosis.Evidence {
			told.Evidence = append(told.Evidence, evidenceReport{Source: cited.Source, Text: cited.Text, Time: stamp(cited.Time)})
		}
		for _, fix := range diagnosis.SuggestedFixes {
			told.SuggestedFixes = append(told.SuggestedFixes, fixReport{Priority: fix.Priority, Action: fix.Action, Description: fix.Description, Remedy: fix.Remedy})
		}
	}
	if len(remediation.Spec.Actions) == 0 {
		return told
	}
	var value map[string]any
	if live.Unstructured != nil {
		value = live.Object
	}
	changed := changeOf(remediation, value)
	told.Modifications = append(told.Modifications, changed.modifications...)
	told.Carried, told.Unchanged = changed.carried, changed.reason
	told.Undo = undoOf(remediation, changed.carried, value != nil)
	return told
}

// undoOf gives the commands that take a cure out of its workload, of which carried says whether it has the cure and seen
// whether it could be looked at; none when there is nothing to undo.
func undoOf(remediation *v1alpha1.Remediation, carried, seen bool) []string {
	ref := remediation.Spec.TargetRef
	workload := argumentOf(ref.Kind, ref.Name) + " -n " + remediation.Namespace
	switch {
	case !carried && modeOf(remediation) == v1alpha1.Suggest, seen && !carried && !remediation.InForce():
		return []string{}
	case !remediation.InForce() && ref.Name != "": // the next apply leaves it out as it is
		return []string{"kubectl remedy reapply " + workload}
	case ref.Name == "": // what is there has another name the next time
		return []string{fmt.Sprintf("kubectl remedy rollback %s -n %s", remediation.Name, remediation.Namespace)}
	default:
		return []string{fmt.Sprintf("kubectl remedy rollback %s --reapply -n %s", remediation.Name, remediation.Namespace), "kubectl remedy opt-out " + workload}
	}
}

func modeOf(remediation *v1alpha1.Remediation) v1alpha1.Mode {
	if remediation.Spec.Mode == "" {
		return v1alpha1.Heal // the schema's default
	}
	return remediation.Spec.Mode
}

// stamp writes a time for programs; nothing when there is none.
func stamp(at *metav1.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// outcomeOf says what became of a cure.
func outcomeOf(remediation *v1alpha1.Remediation) string {
	status := remediation.Status
	switch {
	case status.Diagnosis == nil:
		return "not diagnosed yet"
	case len(remediation.Spec.Actions) == 0:
		return "nothing is known that could be changed about it; the same applied again will fail again"
	case status.Outcome.Withdrawn != "":
		return "withdrawn: another failure began with it (" + status.Outcome.Withdrawn + "); at its next apply the workload is left as its owner wrote it"
	case status.Phase == v1alpha1.PhaseFailed:
		return fmt.Sprintf("given up: the failure came back after attempt %d of %d; at its next apply the workload is left as its owner wrote it", status.Outcome.Attempt, v1alpha1.MaxAttempts)
	case status.Phase == v1alpha1.PhaseExpired:
		return "expired: the failure was not seen for long; it is not applied any more"
	case status.Phase == v1alpha1.PhaseSuperseded:
		return "superseded: the owner's manifest gives as much already"
	case status.Phase == v1alpha1.PhaseVerified:
		return fmt.Sprintf("verified: pods with it are ready and stayed free of the failure (attempt %d of %d)", status.Outcome.Attempt, v1alpha1.MaxAttempts)
	case status.Phase == v1alpha1.PhaseApplied:
		return fmt.Sprintf("applied: the workload carries it, and its pods are being watched (attempt %d of %d)", status.Outcome.Attempt, v1alpha1.MaxAttempts)
	case remediation.Spec.Mode == v1alpha1.Suggest:
		return "waits for approval: kubectl remedy approve " + remediation.Name + " -n " + remediation.Namespace
	default:
		return "waits for the next apply of the workload"
	}
}
