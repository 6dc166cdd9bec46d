package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func newStats(connection *connection) *cobra.Command {
	var output, selector string
	var all bool
	command := &cobra.Command{
		Use:   "stats",
		Short: "Show how often cures held, by failure type and root cause",
		Long: `Show how often cures held, by failure type and root cause: at the first, second or third attempt, or not at all.

The rate is that of the cures whose outcome is known: verified ones of verified and failed ones. What waits for an apply
or is being watched, what was superseded by the owner, what expired, and what no cure is known for is counted apart.`,
		Example: `  kubectl remedy stats -A
  kubectl remedy stats -A -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			return connection.stats(command.Context(), all, selector, output)
		},
	}
	command.Flags().BoolVarP(&all, "all-namespaces", "A", false, "count those of all namespaces")
	command.Flags().StringVarP(&selector, "selector", "l", "", "label query, as -l team=shop,env!=test")
	addOutput(command, &output)
	return command
}

// tally counts what became of cures, as programs read it.
type tally struct {
	FailureType string `json:"failure_type"`
	RootCauseID string `json:"root_cause_id,omitempty"`
	Total       int    `json:"total"`
	Verified    int    `json:"verified"`
	// VerifiedAt counts by attempt, the first of them first.
	VerifiedAt [v1alpha1.MaxAttempts]int `json:"verified_at_attempt"`
	Failed     int                       `json:"failed"`
	Waiting    int                       `json:"waiting"`
	Watched    int                       `json:"watched"`
	Superseded int                       `json:"superseded"`
	Expired    int                       `json:"expired"`
	NoCure     int                       `json:"no_cure"`
	// SuccessRate is from 0 to 1; nothing as long as no outcome is known.
	SuccessRate *float64 `json:"success_rate"`
}

type statistics struct {
	Total        tally   `json:"total"`
	FailureTypes []tally `json:"failure_types"`
	Causes       []tally `json:"causes"`
}

func (t *tally) count(remediation *v1alpha1.Remediation) {
	t.Total++
	if len(remediation.Spec.Actions) == 0 {
		t.NoCure++
		return
	}
	switch remediation.Status.Phase {
	case v1alpha1.PhaseVerified:
		t.Verified++
		t.VerifiedAt[min(max(remediation.Status.Outcome.Attempt, 1), v1alpha1.MaxAttempts)-1]++
	case v1alpha1.PhaseFailed:
		t.Failed++
	case v1alpha1.PhaseApplied:
		t.Watched++
	case v1alpha1.PhaseSuperseded:
		t.Superseded++
	case v1alpha1.PhaseExpired:
		t.Expired++
	default:
		t.Waiting++
	}
	if known := t.Verified + t.Failed; known > 0 {
		rate := float64(t.Verified) / float64(known)
		t.SuccessRate = &rate
	}
}

// count tells how often cures held.
func count(all []v1alpha1.Remediation) statistics {
	counted := statistics{Total: tally{FailureType: "all"}, FailureTypes: []tally{}, Causes: []tally{}}
	types, causes := map[string]*tally{}, map[[2]string]*tally{}
	for i := range all {
		remediation := &all[i]
		failure, cause := string(remediation.Spec.FailureType), "<none>"
		if remediation.Status.Diagnosis != nil {
			cause = remediation.Status.Diagnosis.RootCauseID
		}
		if types[failure] == nil {
			types[failure] = &tally{FailureType: failure}
		}
		key := [2]string{failure, cause}
		if causes[key] == nil {
			causes[key] = &tally{FailureType: failure, RootCauseID: cause}
		}
		for _, tally := range []*tally{&counted.Total, types[failure], causes[key]} {
			tally.count(remediation)
		}
	}
	for _, failure := range slices.Sorted(maps.Keys(types)) {
		counted.FailureTypes = append(counted.FailureTypes, *types[failure])
	}
	for _, key := range slices.SortedFunc(maps.Keys(causes), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		counted.Causes = append(counted.Causes, *causes[key])
	}
	return counted
}

func (c *connection) stats(ctx context.Context, all bool, selector, output string) error {
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "counting remediations")
	defer waiting.end()
	namespace := to.namespace
	if all {
		namespace = metav1.NamespaceAll
	}
	found, err := to.list(ctx, namespace, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err
	}
	counted := count(found)
	if output != "text" {
		return printStructured(c.streams.Out, output, counted)
	}
	if len(found) == 0 {
		fmt.Fprintln(c.streams.Err, "No remediations found.")
		return nil
	}
	out := printers.GetNewTabWriter(c.streams.Out)
	fmt.Fprintln(out, "FAILURE\tCAUSE\tTOTAL\tHELD\t1ST\t2ND\t3RD\tFAILED\tWAITING\tWATCHED\tNO CURE\tOTHER\tRATE")
	for _, failure := range counted.FailureTypes {
		failure.tell(out, failure.FailureType, "(all)")
		for _, cause := range counted.Causes {
			if cause.FailureType == failure.FailureType {
				cause.tell(out, cause.FailureType, cause.RootCauseID)
			}
		}
	}
	counted.Total.tell(out, "(all)", "(all)")
	return out.Flush()
}

func (t tally) tell(out io.Writer, failure, cause string) {
	rate := "-"
	if t.SuccessRate != nil {
		rate = fmt.Sprintf("%.0f%%", *t.SuccessRate*100)
	}
	fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", failure, cause, t.Total, t.Verified,
		t.VerifiedAt[0], t.VerifiedAt[1], t.VerifiedAt[2], t.Failed, t.Waiting, t.Watched, t.NoCure, t.Superseded+t.Expired, rate)
}
