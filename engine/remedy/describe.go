package remedy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Describe says in a line what actions do, for Events and logs.
func Describe(actions []v1alpha1.Action) string {
	done := make([]string, 0, len(actions))
	for _, action := range actions {
		if words := describe(action); words != "" {
			done = append(done, words)
		}
	}
	return strings.Join(done, ", ")
}

func describe(action v1alpha1.Action) string {
	switch {
	case action.IncreaseMemory != nil:
		raise := action.IncreaseMemory
		name := raise.Resource
		if name == "" {
			name = v1alpha1.Memory
		}
		return fmt.Sprintf("%s %s limit %s → %s", raise.Container, name, raise.FailedLimit.String(), raise.Limit.String())
	case action.AdjustHeap != nil:
		return describeHeap(action.AdjustHeap)
	case action.RaiseRequest != nil:
		raise := action.RaiseRequest
		return fmt.Sprintf("%s %s request at least %s", raise.Container, raise.Resource, raise.Request.String())
	case action.RaiseCPU != nil:
		raise := action.RaiseCPU
		return fmt.Sprintf("%s cpu limit %s → %s", raise.Container, raise.FailedLimit.String(), raise.Limit.String())
	case action.ReduceRequests != nil:
		return describeReduced(action.ReduceRequests)
	case action.RelaxStartup != nil:
		relax := action.RelaxStartup
		if relax.StartSeconds != nil {
			return fmt.Sprintf("%s may take %ds to start", relax.Container, *relax.StartSeconds)
		}
		if relax.InitialDelaySeconds != nil {
			return fmt.Sprintf("%s liveness probe from %ds on", relax.Container, *relax.InitialDelaySeconds)
		}
	case action.AdjustProbe != nil:
		return describeProbe(action.AdjustProbe)
	case action.FixImage != nil:
		return fmt.Sprintf("%s image %s → %s", action.FixImage.Container, action.FixImage.Image, action.FixImage.Replacement)
	case action.FixReference != nil:
		fix := action.FixReference
		if fix.Key != "" {
			return fmt.Sprintf("key %s of %s %s → %s", fix.Key, fix.Kind, fix.Name, fix.ReplacementKey)
		}
		return fmt.Sprintf("%s %s → %s", fix.Kind, fix.Name, fix.Replacement)
	case action.DropCommandOverride != nil:
		return action.DropCommandOverride.Container + " without its command, by that of its image"
	case action.AvoidNode != nil:
		return "away from node " + action.AvoidNode.Node
	}
	return ""
}

func describeHeap(adjust *v1alpha1.AdjustHeap) string {
	switch {
	case adjust.Heap != nil && adjust.FailedHeap != nil:
		return fmt.Sprintf("%s heap %s → %s", adjust.Container, adjust.FailedHeap.String(), adjust.Heap.String())
	case adjust.Percent != nil && adjust.FailedPercent != nil:
		return fmt.Sprintf("%s heap %d%% → %d%% of the memory limit", adjust.Container, *adjust.FailedPercent, *adjust.Percent)
	default:
		return ""
	}
}

func describeReduced(reduce *v1alpha1.ReduceRequests) string {
	words := make([]string, 0, 2)
	for _, ceiling := range [...]struct {
		name string
		most *resource.Quantity
	}{{"cpu", reduce.CPU}, {"memory", reduce.Memory}} {
		if ceiling.most != nil {
			words = append(words, ceiling.name+" "+ceiling.most.String())
		}
	}
	return reduce.Container + " asks for at most " + strings.Join(words, " and ")
}

func describeProbe(adjust *v1alpha1.AdjustProbe) string {
	words := make([]string, 0, 5)
	if adjust.To != nil {
		words = append(words, asks(adjust.From)+" → "+asks(*adjust.To))
	}
	for _, timing := range [...]struct {
		name  string
		value *int32
		unit  string
	}{
		{"delay", adjust.InitialDelaySeconds, "s"},
		{"timeout", adjust.TimeoutSeconds, "s"},
		{"period", adjust.PeriodSeconds, "s"},
		{"failures", adjust.FailureThreshold, ""},
	} {
		if timing.value != nil {
			words = append(words, fmt.Sprintf("%s %d%s", timing.name, *timing.value, timing.unit))
		}
	}
	return fmt.Sprintf("%s %s probe %s", adjust.Container, adjust.Probe, strings.Join(words, ", "))
}

func asks(target v1alpha1.ProbeTarget) string {
	target = withDefaults(target)
	switch target.Handler {
	case v1alpha1.HTTPGet:
		return strings.ToLower(target.Scheme) + " :" + target.Port + target.Path
	case v1alpha1.Exec:
		return "exec"
	default:
		return strings.TrimSuffix(string(target.Handler), "Socket") + " :" + target.Port
	}
}
