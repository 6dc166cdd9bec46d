package crash

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// story is how a workload fails and what becomes of it.
type story struct {
	name string
	tell func(s *stage)
}

var stories = []story{
	{"an OOM-killed workload is healed at its next apply", func(s *stage) {
		manifest := s.deployment(nil)
		s.apply(manifest)
		pod := s.pod("")
		s.ends(pod, "OOMKilled", 137)
		s.remediation(v1alpha1.PhaseLearned, 1, 1)
		s.armed()
		s.ends(pod, "OOMKilled", 137)
		learned := s.remediation(v1alpha1.PhaseLearned, 1, 2)
		s.apply(manifest, learned)
		s.pod(learned.Mark())
		s.remediation(v1alpha1.PhaseVerified, 1, 2)
	}},
	{"a cure that is not enough is followed by a greater one", func(s *stage) {
		manifest := s.deployment(nil)
		s.apply(manifest)
		s.ends(s.pod(""), "OOMKilled", 137)
		learned := s.remediation(v1alpha1.PhaseLearned, 1, 1)
		s.armed()
		s.apply(manifest, learned)
		pod := s.pod(learned.Mark())
		s.remediation(v1alpha1.PhaseVerified, 1, 1)
		s.ends(pod, "OOMKilled", 137)
		learned = s.remediation(v1alpha1.PhaseLearned, 2, 2)
		s.armed()
		s.apply(manifest, learned)
		s.pod(learned.Mark())
		s.remediation(v1alpha1.PhaseVerified, 2, 2)
	}},
	{"a failure without a cure is remembered until its workload runs", func(s *stage) {
		s.apply(s.deployment(nil))
		pod := s.pod("")
		s.ends(pod, "Error", 1)
		s.remediation(v1alpha1.PhaseLearned, 0, 1)
		s.starts(pod)
		s.remediation(v1alpha1.PhaseSuperseded, 0, 1)
	}},
	{"a workload whose owner asks for it is healed without a hand", func(s *stage) {
		s.apply(s.deployment(map[string]string{v1alpha1.ReapplyAnnotation: v1alpha1.ReapplyAuto}))
		s.ends(s.pod(""), "OOMKilled", 137)
		s.pod("deployment-web-oomkilled-app@1")
		s.remediation(v1alpha1.PhaseVerified, 1, 1)
	}},
	{"a workload whose node fails moves to another at its next apply", func(s *stage) {
		roomy := s.node("roomy", "8Gi")
		s.node("narrow", "256Mi")
		manifest := s.deployment(nil)
		s.keepToOwnNodes(manifest)
		s.apply(manifest)
		require.Equal(s, roomy, s.pod("").Spec.NodeName)
		time.Sleep(2 * relist) // until the watcher knows both, whatever it missed
		s.breaks(roomy)
		learned := s.remediation(v1alpha1.PhaseLearned, 1, 1)
		s.armed()
		s.apply(manifest, learned)
		require.NotEqual(s, roomy, s.pod(learned.Mark()).Spec.NodeName)
		s.remediation(v1alpha1.PhaseVerified, 1, 1)
	}},
}

// every is how many events there are, of those that are lost or doubled, for one that is in a test.
const every = 7

func TestMatrix(t *testing.T) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			undisturbed := newStage(t, fault{})
			story.tell(undisturbed)
			want := undisturbed.settled()
			writes, events, _ := undisturbed.network.seen()
			t.Logf("%d writes:\n%s\n%v events", len(writes), strings.Join(writes, "\n"), events)
			for _, fault := range faults(len(writes), events) {
				t.Run(fault.String(), func(t *testing.T) {
					t.Parallel()
					s := newStage(t, fault)
					story.tell(s)
					s.comesTo(want)
					_, _, met := s.network.seen()
					if fault.event == "" {
						require.True(t, met, "the watcher writes as often as in the undisturbed run")
					} else if !met { // a Deployment's status changes now in three steps, now in four
						t.Log("there were fewer events this time")
					}
				})
			}
		})
	}
}

// faults are what is to happen to a story with so many writes, and events by kind of object.
func faults(writes int, events map[string]int) []fault {
	whole := os.Getenv("CRASH_MATRIX") == "all"
	var harms []fault
	for n := range writes {
		harms = append(harms, fault{killedBefore, "", n + 1}, fault{killedAfter, "", n + 1})
		if whole {
			harms = append(harms, fault{refused, "", n + 1})
		}
	}
	var ofEvents []fault
	for _, kind := range slices.Sorted(maps.Keys(events)) {
		for n := range events[kind] {
			ofEvents = append(ofEvents, fault{dropped, kind, n + 1}, fault{doubled, kind, n + 1})
		}
	}
	for i, fault := range ofEvents {
		if whole || i%every == 0 {
			harms = append(harms, fault)
		}
	}
	return harms
}
