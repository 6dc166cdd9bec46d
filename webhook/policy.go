package webhook

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// policy is what may happen to one object: what its own annotations say, or else those of its namespace, or else the
// installation.
type policy struct {
	mode      string
	byObject  bool                   // the object's own annotation says the mode
	types     []v1alpha1.FailureType // that may be healed; all when empty
	bounds    map[corev1.ResourceName]remedy.Bound
	assertive bool
	warnings  []string // of values that can't be read
}

// policyFor reads the annotations of an object and of its namespace.
func policyFor(object, namespace map[string]string, settings *config.Config) policy {
	p := policy{
		mode: settings.Mode, types: settings.FailureTypes, assertive: settings.Allow == v1alpha1.AllowAssertive,
		bounds: map[corev1.ResourceName]remedy.Bound{},
	}
	for _, limit := range []struct {
		name corev1.ResourceName
		most *resource.Quantity
	}{{corev1.ResourceMemory, settings.MaxMemory}, {corev1.ResourceCPU, settings.MaxCPU}} {
		if limit.most != nil {
			p.bounds[limit.name] = remedy.Bound{Most: *limit.most, Who: "the installation"}
		}
	}
	p.read(namespace, "the namespace's annotation")
	p.byObject = p.read(object, "annotation")
	return p
}

// read takes over what annotations say; a value that can't be read is ignored, and the applier is told. It reports
// whether they say a mode.
func (p *policy) read(annotations map[string]string, whose string) (mode bool) {
	if len(annotations) == 0 {
		return false
	}
	ignored := func(name, hint string) {
		p.warnings = append(p.warnings, fitting(fmt.Sprintf("kube-remedy: %s %s: %q is ignored; %s",
			whose, name, engine.Shorten(annotations[name], 64), hint)))
	}
	switch value := annotations[v1alpha1.ModeAnnotation]; value {
	case v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff:
		p.mode, mode = value, true
	case "":
	default:
		ignored(v1alpha1.ModeAnnotation, "use heal, suggest or off")
	}
	if value := annotations[v1alpha1.FailureTypesAnnotation]; value != "" {
		if types, ok := v1alpha1.ParseFailureTypes(value); ok {
			p.types = types
		} else {
			ignored(v1alpha1.FailureTypesAnnotation, "use a comma list of OOMKilled, CrashLoopBackOff, ImagePullBackOff, Pending, ProbeFailure, NodeNotReady")
		}
	}
	for annotation, name := range map[string]corev1.ResourceName{
		v1alpha1.MaxMemoryAnnotation: corev1.ResourceMemory, v1alpha1.MaxCPUAnnotation: corev1.ResourceCPU,
	} {
		value, said := annotations[annotation]
		if !said {
			continue
		}
		most, err := remedy.ParseQuantity(value)
		if err != nil || most.Sign() <= 0 {
			ignored(annotation, "use a quantity greater than zero, such as "+map[corev1.ResourceName]string{corev1.ResourceMemory: "2Gi", corev1.ResourceCPU: "2"}[name])
			continue
		}
		p.bounds[name] = remedy.Bound{Most: most, Who: whose + " " + annotation}
	}
	switch annotations[v1alpha1.AllowAnnotation] {
	case v1alpha1.AllowAssertive:
		p.assertive = true
	case "":
	default:
		ignored(v1alpha1.AllowAnnotation, "use assertive")
	}
	if value := annotations[v1alpha1.ReapplyAnnotation]; value != "" && value != v1alpha1.ReapplyAuto {
		ignored(v1alpha1.ReapplyAnnotation, "use auto")
	}
	slices.Sort(p.warnings)
	return mode
}

// covers reports whether failures of a type may be healed.
func (p policy) covers(failure v1alpha1.FailureType) bool {
	return len(p.types) == 0 || slices.Contains(p.types, failure)
}
