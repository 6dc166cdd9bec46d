package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func kindOf(version, kind string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(version, kind)
}

func newReapply(connection *connection) *cobra.Command {
	var dry dryRun
	command := &cobra.Command{
		Use:   "reapply TYPE/NAME ...",
		Short: "Apply a workload's manifest again as it was last applied, so that it passes admission anew",
		Long: `Apply a workload's manifest again as it was last applied, so that it passes admission anew.

The manifest is the one that kubectl apply kept in the annotation kubectl.kubernetes.io/last-applied-configuration. The
API server is first asked what would happen; warnings and the difference are shown, and then it is applied, under
kubectl apply's field manager. Cures in effect are put in again; what a cure had added that is not in effect any more
goes. A workload that was applied otherwise is left alone, and it is said what to do instead.`,
		Example: `  # Only look
  kubectl remedy reapply deployment/web --dry-run=server

  # Have the cure that was just learned put in
  kubectl remedy reapply deployment/web`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeObjects,
		RunE: func(command *cobra.Command, args []string) error {
			if err := dry.check(); err != nil {
				return err
			}
			to, err := connection.connect()
			if err != nil {
				return err
			}
			waiting := wait(connection.streams.Err, connection.clock, "applying again")
			defer waiting.end()
			for _, argument := range args {
				live, err := to.read(command.Context(), argument)
				if err != nil {
					return err
				}
				if _, err := to.reapply(command.Context(), live, dry); err != nil {
					return err
				}
			}
			return nil
		},
	}
	dry.add(command)
	return command
}

// reapply applies the last applied manifest of a workload again, and gives the workload as it is then.
func (c *cluster) reapply(ctx context.Context, live object, dry dryRun) (*unstructured.Unstructured, error) {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return nil, fmt.Errorf("%s belongs to %s/%s, which is what its owner applies: kubectl remedy reapply %s -n %s",
			live.title(), strings.ToLower(controller.Kind), controller.Name, argumentOf(controller.Kind, controller.Name), live.GetNamespace())
	}
	if lastApplied(live.Object) == nil {
		return nil, fmt.Errorf("%s has no annotation %s to apply again; instead: %s",
			live.title(), corev1.LastAppliedConfigAnnotation, instead(live))
	}
	if kind := live.GetKind(); kind == "Job" || kind == "Pod" {
		return nil, fmt.Errorf("what exists of a %s can't be changed; delete it and apply its manifest: kubectl delete %s -n %s",
			kind, argumentOf(kind, live.GetName()), live.GetNamespace())
	}
	cures, err := c.curesOf(ctx, live)
	if err != nil {
		return nil, err
	}
	patch, kind, err := ownersPatch(live.Object, cures)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", live.title(), err)
	}
	send := func(options []string) (*unstructured.Unstructured, error) {
		written, err := c.resource(live.mapping, live.GetNamespace()).Patch(ctx, live.GetName(), kind, patch,
			metav1.PatchOptions{FieldManager: clientSideApply, DryRun: options})
		if err != nil {
			return nil, fmt.Errorf("apply %s in namespace %s again: %w", live.title(), live.GetNamespace(), refused(err))
		}
		return written, nil
	}
	would, err := send([]string{metav1.DryRunAll})
	if err != nil {
		return nil, err
	}
	before, after := shown(live.Object), shown(would.Object)
	if string(before) == string(after) && kind != types.ApplyPatchType {
		fmt.Fprintf(c.streams.Out, "%s unchanged: it is what its manifest comes to at admission\n", live.title())
		return live.Unstructured, nil
	}
	if err := printDiff(c.streams.Out, live.title(), before, after, colored(c.streams.Out)); err != nil {
		return nil, err
	}
	if dry == "server" {
		fmt.Fprintf(c.streams.Out, "%s reapplied (server dry run)\n", live.title())
		return would, nil
	}
	written, err := send(nil)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.streams.Out, "%s reapplied\n", live.title())
	return written, nil
}

// curesOf gives the Remediations of a workload; none where there are none, or they may not be read, which is noted.
func (c *cluster) curesOf(ctx context.Context, live object) ([]*v1alpha1.Remediation, error) {
	all, err := c.list(ctx, live.GetNamespace(), metav1.ListOptions{})
	switch {
	case apierrors.IsForbidden(err):
		c.note("you may not list remediations in namespace %s: fields that a cure added may stay", live.GetNamespace())
		return nil, nil
	case errors.Is(err, errNotInstalled):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return forLive(all, live.mapping.GroupVersionKind.GroupKind(), live), nil
}

// refused puts the way out to a refusal.
func refused(err error) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%w; who may change it can run the same", err)
	}
	return err
}

// instead says how a workload without a last applied manifest is applied again, by who applied it.
func instead(live object) string {
	labels, where := live.GetLabels(), " -n "+live.GetNamespace()
	annotations := live.GetAnnotations()
	managers := map[string]bool{}
	for _, entry := range live.GetManagedFields() {
		managers[entry.Manager] = true
	}
	switch {
	case managers["helm"] || labels["app.kubernetes.io/managed-by"] == "Helm":
		release := annotations["meta.helm.sh/release-name"]
		if release == "" {
			release = "RELEASE"
		}
		return "helm upgrade " + release + " CHART --reuse-values" + where
	case managers["argocd-controller"] || managers["argocd-application-controller"]:
		return "argocd app sync APP (with Replace=false; a sync of an app that is in sync sends nothing: add --force)"
	case managers["kustomize-controller"]:
		return "flux reconcile kustomization NAME"
	case managers["helm-controller"]:
		return "flux reconcile helmrelease NAME --force"
	case managers["kubectl"]:
		return "kubectl apply --server-side -f FILE" + where + " with the manifest that was applied"
	default:
		return "kubectl apply -f FILE" + where + " with its manifest"
	}
}

