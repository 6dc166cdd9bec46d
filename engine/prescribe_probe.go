package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// How much the parts of a probe's timing grow in one attempt, and up to what, in seconds.
const (
	moreDelay, mostDelay     = 15, 120
	moreTimeout, mostTimeout = 2, 10
	morePeriod, mostPeriod   = 5, 30
)

// Doubts about what a probe is made to ask, in percent.
const (
	// loggedPort: the log says that the program listens there; it may listen on more than one.
	loggedPort = 5
	// declaredPort: the only other port that the container declares.
	declaredPort = 10
	// onlyConnects: a port that can be opened says less than a path that answers.
	onlyConnects = 15
)

// throttledAt is the share of its periods from which a container's throttling explains slow answers.
const throttledAt = 0.25

// adjustProbe changes what the failing probe asks, or how long it waits.
func (p *prescriber) adjustProbe() ([]treatment, error) {
	kind, probe, err := p.failingProbe()
	if err != nil {
		return nil, err
	}
	from, ok := targetOf(probe)
	if !ok {
		return nil, fmt.Errorf("the %s probe of container %s does not say what it asks", kind, p.container.Name)
	}
	change := &v1alpha1.AdjustProbe{Container: p.container.Name, Probe: kind, From: from}
	rewritten := false
	for _, action := range p.situation.Before {
		before := action.AdjustProbe
		if before != nil && before.Container == change.Container && before.Probe == kind && before.To != nil && *before.To == from {
			rewritten = true
		}
	}
	if rewritten {
		return nil, fmt.Errorf("the last attempt made the %s probe of container %s ask something else already", kind, p.container.Name)
	}
	switch p.Finding.RootCauseID {
	case "probe-wrong-port", "probe-listens-elsewhere", "probe-port-closed", "probe-port-name-missing", "probe-wrong-protocol":
		return p.otherPort(change)
	case "probe-wrong-path", "probe-unauthorized":
		return p.otherPath(change)
	case "probe-wrong-scheme":
		return p.otherScheme(change)
	case "probe-slow-answer", "probe-exec-timeout", "probe-grpc-timeout", "probe-failing", "killed-by-liveness-probe", "killed-by-probe":
		return p.moreTime(change, probe)
	default:
		return nil, fmt.Errorf("what the %s probe of container %s should ask instead is not in the evidence", kind, p.container.Name)
	}
}

// failingProbe gives the probe that failed: the one that events name, else the one that killed, else the only one.
func (p *prescriber) failingProbe() (v1alpha1.ProbeKind, *corev1.Probe, error) {
	spec := &p.container.Spec
	probes := map[v1alpha1.ProbeKind]*corev1.Probe{
		v1alpha1.Liveness: spec.LivenessProbe, v1alpha1.Readiness: spec.ReadinessProbe, v1alpha1.Startup: spec.StartupProbe,
	}
	kind := v1alpha1.ProbeKind(strings.ToLower(p.captured("probe")))
	switch {
	case probes[kind] != nil:
		return kind, probes[kind], nil
	case p.saw("startup-kill") && spec.StartupProbe != nil:
		return v1alpha1.Startup, spec.StartupProbe, nil
	case p.saw("liveness-kill") && spec.LivenessProbe != nil:
		return v1alpha1.Liveness, spec.LivenessProbe, nil
	}
	var only v1alpha1.ProbeKind
	for _, kind := range []v1alpha1.ProbeKind{v1alpha1.Liveness, v1alpha1.Readiness, v1alpha1.Startup} {
		if probes[kind] == nil {
			continue
		}
		if only != "" {
			return "", nil, fmt.Errorf("it is not known which probe of container %s failed", p.container.Name)
		}
		only = kind
	}
	if only == "" {
		return "", nil, fmt.Errorf("the probes of container %s are not known", p.container.Name)
	}
	return only, probes[only], nil
}

// targetOf gives what a probe asks.
func targetOf(probe *corev1.Probe) (v1alpha1.ProbeTarget, bool) {
	switch {
	case probe.HTTPGet != nil:
		return v1alpha1.ProbeTarget{
			Handler: v1alpha1.HTTPGet, Scheme: string(probe.HTTPGet.Scheme), Port: probe.HTTPGet.Port.String(), Path: probe.HTTPGet.Path,
		}, true
	case probe.TCPSocket != nil:
		return v1alpha1.ProbeTarget{Handler: v1alpha1.TCPSocket, Port: probe.TCPSocket.Port.String()}, true
	case probe.GRPC != nil:
		return v1alpha1.ProbeTarget{Handler: v1alpha1.GRPC, Port: strconv.Itoa(int(probe.GRPC.Port))}, true
	case probe.Exec != nil:
		return v1alpha1.ProbeTarget{Handler: v1alpha1.Exec}, true
	default:
		return v1alpha1.ProbeTarget{}, false
	}
}

