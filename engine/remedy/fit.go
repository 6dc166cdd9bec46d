package remedy

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// No request is lowered below these, nor below what the container was seen to use and a fifth more.
const (
	leastCPU    = 10        // millicores
	leastMemory = 32 * mebi // bytes
)

// need is what one container asks for, and the least that it is to ask for, in millicores or bytes.
type need struct{ asked, floor, next int64 }

// share is one resource of a pod: its containers' needs, in the order of the containers.
type share struct {
	name  corev1.ResourceName
	unit  int64 // requests are whole multiples of it, apart from floors and what stays
	needs []need
	fixed int64 // what the pod asks for beside them: its overhead
}

// FitOneNode lowers the requests of a pod until it fits one node that it may use, by no more than that takes. It
// prefers the node that takes the smallest reduction. What the nodes have and what is requested of them already
// decides; where that is not known, the requests that could be too large are halved, as long as the pod would fit
// nowhere as it is. The error says why nothing is lowered.
//
// pod is the spec of a pod that waits, containers are those of the same pod; ephemeral ones ask for nothing.
func FitOneNode(pod *corev1.PodSpec, containers []evidence.Container, nodes []evidence.Node, lacking []corev1.ResourceName) ([]v1alpha1.Action, error) {
	if pod.Resources != nil && len(pod.Resources.Requests) > 0 {
		return nil, fmt.Errorf("the pod itself asks for resources; what its containers ask for counts no more")
	}
	asking := make([]evidence.Container, 0, len(containers))
	for _, container := range containers {
		if container.Kind != evidence.Ephemeral {
			asking = append(asking, container)
		}
	}
	cpu := shareOf(corev1.ResourceCPU, asking, pod.Overhead)
	memory := shareOf(corev1.ResourceMemory, asking, pod.Overhead)
	var best, alone []share // alone is what fits a node that nothing else runs on, where what runs there is not known
	usable, known, bestLoss, aloneLoss := 0, 0, 2.0, 2.0
	for _, node := range nodes {
		if len(node.Allocatable) == 0 || !MayUse(node, pod) {
			continue
		}
		usable++
		if node.Requested == nil {
			if lowered, loss, ok := fitInto(node, asking, cpu, memory); ok && loss < aloneLoss {
				alone, aloneLoss = lowered, loss
			}
			continue
		}
		known++
		lowered, loss, ok := fitInto(node, asking, cpu, memory)
		switch {
		case !ok:
		case loss == 0:
			return nil, fmt.Errorf("the pod fits node %s as it is; something else keeps it waiting", node.Name)
		case loss < bestLoss:
			best, bestLoss = lowered, loss
		}
	}
	switch {
	case best != nil:
		return ceilings(asking, best), nil
	case known > 0:
		return nil, fmt.Errorf("the pod fits none of the %d nodes it may use, even with the least that its containers need", known)
	case len(nodes) > 0 && usable == 0:
		return nil, fmt.Errorf("the pod may use none of the %d nodes: taints, selector or affinity keep it away, not what it asks for", len(nodes))
	case usable > 0 && alone == nil:
		return nil, fmt.Errorf("the pod is larger than each of the %d nodes it may use, even with the least that its containers need", usable)
	case usable > 0 && aloneLoss > 0.5:
		return ceilings(asking, alone), nil
	default:
		return halve(asking, []share{cpu, memory}, lacking)
	}
}

// shareOf gathers what containers ask for. Without a request a container asks for its limit.
func shareOf(name corev1.ResourceName, containers []evidence.Container, overhead corev1.ResourceList) share {
	gathered := share{name: name, unit: 1, needs: make([]need, len(containers)), fixed: counted(name, overhead)}
	least := int64(leastCPU)
	if name == corev1.ResourceMemory {
		gathered.unit, least = mebi, leastMemory
	}
	for i, container := range containers {
		asked := counted(name, container.Resources.Requests)
		if _, said := container.Resources.Requests[name]; !said {
			asked = counted(name, container.Resources.Limits)
		}
		used := container.CPUUsage
		if name == corev1.ResourceMemory {
			used = container.MemoryUsage
		}
		floor := min(max(least, used+(used+4)/5), asked)
		gathered.needs[i] = need{asked: asked, floor: floor, next: asked}
	}
	return gathered
}

// counted gives an amount in millicores or bytes.
func counted(name corev1.ResourceName, list corev1.ResourceList) int64 {
	amount := list[name]
	if name == corev1.ResourceCPU {
		return amount.MilliValue()
	}
	return amount.Value()
}