// shown gives an object as it is compared: as YAML, without what its owner does not write.
func shown(value map[string]any) []byte {
	copied := (&unstructured.Unstructured{Object: value}).DeepCopy().Object
	delete(copied, "status")
	if metadata, ok := copied["metadata"].(map[string]any); ok {
		for _, name := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
			delete(metadata, name)
		}
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			for _, name := range []string{corev1.LastAppliedConfigAnnotation, v1alpha1.AuditAnnotation, "deployment.kubernetes.io/revision"} {
				delete(annotations, name)
			}
		}
	}
	text, err := yaml.Marshal(copied)
	if err != nil {
		return nil // what came from JSON can be written
	}
	return text
}

func newRollback(connection *connection) *cobra.Command {
	var dry dryRun
	var again bool
	command := &cobra.Command{
		Use:   "rollback NAME|TYPE/NAME ...",
		Short: "Take a remediation back, so that the workload is again as its owner wrote it",
		Long: `Take a remediation back, so that the workload is again as its owner wrote it.

The mode of the remediation becomes Suggest, so that the next apply leaves the cure out. With --reapply that apply
happens now, from what kubectl apply kept (see kubectl remedy reapply); otherwise the command for it is told.`,
		Example: `  # Take one cure back, now
  kubectl remedy rollback deployment-web-oomkilled-app --reapply

  # Take all cures of a workload back, at its next apply
  kubectl remedy rollback deployment/web`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: connection.completeReferences,
		RunE: func(command *cobra.Command, args []string) error {
			if err := dry.check(); err != nil {
				return err
			}
			if again && dry == "server" {
				return fmt.Errorf("--reapply can't be tried with --dry-run=server: the dry run of the one is not seen by the other")
			}
			return connection.rollback(command.Context(), args, again, dry)
		},
	}
	command.Flags().BoolVar(&again, "reapply", false, "apply the workload's last applied manifest again, now")
	dry.add(command)
	return command
}

func (c *connection) rollback(ctx context.Context, args []string, again bool, dry dryRun) error {
	to, err := c.connect()
	if err != nil {
		return err
	}
	waiting := wait(c.streams.Err, c.clock, "rolling back")
	defer waiting.end()
	found, err := to.find(ctx, args)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(remediation *v1alpha1.Remediation) bool {
		if len(remediation.Spec.Actions) == 0 {
			fmt.Fprintf(c.streams.Out, "remediation.kube-remedy.io/%s changes nothing\n", remediation.Name)
		}
		return len(remediation.Spec.Actions) == 0
	})
	targets := map[string][]*v1alpha1.Remediation{}
	for _, remediation := range found {
		if again {
			remediation, err = to.takeBack(ctx, remediation, dry)
		} else {
			err = to.setMode(ctx, remediation, v1alpha1.Suggest, dry, "rolled back")
		}
		if err != nil {
			return err
		}
		targets[targetOf(remediation)] = append(targets[targetOf(remediation)], remediation)
	}
	if !again {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		if err := to.returnToOwner(ctx, targets[name]); err != nil {
			return err
		}
	}
	return nil
}

// takeBack sets the mode of a Remediation to Suggest, where it is not that already.
func (c *cluster) takeBack(ctx context.Context, remediation *v1alpha1.Remediation, dry dryRun) (*v1alpha1.Remediation, error) {
	if modeOf(remediation) == v1alpha1.Suggest {
		return remediation, nil
	}
	written, err := c.patchMode(ctx, remediation, v1alpha1.Suggest, dry)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.streams.Out, "remediation.kube-remedy.io/%s rolled back\n", written.Name)
	return written, nil
}

// returnToOwner applies the workload of Remediations again, until the webhook has seen that they are taken back.
func (c *cluster) returnToOwner(ctx context.Context, taken []*v1alpha1.Remediation) error {
	live, exists, err := c.target(ctx, taken[0])
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%s is not there in namespace %s: there is nothing to apply again", targetOf(taken[0]), taken[0].Namespace)
	}
	carried := func(object map[string]any) (names []string) {
		for _, remediation := range taken {
			if carries(object, remediation.Name) {
				names = append(names, remediation.Name)
			}
		}
		return names
	}
	if len(carried(live.Object)) == 0 {
		fmt.Fprintf(c.streams.Out, "%s does not carry it: nothing to undo\n", live.title())
		return nil
	}
	for range webhookLag { // its cache is a moment behind what was just written
		written, err := c.reapply(ctx, live, "none")
		if err != nil {
			return err
		}
		if len(carried(written.Object)) == 0 {
			return nil
		}
		live.Unstructured = written
		if err := c.pause(ctx, slow); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s still carries %s: something lets it through all the same, as annotation %s does; kubectl remedy opt-out %s -n %s keeps it away",
		live.title(), strings.Join(carried(live.Object), ", "), v1alpha1.AllowAnnotation, argumentOf(live.GetKind(), live.GetName()), live.GetNamespace())
}

// webhookLag is how often is tried until the webhook has seen a change.
const webhookLag = 3

// scoped reports whether objects of a type have a namespace.
func scoped(mapping *meta.RESTMapping) bool {
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace
}
