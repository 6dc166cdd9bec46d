package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

type postmortemOptions struct {
	output, selector string
	all              bool
}

func newReport(connection *connection) *cobra.Command {
	var options postmortemOptions
	command := &cobra.Command{
		Use:   "report [NAME|TYPE/NAME ...]",
		Short: "Write a report for a post-mortem: what happened when, why, and what was changed",
		Long: `Write a report for a post-mortem: what happened when, why, and what was changed.

It tells of remediations or workloads that are named, or else of a namespace (-n) or of all (-A): what failed and where it
stands, what needs somebody first; a timeline; each failure with its evidence, what was changed, before and after, and how
attempts ended; and how often cures held, as kubectl remedy stats counts it.

  html  one page that needs nothing else, for a browser, paper or a mail. What comes from logs is shown as text
  json  and yaml, for programs: generated_at, scope, timeline, remediations (as explain has them), statistics (as stats)`,
		Example: `  # What happened to a workload
  kubectl remedy report deployment/web > web.html

  # To all of the cluster, for a program
  kubectl remedy report -A -o json`,
		ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			switch {
			case !slices.Contains([]string{"html", "json", "yaml"}, options.output):
				return fmt.Errorf("--output %q must be html, json or yaml", options.output)
			case len(args) > 0 && (options.all || options.selector != ""):
				return errors.New("names can't be given together with --all-namespaces or --selector")
			}
			return connection.report(command.Context(), args, options)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&options.output, "output", "o", "html", "html, json or yaml")
	flags.BoolVarP(&options.all, "all-namespaces", "A", false, "report on all namespaces")
	flags.StringVarP(&options.selector, "selector", "l", "", "label query, as -l team=shop,env!=test")
	completeFlag(command, "output", "html", "json", "yaml")
	return command
}

// postmortem is a report, as programs read it.
type postmortem struct {
	GeneratedAt  string     `json:"generated_at"`
	Scope        string     `json:"scope"`
	Timeline     []moment   `json:"timeline"`
	Remediations []story    `json:"remediations"`
	Statistics   statistics `json:"statistics"`
}

// moment is something that happened at a known time.
type moment struct {
	Time        string `json:"time"`
	Namespace   string `json:"namespace"`
	Workload    string `json:"workload"`
	Remediation string `json:"remediation"`
	// Event is first seen, observed, learned, applied, verified, last seen, withdrawn, given up or superseded.
	Event string `json:"event"`
	Text  string `json:"text"`
}

func (c *connection) report(ctx context.Context, args []string, options postmortemOptions) error {
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "reading remediations")
	defer waiting.end()
	found, scope, err := to.reported(ctx, args, options)
	if err != nil {
		return err
	}
	written := postmortem{
		GeneratedAt: c.clock.Now().UTC().Format(time.RFC3339), Scope: scope,
		Timeline: []moment{}, Remediations: []story{}, Statistics: count(found),
	}
	slices.SortStableFunc(found, func(a, b v1alpha1.Remediation) int { return cmp.Compare(standing(&a), standing(&b)) })
	for i := range found {
		live, _, err := to.target(ctx, &found[i])
		if err != nil {
			return err
		}
		written.Remediations = append(written.Remediations, storyOf(&found[i], live))
		written.Timeline = append(written.Timeline, momentsOf(&found[i])...)
	}
	slices.SortStableFunc(written.Timeline, func(a, b moment) int { return cmp.Compare(a.Time, b.Time) })
	if options.output == "html" {
		return written.printHTML(c.streams.Out)
	}
	return printStructured(c.streams.Out, options.output, written)
}

// reported gives the Remediations that a report is about, and says in words which they are.
func (c *cluster) reported(ctx context.Context, args []string, options postmortemOptions) ([]v1alpha1.Remediation, string, error) {
	if len(args) > 0 {
		named, err := c.find(ctx, args)
		found := make([]v1alpha1.Remediation, 0, len(named))
		for _, remediation := range named {
			found = append(found, *remediation)
		}
		return found, strings.Join(args, ", ") + " in namespace " + c.namespace, err
	}
	namespace, scope := c.namespace, "namespace "+c.namespace
	if options.all {
		namespace, scope = metav1.NamespaceAll, "all namespaces"
	}
	if options.selector != "" {
		scope += ", " + options.selector
	}
	found, err := c.list(ctx, namespace, metav1.ListOptions{LabelSelector: options.selector})
	return found, scope, err
}

// standing ranks Remediations: those first that need somebody.
func standing(remediation *v1alpha1.Remediation) int {
	switch phase := remediation.Status.Phase; {
	case phase == v1alpha1.PhaseExpired:
		return 5
	case len(remediation.Spec.Actions) == 0, phase == v1alpha1.PhaseFailed:
		return 0
	case phase == v1alpha1.PhaseSuperseded:
		return 4
	case phase == v1alpha1.PhaseVerified, phase == v1alpha1.PhaseApplied:
		return 3
	case modeOf(remediation) == v1alpha1.Suggest:
		return 1
	default:
		return 2
	}
}

// momentsOf gives what of a Remediation has a time.
func momentsOf(remediation *v1alpha1.Remediation) []moment {
	status := remediation.Status
	var all []moment
	add := func(at *metav1.Time, event, format string, args ...any) {
		if at == nil || at.IsZero() {
			return
		}
		all = append(all, moment{
			Time: stamp(at), Namespace: remediation.Namespace, Workload: targetOf(remediation), Remediation: remediation.Name,
			Event: event, Text: fmt.Sprintf(format, args...),
		})
	}
	add(status.Observed.FirstSeen, "first seen", "%s for the first time", remediation.Spec.FailureType)
	if diagnosis := status.Diagnosis; diagnosis != nil {
		for _, cited := range diagnosis.Evidence {
			add(cited.Time, "observed", "%s: %s", cited.Source, cited.Text)
		}
		add(status.LearnedAt, "learned", "attempt %d of %d, %s", max(status.Outcome.Attempt, 1), v1alpha1.MaxAttempts, diagnosis.RootCauseID)
	}
	if status.Observed.Occurrences > 1 {
		add(status.Observed.LastSeen, "last seen", "%s, %d times by then", remediation.Spec.FailureType, status.Observed.Occurrences)
	}
	add(status.Outcome.AppliedAt, "applied", "the workload carries attempt %d", status.Outcome.Attempt)
	verified := status.Outcome.VerifiedAt // renewed from day to day
	if condition := meta.FindStatusCondition(status.Conditions, "Verified"); verified != nil && condition != nil && condition.Status == metav1.ConditionTrue {
		verified = &condition.LastTransitionTime
	}
	add(verified, "verified", "pods with it are ready and stayed free of the failure")
	// The condition turned when the workload ceased to carry a cure in effect; it says nothing of one that it never carried.
	ended := meta.FindStatusCondition(status.Conditions, "Applied")
	if applied := status.Outcome.AppliedAt; applied == nil || ended == nil || ended.Status != metav1.ConditionFalse || ended.LastTransitionTime.Before(applied) {
		return all
	}
	switch {
	case status.Outcome.Withdrawn != "":
		add(&ended.LastTransitionTime, "withdrawn", "another failure began with it: %s", status.Outcome.Withdrawn)
	case status.Phase == v1alpha1.PhaseFailed:
		add(&ended.LastTransitionTime, "given up", "the failure came back after attempt %d of %d", status.Outcome.Attempt, v1alpha1.MaxAttempts)
	case status.Phase == v1alpha1.PhaseSuperseded:
		add(&ended.LastTransitionTime, "superseded", "the owner's manifest gives as much already")
	}
	return all
}