// fitInto lowers both resources to what is free on a node; loss is the larger part that is taken away of one. ok is
// false when the least that the containers need does not fit.
func fitInto(node evidence.Node, containers []evidence.Container, shares ...share) (lowered []share, loss float64, ok bool) {
	for _, wanted := range shares {
		free := counted(wanted.name, node.Allocatable) - counted(wanted.name, node.Requested) - wanted.fixed
		before := wanted.total(containers)
		lower, fits := wanted.within(free, containers)
		if !fits {
			return nil, 0, false
		}
		if before > 0 {
			loss = max(loss, 1-float64(lower.total(containers))/float64(before))
		}
		lowered = append(lowered, lower)
	}
	return lowered, loss, true
}

// total is what the scheduler counts: app containers and sidecars at once, or the largest init container beside the
// sidecars (k8s.io/component-helpers/resource, PodRequests). It counts all sidecars as if they were there from the
// start, which is never too little.
func (s share) total(containers []evidence.Container) int64 {
	var together, sidecars, largest int64
	for i, need := range s.needs {
		switch containers[i].Kind {
		case evidence.Init:
			largest = max(largest, need.next)
		case evidence.Sidecar:
			sidecars += need.next
			together += need.next
		default:
			together += need.next
		}
	}
	return max(together, largest+sidecars)
}

// within lowers the needs until they fit what is free, each by the same part as far as its floor allows; ok is false
// when the floors do not fit.
func (s share) within(free int64, containers []evidence.Container) (lowered share, ok bool) {
	lowered = s
	lowered.needs = append([]need(nil), s.needs...)
	if lowered.total(containers) <= free {
		return lowered, true
	}
	least := lowered
	least.needs = append([]need(nil), s.needs...)
	for i := range least.needs {
		least.needs[i].next = least.needs[i].floor
	}
	if free <= 0 || least.total(containers) > free {
		return s, false
	}
	// The part that is kept is found by halving its range: what fits grows with it, and a thousand steps are finer
	// than the units that requests are written in matter to anybody.
	low, high := int64(0), int64(1000)
	for low < high {
		middle := (low + high + 1) / 2
		lowered.keep(middle)
		if lowered.total(containers) <= free {
			low = middle
		} else {
			high = middle - 1
		}
	}
	lowered.keep(low)
	lowered.giveBack(free, containers)
	return lowered, true
}

// giveBack lets those ask for all they asked for that were lowered for nothing, the smallest first: a container that asks
// for little is not why a pod is too large, and an init container is counted beside others and not with them.
func (s share) giveBack(free int64, containers []evidence.Container) {
	order := make([]int, len(s.needs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.needs[a].asked, s.needs[b].asked) })
	for _, i := range order {
		lower := s.needs[i].next
		if s.needs[i].next = s.needs[i].asked; s.total(containers) > free {
			s.needs[i].next = lower
		}
	}
}

// keep leaves each container so many thousandths of what it asks for, in whole units, and at least its floor.
func (s share) keep(thousandths int64) {
	for i := range s.needs {
		need := &s.needs[i]
		kept := need.asked/1000*thousandths + need.asked%1000*thousandths/1000
		need.next = min(max(kept/s.unit*s.unit, need.floor), need.asked)
	}
}

// halve is what is left when nothing is known about nodes: half of each request that is lacking, above its floor.
func halve(containers []evidence.Container, shares []share, lacking []corev1.ResourceName) ([]v1alpha1.Action, error) {
	reduced := false
	for _, wanted := range shares {
		for _, name := range lacking {
			if name != wanted.name {
				continue
			}
			wanted.keep(500)
			for _, need := range wanted.needs {
				reduced = reduced || need.next < need.asked
			}
		}
	}
	if !reduced {
		return nil, fmt.Errorf("the containers ask for no more than the least they need")
	}
	return ceilings(containers, shares), nil
}

// ceilings writes lowered needs as actions, one for each container that is to ask for less.
func ceilings(containers []evidence.Container, shares []share) []v1alpha1.Action {
	var actions []v1alpha1.Action
	for i, container := range containers {
		action := &v1alpha1.ReduceRequests{Container: container.Name}
		for _, wanted := range shares {
			need := wanted.needs[i]
			if need.next >= need.asked {
				continue
			}
			if wanted.name == corev1.ResourceCPU {
				action.CPU = resource.NewMilliQuantity(need.next, resource.DecimalSI)
			} else {
				action.Memory = resource.NewQuantity(need.next, resource.BinarySI)
			}
		}
		if action.CPU != nil || action.Memory != nil {
			actions = append(actions, v1alpha1.Action{ReduceRequests: action})
		}
	}
	return actions
}
