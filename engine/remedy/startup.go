package remedy

import (
	"math"
	"strconv"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Bounds of the time that a start may take, in seconds.
const (
	// leastStart is the prototype's, and more than most programs need.
	leastStart = 300
	// mostStart is what a person would still wait for.
	mostStart = 3600
	// mostDelay and moreDelay bound a later first probe where no startup probe is possible.
	mostDelay = 120
	moreDelay = 30
)

// TimeToStart sizes the action for a container that a probe killed while it started: five minutes, or twice the time
// that a start was observed to take, in seconds, if that is more; zero where none was. Each attempt after the first
// doubles it, up to an hour.
func TimeToStart(container string, observed int64, attempt int32) *v1alpha1.RelaxStartup {
	seconds := max(leastStart, min(observed, mostStart)*2) << min(max(attempt-1, 0), 4)
	bounded := int32(min(seconds, mostStart))
	return &v1alpha1.RelaxStartup{Container: container, StartSeconds: &bounded}
}

// LaterProbe sizes the action for a kind of workload that knows no startup probes: the first liveness probe comes 30 s
// later, at most after 120 s. It gives nil when it comes as late already.
func LaterProbe(container string, delay int64) *v1alpha1.RelaxStartup {
	if delay >= mostDelay {
		return nil
	}
	seconds := int32(min(max(delay, 0)+moreDelay, mostDelay))
	return &v1alpha1.RelaxStartup{Container: container, InitialDelaySeconds: &seconds}
}

// relaxStartup gives one container more time to start.
func (e *edit) relaxStartup(action *v1alpha1.RelaxStartup) *obstacle {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	if container.init {
		return hinders(NoProbe, "container %q runs to its end before the app starts and can have no probes", action.Container)
	}
	switch {
	case action.StartSeconds != nil:
		if startup, ok := container.probe(v1alpha1.Startup); ok {
			return e.longerStartup(container, startup, int64(*action.StartSeconds))
		}
		return e.copyLiveness(container, int64(*action.StartSeconds))
	case action.InitialDelaySeconds != nil:
		liveness, ok := container.probe(v1alpha1.Liveness)
		if !ok {
			return hinders(NoProbe, "container %q has no liveness probe that could kill it", action.Container)
		}
		return e.raiseOne(container, "livenessProbe", liveness, "initialDelaySeconds", int64(*action.InitialDelaySeconds), 0)
	default:
		return hinders(Unknown, "the action says nothing of how long a start may take")
	}
}

// longerStartup raises the number of failures that the startup probe forgives.
func (e *edit) longerStartup(container containerAt, startup map[string]any, seconds int64) *obstacle {
	period := int64(defaultPeriod)
	if said, ok := number(startup["periodSeconds"]); ok && said > 0 {
		period = said
	}
	if startup["periodSeconds"] != nil && (period > math.MaxInt32 || !isNumber(startup["periodSeconds"])) {
		return hinders(Malformed, "%s.startupProbe.periodSeconds is not a number of seconds", container.words)
	}
	return e.raiseOne(container, "startupProbe", startup, "failureThreshold", roundUp(seconds, period), defaultThreshold)
}

// raiseOne raises one number of a probe to a floor and says how the action stands to the object.
func (e *edit) raiseOne(container containerAt, name string, probe map[string]any, field string, least, fallback int64) *obstacle {
	before := len(e.operations)
	exceeds, hindered := e.atLeast(container, name, probe, field, least, fallback)
	switch {
	case hindered != nil:
		return hindered
	case len(e.operations) > before:
		e.settle(Changes, container.pointer(name))
	case exceeds:
		e.settle(Exceeded)
	default:
		e.settle(InEffect, container.pointer(name))
	}
	return nil
}

// longestPeriod bounds the period of a copied startup probe, in seconds: a container that has started should not
// wait long to be seen so.
const longestPeriod = 10

// copyLiveness adds a startup probe that asks exactly what the liveness probe asks. It does not copy the initial
// delay: a startup probe that fails does no harm until it gives up. As long as it has not succeeded the kubelet asks
// no liveness probe (k8s.io/kubernetes/pkg/kubelet/prober/worker.go, doProbe).
func (e *edit) copyLiveness(container containerAt, seconds int64) *obstacle {
	liveness, ok := container.probe(v1alpha1.Liveness)
	if !ok {
		return hinders(NoProbe, "container %q has no liveness probe to copy", container.name)
	}
	target, ok := TargetOf(liveness)
	if !ok {
		return hinders(Malformed, "the liveness probe of container %q does not say what it asks", container.name)
	}
	period := int64(longestPeriod)
	if said, ok := number(liveness["periodSeconds"]); ok && said > 0 {
		period = min(said, longestPeriod)
	}
	startup := map[string]any{
		string(target.Handler): liveness[string(target.Handler)], "periodSeconds": period, "failureThreshold": roundUp(seconds, period),
	}
	if timeout, ok := number(liveness["timeoutSeconds"]); ok && timeout > 0 {
		startup["timeoutSeconds"] = timeout
	}
	if container.fields["startupProbe"] != nil {
		return hinders(Malformed, "%s.startupProbe is not an object", container.words)
	}
	e.modified(container.words+".startupProbe", container.name, "",
		string(target.Handler)+" of the liveness probe, every "+strconv.FormatInt(period, 10)+"s, "+strconv.FormatInt(roundUp(seconds, period), 10)+" times")
	e.settle(Changes, container.pointer("startupProbe"))
	return e.set(container.at("startupProbe"), startup)
}

// roundUp gives how many periods cover the seconds.
func roundUp(seconds, period int64) int64 { return (seconds + period - 1) / period }

func isNumber(value any) bool {
	_, ok := number(value)
	return ok
}
