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

// FitNodes lowers the requests of a pod until as many of its replicas fit the nodes that it may use as wait for one, by no
// more than that takes; where not even the least they need is there for all, until one fits. Replicas are at least 1. It
// prefers what takes the smallest reduction. What the nodes have and what is requested of them already decides; where
// that is not known, the requests that could be too large are halved, as long as the pod would fit nowhere as it is.
// The error says why nothing is lowered.
//
// pod is the spec of a pod that waits, containers are those of the same pod; ephemeral ones ask for nothing.
func FitNodes(pod *corev1.PodSpec, containers []evidence.Container, nodes []evidence.Node, lacking []corev1.ResourceName, replicas int) ([]v1alpha1.Action, error) {
	if pod.Resources != nil && len(pod.Resources.Requests) > 0 {
		return nil, fmt.Errorf("the pod itself asks for resources; what its containers ask for counts no more")
	}
	asking := make([]evidence.Container, 0, len(containers))
	for _, container := range containers {
		if container.Kind != evidence.Ephemeral {
			asking = append(asking, container)
		}
	}
	asked := shares{shareOf(corev1.ResourceCPU, asking, pod.Overhead), shareOf(corev1.ResourceMemory, asking, pod.Overhead)}
	var known, alone rooms // alone are nodes of which nobody knows what runs there
	for _, node := range nodes {
		if len(node.Allocatable) == 0 || !MayUse(node, pod) {
			continue
		}
		free := make(room, len(asked))
		for i, share := range asked {
			free[i] = counted(share.name, node.Allocatable) - counted(share.name, node.Requested) - share.fixed
		}
		if node.Requested == nil {
			alone = append(alone, free)
			continue
		}
		if free.holds(asked, asking) > 0 {
			return nil, fmt.Errorf("the pod fits node %s as it is; something else keeps it waiting", node.Name)
		}
		known = append(known, free)
	}
	for _, wanted := range []int{replicas, 1} {
		if lowered, ok := asked.lowered(func(s shares) bool { return known.hold(s, asking, wanted) }); ok {
			return ceilings(asking, lowered), nil
		}
	}
	usable := len(known) + len(alone)
	single, fits := asked.lowered(func(s shares) bool { return alone.hold(s, asking, 1) })
	switch {
	case len(known) > 0:
		return nil, fmt.Errorf("the pod fits none of the %d nodes it may use, even with the least that its containers need", len(known))
	case len(nodes) > 0 && usable == 0:
		return nil, fmt.Errorf("the pod may use none of the %d nodes: taints, selector or affinity keep it away, not what it asks for", len(nodes))
	case usable > 0 && !fits:
		return nil, fmt.Errorf("the pod is larger than each of the %d nodes it may use, even with the least that its containers need", usable)
	case usable > 0 && single.loss(asking) > 0.5:
		return ceilings(asking, single), nil
	default:
		return halve(asking, asked, lacking)
	}
}

// shares are what a pod asks for of each resource.
type shares []share

// room is what is free on a node of each resource, in the order of the shares.
type room []int64

// holds gives how many pods with such shares the room is enough for, at most many.
func (r room) holds(wanted shares, containers []evidence.Container) int {
	pods := many
	for i, share := range wanted {
		if total := share.total(containers); total > r[i] {
			return 0
		} else if total > 0 {
			pods = min(pods, int(r[i]/total))
		}
	}
	return pods
}

// many is more pods than any node takes.
const many = 1 << 20

type rooms []room

// hold reports whether so many pods with such shares find room.
func (r rooms) hold(wanted shares, containers []evidence.Container, pods int) bool {
	for _, room := range r {
		if pods -= room.holds(wanted, containers); pods <= 0 {
			return true
		}
	}
	return false
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

// loss is the largest part that is taken away of a resource.
func (s shares) loss(containers []evidence.Container) float64 {
	most := 0.0
	for _, one := range s {
		before := one.copied()
		before.keep(1000)
		if total := before.total(containers); total > 0 {
			most = max(most, 1-float64(one.total(containers))/float64(total))
		}
	}
	return most
}

// lowered lowers the needs until they fit: first all by the same part as far as their floors allow, then of each resource
// no more than it must be. ok is false when the floors do not fit. What is less fits wherever more does.
func (s shares) lowered(fits func(shares) bool) (lowered shares, ok bool) {
	for _, one := range s {
		lowered = append(lowered, one.copied())
	}
	keep := func(of shares) func(int64) bool {
		return func(thousandths int64) bool {
			for _, one := range of {
				one.keep(thousandths)
			}
			return fits(lowered)
		}
	}
	for _, one := range lowered {
		for i := range one.needs {
			one.needs[i].next = one.needs[i].floor
		}
	}
	if !fits(lowered) {
		return nil, false
	}
	least := mostThat(0, keep(lowered))
	for i, one := range lowered {
		mostThat(least, keep(lowered[i:i+1]))
		one.giveBack(func() bool { return fits(lowered) })
	}
	return lowered, true
}

// mostThat finds the greatest part, in thousandths, that a test holds for, knowing one that it holds for, and leaves the
// test as it is there. The range is halved: a thousand steps are finer than the units that requests are written in
// matter to anybody.
func mostThat(low int64, holds func(int64) bool) int64 {
	high := int64(1000)
	for low < high {
		if middle := (low + high + 1) / 2; holds(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	holds(low)
	return low
}

// copied gives a share whose needs can be changed.
func (s share) copied() share {
	s.needs = slices.Clone(s.needs)
	return s
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

// giveBack lets those ask for all they asked for that were lowered for nothing, the smallest first: a container that asks
// for little is not why a pod is too large, and an init container is counted beside others and not with them.
func (s share) giveBack(fits func() bool) {
	order := make([]int, len(s.needs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.needs[a].asked, s.needs[b].asked) })
	for _, i := range order {
		lower := s.needs[i].next
		if s.needs[i].next = s.needs[i].asked; !fits() {
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
