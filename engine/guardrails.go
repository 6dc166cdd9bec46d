package engine

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// guardrail is the most that a container may be given of a resource, and who says so; no bound where most is nil.
type guardrail struct {
	most *resource.Quantity
	who  string
}

// assertive reports whether the workload or its namespace lets fixes through that change what runs.
func (p *prescriber) assertive() bool {
	return p.annotation(v1alpha1.AllowAnnotation) == v1alpha1.AllowAssertive || p.situation.Namespace.Assertive || p.situation.Install.Assertive
}

// annotation reads an annotation of the owner's object.
func (p *prescriber) annotation(name string) string {
	metadata, _ := p.situation.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[name].(string)
	return text
}

// guard gives the guardrail for a container's limit of a resource: what workload or namespace say, the workload
// first; then whatever is tighter of what the API server would refuse (LimitRange, ResourceQuota) and what no node
// has; and only where none of these speaks, the installation's default.
func (p *prescriber) guard(name corev1.ResourceName) guardrail {
	var found guardrail
	annotation, of := v1alpha1.MaxMemoryAnnotation, func(a Allowance) *resource.Quantity { return a.MaxMemory }
	if name == corev1.ResourceCPU {
		annotation, of = v1alpha1.MaxCPUAnnotation, func(a Allowance) *resource.Quantity { return a.MaxCPU }
	}
	if name != corev1.ResourceEphemeralStorage {
		if own, err := remedy.ParseQuantity(p.annotation(annotation)); err == nil && own.Sign() > 0 {
			found = guardrail{&own, "annotation " + annotation + " of the workload"}
		} else if most := of(p.situation.Namespace); most != nil {
			found = guardrail{most, "annotation " + annotation + " of the namespace"}
		}
	}
	for _, other := range []guardrail{p.limitRange(name), p.quota(name), p.largestNode(name)} {
		if other.most != nil && (found.most == nil || other.most.Cmp(*found.most) < 0) {
			found = other
		}
	}
	if found.most == nil && name != corev1.ResourceEphemeralStorage {
		if most := of(p.situation.Install); most != nil {
			found = guardrail{most, "the installation"}
		}
	}
	return found
}

// limitRange gives the tightest bound for one container in the namespace. What bounds a pod as a whole leaves for
// this container what the others do not have.
func (p *prescriber) limitRange(name corev1.ResourceName) guardrail {
	var found guardrail
	for _, bounds := range p.observed.LimitRanges {
		for _, item := range bounds.Limits {
			most, bounded := item.Max[name]
			if !bounded {
				continue
			}
			switch item.Type {
			case corev1.LimitTypePod:
				most = most.DeepCopy()
				for _, other := range p.observed.Containers {
					if other.Pod == p.container.Pod && other.Name != p.container.Name {
						most.Sub(other.Resources.Limits[name])
					}
				}
			case corev1.LimitTypeContainer:
			default:
				continue
			}
			if found.most == nil || most.Cmp(*found.most) < 0 {
				found = guardrail{&most, "LimitRange " + bounds.Name}
			}
		}
	}
	return found
}

// quota gives what a ResourceQuota leaves for the limit of each of the workload's pods: what the container has, and
// its share of what is not used yet.
func (p *prescriber) quota(name corev1.ResourceName) guardrail {
	var found guardrail
	key := corev1.ResourceName("limits." + string(name))
	for _, quota := range p.observed.Quotas {
		hard, bounded := quota.Hard[key]
		if !bounded {
			continue
		}
		free := hard.DeepCopy()
		free.Sub(quota.Used[key])
		pods := int64(max(p.observed.Replicas, 1))
		most := p.container.Resources.Limits[name].DeepCopy()
		if name == corev1.ResourceCPU {
			most.Add(*resource.NewMilliQuantity(max(free.MilliValue(), 0)/pods, resource.DecimalSI))
		} else {
			most.Add(*resource.NewQuantity(max(free.Value(), 0)/pods, resource.BinarySI))
		}
		if found.most == nil || most.Cmp(*found.most) < 0 {
			found = guardrail{&most, "ResourceQuota " + quota.Name}
		}
	}
	return found
}

// largestNode gives what the largest node has that is not cordoned: a container that may use more than any node has
// takes its node down with it.
func (p *prescriber) largestNode(name corev1.ResourceName) guardrail {
	var found guardrail
	for _, node := range p.observed.Nodes {
		has, known := node.Allocatable[name]
		if known && !node.Unschedulable && (found.most == nil || has.Cmp(*found.most) > 0) {
			found = guardrail{&has, "node " + node.Name + ", the largest"}
		}
	}
	return found
}

// bound cuts a limit to the guardrail; words say so. It is an error when the guardrail leaves no more than there was.
func (g guardrail) bound(limit, failed resource.Quantity) (bounded resource.Quantity, words string, err error) {
	if g.most == nil || g.most.Cmp(limit) >= 0 {
		return limit, "", nil
	}
	if g.most.Cmp(failed) <= 0 {
		return limit, "", fmt.Errorf("%s allows no more than %s", g.who, g.most.String())
	}
	return *g.most, fmt.Sprintf("cut from %s to the %s that %s allows", limit.String(), g.most.String(), g.who), nil
}