// toward gives a treatment that makes the probe ask something else.
func toward(change *v1alpha1.AdjustProbe, to v1alpha1.ProbeTarget, doubt int32) []treatment {
	changed := *change
	changed.To = &to
	return []treatment{{actions: []v1alpha1.Action{{AdjustProbe: &changed}}, doubt: doubt}}
}

// otherPort points the probe at the port that the program says it listens on, or at the only other one that the
// container declares.
func (p *prescriber) otherPort(change *v1alpha1.AdjustProbe) ([]treatment, error) {
	if change.From.Handler == v1alpha1.Exec {
		return nil, fmt.Errorf("what an exec probe runs is never changed")
	}
	if p.saw("log-listens-on-loopback") && !p.saw("log-all-addresses") {
		return nil, fmt.Errorf("container %s listens on localhost only, where no probe reaches it", p.container.Name)
	}
	now := portNumber(change.From.Port, p.container.Spec.Ports)
	to := change.From
	for _, answer := range p.observed.Answers {
		if answer.Container == p.container.Name && answer.Port != now && (answer.Succeeds() || answer.Scheme == "" && to.Handler != v1alpha1.HTTPGet) {
			to.Port = strconv.Itoa(int(answer.Port))
			return toward(change, to, 0), nil
		}
	}
	// A number between 1 and 65535 is all that is taken from the log.
	if logged, err := strconv.ParseUint(p.captured("port", "log-listens"), 10, 16); err == nil && logged > 0 && int32(logged) != now {
		to.Port = strconv.FormatUint(logged, 10)
		return toward(change, to, loggedPort), nil
	}
	other := ""
	for _, port := range p.container.Spec.Ports {
		if port.ContainerPort == now || port.Protocol == corev1.ProtocolUDP || port.Protocol == corev1.ProtocolSCTP {
			continue
		}
		if other != "" {
			return nil, fmt.Errorf("container %s declares several other ports", p.container.Name)
		}
		other = strconv.Itoa(int(port.ContainerPort))
	}
	if other == "" {
		return nil, fmt.Errorf("container %s declares no other port, and its log names none", p.container.Name)
	}
	to.Port = other
	return toward(change, to, declaredPort), nil
}

// portNumber gives the number of a port that is written as a number or as the name of a declared port; zero when
// nothing declares it.
func portNumber(port string, declared []corev1.ContainerPort) int32 {
	if number := intstr.Parse(port); number.Type == intstr.Int {
		return number.IntVal
	}
	for _, known := range declared {
		if known.Name == port {
			return known.ContainerPort
		}
	}
	return 0
}

// otherPath makes the probe ask for a path that answered when asked; where none did, a path that is wrong becomes a
// check that the port can be opened. A path that wants a login is no such path: opening the port would hide whether
// the program works.
func (p *prescriber) otherPath(change *v1alpha1.AdjustProbe) ([]treatment, error) {
	if change.From.Handler != v1alpha1.HTTPGet {
		return nil, fmt.Errorf("the %s probe of container %s asks for no path", change.Probe, p.container.Name)
	}
	now := portNumber(change.From.Port, p.container.Spec.Ports)
	for _, answer := range p.observed.Answers {
		if answer.Container == p.container.Name && answer.Port == now && answer.Path != "" && answer.Path != change.From.Path && answer.Succeeds() {
			to := change.From
			to.Path = answer.Path
			return toward(change, to, 0), nil
		}
	}
	if p.Finding.RootCauseID != "probe-wrong-path" {
		return nil, fmt.Errorf("no path of container %s is known to answer without a login", p.container.Name)
	}
	return toward(change, v1alpha1.ProbeTarget{Handler: v1alpha1.TCPSocket, Port: change.From.Port}, onlyConnects), nil
}

