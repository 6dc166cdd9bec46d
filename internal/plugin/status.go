package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// exitUnhealthy is the exit status of status when something is not as it should be.
const exitUnhealthy = 2

func newStatus(connection *connection) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what of kube-remedy is installed, and whether it is healthy",
		Long: `Show what of kube-remedy is installed, and whether it is healthy: the custom resource, the webhook registrations with
their certificate authorities, the deployments labelled app.kubernetes.io/name=kube-remedy with their certificates, and
how many remediations there are in each phase. What may not be read is said so.

The exit status is 0 when all of it is healthy, 1 for an error, and 2 when something is missing or not as it should be.`,
		Example: `  kubectl remedy status
  kubectl remedy status -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			to, err := connection.connect()
			if err != nil {
				return err
			}
			found, err := to.status(command.Context())
			if err != nil {
				return err
			}
			if output == "text" {
				err = found.print(connection.streams)
			} else {
				err = printStructured(connection.streams.Out, output, found)
			}
			if err == nil && !found.Healthy {
				return Exit{Status: exitUnhealthy}
			}
			return err
		},
	}
	addOutput(command, &output)
	return command
}

// installation is what is installed, as programs read it.
type installation struct {
	Healthy      bool               `json:"healthy"`
	CRD          crdStatus          `json:"custom_resource"`
	Webhooks     []webhookStatus    `json:"webhooks"`
	Deployments  []deploymentStatus `json:"deployments"`
	Remediations map[string]int     `json:"remediations"`
	Problems     []string           `json:"problems"`
	NotReadable  []string           `json:"not_readable"`
	webhooksSeen bool
	deploysSeen  bool
	counted      bool
	mutates      bool
}

type crdStatus struct {
	Name      string   `json:"name"`
	Installed bool     `json:"installed"`
	Readable  bool     `json:"readable"`
	Versions  []string `json:"served_versions"`
}

type deploymentStatus struct {
	Namespace    string              `json:"namespace"`
	Name         string              `json:"name"`
	Ready        int32               `json:"ready"`
	Wanted       int32               `json:"wanted"`
	Images       []string            `json:"images"`
	Certificates []certificateStatus `json:"certificates"`
}

// programLabel is on the deployments of an installation.
const programLabel = "app.kubernetes.io/name=kube-remedy"

// status looks at what is installed. Only that the cluster can't be reached is an error.
func (c *cluster) status(ctx context.Context) (*installation, error) {
	waiting := wait(c.streams.Err, c.clock, "looking at the installation")
	defer waiting.end()
	found := &installation{
		CRD: crdStatus{Name: v1alpha1.RemediationResource.GroupResource().String(), Versions: []string{}}, Webhooks: []webhookStatus{},
		Deployments: []deploymentStatus{}, Remediations: map[string]int{}, Problems: []string{}, NotReadable: []string{},
	}
	for _, look := range []func(context.Context, *installation) error{c.lookAtResource, c.lookAtWebhooks, c.lookAtDeployments, c.countRemediations} {
		if err := look(ctx, found); err != nil {
			return nil, err
		}
	}
	if found.webhooksSeen && !found.mutates {
		found.problem("no webhook is registered for workloads (mutate.kube-remedy.io): nothing is healed at an apply")
	}
	if found.deploysSeen && len(found.Deployments) == 0 {
		found.note("no deployment is labelled %s: if the programs run outside of this cluster, that is as it should be", programLabel)
	}
	if !found.CRD.Readable && !found.webhooksSeen && !found.deploysSeen && !found.counted {
		found.problem("nothing of it may be read: whether it is healthy is not known; who administers the cluster can run the same")
	}
	found.Healthy = len(found.Problems) == 0
	return found, nil
}

func (i *installation) problem(format string, args ...any) {
	i.Problems = append(i.Problems, fmt.Sprintf(format, args...))
}

func (i *installation) note(format string, args ...any) {
	i.NotReadable = append(i.NotReadable, fmt.Sprintf(format, args...))
}

// unreadable notes what the user may not read; another error is one.
func (i *installation) unreadable(what string, err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		i.note("you may not read %s", what)
		return nil
	}
	return fmt.Errorf("read %s: %w", what, err)
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func (c *cluster) lookAtResource(ctx context.Context, found *installation) error {
	definition, err := c.objects.Resource(definitions).Get(ctx, found.CRD.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		found.CRD.Readable = true
		found.problem("custom resource %s is not installed", found.CRD.Name)
		return nil
	case err != nil:
		return found.unreadable("customresourcedefinitions", err)
	}
	found.CRD.Installed, found.CRD.Readable = true, true
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, version := range versions {
		if version, ok := version.(map[string]any); ok && version["served"] == true {
			if name, ok := version["name"].(string); ok {
				found.CRD.Versions = append(found.CRD.Versions, name)
			}
		}
	}
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	for _, condition := range conditions {
		if condition, ok := condition.(map[string]any); ok && condition["type"] == "Established" && condition["status"] != "True" {
			found.problem("custom resource %s is not established: %v", found.CRD.Name, condition["message"])
		}
	}
	return nil
}

func (c *cluster) lookAtDeployments(ctx context.Context, found *installation) error {
	options := metav1.ListOptions{LabelSelector: programLabel}
	list, err := c.typed.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, options)
	if apierrors.IsForbidden(err) {
		found.note("you may not list deployments in all namespaces: only namespace %s is looked at", c.namespace)
		list, err = c.typed.AppsV1().Deployments(c.namespace).List(ctx, options)
		if err == nil && len(list.Items) == 0 {
			return nil // the others may well have one
		}
	}
	if err != nil {
		return found.unreadable("deployments", err)
	}
	found.deploysSeen = true
	for i := range list.Items {
		found.Deployments = append(found.Deployments, c.deploymentStatus(ctx, found, &list.Items[i]))
	}
	return nil
}

func (c *cluster) deploymentStatus(ctx context.Context, found *installation, deployment *appsv1.Deployment) deploymentStatus {
	status := deploymentStatus{
		Namespace: deployment.Namespace, Name: deployment.Name, Ready: deployment.Status.ReadyReplicas, Wanted: 1,
		Images: []string{}, Certificates: []certificateStatus{},
	}
	if deployment.Spec.Replicas != nil {
		status.Wanted = *deployment.Spec.Replicas
	}
	for _, container := range deployment.Spec.Template.Spec.Containers {
		status.Images = append(status.Images, container.Image)
	}
	switch {
	case status.Wanted == 0:
		found.problem("deployment %s/%s is scaled to 0", status.Namespace, status.Name)
	case status.Ready < status.Wanted:
		found.problem("deployment %s/%s has %d of %d replicas ready: kubectl remedy diagnose deployment/%s -n %s", status.Namespace, status.Name, status.Ready, status.Wanted, status.Name, status.Namespace)
	}
	c.lookAtSecrets(ctx, found, &status)
	return status
}

func (c *cluster) countRemediations(ctx context.Context, found *installation) error {
	all, err := c.list(ctx, metav1.NamespaceAll, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		found.note("you may not list remediations in all namespaces: only those of namespace %s are counted", c.namespace)
		all, err = c.list(ctx, c.namespace, metav1.ListOptions{})
	}
	switch {
	case errors.Is(err, errNotInstalled):
		return nil
	case err != nil:
		return found.unreadable("remediations", err)
	}
	found.counted = true
	for _, phase := range phases {
		found.Remediations[string(phase)] = 0
	}
	for i := range all {
		found.Remediations[string(all[i].Status.Phase)]++
	}
	return nil
}

// phases are those of Remediations, in the order in which they are told.
var phases = []v1alpha1.Phase{
	v1alpha1.PhaseLearned, v1alpha1.PhaseApplied, v1alpha1.PhaseVerified, v1alpha1.PhaseFailed, v1alpha1.PhaseSuperseded, v1alpha1.PhaseExpired,
}

// print tells a person.
func (i *installation) print(streams Streams) error {
	p := paint(colored(streams.Out))
	out := printers.GetNewTabWriter(streams.Out)
	mark := func(good bool) string {
		if good {
			return "installed"
		}
		return "missing"
	}
	if i.CRD.Readable {
		fmt.Fprintf(out, "%s\t%s\t%s\n", i.CRD.Name, mark(i.CRD.Installed), strings.Join(i.CRD.Versions, ", "))
	}
	for _, webhook := range i.Webhooks {
		fmt.Fprintf(out, "%s\t%s\tfailurePolicy %s, timeout %ds, caBundle %s\n", webhook.Name, webhook.Target, webhook.FailurePolicy, webhook.TimeoutSeconds, webhook.authority())
	}
	for _, deployment := range i.Deployments {
		fmt.Fprintf(out, "deployment/%s\t%d/%d ready\tnamespace %s, %s\n", deployment.Name, deployment.Ready, deployment.Wanted, deployment.Namespace, strings.Join(deployment.Images, ", "))
		for _, certificate := range deployment.Certificates {
			fmt.Fprintf(out, "secret/%s\t\tcertificate ends %s\n", certificate.Secret, certificate.Ends)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	var page strings.Builder
	if i.counted {
		var counts []string
		for _, phase := range phases {
			counts = append(counts, fmt.Sprintf("%d %s", i.Remediations[string(phase)], phase))
		}
		fmt.Fprintf(&page, "\nremediations: %s\n", strings.Join(counts, ", "))
	}
	for _, note := range i.NotReadable {
		fmt.Fprintf(&page, "note: %s\n", note)
	}
	for _, problem := range i.Problems {
		fmt.Fprintf(&page, "%s %s\n", p.red("problem:"), problem)
	}
	if i.Healthy {
		page.WriteString(p.green("healthy") + ", as far as could be read\n")
	}
	_, err := fmt.Fprint(streams.Out, page.String())
	return err
}
