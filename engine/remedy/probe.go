package remedy

import (
	"cmp"
	"strconv"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// What the API server fills in where a probe says nothing
// (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go, SetDefaults_Probe).
const (
	defaultTimeout   = 1
	defaultPeriod    = 10
	defaultThreshold = 3
)

// handlers are the ways in which a probe can ask.
var handlers = [...]v1alpha1.Handler{v1alpha1.HTTPGet, v1alpha1.TCPSocket, v1alpha1.GRPC, v1alpha1.Exec}

// probe gives a probe of the container; false when it has none.
func (c containerAt) probe(kind v1alpha1.ProbeKind) (map[string]any, bool) {
	probe, ok := c.fields[string(kind)+"Probe"].(map[string]any)
	return probe, ok
}

// TargetOf gives what a probe, given as decoded JSON, asks; false when it has no handler, or several.
func TargetOf(probe map[string]any) (v1alpha1.ProbeTarget, bool) {
	var target v1alpha1.ProbeTarget
	var fields map[string]any
	for _, handler := range handlers {
		if probe[string(handler)] == nil {
			continue
		}
		if target.Handler != "" {
			return v1alpha1.ProbeTarget{}, false
		}
		target.Handler = handler
		fields, _ = probe[string(handler)].(map[string]any)
	}
	if target.Handler == "" || target.Handler == v1alpha1.Exec {
		return target, target.Handler != ""
	}
	if port, ok := number(fields["port"]); ok {
		target.Port = strconv.FormatInt(port, 10)
	} else {
		target.Port, _ = fields["port"].(string)
	}
	if target.Handler == v1alpha1.HTTPGet {
		target.Scheme, _ = fields["scheme"].(string)
		target.Path, _ = fields["path"].(string)
	}
	return withDefaults(target), target.Port != ""
}

// withDefaults fills in what the API server would, and leaves out what the handler does not have, so that targets can
// be compared.
func withDefaults(target v1alpha1.ProbeTarget) v1alpha1.ProbeTarget {
	if target.Handler != v1alpha1.HTTPGet {
		target.Scheme, target.Path = "", ""
		return target
	}
	target.Scheme, target.Path = cmp.Or(target.Scheme, "HTTP"), cmp.Or(target.Path, "/")
	return target
}

// adjustProbe changes one probe if it asks what it asked when it failed.
func (e *edit) adjustProbe(action *v1alpha1.AdjustProbe) *obstacle {
	container, hindered := e.container(action.Container)
	if hindered != nil {
		return hindered
	}
	probe, ok := container.probe(action.Probe)
	if !ok {
		return hinders(NoProbe, "container %q has no %s probe", action.Container, action.Probe)
	}
	target, ok := TargetOf(probe)
	if !ok {
		return hinders(Malformed, "the %s probe of container %q does not say what it asks", action.Probe, action.Container)
	}
	from, to := withDefaults(action.From), target
	if action.To != nil {
		to = withDefaults(*action.To)
		if from.Handler == v1alpha1.Exec || to.Handler == v1alpha1.Exec {
			return hinders(Denied, "what an exec probe runs is never changed")
		}
	}
	if target != from && (action.To == nil || target != to) {
		e.settle(Exceeded)
		return nil
	}
	before := len(e.operations)
	if target != to {
		if hindered := e.retarget(container, action.Probe, target, to); hindered != nil {
			return hindered
		}
	}
	more, hindered := e.slow(container, action, probe)
	if hindered != nil {
		return hindered
	}
	governs := container.pointer(string(action.Probe) + "Probe")
	switch {
	case len(e.operations) > before:
		e.settle(Changes, governs)
	case more && action.To == nil:
		e.settle(Exceeded)
	default:
		e.settle(InEffect, governs)
	}
	return nil
}

// slow raises the timings of a probe to the action's floors; more is set when all those given are greater already.
func (e *edit) slow(container containerAt, action *v1alpha1.AdjustProbe, probe map[string]any) (more bool, hindered *obstacle) {
	more = true
	for _, timing := range [...]struct {
		name     string
		least    *int32
		fallback int64
	}{
		{"initialDelaySeconds", action.InitialDelaySeconds, 0},
		{"timeoutSeconds", action.TimeoutSeconds, defaultTimeout},
		{"periodSeconds", action.PeriodSeconds, defaultPeriod},
		{"failureThreshold", action.FailureThreshold, defaultThreshold},
	} {
		if timing.least == nil {
			continue
		}
		exceeds, hindered := e.atLeast(container, string(action.Probe)+"Probe", probe, timing.name, int64(*timing.least), timing.fallback)
		if hindered != nil {
			return false, hindered
		}
		more = more && exceeds
	}
	return more, nil
}

// atLeast raises one number of a probe; exceeds is set when it is greater already.
func (e *edit) atLeast(container containerAt, probeName string, probe map[string]any, name string, least, fallback int64) (exceeds bool, hindered *obstacle) {
	now, said := fallback, probe[name] != nil
	if said {
		var ok bool
		if now, ok = number(probe[name]); !ok || now < 0 {
			return false, hinders(Malformed, "%s.%s.%s is not a number of seconds or times", container.words, probeName, name)
		}
		if now == 0 { // the API server takes zero for nothing said
			now = fallback
		}
	}
	if now >= least {
		return now > least, nil
	}
	e.modified(container.words+"."+probeName+"."+name, container.name, shown(probe[name]), strconv.FormatInt(least, 10))
	return false, e.set(container.at(probeName, name), least)
}

// retarget makes a probe ask something else.
func (e *edit) retarget(container containerAt, kind v1alpha1.ProbeKind, from, to v1alpha1.ProbeTarget) *obstacle {
	name := string(kind) + "Probe"
	field := container.words + "." + name + "."
	var port any = to.Port
	if parsed, err := strconv.ParseInt(to.Port, 10, 32); err == nil {
		port = parsed
	} else if to.Handler == v1alpha1.GRPC {
		return hinders(Denied, "the port of a grpc probe must be a number, not %q", cut(to.Port))
	}
	if from.Handler != to.Handler {
		handler := map[string]any{"port": port}
		if to.Handler == v1alpha1.HTTPGet {
			handler["path"], handler["scheme"] = to.Path, to.Scheme
		}
		old, _ := get(e.object, container.at(name, string(from.Handler)))
		e.remove(container.at(name, string(from.Handler)))
		e.modified(field+string(from.Handler), container.name, shown(old), "")
		e.modified(field+string(to.Handler), container.name, "", shown(handler))
		return e.set(container.at(name, string(to.Handler)), handler)
	}
	for _, part := range [...]struct {
		name     string
		old, new string
		value    any
	}{
		{"port", from.Port, to.Port, port},
		{"path", from.Path, to.Path, to.Path},
		{"scheme", from.Scheme, to.Scheme, to.Scheme},
	} {
		if part.old == part.new {
			continue
		}
		e.modified(field+string(to.Handler)+"."+part.name, container.name, part.old, part.new)
		if hindered := e.set(container.at(name, string(to.Handler), part.name), part.value); hindered != nil {
			return hindered
		}
	}
	return nil
}
