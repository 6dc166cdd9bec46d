package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

type listOptions struct {
	all       bool
	selector  string
	noHeaders bool
	printing  *genericclioptions.PrintFlags
}

func newList(connection *connection) *cobra.Command {
	options := listOptions{printing: genericclioptions.NewPrintFlags("")}
	command := &cobra.Command{
		Use:     "list [NAME|TYPE/NAME ...]",
		Aliases: []string{"ls"},
		Short:   "List remediations: what failed, why, and what became of the cure",
		Example: `  # Those of the current namespace
  kubectl remedy list

  # Those of all namespaces, with what they change
  kubectl remedy list -A -o wide

  # Those of one workload
  kubectl remedy list deployment/web

  # The names of those that wait for approval
  kubectl remedy list -A -o jsonpath='{range .items[?(@.spec.mode=="Suggest")]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}'`,
		ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			return list(command.Context(), connection, options, args)
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&options.all, "all-namespaces", "A", false, "list those of all namespaces")
	flags.StringVarP(&options.selector, "selector", "l", "", "label query, as -l team=shop,env!=test")
	flags.BoolVar(&options.noHeaders, "no-headers", false, "leave the line of headers out")
	addPrinting(command, options.printing)
	return command
}

// addPrinting adds kubectl's flags for output, with wide.
func addPrinting(command *cobra.Command, printing *genericclioptions.PrintFlags) {
	printing.AddFlags(command)
	formats := append([]string{"wide"}, printing.AllowedFormats()...)
	command.Flag("output").Usage = "output format: json, yaml, name, wide, or one of kubectl's others (custom templates, jsonpath)"
	completeFlag(command, "output", formats...)
}

func list(ctx context.Context, connection *connection, options listOptions, args []string) error {
	if len(args) > 0 && (options.all || options.selector != "") {
		return fmt.Errorf("names can't be given together with --all-namespaces or --selector")
	}
	show, err := options.printer(connection.clock.Now())
	if err != nil {
		return err
	}
	to, err := connection.connect()
	if err != nil {
		return err
	}
	waiting := wait(connection.streams.Err, connection.clock, "listing remediations")
	defer waiting.end()
	found := &v1alpha1.RemediationList{}
	found.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("RemediationList"))
	if len(args) > 0 {
		named, err := to.find(ctx, args)
		if err != nil {
			return err
		}
		for _, remediation := range named {
			found.Items = append(found.Items, *remediation)
		}
	} else {
		namespace := to.namespace
		if options.all {
			namespace = metav1.NamespaceAll
		}
		if found.Items, err = to.list(ctx, namespace, metav1.ListOptions{LabelSelector: options.selector}); err != nil {
			return err
		}
	}
	if len(found.Items) == 0 && options.forPeople() {
		where := fmt.Sprintf(" in %s namespace", to.namespace)
		if options.all {
			where = ""
		}
		fmt.Fprintf(connection.streams.Err, "No remediations found%s.\n", where)
		return nil
	}
	return show(found, connection.streams)
}

// forPeople reports whether a table is asked for.
func (o listOptions) forPeople() bool {
	return *o.printing.OutputFormat == "" || *o.printing.OutputFormat == "wide"
}

// printer gives what prints a list.
func (o listOptions) printer(now time.Time) (func(*v1alpha1.RemediationList, Streams) error, error) {
	if !o.forPeople() || *o.printing.TemplatePrinterFlags.TemplateArgument != "" && !o.printing.OutputFlagSpecified() {
		printer, err := o.printing.ToPrinter()
		if err != nil {
			return nil, fmt.Errorf("--output: %w", err)
		}
		return func(found *v1alpha1.RemediationList, streams Streams) error {
			if *o.printing.OutputFormat != "name" {
				for i := range found.Items {
					found.Items[i].ManagedFields = withoutManaged(found.Items[i].ManagedFields, o.printing)
				}
				return printer.PrintObj(listOf(found), streams.Out)
			}
			for i := range found.Items {
				if err := printer.PrintObj(&found.Items[i], streams.Out); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	return func(found *v1alpha1.RemediationList, streams Streams) error {
		table := printers.NewTablePrinter(printers.PrintOptions{
			WithNamespace: o.all, NoHeaders: o.noHeaders, Wide: *o.printing.OutputFormat == "wide",
		})
		out := printers.GetNewTabWriter(streams.Out)
		if err := table.PrintObj(tableOf(found, now), out); err != nil {
			return err
		}
		return out.Flush()
	}, nil
}

func withoutManaged(fields []metav1.ManagedFieldsEntry, printing *genericclioptions.PrintFlags) []metav1.ManagedFieldsEntry {
	if printing.JSONYamlPrintFlags.ShowManagedFields {
		return fields
	}
	return nil
}

// listOf gives the list as kubectl prints one: of kind List.
func listOf(found *v1alpha1.RemediationList) runtime.Object {
	list := &metav1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}, Items: []runtime.RawExtension{}}
	for i := range found.Items {
		list.Items = append(list.Items, runtime.RawExtension{Object: &found.Items[i]})
	}
	return list
}

var columns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string"},
	{Name: "Target", Type: "string"},
	{Name: "Failure", Type: "string"},
	{Name: "Cause", Type: "string"},
	{Name: "Confidence", Type: "string"},
	{Name: "Mode", Type: "string"},
	{Name: "Phase", Type: "string"},
	{Name: "Attempt", Type: "string"},
	{Name: "Occurrences", Type: "integer"},
	{Name: "Age", Type: "string"},
	{Name: "Risk", Type: "string", Priority: 1},
	{Name: "Last seen", Type: "string", Priority: 1},
	{Name: "Change", Type: "string", Priority: 1},
}

// tableOf gives a table of Remediations, a row for each.
func tableOf(found *v1alpha1.RemediationList, now time.Time) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: slices.Clone(columns)}
	for i := range found.Items {
		remediation := &found.Items[i]
		status := remediation.Status
		cause, confidence, risk := "<none>", "<none>", "<none>"
		if status.Diagnosis != nil {
			cause, confidence, risk = status.Diagnosis.RootCauseID, fmt.Sprintf("%d%%", status.Diagnosis.Confidence), string(status.Diagnosis.RiskLevel)
		}
		attempt := "<none>"
		if len(remediation.Spec.Actions) > 0 {
			attempt = fmt.Sprintf("%d/%d", max(status.Outcome.Attempt, 1), v1alpha1.MaxAttempts)
		}
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells: []any{
				remediation.Name, targetOf(remediation), string(remediation.Spec.FailureType), cause, confidence,
				string(cmp.Or(remediation.Spec.Mode, v1alpha1.Heal)), cmp.Or(string(status.Phase), "<none>"), attempt,
				int64(status.Observed.Occurrences), ago(&remediation.CreationTimestamp, now),
				risk, ago(status.Observed.LastSeen, now), cmp.Or(remedy.Describe(remediation.Spec.Actions), "<none>"),
			},
			Object: runtime.RawExtension{Object: remediation},
		})
	}
	return table
}

// ago gives how long ago a time is, as kubectl writes it.
func ago(at *metav1.Time, now time.Time) string {
	if at == nil || at.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(at.Time))
}
