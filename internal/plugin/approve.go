package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// dryRun is how far a write goes.
type dryRun string

func (d *dryRun) add(command *cobra.Command) {
	command.Flags().StringVar((*string)(d), "dry-run", "none", "none; or server: ask the API server and its webhooks what would happen, and store nothing")
	command.Flag("dry-run").NoOptDefVal = "server"
	completeFlag(command, "dry-run", "none", "server")
}

func (d dryRun) check() error {
	if !slices.Contains([]dryRun{"none", "server"}, d) {
		return fmt.Errorf("--dry-run %q must be none or server", string(d))
	}
	return nil
}

func (d dryRun) options() []string {
	if d == "server" {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// done writes what was done, as kubectl does.
func (d dryRun) done(what string) string {
	if d == "server" {
		return what + " (server dry run)"
	}
	return what
}

func newApprove(connection *connection) *cobra.Command {
	var dry dryRun
	command := &cobra.Command{
		Use:   "approve NAME|TYPE/NAME ...",
		Short: "Let a remediation be applied that is only suggested so far",
		Long: `Let a remediation be applied that is only suggested so far, and say what the next apply will do.

It sets spec.mode to Heal. The webhook writes down who did it; you must be allowed to change the workload.`,
		Example: `  kubectl remedy approve deployment-web-imagepullbackoff-app`,
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			return connection.setModes(command.Context(), args, v1alpha1.Heal, dry, "approved")
		},
	}
	dry.add(command)
	return command
}

func newReject(connection *connection) *cobra.Command {
	var dry dryRun
	command := &cobra.Command{
		Use:   "reject NAME|TYPE/NAME ...",
		Short: "Keep a remediation from being applied; it is still warned of",
		Long: `Keep a remediation from being applied, and say what the next apply will do. It is still warned of.

It sets spec.mode to Suggest. kubectl remedy opt-out keeps all remediations away from a workload.`,
		Example: `  kubectl remedy reject deployment-web-imagepullbackoff-app`,
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			return connection.setModes(command.Context(), args, v1alpha1.Suggest, dry, "rejected")
		},
	}
	dry.add(command)
	return command
}

// setModes sets the mode of Remediations, one after the other, and tells what that means. What can't be done with one is
// told, and the others are gone on with.
func (c *connection) setModes(ctx context.Context, args []string, mode v1alpha1.Mode, dry dryRun, word string) error {
	if err := dry.check(); err != nil {
		return err
	}
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "writing remediations")
	defer waiting.end()
	found, err := to.find(ctx, args)
	if err != nil {
		return err
	}
	var failed []error
	for _, remediation := range found {
		if err := to.setMode(ctx, remediation, mode, dry, word); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (c *cluster) setMode(ctx context.Context, remediation *v1alpha1.Remediation, mode v1alpha1.Mode, dry dryRun, word string) error {
	if len(remediation.Spec.Actions) == 0 {
		return fmt.Errorf("remediation %s has no actions that could be applied; kubectl remedy explain %s -n %s shows what a person can do",
			remediation.Name, remediation.Name, remediation.Namespace)
	}
	if modeOf(remediation) == mode {
		word = "unchanged: its mode is " + string(mode) + " already"
	} else {
		written, err := c.patchMode(ctx, remediation, mode, dry)
		if err != nil {
			return err
		}
		remediation = written
	}
	fmt.Fprintf(c.streams.Out, "remediation.kube-remedy.io/%s %s\n", remediation.Name, dry.done(word))
	said, err := c.outlook(ctx, remediation)
	if err != nil {
		return err
	}
	for _, line := range said {
		fmt.Fprintln(c.streams.Out, "  "+line)
	}
	return nil
}

// patchMode writes the mode of a Remediation and gives it as it is then.
func (c *cluster) patchMode(ctx context.Context, remediation *v1alpha1.Remediation, mode v1alpha1.Mode, dry dryRun) (*v1alpha1.Remediation, error) {
	patch := fmt.Sprintf(`{"spec":{"mode":%q}}`, mode)
	written, err := c.remediations.Remediations(remediation.Namespace).Patch(ctx, remediation.Name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: fieldManager, DryRun: dry.options()})
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("you may not change remediation %s in namespace %s: %w", remediation.Name, remediation.Namespace, err)
	case err != nil:
		return nil, fmt.Errorf("set the mode of remediation %s in namespace %s: %w", remediation.Name, remediation.Namespace, err)
	}
	written.SetGroupVersionKind(v1alpha1.RemediationKind)
	return written, nil
}
