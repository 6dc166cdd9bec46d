package engine

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// moreMemory raises the limit that the container died of, and its heap with it.
func (p *prescriber) moreMemory() ([]treatment, error) {
	switch p.Finding.RootCauseID {
	case "node-memory-eviction":
		return p.askForMore(v1alpha1.Memory, "eviction-memory-usage")
	case "ephemeral-storage-eviction":
		return p.moreStorage()
	}
	limit, request := p.MemoryLimit, p.MemoryRequest
	if limit.IsZero() {
		return nil, fmt.Errorf("container %s has no memory limit that could be raised", p.container.Name)
	}
	heap := heapOf(p.container.Spec)
	raise, err := remedy.MoreMemory(p.container.Name, limit, request, p.peak(), p.leastLimit(heap))
	if err != nil {
		return nil, err
	}
	if p.exhausted() && heap.Bytes > 0 { // what lives beside the heap had room; the heap's own growth is what is missing
		if least := max(limit.Value()+heap.Bytes, leastFor(2*heap.Bytes)); least < raise.Limit.Value() {
			raise = remedy.WithLimit(raise, remedy.Tidy(least, limit), request)
		}
	}
	bounded, cut, err := p.guard(corev1.ResourceMemory).bound(raise.Limit, limit)
	if err != nil {
		return nil, err
	}
	if cut != "" {
		raise = remedy.WithLimit(raise, bounded, request)
	}
	if item := p.defaulting(); item != nil {
		raise.Defaulted = true
		if _, bounded := item.MaxLimitRequestRatio[corev1.ResourceMemory]; !bounded {
			raise.Request = request // the owner asked for nothing, so for no more either
		}
	}
	actions := []v1alpha1.Action{{IncreaseMemory: raise}}
	if adjust := p.heapFor(heap, limit.Value(), raise.Limit.Value()); adjust != nil {
		actions = append(actions, v1alpha1.Action{AdjustHeap: adjust})
	}
	return []treatment{{actions: actions, cut: cut}}, nil
}

// defaulting gives what gave the container the limit that it died of, if that was a LimitRange and not its owner.
func (p *prescriber) defaulting() *corev1.LimitRangeItem {
	given := slices.ContainsFunc(p.situation.Before, func(action v1alpha1.Action) bool {
		return action.IncreaseMemory != nil && action.IncreaseMemory.Defaulted
	})
	if !given && (p.situation.Object == nil || !p.withoutLimit()) {
		return nil
	}
	for _, bounds := range p.observed.LimitRanges {
		for i := range bounds.Limits {
			item := &bounds.Limits[i]
			if _, defaults := item.Default[corev1.ResourceMemory]; defaults && item.Type == corev1.LimitTypeContainer {
				return item
			}
		}
	}
	return nil
}

// withoutLimit reports whether the owner gives the container no memory limit to raise.
func (p *prescriber) withoutLimit() bool {
	nothing := []v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{Container: p.container.Name}}}
	return p.resolve(nothing).Obstacle == remedy.NoLimit
}

// peak is the most memory that the container was measured to use in any pod, in bytes.
func (p *prescriber) peak() int64 {
	most := int64(0)
	for _, container := range p.observed.Containers {
		if container.Name == p.container.Name {
			most = max(most, container.MemoryUsage)
		}
	}
	return most
}

// heapOf reads the heap settings of a container.
func heapOf(spec corev1.Container) remedy.Heap {
	if len(spec.Env)+len(spec.Command)+len(spec.Args) == 0 {
		return remedy.Heap{}
	}
	fields := map[string]any{"command": list(spec.Command), "args": list(spec.Args)}
	variables := make([]any, 0, len(spec.Env))
	for _, variable := range spec.Env {
		variables = append(variables, map[string]any{"name": variable.Name, "value": variable.Value})
	}
	fields["env"] = variables
	return remedy.HeapOf(fields)
}

func list(words []string) []any {
	found := make([]any, 0, len(words))
	for _, word := range words {
		found = append(found, word)
	}
	return found
}

// leastFor gives the least limit that leaves a heap its share of it.
func leastFor(heap int64) int64 {
	if heap <= 0 || heap > 1<<56 {
		return 0
	}
	return (heap*100 + remedy.HeapShare - 1) / remedy.HeapShare
}

// exhausted reports whether the heap itself was too small, and not the memory around it.
func (p *prescriber) exhausted() bool {
	switch p.Finding.RootCauseID {
	case "heap-too-small", "heap-fills-limit", "node-heap-limit":
		return true
	default:
		return false
	}
}

// leastLimit is what the next limit must be at least for the heap that is set, in bytes.
func (p *prescriber) leastLimit(heap remedy.Heap) int64 { return leastFor(heap.Bytes) }

