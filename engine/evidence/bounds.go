package evidence

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// placeBounds shows the quotas and limit ranges of a namespace to its workloads. One that names no namespace, or
// a workload that names none, may well be meant.
func (c *collector) placeBounds() {
	for _, evidence := range c.found {
		if evidence.Workload.Kind == "Node" || evidence.Workload.Kind == "" {
			continue
		}
		within := func(namespace string) bool {
			return namespace == "" || evidence.Workload.Namespace == "" || namespace == evidence.Workload.Namespace
		}
		for _, quota := range c.quotas {
			if within(quota.Namespace) {
				evidence.Quotas = append(evidence.Quotas, QuotaOf(quota))
			}
		}
		for _, bounds := range c.ranges {
			if within(bounds.Namespace) {
				evidence.LimitRanges = append(evidence.LimitRanges, LimitRange{Name: bounds.Name, Limits: bounds.Spec.Limits})
			}
		}
	}
}

// QuotaOf gives what matters of a ResourceQuota.
func QuotaOf(quota *corev1.ResourceQuota) Quota {
	return Quota{Name: quota.Name, Hard: firstOf(quota.Status.Hard, quota.Spec.Hard), Used: quota.Status.Used}
}

// placeUsage gives what was measured to the container it was measured of.
func (c *collector) placeUsage(usage Usage) {
	for _, evidence := range c.found {
		if usage.Namespace != "" && evidence.Workload.Namespace != "" && usage.Namespace != evidence.Workload.Namespace {
			continue
		}
		of := slices.DeleteFunc(indexes(evidence.Containers), func(i int) bool { return evidence.Containers[i].Pod != usage.Pod })
		for _, i := range of {
			container := &evidence.Containers[i]
			if container.Name == usage.Container || usage.Container == "" && len(of) == 1 {
				container.MemoryUsage, container.CPUUsage = usage.Memory, usage.CPU
			}
		}
	}
}

func indexes[T any](all []T) []int {
	found := make([]int, len(all))
	for i := range all {
		found[i] = i
	}
	return found
}

// firstOf gives the first of two maps that has something in it.
func firstOf[M ~map[K]V, K comparable, V any](first, second M) M {
	if len(first) > 0 {
		return first
	}
	return second
}
