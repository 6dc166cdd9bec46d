package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// errNotInstalled is what it means that the API server knows no Remediations.
var errNotInstalled = errors.New("this cluster has no remediations.kube-remedy.io: kube-remedy is not installed there; kubectl remedy status shows what is, and diagnose, heal and apply --local work without it")

// page is how many objects are asked for at a time, as kubectl does.
const page = 500

// list gives the Remediations of a namespace, or of all when it is empty, by namespace and name.
func (c *cluster) list(ctx context.Context, namespace string, options metav1.ListOptions) ([]v1alpha1.Remediation, error) {
	var found []v1alpha1.Remediation
	options.Limit = page
	for {
		part, err := c.remediations.Remediations(namespace).List(ctx, options)
		if err != nil {
			return nil, c.unlisted(namespace, err)
		}
		found = append(found, part.Items...)
		if options.Continue = part.Continue; options.Continue == "" {
			break
		}
	}
	slices.SortFunc(found, func(a, b v1alpha1.Remediation) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for i := range found { // items of a list don't say what they are
		found[i].SetGroupVersionKind(v1alpha1.RemediationKind)
	}
	return found, nil
}

func (c *cluster) unlisted(namespace string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return errNotInstalled
	case apierrors.IsForbidden(err) && namespace == "":
		return fmt.Errorf("you may not list remediations in all namespaces; name one with -n: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not list remediations in namespace %s; whoever administers it can grant that: %w", namespace, err)
	default:
		return fmt.Errorf("list remediations: %w", err)
	}
}

// reference is what an argument names: a Remediation, or an object by its type and name, or what stands for several
// objects' names as targets are shown: pod/app.kubernetes.io/name=worker.
type reference struct{ resource, name string }

// remediation reports whether a Remediation is named: by its name alone, or as kubectl -o name writes it.
func (r reference) remediation() bool {
	return slices.Contains([]string{"", "rem", "remediation", "remediations", "remediation.kube-remedy.io", "remediations.kube-remedy.io"}, r.resource)
}

func parseReference(argument string) (reference, error) {
	resource, name, typed := strings.Cut(argument, "/")
	switch {
	case !typed && argument != "":
		return reference{name: argument}, nil
	case resource == "" || name == "" || strings.Contains(strings.TrimPrefix(name, v1alpha1.AppNameLabel+"="), "/"):
		return reference{}, fmt.Errorf("%q is not TYPE/NAME, as deployment/web", argument)
	default:
		return reference{resource: resource, name: name}, nil
	}
}

// find gives the Remediations that arguments name, each once: by their own name, or all of a workload.
func (c *cluster) find(ctx context.Context, arguments []string) ([]*v1alpha1.Remediation, error) {
	var found []*v1alpha1.Remediation
	seen := map[string]bool{}
	for _, argument := range arguments {
		named, err := c.findOne(ctx, argument)
		if err != nil {
			return nil, err
		}
		for _, remediation := range named {
			if !seen[remediation.Name] {
				seen[remediation.Name] = true
				found = append(found, remediation)
			}
		}
	}
	return found, nil
}

func (c *cluster) findOne(ctx context.Context, argument string) ([]*v1alpha1.Remediation, error) {
	named, err := parseReference(argument)
	if err != nil {
		return nil, err
	}
	if !named.remediation() {
		return c.findFor(ctx, named)
	}
	found, err := c.remediations.Remediations(c.namespace).Get(ctx, named.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && namesObject(err):
		return nil, fmt.Errorf("there is no remediation %q in namespace %s; kubectl remedy list -n %s shows those that there are, and TYPE/NAME names a workload", named.name, c.namespace, c.namespace)
	case apierrors.IsNotFound(err):
		return nil, errNotInstalled
	case err != nil:
		return nil, fmt.Errorf("read remediation %s/%s: %w", c.namespace, named.name, err)
	}
	found.SetGroupVersionKind(v1alpha1.RemediationKind)
	return []*v1alpha1.Remediation{found}, nil
}

// namesObject tells that an object is not there from that its whole type is not.
func namesObject(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name != ""
}

// findFor gives the Remediations of a workload. For a pod, or what else a controller made, they are those of what its
// owner applies; for what has another name each time, those of its prefix or app.
func (c *cluster) findFor(ctx context.Context, named reference) ([]*v1alpha1.Remediation, error) {
	mapping, err := c.mappingOf(named.resource)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return nil, fmt.Errorf("%s is no workload: remediations are for what runs pods, as deployment/web", named)
	}
	all, err := c.list(ctx, c.namespace, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	kind, name := mapping.GroupVersionKind.GroupKind(), named.name
	for range maxOwners {
		if found := forTarget(all, kind, name); len(found) > 0 {
			return found, nil
		}
		live, err := c.resource(mapping, c.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			break
		}
		controller := metav1.GetControllerOf(live)
		if controller == nil {
			if found := forLive(all, kind, live); len(found) > 0 {
				return found, nil
			}
			break
		}
		of := schema.FromAPIVersionAndKind(controller.APIVersion, controller.Kind)
		if mapping, err = c.mapper.RESTMapping(of.GroupKind(), of.Version); err != nil {
			break
		}
		kind, name = of.GroupKind(), controller.Name
	}
	return nil, fmt.Errorf("nothing was learned about %s in namespace %s; kubectl remedy diagnose %s -n %s looks at it now", named, c.namespace, named, c.namespace)
}

// maxOwners bounds how far up is looked: from a pod to its ReplicaSet or Job, and to what made that.
const maxOwners = 4

