package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// optOptions are what annotations are to say.
type optOptions struct {
	mode      string
	types     []string
	maxMemory string
	maxCPU    string
	allow     string
	clear     bool
	dry       dryRun
}

func newOptIn(connection *connection) *cobra.Command {
	options := optOptions{}
	command := &cobra.Command{
		Use:   "opt-in TYPE/NAME|namespace/NAME ...",
		Short: "Let kube-remedy heal a workload, or a namespace, and say within which bounds",
		Long: `Let kube-remedy heal a workload, or a namespace, and say within which bounds.

It writes annotations, under the field manager kubectl-remedy: kube-remedy.io/mode and what the flags ask for. What an
earlier call wrote and this one does not mention stays. A workload's annotations come before its namespace's, and those
before the installation's settings. No pod restarts; they count from the next apply on.`,
		Example: `  # Heal a workload, up to 2 GiB of memory
  kubectl remedy opt-in deployment/web --max-memory 2Gi

  # In a namespace, only warn, and only of two kinds of failures
  kubectl remedy opt-in namespace/shop --mode suggest --failure-types OOMKilled,ProbeFailure

  # Let fixes through that change what runs, without approval
  kubectl remedy opt-in deployment/web --allow assertive

  # Let the namespace decide again
  kubectl remedy opt-in deployment/web --clear`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeOptable,
		RunE: func(command *cobra.Command, args []string) error {
			if err := options.check(); err != nil {
				return err
			}
			return connection.opt(command.Context(), args, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.mode, "mode", v1alpha1.ModeHeal, "heal; or suggest: warn only")
	flags.StringSliceVar(&options.types, "failure-types", nil, "heal only these: "+strings.Join(failureTypeNames(), ", "))
	flags.StringVar(&options.maxMemory, "max-memory", "", "quantity of memory that no fix goes past, as 2Gi")
	flags.StringVar(&options.maxCPU, "max-cpu", "", "quantity of CPU that no fix goes past, as 500m")
	flags.StringVar(&options.allow, "allow", "", "assertive: let fixes through that change what runs")
	flags.BoolVar(&options.clear, "clear", false, "remove what opt-in and opt-out wrote")
	options.dry.add(command)
	completeFlag(command, "mode", v1alpha1.ModeHeal, v1alpha1.ModeSuggest)
	completeFlag(command, "failure-types", failureTypeNames()...)
	completeFlag(command, "allow", v1alpha1.AllowAssertive)
	command.MarkFlagsMutuallyExclusive("clear", "mode")
	return command
}

func newOptOut(connection *connection) *cobra.Command {
	options := optOptions{mode: v1alpha1.ModeOff}
	command := &cobra.Command{
		Use:   "opt-out TYPE/NAME|namespace/NAME ...",
		Short: "Keep kube-remedy away from a workload, or a namespace",
		Long: `Keep kube-remedy away from a workload, or a namespace.

It writes the annotation kube-remedy.io/mode: off, under the field manager kubectl-remedy. Cures that a workload carries
leave it at its next apply.`,
		Example: `  kubectl remedy opt-out deployment/web

  # Undo it: let the namespace decide again
  kubectl remedy opt-out deployment/web --clear`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeOptable,
		RunE: func(command *cobra.Command, args []string) error {
			if err := options.dry.check(); err != nil {
				return err
			}
			return connection.opt(command.Context(), args, options)
		},
	}
	command.Flags().BoolVar(&options.clear, "clear", false, "remove what opt-in and opt-out wrote")
	options.dry.add(command)
	return command
}

// completeOptable offers what annotations may be written to.
func (c *connection) completeOptable(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	names, directive := c.completeObjects(command, args, begun)
	if !strings.Contains(begun, "/") {
		names = append(names, fitting([]string{"namespace/"}, args, begun)...)
	}
	return names, directive
}

func failureTypeNames() []string {
	var names []string
	for _, failure := range v1alpha1.FailureTypes() {
		names = append(names, string(failure))
	}
	return names
}

// check refuses values that the webhook would ignore.
func (o optOptions) check() error {
	if err := o.dry.check(); err != nil {
		return err
	}
	if o.clear && (len(o.types) > 0 || o.maxMemory != "" || o.maxCPU != "" || o.allow != "") {
		return errors.New("--clear removes annotations: nothing else can be given with it")
	}
	if o.mode != v1alpha1.ModeHeal && o.mode != v1alpha1.ModeSuggest {
		return fmt.Errorf("--mode %q must be heal or suggest; kubectl remedy opt-out is for off", o.mode)
	}
	for _, name := range o.types {
		if !slices.Contains(failureTypeNames(), name) {
			return fmt.Errorf("--failure-types: there is no %q; there are %s", name, strings.Join(failureTypeNames(), ", "))
		}
	}
	for flag, value := range map[string]string{"--max-memory": o.maxMemory, "--max-cpu": o.maxCPU} {
		if value == "" {
			continue
		}
		if most, err := remedy.ParseQuantity(value); err != nil || most.Sign() <= 0 {
			return fmt.Errorf("%s %q must be a quantity greater than zero, as 2Gi of memory or 500m of CPU", flag, value)
		}
	}
	if o.allow != "" && o.allow != v1alpha1.AllowAssertive {
		return fmt.Errorf("--allow %q must be assertive", o.allow)
	}
	return nil
}

// annotations are those that the options ask for.
func (o optOptions) annotations() map[string]string {
	asked := map[string]string{v1alpha1.ModeAnnotation: o.mode}
	for name, value := range map[string]string{
		v1alpha1.FailureTypesAnnotation: strings.Join(o.types, ","), v1alpha1.MaxMemoryAnnotation: o.maxMemory,
		v1alpha1.MaxCPUAnnotation: o.maxCPU, v1alpha1.AllowAnnotation: o.allow,
	} {
		if value != "" {
			asked[name] = value
		}
	}
	return asked
}

func (c *connection) opt(ctx context.Context, args []string, options optOptions) error {
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "writing annotations")
	defer waiting.end()
	for _, argument := range args {
		live, err := to.read(ctx, argument)
		if err != nil {
			return err
		}
		if err := to.opt(ctx, live, options); err != nil {
			return err
		}
	}
	return nil
}

// opt writes the annotations by server-side apply: what the plugin wrote before and the call does not mention is written
// again, or else it would go.
func (c *cluster) opt(ctx context.Context, live object, options optOptions) error {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return fmt.Errorf("%s belongs to %s; write TYPE/NAME of what its owner applies", live.title(), argumentOf(controller.Kind, controller.Name))
	}
	own := ownAnnotations(live.GetManagedFields(), live.GetAnnotations())
	if options.clear {
		own = map[string]string{}
	} else {
		maps.Copy(own, options.annotations())
	}
	metadata := map[string]any{"name": live.GetName(), "uid": string(live.GetUID()), "annotations": own} // the uid: nothing is created
	if scoped(live.mapping) {
		metadata["namespace"] = live.GetNamespace()
	}
	patch, err := json.Marshal(map[string]any{"apiVersion": live.GetAPIVersion(), "kind": live.GetKind(), "metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode the annotations: %w", err)
	}
	force := true
	written, err := c.resource(live.mapping, live.GetNamespace()).Patch(ctx, live.GetName(), types.ApplyPatchType, patch,
		metav1.PatchOptions{FieldManager: fieldManager, Force: &force, DryRun: options.dry.options()})
	if err != nil {
		return fmt.Errorf("annotate %s: %w", live.title(), refused(err))
	}
	what := "annotated"
	if options.clear {
		what = "cleared"
	}
	fmt.Fprintf(c.streams.Out, "%s %s\n", live.title(), options.dry.done(what))
	c.tellPolicy(live, written, options.clear)
	if live.GetGenerateName() != "" || live.GetKind() == "Pod" && v1alpha1.AppNameOf(live) != "" {
		c.note("the next one has another name and not these annotations: write them where it is created from, or annotate namespace/%s", live.GetNamespace())
	}
	return nil
}

