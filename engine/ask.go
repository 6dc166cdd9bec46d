package engine

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Questions are what a prescription would still have to know. Who gathers evidence may ask them and write the answers
// into it; each that stays open only leaves a fix out.
type Questions struct {
	// Images ask for what may stand in an image's place.
	Images []ImageQuestion
	// Entrypoints are images of which it is asked whether they run something by themselves.
	Entrypoints []string
	// References ask which objects exist beside one that does not.
	References []ReferenceQuestion
	// Probes ask containers what their probes could ask.
	Probes []ProbeQuestion
}

// Empty reports whether nothing is asked.
func (q Questions) Empty() bool {
	return len(q.Images) == 0 && len(q.Entrypoints) == 0 && len(q.References) == 0 && len(q.Probes) == 0
}

// ImageQuestion asks for the images that a workload ran before and, where the fault is known, for what the registry
// has: the tags of the image's repository, of a missing repository those beside it with near names, and for another
// platform which tags have it.
type ImageQuestion struct {
	Container, Image string
	Fault            remedy.Fault
	// Platform is that of the nodes, as linux/arm64; empty when it is not known.
	Platform string
}

// ReferenceQuestion asks which objects of a kind exist in the workload's namespace whose names are near one that the
// pod names, and, of ConfigMaps and Secrets, which keys they have.
type ReferenceQuestion struct {
	Kind v1alpha1.ReferenceKind
	Name string
}

// ProbeQuestion asks a container for paths, the most likely first: of a probe that asks for a path that is not there,
// what could be meant; of one that gives up too soon, its own, for the time that it takes.
type ProbeQuestion struct {
	Pod, Container string
	// Scheme is HTTP or HTTPS.
	Scheme string
	Port   int32
	Paths  []string
}

// healthPaths are where programs are asked how they are: by the conventions of Kubernetes' own programs
// (kubernetes.io/docs/reference/using-api/health-checks), Spring Boot (Actuator), Quarkus and MicroProfile Health,
// Prometheus and ASP.NET Core. Those that tell of a kind of probe are asked first for that kind.
var healthPaths = map[v1alpha1.ProbeKind][]string{
	v1alpha1.Readiness: {"/readyz", "/ready", "/health/ready", "/actuator/health/readiness", "/q/health/ready", "/-/ready"},
	v1alpha1.Liveness:  {"/livez", "/live", "/health/live", "/actuator/health/liveness", "/q/health/live", "/-/healthy"},
	v1alpha1.Startup:   {"/startupz", "/health/started", "/q/health/started"},
	"":                 {"/healthz", "/health", "/actuator/health", "/q/health"},
}

// Ask gives the questions that a diagnosis leaves open: what its suggested fixes would have to know and the evidence
// can't hold by being observed alone.
func Ask(diagnosis Diagnosis, observed evidence.Evidence) Questions {
	p := prescriber{Diagnosis: diagnosis, observed: &observed}
	p.container = p.failing()
	var asked Questions
	for _, fix := range diagnosis.Finding.SuggestedFixes {
		switch fix.Action {
		case "fixImage":
			if image := p.container.Spec.Image; image != "" && len(asked.Images) == 0 {
				asked.Images = append(asked.Images, ImageQuestion{
					Container: p.container.Name, Image: image, Fault: faults[p.Finding.RootCauseID], Platform: p.platform(),
				})
			}
		case "setCommand":
			image := p.container.Spec.Image
			if cannotStart(p.Finding.RootCauseID) && len(p.container.Spec.Command) > 0 && image != "" && !slices.Contains(asked.Entrypoints, image) {
				asked.Entrypoints = append(asked.Entrypoints, image)
			}
		case "fixReference":
			p.askReferences(&asked)
		case "adjustProbe":
			if len(asked.Probes) == 0 {
				p.askProbe(&asked)
			}
		}
	}
	return asked
}

func (p *prescriber) askReferences(asked *Questions) {
	lost, known := missing[p.Finding.RootCauseID]
	if !known {
		return
	}
	name := p.captured("name", lost.signatures...)
	for _, named := range p.references(lost.kind) {
		question := ReferenceQuestion{Kind: lost.kind, Name: named.name}
		if (name == "" || named.name == name) && !slices.Contains(asked.References, question) {
			asked.References = append(asked.References, question)
		}
	}
}

// askProbe asks the container that the failing probe asks, on the same port.
func (p *prescriber) askProbe(asked *Questions) {
	kind, probe, err := p.failingProbe()
	if err != nil || probe.HTTPGet == nil || p.container.Pod == "" || p.container.State.Running == nil {
		return
	}
	target, _ := targetOf(probe)
	question := ProbeQuestion{
		Pod: p.container.Pod, Container: p.container.Name,
		Scheme: cmp.Or(target.Scheme, "HTTP"), Port: portNumber(target.Port, p.container.Spec.Ports),
	}
	if question.Port < 1 {
		return
	}
	switch p.Finding.RootCauseID {
	case "probe-wrong-path", "probe-unauthorized":
		for _, other := range []*corev1.Probe{p.container.Spec.ReadinessProbe, p.container.Spec.LivenessProbe, p.container.Spec.StartupProbe} {
			if other != nil && other.HTTPGet != nil && other.HTTPGet.Path != target.Path && other.HTTPGet.Path != "" {
				question.Paths = append(question.Paths, other.HTTPGet.Path)
			}
		}
		for _, path := range slices.Concat(healthPaths[kind], healthPaths[""]) {
			if path != target.Path && !slices.Contains(question.Paths, path) {
				question.Paths = append(question.Paths, path)
			}
		}
	case "probe-slow-answer":
		question.Paths = []string{cmp.Or(target.Path, "/")}
	default:
		return
	}
	asked.Probes = append(asked.Probes, question)
}
