package engine

import (
	"fmt"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// otherFault is the doubt that going back to an earlier image cures what is not the image's absence, in percent: what
// the program met may meet the earlier one too, and the earlier one may no longer get on with what the later one has
// written. It is more than HealAt leaves, so that nothing but outcomes of the past lets it be done unasked.
const otherFault = 35

// faults are the causes that say what is wrong with an image.
var faults = map[string]remedy.Fault{
	"image-tag-missing": remedy.FaultTag, "image-digest-missing": remedy.FaultTag,
	"image-repository-missing": remedy.FaultRepository, "image-repository-or-credentials": remedy.FaultRepository,
	"image-platform-mismatch": remedy.FaultPlatform,
}

// fixImage replaces the image of the container.
func (p *prescriber) fixImage() ([]treatment, error) {
	image := p.container.Spec.Image
	if image == "" {
		return nil, fmt.Errorf("it is not known which image container %s has", p.container.Name)
	}
	fault := faults[p.Finding.RootCauseID]
	var tried []string
	rewritten := false
	for _, action := range p.situation.Before {
		before := action.FixImage
		if before == nil {
			continue
		}
		tried = append(tried, before.Image, before.Replacement)
		if before.Container == p.container.Name && before.Replacement == image {
			image, rewritten = before.Image, true // what the owner wrote, and will write again
		}
	}
	fix, err := remedy.ReplaceImage(p.container.Name, image, fault, p.observed, p.platform(), tried)
	if err != nil {
		return nil, err
	}
	planned := one(v1alpha1.Action{FixImage: fix})
	planned[0].rewritten = rewritten
	if fault == remedy.FaultUnknown {
		planned[0].doubt = otherFault
	}
	return planned, nil
}

// platform gives the platform that all nodes have that were observed; empty when they differ or none was.
func (p *prescriber) platform() string {
	found := ""
	for _, node := range p.observed.Nodes {
		platform := node.OS + "/" + node.Architecture
		switch {
		case node.OS == "" || node.Architecture == "":
			continue
		case found != "" && found != platform:
			return ""
		}
		found = platform
	}
	return found
}

// cannotStart reports whether a cause says that what a container is to run can't be started at all.
func cannotStart(cause string) bool {
	return cause == "command-not-found" || cause == "entrypoint-not-executable"
}

// dropCommand removes a command that can't start, where the image has one of its own.
func (p *prescriber) dropCommand() ([]treatment, error) {
	spec, name := &p.container.Spec, p.container.Name
	if !cannotStart(p.Finding.RootCauseID) {
		return nil, fmt.Errorf("what the command of container %s should be is for a person to say", name)
	}
	if len(spec.Command) == 0 {
		return nil, fmt.Errorf("container %s overrides no command of its image", name)
	}
	at := slices.IndexFunc(p.observed.Entrypoints, func(e evidence.Entrypoint) bool { return e.Image == spec.Image })
	switch {
	case at < 0:
		return nil, fmt.Errorf("it is not known whether image %s runs by itself", spec.Image)
	case !p.observed.Entrypoints[at].Runs:
		return nil, fmt.Errorf("image %s has no command of its own", spec.Image)
	}
	return one(v1alpha1.Action{DropCommandOverride: &v1alpha1.DropCommandOverride{
		Container: name, Override: remedy.Override(spec.Command, spec.Args),
	}}), nil
}
