package remedy

import (
	"fmt"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Contradicts says in words why two actions for the same workload can't both hold; empty when they can.
func Contradicts(a, b v1alpha1.Action) string {
	if reason := contradicts(a, b); reason != "" {
		return reason
	}
	return contradicts(b, a)
}

func contradicts(a, b v1alpha1.Action) string {
	switch {
	case a.ReduceRequests != nil && b.IncreaseMemory != nil:
		less, more := a.ReduceRequests, b.IncreaseMemory
		if less.Container == more.Container && less.Memory != nil && more.Resource != v1alpha1.EphemeralStorage && more.Request != nil && more.Request.Cmp(*less.Memory) > 0 {
			return fmt.Sprintf("container %s can't ask for less memory than the %s it was given after running out of it", less.Container, more.Request.String())
		}
	case a.ReduceRequests != nil && b.RaiseRequest != nil:
		less, more := a.ReduceRequests, b.RaiseRequest
		if less.Container == more.Container && less.Memory != nil && more.Resource == v1alpha1.Memory && more.Request.Cmp(*less.Memory) > 0 {
			return fmt.Sprintf("container %s can't ask for less memory than the %s it was evicted for", less.Container, more.Request.String())
		}
	case a.ReduceRequests != nil && b.RaiseCPU != nil:
		less, more := a.ReduceRequests, b.RaiseCPU
		if less.Container == more.Container && less.CPU != nil && more.Request != nil && more.Request.Cmp(*less.CPU) > 0 {
			return fmt.Sprintf("container %s can't ask for less CPU than the %s it was given after being throttled", less.Container, more.Request.String())
		}
	case a.FixImage != nil && b.DropCommandOverride != nil:
		if a.FixImage.Container == b.DropCommandOverride.Container {
			return fmt.Sprintf("the command of container %s belongs to the image it was written for; one of the two is changed at a time", a.FixImage.Container)
		}
	case a.FixImage != nil && b.FixImage != nil:
		if a.FixImage.Container == b.FixImage.Container && a.FixImage.Image == b.FixImage.Image && a.FixImage.Replacement != b.FixImage.Replacement {
			return fmt.Sprintf("container %s can't have two images", a.FixImage.Container)
		}
	case a.AdjustHeap != nil && b.AdjustHeap != nil:
		if a.AdjustHeap.Container == b.AdjustHeap.Container && lowers(a.AdjustHeap) != lowers(b.AdjustHeap) {
			return fmt.Sprintf("the heap of container %s can't grow and shrink", a.AdjustHeap.Container)
		}
	case a.AdjustProbe != nil && b.AdjustProbe != nil:
		if a.AdjustProbe.Container == b.AdjustProbe.Container && a.AdjustProbe.Probe == b.AdjustProbe.Probe &&
			a.AdjustProbe.To != nil && b.AdjustProbe.To != nil && withDefaults(*a.AdjustProbe.To) != withDefaults(*b.AdjustProbe.To) {
			return fmt.Sprintf("the %s probe of container %s can't ask two things", a.AdjustProbe.Probe, a.AdjustProbe.Container)
		}
	}
	return ""
}

// lowers reports whether a heap is to become smaller.
func lowers(adjust *v1alpha1.AdjustHeap) bool {
	return adjust.Percent != nil || adjust.Heap != nil && adjust.FailedHeap != nil && adjust.Heap.Cmp(*adjust.FailedHeap) < 0
}
