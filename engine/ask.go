package engine

import (
	"slices"

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
}

// Empty reports whether nothing is asked.
func (q Questions) Empty() bool {
	return len(q.Images) == 0 && len(q.Entrypoints) == 0 && len(q.References) == 0
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
