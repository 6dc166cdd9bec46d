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
	"github.com/kube-remedy/kube-remedy/engine/outcomes"
)

func newStats(connection *connection) *cobra.Command {
	var output, selector string
	var all bool
	command := &cobra.Command{
		Use:   "stats",
		Short: "Show where remediations stand, and how often cures held",
		Long: `Show where remediations stand, by failure type and root cause, and how often cures held, by root cause and action.

The first table counts remediations by what they are now. The second counts workloads by how each action fared with them:
it held at the first, the second or a later attempt, or the failure came back. A workload counts once for a root cause
and an action, however many containers and attempts it has; what held stays counted when the owner's manifest has it by
now. The rate is that of the workloads in which it held. With -A these are the numbers that the event watcher goes by.`,
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

// tally counts where remediations stand, as programs read it.
type tally struct {
	FailureType string `json:"failure_type"`
	RootCauseID string `json:"root_cause_id,omitempty"`
	Total       int    `json:"total"`
	Verified    int    `json:"verified"`
	Failed      int    `json:"failed"`
	Waiting     int    `json:"waiting"`
	Watched     int    `json:"watched"`
	Superseded  int    `json:"superseded"`
	Expired     int    `json:"expired"`
	NoCure      int    `json:"no_cure"`
}

// fared tells how an action fared against a root cause, as programs read it.
type fared struct {
	RootCauseID string `json:"root_cause_id"`
	Action      string `json:"action"`
	// First, Second, Later and Failed count workloads, Attempts what was tried in them.
	First    int `json:"first"`
	Second   int `json:"second"`
	Later    int `json:"later"`
	Failed   int `json:"failed"`
	Attempts int `json:"attempts"`
	// SuccessRate is from 0 to 1.
	SuccessRate float64 `json:"success_rate"`
}

type statistics struct {
	Total        tally   `json:"total"`
	FailureTypes []tally `json:"failure_types"`
	Causes       []tally `json:"causes"`
	Outcomes     []fared `json:"outcomes"`
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
}

// count tells where remediations stand and how often cures held.
func count(all []v1alpha1.Remediation) statistics {
	counted := statistics{Total: tally{FailureType: "all"}, FailureTypes: []tally{}, Causes: []tally{}, Outcomes: outcomesOf(all)}
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

// outcomesOf tells how each action fared, by root cause and action.
func outcomesOf(all []v1alpha1.Remediation) []fared {
	past := outcomes.Of(func(yield func(*v1alpha1.Remediation) bool) {
		for i := range all {
			if !yield(&all[i]) {
				return
			}
		}
	})
	told := make([]fared, 0, len(past))
	for treatment, count := range past {
		told = append(told, fared{
			RootCauseID: treatment.RootCauseID, Action: treatment.Action, First: count.First, Second: count.Second, Later: count.Later,
			Failed: count.Failed, Attempts: count.Attempts, SuccessRate: float64(count.Held()) / float64(count.Held()+count.Failed),
		})
	}
	slices.SortFunc(told, func(a, b fared) int {
		return cmp.Or(cmp.Compare(a.RootCauseID, b.RootCauseID), cmp.Compare(a.Action, b.Action))
	})
	return told
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
	fmt.Fprintln(out, "FAILURE\tCAUSE\tTOTAL\tVERIFIED\tFAILED\tWAITING\tWATCHED\tNO CURE\tOTHER")
	for _, failure := range counted.FailureTypes {
		failure.tell(out, failure.FailureType, "(all)")
		for _, cause := range counted.Causes {
			if cause.FailureType == failure.FailureType {
				cause.tell(out, cause.FailureType, cause.RootCauseID)
			}
		}
	}
	counted.Total.tell(out, "(all)", "(all)")
	if err := out.Flush(); err != nil || len(counted.Outcomes) == 0 {
		return err
	}
	fmt.Fprintln(c.streams.Out)
	out = printers.GetNewTabWriter(c.streams.Out)
	fmt.Fprintln(out, "CAUSE\tACTION\t1ST\t2ND\tLATER\tFAILED\tATTEMPTS\tRATE")
	for _, f := range counted.Outcomes {
		fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%.0f%%\n", f.RootCauseID, f.Action, f.First, f.Second, f.Later, f.Failed, f.Attempts, f.SuccessRate*100)
	}
	return out.Flush()
}

func (t tally) tell(out io.Writer, failure, cause string) {
	fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", failure, cause, t.Total, t.Verified,
		t.Failed, t.Waiting, t.Watched, t.NoCure, t.Superseded+t.Expired)
}
