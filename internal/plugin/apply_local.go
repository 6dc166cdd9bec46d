package plugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
func (c *cures) prescribe(p *part, found failure, allowed policy, assertive bool, now time.Time) (reason string) {
	if c.of == nil {
		c.of, c.told = map[string]*cure{}, map[string]bool{}
	}
	if reason := allowed.refuses(found.FailureType); reason != "" {
		return reason
	}
	key := strings.Join([]string{string(found.FailureType), found.Container}, "/")
	situation := engine.Situation{Object: p.asAnnotated(), Attempt: 1, Namespace: allowed.namespace, Install: engine.Allowance{Assertive: assertive}}
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
	if allowed.mode == v1alpha1.ModeSuggest {
		prescribed.Mode, prescribed.Reason = v1alpha1.Suggest, allowed.says()
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