// tellPolicy says what the annotations of an object say now, and what will not last.
func (c *cluster) tellPolicy(live object, written *unstructured.Unstructured, cleared bool) {
	said := written.GetAnnotations()
	for _, name := range policyAnnotations {
		if value, ok := said[name]; ok {
			fmt.Fprintf(c.streams.Out, "  %s: %s\n", name, value)
			if cleared {
				c.note("somebody else wrote %s; it goes with: kubectl annotate %s %s-%s", name, argumentOf(live.GetKind(), live.GetName()), name, inNamespace(live))
			}
		}
	}
	if owner := lastApplied(live.Object); owner != nil {
		for _, name := range policyAnnotations {
			if value := annotation(owner, name); value != "" && value != said[name] {
				c.note("the manifest of %s has %s: %s, and its next apply writes that again; change it there too", live.title(), name, value)
			}
		}
	}
	if scoped(live.mapping) && len(marks(live.Object)) > 0 && said[v1alpha1.ModeAnnotation] == v1alpha1.ModeOff {
		fmt.Fprintf(c.streams.Out, "  it carries %s until its next apply: apply its manifest, or: kubectl remedy reapply %s%s\n",
			strings.Join(marks(live.Object), ", "), argumentOf(live.GetKind(), live.GetName()), inNamespace(live))
	}
}

func inNamespace(live object) string {
	if !scoped(live.mapping) {
		return ""
	}
	return " -n " + live.GetNamespace()
}

// policyAnnotations are those that say what may happen, in the order in which they are told.
var policyAnnotations = []string{
	v1alpha1.ModeAnnotation, v1alpha1.FailureTypesAnnotation, v1alpha1.MaxMemoryAnnotation, v1alpha1.MaxCPUAnnotation, v1alpha1.AllowAnnotation,
}

// ownAnnotations gives the annotations that the plugin wrote, as they are now.
func ownAnnotations(managed []metav1.ManagedFieldsEntry, annotations map[string]string) map[string]string {
	own := map[string]string{}
	for _, entry := range managed {
		if entry.Manager != fieldManager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for name := range fields.Metadata.Annotations {
			name = strings.TrimPrefix(name, "f:")
			if value, ok := annotations[name]; ok {
				own[name] = value
			}
		}
	}
	return own
}
