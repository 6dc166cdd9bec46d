package engine

import (
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// scoped is the scope of a container with what folding needs to know of it.
type scoped struct {
	*catalog.Scope
	hits      []*catalog.Hit
	container *evidence.Container
	// killed is set when a probe made the kubelet kill the container, ends when it ended by itself.
	killed, ends bool
}

// scopes builds the scope of each container once.
type scopes struct {
	h     *history
	hits  []*catalog.Hit
	built map[string]*scoped
}

// of gives the scope of a container, or of the workload as a whole for an empty name. Of several pods it shows
// that of the newest failure.
func (s *scopes) of(name string) *scoped {
	if known := s.built[name]; known != nil {
		return known
	}
	var own []*catalog.Hit
	newest := &catalog.Fact{}
	for _, hit := range s.hits {
		if name != "" && hit.Fact.Container != "" && hit.Fact.Container != name {
			continue
		}
		own = append(own, hit)
		if hit.Fact.Pod != "" && hit.Signature.Role == catalog.Failure && (newest.Pod == "" || hit.Fact.Time.After(newest.Time)) {
			newest = hit.Fact
		}
	}
	pod := s.h.pod(newest.Pod)
	if newest.Pod == "" && len(s.h.observed.Pods) > 0 {
		pod = &s.h.observed.Pods[0]
	}
	built := &scoped{hits: own, container: s.container(name, pod.Name)}
	restarted, livened := false, false
	for _, hit := range own {
		restarted = restarted || hit.Signature.ID == "restart-back-off-event" || hit.Signature.ID == "crash-loop-back-off"
		livened = livened || hit.Signature.FailureType == v1alpha1.ProbeFailure && !strings.HasPrefix(hit.Fact.Message, "Readiness probe")
		switch {
		case hit.Signature.ID == "liveness-kill" || hit.Signature.ID == "startup-kill":
			built.killed = true
		case hit.Fact.ExitCode != nil && endsItself(*hit.Fact.ExitCode):
			built.ends = true
		}
	}
	built.ends = built.ends || restarted && !livened // a readiness probe ends nothing
	built.Scope = catalog.NewScope(&s.h.observed, pod, built.container, own, s.h.now)
	s.built[name] = built
	return built
}

// container gives the container of a name in a pod, or in any pod; for an empty name the only one of the pod.
func (s *scopes) container(name, pod string) *evidence.Container {
	var elsewhere, only *evidence.Container
	count := 0
	for i := range s.h.observed.Containers {
		container := &s.h.observed.Containers[i]
		if container.Pod == pod {
			only = container
			count++
		}
		if container.Name == name {
			if container.Pod == pod {
				return container
			}
			elsewhere = container
		}
	}
	if name == "" && count == 1 {
		return only
	}
	if elsewhere == nil {
		return &evidence.Container{Name: name}
	}
	return elsewhere
}

// endsItself reports whether an exit code is a process's own decision: neither success nor one of the signals with
// which the kubelet stops it (128 + SIGKILL, 128 + SIGTERM).
func endsItself(code int32) bool {
	return code != 0 && code != 137 && code != 143
}
