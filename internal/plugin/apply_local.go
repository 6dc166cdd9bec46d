package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// cures are those that were found in process for one part, by what they cure.
type cures struct {
	of   map[string]*cure
	told map[string]bool // whose records were given
}

// cure is what was prescribed for one failure.
type cure struct {
	attempt int32
	actions []v1alpha1.Action
	finding v1alpha1.Diagnosis
	failure v1alpha1.FailureType
	learned time.Time
}

// heal gives an object with the cures in it, and the records of those that were not told of yet.
func (c *cures) heal(written object) (map[string]any, []audit.Record) {
	healed := written.Object
	var all, fresh []audit.Record
	for _, name := range slices.Sorted(maps.Keys(c.of)) {
		cure := c.of[name]
		resolved := remedy.Resolve(cure.actions, healed)
		after, err := patched(healed, resolved.Operations)
		if err != nil || resolved.Fit != remedy.Changes {
			continue
		}
		healed = after
		learned := metav1.NewTime(cure.learned)
		record := audit.NewRecord(&v1alpha1.Remediation{
			Spec:   v1alpha1.RemediationSpec{FailureType: cure.failure},
			Status: v1alpha1.RemediationStatus{Diagnosis: &cure.finding, LearnedAt: &learned},
		}, resolved.Modifications)
		all = append(all, record)
		if key := fmt.Sprint(name, cure.attempt); !c.told[key] {
			c.told[key] = true
			fresh = append(fresh, record)
		}
	}
	if value, err := audit.Annotation(all); err == nil && len(all) > 0 {
		healed = annotated(healed, v1alpha1.AuditAnnotation, value)
	}
	return healed, fresh
}

// annotated gives an object with an annotation more; the object itself is not changed.
func annotated(value map[string]any, name, text string) map[string]any {
	copied := maps.Clone(value)
	metadata, _ := copied["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	annotations, _ := metadata["annotations"].(map[string]any)
	annotations = maps.Clone(annotations)
	if annotations == nil {
		annotations = map[string]any{}
	}
	annotations[name] = text
	metadata["annotations"], copied["metadata"] = annotations, metadata
	return copied
}

// prescribe finds a cure in process. It says why there is none.
func (c *cures) prescribe(p *part, found failure, allowed policy, now time.Time) (reason string) {
	if c.of == nil {
		c.of, c.told = map[string]*cure{}, map[string]bool{}
	}
	if reason := allowed.refuses(found.FailureType); reason != "" {
		return reason
	}
	key := strings.Join([]string{string(found.FailureType), found.Container}, "/")
	situation := engine.Situation{Object: p.asAnnotated(), Attempt: 1, Namespace: allowed.namespace, Install: engine.Allowance{Assertive: allowed.assertive}}
	if before := c.of[key]; before != nil {
		situation.Attempt, situation.Before = before.attempt+1, before.actions
	}
	if situation.Attempt > v1alpha1.MaxAttempts {
		return fmt.Sprintf("%d values were tried", v1alpha1.MaxAttempts)
	}
	for name, other := range c.of {
		if name != key {
			situation.InForce = append(situation.InForce, other.actions...)
		}
	}
	prescribed, err := engine.Prescribe(found.Diagnosis, found.observed, situation)
	if err != nil {
		return err.Error()
	}
	if prescribed.Mode != v1alpha1.Heal {
		return remedy.Describe(prescribed.Actions) + " is only suggested: " + prescribed.Reason
	}
	c.of[key] = &cure{attempt: situation.Attempt, actions: prescribed.Actions, finding: found.Finding, failure: found.FailureType, learned: now}
	return ""
}

// asAnnotated gives what the owner wrote with the annotations that the live object has besides.
func (p *part) asAnnotated() map[string]any {
	value := p.Object
	if p.live == nil {
		return value
	}
	for name, text := range p.live.GetAnnotations() {
		if annotation(value, name) == "" && strings.HasPrefix(name, v1alpha1.GroupName+"/") && name != v1alpha1.AuditAnnotation {
			value = annotated(value, name, text)
		}
	}
	return value
}

// policy is what annotations of a workload and its namespace allow.
type policy struct {
	mode, whose string
	types       string
	namespace   engine.Allowance
	assertive   bool
}

// refuses says why a failure is not to be healed; empty when it is.
func (p policy) refuses(failure v1alpha1.FailureType) string {
	if p.mode == v1alpha1.ModeOff || p.mode == v1alpha1.ModeSuggest {
		return fmt.Sprintf("annotation %s of the %s is %s", v1alpha1.ModeAnnotation, p.whose, p.mode)
	}
	if p.types != "" && !slices.ContainsFunc(strings.Split(p.types, ","), func(name string) bool { return strings.TrimSpace(name) == string(failure) }) {
		return fmt.Sprintf("annotation %s allows %s only", v1alpha1.FailureTypesAnnotation, p.types)
	}
	return ""
}

// policyFor reads what a part and its namespace allow.
func (c *cluster) policyFor(ctx context.Context, p *part, assertive bool) policy {
	allowed := policy{assertive: assertive}
	live := p.object
	if p.live != nil { // an opt-out stands on the live object
		live = object{p.live, p.mapping}
	}
	allowed.mode, allowed.whose = c.modeFor(ctx, live)
	allowed.types = live.GetAnnotations()[v1alpha1.FailureTypesAnnotation]
	namespace, err := c.typed.CoreV1().Namespaces().Get(ctx, p.GetNamespace(), metav1.GetOptions{})
	if err != nil {
		return allowed
	}
	quantity := func(name string) *resource.Quantity {
		most, err := remedy.ParseQuantity(namespace.Annotations[name])
		if err != nil || most.Sign() <= 0 {
			return nil
		}
		return &most
	}
	allowed.namespace = engine.Allowance{
		MaxMemory: quantity(v1alpha1.MaxMemoryAnnotation), MaxCPU: quantity(v1alpha1.MaxCPUAnnotation),
		Assertive: namespace.Annotations[v1alpha1.AllowAnnotation] == v1alpha1.AllowAssertive,
	}
	if allowed.types == "" {
		allowed.types = namespace.Annotations[v1alpha1.FailureTypesAnnotation]
	}
	return allowed
}