// otherScheme turns HTTP into HTTPS and back.
func (p *prescriber) otherScheme(change *v1alpha1.AdjustProbe) ([]treatment, error) {
	if change.From.Handler != v1alpha1.HTTPGet {
		return nil, fmt.Errorf("the %s probe of container %s has no scheme", change.Probe, p.container.Name)
	}
	to := change.From
	to.Scheme = "HTTPS"
	if change.From.Scheme == "HTTPS" {
		to.Scheme = "HTTP"
	}
	return toward(change, to, 0), nil
}

// moreTime lets the probe begin later, wait longer and ask less often; where the answer was measured the timeout is
// twice what it took. A container that is throttled is given CPU first.
func (p *prescriber) moreTime(change *v1alpha1.AdjustProbe, probe *corev1.Probe) ([]treatment, error) {
	change.InitialDelaySeconds = grown(probe.InitialDelaySeconds, moreDelay, mostDelay)
	timeout, period := max(probe.TimeoutSeconds, 1), probe.PeriodSeconds
	if period == 0 {
		period = 10
	}
	change.PeriodSeconds = grown(period, morePeriod, mostPeriod)
	change.TimeoutSeconds = grown(timeout, moreTimeout, mostTimeout)
	if took := p.answerSeconds(change.From); took > 0 {
		measured := int32(min(math.Ceil(2*took), mostTimeout))
		change.TimeoutSeconds = nil
		if measured > timeout {
			change.TimeoutSeconds = &measured
		}
	}
	var planned []treatment
	if change.InitialDelaySeconds != nil || change.TimeoutSeconds != nil || change.PeriodSeconds != nil {
		planned = one(v1alpha1.Action{AdjustProbe: change})
	}
	planned = p.cpuFirst(planned)
	if len(planned) == 0 {
		return nil, fmt.Errorf("the timing of the %s probe of container %s is as patient as it may be", change.Probe, p.container.Name)
	}
	return planned, nil
}

// grown gives a number of seconds that is greater by more, at most the bound; nil when it is there already.
func grown(now, more, most int32) *int32 {
	if now >= most {
		return nil
	}
	next := min(max(now, 0)+more, most)
	return &next
}

// answerSeconds is how long the container took to answer the probe's own question; zero when nobody asked.
func (p *prescriber) answerSeconds(target v1alpha1.ProbeTarget) float64 {
	for _, answer := range p.observed.Answers {
		if answer.Container == p.container.Name && answer.Path == target.Path && answer.Port == portNumber(target.Port, p.container.Spec.Ports) {
			return answer.Seconds
		}
	}
	return 0
}

// cpuFirst puts more CPU before other treatments of what is slow, where the container is throttled.
func (p *prescriber) cpuFirst(planned []treatment) []treatment {
	cpu, err := p.moreCPU()
	if err != nil {
		if p.throttled() {
			p.refuse("raiseCPU", err.Error())
		}
		return planned
	}
	for i := range planned {
		planned[i].doubt = 2 * lowerRank // more patience is worth less than the CPU that is missing
	}
	return append(cpu, planned...)
}

// atLimit is the share of its CPU limit from which a container that uses it is held back by it, in percent: usage is an
// average over some 15 s (metrics-server's resolution), which seldom reaches the limit itself.
const atLimit = 95

// throttled reports whether the container's CPU limit holds it back: as it was counted, or because it uses all of it.
func (p *prescriber) throttled() bool {
	limit := p.container.Resources.Limits.Cpu().MilliValue()
	return p.container.Throttled >= throttledAt || limit > 0 && p.container.CPUUsage*100 >= limit*atLimit
}

// moreCPU raises the CPU limit of a container that is throttled.
func (p *prescriber) moreCPU() ([]treatment, error) {
	if !p.throttled() {
		return nil, fmt.Errorf("container %s was not seen throttled", p.container.Name)
	}
	limit, ok := p.container.Resources.Limits[corev1.ResourceCPU]
	if !ok {
		return nil, fmt.Errorf("container %s has no CPU limit", p.container.Name)
	}
	raise, err := remedy.MoreCPU(p.container.Name, limit, cpuRequest(p.container.Resources))
	if err != nil {
		return nil, err
	}
	bounded, cut, err := p.guard(corev1.ResourceCPU).bound(raise.Limit, limit)
	if err != nil {
		return nil, err
	}
	if raise.Limit = bounded; raise.Request != nil && raise.Request.Cmp(bounded) > 0 {
		raise.Request = &bounded
	}
	return []treatment{{actions: []v1alpha1.Action{{RaiseCPU: raise}}, cut: cut}}, nil
}
