package engine

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// relaxStartup gives the container more time to start.
func (p *prescriber) relaxStartup() ([]treatment, error) {
	spec := &p.container.Spec
	known := spec.Image != "" || spec.LivenessProbe != nil || spec.StartupProbe != nil
	switch {
	case p.container.Name == "":
		return nil, fmt.Errorf("it is not known which container starts too slowly")
	case known && spec.LivenessProbe == nil && spec.StartupProbe == nil:
		return nil, fmt.Errorf("container %s has no probe that could end its start, and an endpoint is never invented", p.container.Name)
	case p.situation.NoStartupProbes && spec.StartupProbe == nil:
		delay := int64(0)
		if spec.LivenessProbe != nil {
			delay = int64(spec.LivenessProbe.InitialDelaySeconds)
		}
		later := remedy.LaterProbe(p.container.Name, delay)
		if later == nil {
			return nil, fmt.Errorf("the first liveness probe of container %s comes as late as it may", p.container.Name)
		}
		return p.cpuFirst(one(v1alpha1.Action{RelaxStartup: later})), nil
	default:
		relax := remedy.TimeToStart(p.container.Name, p.startSeconds(), p.situation.Attempt)
		return p.cpuFirst(one(v1alpha1.Action{RelaxStartup: relax})), nil
	}
}

// startSeconds is the longest that a start of the container was seen to take: until its pod was ready, or until a
// probe ended it, which is less than it would have taken. Zero when none was seen.
func (p *prescriber) startSeconds() int64 {
	longest := time.Duration(0)
	for _, container := range p.observed.Containers {
		if container.Name != p.container.Name {
			continue
		}
		if last := container.LastState.Terminated; last != nil && endedByProbe(last.ExitCode) {
			longest = max(longest, evidence.Ran(last))
		}
		running := container.State.Running
		if running == nil || !container.Ready || container.RestartCount > 0 {
			continue
		}
		for _, pod := range p.observed.Pods {
			if ready := readyAt(pod.Status.Conditions); pod.Name == container.Pod && !ready.IsZero() {
				longest = max(longest, ready.Sub(running.StartedAt.Time))
			}
		}
	}
	const hour = int64(3600)
	return min(int64(longest/time.Second), hour)
}

// endedByProbe reports whether an exit code is one that the kubelet's signals leave (128 + SIGKILL, 128 + SIGTERM), or
// that of a program that ends well when it is asked to.
func endedByProbe(code int32) bool { return code == 0 || !endsItself(code) }

// readyAt is when a pod became ready; zero when it is not.
func readyAt(conditions []corev1.PodCondition) time.Time {
	for _, condition := range conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return condition.LastTransitionTime.Time
		}
	}
	return time.Time{}
}