// heapFor gives the heap that goes with the next limit; nil when it stays. A heap that was too small is doubled, one
// that filled the old limit stays and gets room beside it, and any other moves with the limit.
func (p *prescriber) heapFor(heap remedy.Heap, limit, next int64) *v1alpha1.AdjustHeap {
	if heap.Bytes <= 0 {
		return nil // a share of the limit, or the runtime's own, moves by itself
	}
	target := heap.Bytes
	switch {
	case p.exhausted():
		target = 2 * heap.Bytes
	case p.Finding.RootCauseID != "heap-larger-than-limit":
		target = int64(float64(heap.Bytes) * (float64(next) / float64(limit)))
	}
	target = min(target, remedy.MostHeap(next)) >> 20 << 20
	if target <= 0 || target == heap.Bytes || p.exhausted() && target < heap.Bytes {
		return nil
	}
	return adjusted(p.container.Name, heap.Bytes, target)
}

func adjusted(container string, from, to int64) *v1alpha1.AdjustHeap {
	return &v1alpha1.AdjustHeap{
		Container: container, FailedHeap: resource.NewQuantity(from, resource.BinarySI), Heap: resource.NewQuantity(to, resource.BinarySI),
	}
}

// adjustHeap moves the heap alone where that is enough: lower than the limit that it filled, or larger where no limit
// is in its way. A heap that needs more memory is treated with it.
func (p *prescriber) adjustHeap() ([]treatment, error) {
	heap, name := heapOf(p.container.Spec), p.container.Name
	limit := p.MemoryLimit.Value()
	switch p.Finding.RootCauseID {
	case "heap-percentage-too-high":
		if heap.Percent <= 70 {
			return nil, fmt.Errorf("container %s gives its heap no share of the limit that could be lowered", name)
		}
		failed, percent := int32(min(heap.Percent, 100)), int32(70)
		return one(v1alpha1.Action{AdjustHeap: &v1alpha1.AdjustHeap{Container: name, FailedPercent: &failed, Percent: &percent}}), nil
	case "heap-larger-than-limit":
		if heap.Bytes <= remedy.MostHeap(limit) {
			return nil, fmt.Errorf("the heap of container %s leaves room beside it", name)
		}
		return one(v1alpha1.Action{AdjustHeap: adjusted(name, heap.Bytes, remedy.MostHeap(limit))}), nil
	case "heap-too-small", "heap-fills-limit", "node-heap-limit":
		switch {
		case limit > 0:
			return p.moreMemory()
		case heap.Bytes <= 0:
			return nil, fmt.Errorf("container %s sets no heap size that could be raised", name)
		}
		return one(v1alpha1.Action{AdjustHeap: adjusted(name, heap.Bytes, 2*heap.Bytes>>20<<20)}), nil
	default:
		return nil, fmt.Errorf("which setting of container %s it takes is for a person to say", name)
	}
}

// askForMore makes a container that was evicted ask for what it used.
func (p *prescriber) askForMore(name v1alpha1.ResourceName, signature string) ([]treatment, error) {
	usage := int64(0)
	if used, err := remedy.ParseQuantity(p.captured("usage", signature)); err == nil {
		usage = used.Value()
	}
	if name == v1alpha1.Memory {
		usage = max(usage, p.peak())
	}
	var request *resource.Quantity
	if asked, ok := p.container.Resources.Requests[corev1.ResourceName(name)]; ok {
		request = &asked
	}
	raise, err := remedy.AskFor(p.container.Name, name, request, usage)
	if err != nil {
		return nil, err
	}
	guard := p.guard(corev1.ResourceName(name))
	bounded, cut, err := guard.bound(raise.Request, *resource.NewQuantity(0, resource.BinarySI))
	if err != nil {
		return nil, err
	}
	raise.Request = bounded
	return []treatment{{actions: []v1alpha1.Action{{RaiseRequest: raise}}, cut: cut}}, nil
}

// moreStorage raises the limit of ephemeral storage that the container passed, or else what it asks for.
func (p *prescriber) moreStorage() ([]treatment, error) {
	limit, ok := p.container.Resources.Limits[corev1.ResourceEphemeralStorage]
	if !ok || !p.saw("eviction-container-storage-limit") && !p.saw("eviction-pod-storage-limit") {
		return p.askForMore(v1alpha1.EphemeralStorage, "eviction-storage-usage")
	}
	var request *resource.Quantity
	if asked, ok := p.container.Resources.Requests[corev1.ResourceEphemeralStorage]; ok {
		request = &asked
	}
	raise, err := remedy.MoreMemory(p.container.Name, limit, request, 0, 0)
	if err != nil {
		return nil, err
	}
	bounded, cut, err := p.guard(corev1.ResourceEphemeralStorage).bound(raise.Limit, limit)
	if err != nil {
		return nil, err
	}
	if cut != "" {
		raise = remedy.WithLimit(raise, bounded, request)
	}
	raise.Resource = v1alpha1.EphemeralStorage
	return []treatment{{actions: []v1alpha1.Action{{IncreaseMemory: raise}}, cut: cut}}, nil
}

func one(action v1alpha1.Action) []treatment {
	return []treatment{{actions: []v1alpha1.Action{action}}}
}
