package webhook

import (
	"fmt"
	"strings"
	"time"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// recognise tells the applier of an object that is known to fail, where nothing can be done about it. An image that
// is known not to be pulled is always told of; whatever else is known not to start, only where the installation wants
// it, and refused where it wants that.
func (s *subject) recognise(chosen *choice, remediation *v1alpha1.Remediation) {
	failing := remediation.Status.Observed.Failing
	if !s.fails(failing) || !s.policy.covers(remediation.Spec.FailureType) {
		return
	}
	policy := s.settings.KnownFailures
	if policy == config.KnownFailuresOff && failing.Image == "" || !s.confident(remediation, s.settings.Confidence.Suggest) {
		return
	}
	words := knownWarning(remediation)
	// A guess must not keep anybody from deploying.
	if policy == config.KnownFailuresDeny && s.policy.mode == v1alpha1.ModeHeal && s.confident(remediation, s.settings.Confidence.Heal) {
		chosen.denial = words + "; to apply it all the same: " + s.annotate(v1alpha1.ModeOff)
		return
	}
	chosen.warnings = append(chosen.warnings, fitting("kube-remedy: "+words))
}

// fails reports whether the object still has what failed: the image, or the very same pod template.
func (s *subject) fails(failing *v1alpha1.Failing) bool {
	if failing.Image != "" {
		return s.imageOf(failing.Container) == failing.Image
	}
	hash, err := s.kind.template.Hash(s.object)
	return err == nil && failing.TemplateHash != "" && hash == failing.TemplateHash
}

// imageOf gives the image of a container.
func (s *subject) imageOf(name string) string {
	spec, _ := s.kind.template.Of(s.object)["spec"].(map[string]any)
	for _, list := range [...]string{"containers", "initContainers"} {
		containers, _ := spec[list].([]any)
		for _, entry := range containers {
			container, _ := entry.(map[string]any)
			if container["name"] == name {
				image, _ := container["image"].(string)
				return image
			}
		}
	}
	return ""
}

// knownWarning says what failed, how often, since when, and why.
func knownWarning(remediation *v1alpha1.Remediation) string {
	observed := remediation.Status.Observed
	what := "this workload failed"
	if observed.Failing.Image != "" {
		what = fmt.Sprintf("image %s of container %s failed to pull", observed.Failing.Image, observed.Failing.Container)
	}
	times := "once"
	if observed.Occurrences > 1 {
		times = fmt.Sprintf("%d times", observed.Occurrences)
	}
	when := ""
	if observed.FirstSeen != nil && observed.LastSeen != nil {
		when = " since " + observed.FirstSeen.UTC().Format(time.DateTime) + ", last " + observed.LastSeen.UTC().Format(time.DateTime) + " UTC"
	}
	return strings.TrimSuffix(fmt.Sprintf("%s %s%s (%s): %s", what, times, when, remediation.Spec.FailureType, remediation.Status.Diagnosis.RootCause), ".")
}