// forTarget gives those Remediations of a namespace whose targets are of a kind and named so.
func forTarget(all []v1alpha1.Remediation, kind schema.GroupKind, named string) []*v1alpha1.Remediation {
	var found []*v1alpha1.Remediation
	for i := range all {
		ref := all[i].Spec.TargetRef
		if schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind() == kind && ref.Named() == named {
			found = append(found, &all[i])
		}
	}
	return found
}

// forLive gives those Remediations of a namespace that are for an object there that nothing controls: of its name, or of
// what its owner knows it by.
func forLive(all []v1alpha1.Remediation, kind schema.GroupKind, live metav1.Object) []*v1alpha1.Remediation {
	found := forTarget(all, kind, live.GetName())
	switch app := v1alpha1.AppNameOf(live); {
	case len(found) > 0:
		return found
	case live.GetGenerateName() != "":
		return forTarget(all, kind, v1alpha1.TargetRef{GenerateName: live.GetGenerateName()}.Named())
	case app != "" && kind == schema.GroupKind{Kind: "Pod"}:
		return forTarget(all, kind, v1alpha1.TargetRef{AppName: app}.Named())
	default:
		return nil
	}
}

// String writes the reference as it was given.
func (r reference) String() string {
	if r.resource == "" {
		return r.name
	}
	return r.resource + "/" + r.name
}

// mappingOf finds the type that a person names, as kubectl does: in singular or plural, short, or with its group.
func (c *cluster) mappingOf(resource string) (*meta.RESTMapping, error) {
	full, short := schema.ParseResourceArg(strings.ToLower(resource))
	kind := schema.GroupVersionKind{}
	var err error
	if full != nil {
		kind, _ = c.mapper.KindFor(*full)
	}
	if kind.Empty() {
		kind, err = c.mapper.KindFor(short.WithVersion(""))
	}
	if kind.Empty() {
		if meta.IsNoMatchError(err) || err == nil {
			return nil, fmt.Errorf("the server doesn't have a resource type %q", resource)
		}
		return nil, fmt.Errorf("look up the type %q: %w", resource, err)
	}
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("look up the type %q: %w", resource, err)
	}
	return mapping, nil
}

// resource gives the client for objects of a type; of a namespace where they have one.
func (c *cluster) resource(mapping *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.objects.Resource(mapping.Resource)
	}
	return c.objects.Resource(mapping.Resource).Namespace(namespace)
}

// object is an object of the cluster with where it is served.
type object struct {
	*unstructured.Unstructured
	mapping *meta.RESTMapping
}

// title names the object as kubectl does.
func (o object) title() string {
	if group := o.mapping.GroupVersionKind.Group; group != "" {
		return strings.ToLower(o.GetKind()) + "." + group + "/" + o.GetName()
	}
	return strings.ToLower(o.GetKind()) + "/" + o.GetName()
}

// read gets the object of an argument TYPE/NAME.
func (c *cluster) read(ctx context.Context, argument string) (object, error) {
	named, err := parseReference(argument)
	if err != nil {
		return object{}, err
	}
	if named.resource == "" {
		return object{}, fmt.Errorf("%q names no type; write TYPE/NAME, as deployment/%s", argument, named.name)
	}
	if strings.HasPrefix(named.name, v1alpha1.AppNameLabel+"=") {
		return object{}, fmt.Errorf("%s stands for all pods of an app; name one of them, or their namespace", named)
	}
	mapping, err := c.mappingOf(named.resource)
	if err != nil {
		return object{}, err
	}
	live, err := c.resource(mapping, c.namespace).Get(ctx, named.name, metav1.GetOptions{})
	where := " in namespace " + c.namespace
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		where = ""
	}
	switch {
	case apierrors.IsNotFound(err):
		return object{}, fmt.Errorf("there is no %s%s", named, where)
	case err != nil:
		return object{}, fmt.Errorf("read %s%s: %w", named, where, err)
	}
	return object{live, mapping}, nil
}

// target gets the workload of a Remediation; false when it is not there, or may not be read, which is noted.
func (c *cluster) target(ctx context.Context, remediation *v1alpha1.Remediation) (object, bool, error) {
	ref := remediation.Spec.TargetRef
	of := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
	if ref.Name == "" {
		return object{}, false, nil
	}
	mapping, err := c.mapper.RESTMapping(of.GroupKind(), of.Version)
	if meta.IsNoMatchError(err) {
		if mapping, err = c.mapper.RESTMapping(of.GroupKind()); meta.IsNoMatchError(err) {
			return object{}, false, nil
		}
	}
	if err != nil {
		return object{}, false, fmt.Errorf("look up the type %s: %w", of.GroupKind(), err)
	}
	live, err := c.resource(mapping, remediation.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return object{}, false, nil
	case apierrors.IsForbidden(err):
		c.note("you may not read %s in namespace %s: what is said of it comes from the remediation alone", targetOf(remediation), remediation.Namespace)
		return object{}, false, nil
	case err != nil:
		return object{}, false, fmt.Errorf("read %s in namespace %s: %w", targetOf(remediation), remediation.Namespace, err)
	}
	return object{live, mapping}, true, nil
}

// targetOf names the target of a Remediation, as Deployment/web.
func targetOf(remediation *v1alpha1.Remediation) string { return remediation.Spec.TargetRef.String() }

// argumentOf names an object as an argument of kubectl.
func argumentOf(kind, name string) string {
	short := map[string]string{
		"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds", "ReplicaSet": "rs", "CronJob": "cj",
		"PersistentVolumeClaim": "pvc", "ReplicationController": "rc", "Namespace": "ns",
	}
	return cmp.Or(short[kind], strings.ToLower(kind)) + "/" + name
}
