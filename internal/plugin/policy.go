package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// policy is what annotations of a workload and its namespace allow. Bounds and consent that the workload's own give are
// not in it: they are read off the workload when something is prescribed.
type policy struct {
	mode, whose string // heal, suggest or off, and whose annotation says so; empty when none does
	types       []v1alpha1.FailureType
	typesOf     string // whose annotation limits the failure types; empty when none does
	namespace   engine.Allowance
	ignored     []string // what can't be read
}

// policyOf reads annotations. A value that can't be read says nothing.
func policyOf(workload, namespace map[string]string) policy {
	var allowed policy
	for _, from := range []struct {
		who         string
		annotations map[string]string
	}{{"namespace", namespace}, {"workload", workload}} { // the latter wins
		ignore := func(name string) {
			allowed.ignored = append(allowed.ignored, fmt.Sprintf("annotation %s of the %s is ignored: %q is none of its values",
				name, from.who, engine.Shorten(from.annotations[name], 64)))
		}
		switch mode := from.annotations[v1alpha1.ModeAnnotation]; mode {
		case v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff:
			allowed.mode, allowed.whose = mode, from.who
		case "":
		default:
			ignore(v1alpha1.ModeAnnotation)
		}
		if list := from.annotations[v1alpha1.FailureTypesAnnotation]; list != "" {
			if types, ok := v1alpha1.ParseFailureTypes(list); ok {
				allowed.types, allowed.typesOf = types, from.who
			} else {
				ignore(v1alpha1.FailureTypesAnnotation)
			}
		}
	}
	quantity := func(name string) *resource.Quantity {
		most, err := remedy.ParseQuantity(namespace[name])
		if err != nil || most.Sign() <= 0 {
			return nil
		}
		return &most
	}
	allowed.namespace = engine.Allowance{
		MaxMemory: quantity(v1alpha1.MaxMemoryAnnotation), MaxCPU: quantity(v1alpha1.MaxCPUAnnotation),
		Assertive: namespace[v1alpha1.AllowAnnotation] == v1alpha1.AllowAssertive,
	}
	return allowed
}

// refuses says why a failure is to be left alone; empty when it may be healed, or a cure suggested.
func (p policy) refuses(failure v1alpha1.FailureType) string {
	switch {
	case p.mode == v1alpha1.ModeOff:
		return p.says()
	case len(p.types) > 0 && !slices.Contains(p.types, failure):
		var names []string
		for _, allowed := range p.types {
			names = append(names, string(allowed))
		}
		return fmt.Sprintf("annotation %s of the %s allows %s only", v1alpha1.FailureTypesAnnotation, p.typesOf, strings.Join(names, ", "))
	default:
		return ""
	}
}

// says quotes what is said of the mode.
func (p policy) says() string {
	return fmt.Sprintf("annotation %s of the %s is %s", v1alpha1.ModeAnnotation, p.whose, p.mode)
}

// policyFor reads what a part and its namespace allow.
func (c *cluster) policyFor(ctx context.Context, p *part) policy {
	live := p.Unstructured
	if p.live != nil { // an opt-out stands on the live object
		live = p.live
	}
	allowed := policyOf(live.GetAnnotations(), c.annotationsOf(ctx, p.GetNamespace()))
	for _, one := range allowed.ignored {
		c.note("%s: %s", p.title(), one)
	}
	return allowed
}

// modeFor reads what annotations say of a workload, and whose they are: its own first, then its namespace's.
func (c *cluster) modeFor(ctx context.Context, live object) (mode, whose string) {
	allowed := policyOf(live.GetAnnotations(), nil)
	if allowed.mode == "" {
		allowed = policyOf(nil, c.annotationsOf(ctx, live.GetNamespace()))
	}
	return allowed.mode, allowed.whose
}

// annotationsOf gives the annotations of a namespace, as far as they may be read.
func (c *cluster) annotationsOf(ctx context.Context, namespace string) map[string]string {
	read, err := c.typed.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsForbidden(err) {
		c.note("you may not read namespace %s: its annotations, which may say otherwise, are left out", namespace)
	}
	if err != nil {
		return nil
	}
	return read.Annotations
}
