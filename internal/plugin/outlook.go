package plugin

import (
	"context"
	"fmt"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// outlook says what the next apply of the workload of a Remediation does, with the mode that the Remediation has now.
func (c *cluster) outlook(ctx context.Context, remediation *v1alpha1.Remediation) ([]string, error) {
	target := targetOf(remediation)
	live, exists, err := c.target(ctx, remediation)
	if err != nil {
		return nil, err
	}
	apply := fmt.Sprintf("apply its manifest again, or: kubectl remedy reapply %s -n %s",
		argumentOf(remediation.Spec.TargetRef.Kind, remediation.Spec.TargetRef.Name), remediation.Namespace)
	carried := exists && carries(live.Object, remediation.Name)
	if remediation.Spec.Mode == v1alpha1.Suggest {
		said := c.outlookOfSuggestion(remediation, live, exists)
		if carried {
			return append(said, apply), nil
		}
		return said, nil
	}
	switch phase := remediation.Status.Phase; {
	case phase == v1alpha1.PhaseFailed || phase == v1alpha1.PhaseExpired:
		return []string{fmt.Sprintf("it is %s: nothing of it is applied", phase)}, nil
	case !exists && live.Unstructured == nil:
		return []string{"when " + target + " is applied: " + remedy.Describe(remediation.Spec.Actions)}, nil
	}
	if says, whose := c.modeFor(ctx, live); says == v1alpha1.ModeOff || says == v1alpha1.ModeSuggest {
		return []string{fmt.Sprintf("but annotation %s of the %s is %s: nothing is changed until: kubectl remedy opt-in %s -n %s",
			v1alpha1.ModeAnnotation, whose, says, argumentOf(live.GetKind(), live.GetName()), live.GetNamespace())}, nil
	}
	changed := changeOf(remediation, live.Object)
	switch {
	case changed.carried:
		return []string{target + " carries it already"}, nil
	case len(changed.modifications) == 0:
		return []string{"the next apply of " + target + " changes nothing: " + changed.reason}, nil
	default:
		return []string{"the next apply of " + target + " sets " + words(changed.modifications), apply}, nil
	}
}

// outlookOfSuggestion says what becomes of a workload whose cure is only suggested.
func (c *cluster) outlookOfSuggestion(remediation *v1alpha1.Remediation, live object, exists bool) []string {
	target := targetOf(remediation)
	var said []string
	if exists && annotation(live.Object, v1alpha1.AllowAnnotation) == v1alpha1.AllowAssertive && remedy.SafetyOf(remediation.Spec.Actions...) == remedy.Assertive {
		return []string{fmt.Sprintf("but annotation %s: %s of %s lets it through all the same; to end that: kubectl remedy opt-out %s -n %s",
			v1alpha1.AllowAnnotation, v1alpha1.AllowAssertive, target, argumentOf(live.GetKind(), live.GetName()), live.GetNamespace())}
	}
	if !exists || !carries(live.Object, remediation.Name) {
		return append(said, "the next apply of "+target+" only warns of it")
	}
	if changed := changeOf(remediation, live.Object); len(changed.modifications) > 0 {
		return append(said, "the next apply of "+target+" undoes "+words(changed.modifications))
	}
	return append(said, "the next apply of "+target+" makes it as its owner wrote it")
}
