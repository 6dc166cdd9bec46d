package cases_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kube-remedy/kube-remedy/engine/cases"
)

// story is what happened to a pod, as kubectl prints its events: with coarse ages, and several of one kind as one.
type story struct {
	now    time.Duration // since the pod was made
	events []told
}

type told struct {
	kind, reason, message string
	first, last           time.Duration // since the pod was made
	count                 int
}

// description prints the events as kubectl describe does.
func (s story) description() string {
	var out strings.Builder
	out.WriteString("Events:\n  Type     Reason     Age                From               Message\n  ----     ------     ----               ----               -------\n")
	for _, event := range s.events {
		age := duration.HumanDuration(s.now - event.last)
		if event.count > 1 {
			age += fmt.Sprintf(" (x%d over %s)", event.count, duration.HumanDuration(s.now-event.first))
		}
		fmt.Fprintf(&out, "  %-8s %-10s %-18s kubelet            %s\n", event.kind, event.reason, age, event.message)
	}
	return out.String()
}

// list prints the events as kubectl get events does, which tells of each only when it last happened.
func (s story) list() string {
	var out strings.Builder
	out.WriteString("LAST SEEN   TYPE      REASON      OBJECT                   MESSAGE\n")
	for _, event := range s.events {
		fmt.Fprintf(&out, "%-11s %-9s %-11s pod/web-6d5f8b7c9-x2x4z  %s\n", duration.HumanDuration(s.now-event.last), event.kind, event.reason, event.message)
	}
	return out.String()
}

// started are the events of starts of a container.
func started(first, last time.Duration, count int) []told {
	return []told{
		{"Normal", "Pulled", `Container image "registry.example.org/web:3" already present on machine`, first, last, count},
		{"Normal", "Created", "Created container web", first, last, count},
		{"Normal", "Started", "Started container web", first, last, count},
	}
}

// TestAProbeFailsUntilItIsSilentForManyOfItsPeriods lets a probe fail from the start on, and asks while it does and long after.
func TestAProbeFailsUntilItIsSilentForManyOfItsPeriods(t *testing.T) {
	with, _ := newEngine(t)
	for _, message := range []string{
		"Readiness probe failed: HTTP probe failed with statuscode: 503",
		`Readiness probe failed: Get "http://10.244.1.7:8080/ready": dial tcp 10.244.1.7:8080: connect: connection refused`,
		"Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory",
		`Readiness probe failed: Get "http://10.244.1.7:8080/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
		"Startup probe failed: HTTP probe failed with statuscode: 503",
		`Startup probe failed: dial tcp 10.244.1.7:8080: connect: connection refused`,
	} {
		for _, period := range []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second} {
			for _, delay := range []time.Duration{0, 5 * time.Second, 30 * time.Second} {
				for _, count := range []int{1, 2, 3, 6, 9, 15, 20} {
					first := delay + period
					last := first + time.Duration(count-1)*period
					events := append(started(0, 0, 1), told{"Warning", "Unhealthy", message, first, last, count})
					for _, silent := range []time.Duration{8 * period, 20 * period, 60 * period} {
						if silent < 40*time.Second || count == 1 && silent < 90*time.Second {
							continue // nobody could tell
						}
						over := story{last + silent, events}
						require.Empty(t, cases.Diagnose(with, []byte(over.description())), over.description())
						if count == 1 {
							require.Empty(t, cases.Diagnose(with, []byte(over.list())), over.list())
						}
					}
					if strings.HasPrefix(message, "Readiness") && count > 2 {
						now := story{last + period/2, events}
						require.NotEmpty(t, cases.Diagnose(with, []byte(now.description())), now.description())
					}
				}
			}
		}
	}
}

// TestAProgramThatEndsIsAFailureUntilItOutlivesItsRuns lets a program end several times, with the back-off of a kubelet, and asks
// behind an end and long after the last start.
func TestAProgramThatEndsIsAFailureUntilItOutlivesItsRuns(t *testing.T) {
	with, _ := newEngine(t)
	const waits = "Back-off restarting failed container web in pod web-6d5f8b7c9-x2x4z_shop(1)"
	for starts := 3; starts <= 5; starts++ {
		for _, run := range []time.Duration{time.Second, 20 * time.Second, 90 * time.Second, 4 * time.Minute} {
			var start time.Duration
			backOff := told{"Warning", "BackOff", waits, 0, 0, 0}
			for i := range starts - 1 { // the second start follows at once
				start += run
				if i == 0 {
					continue
				}
				if backOff.count == 0 {
					backOff.first = start
				}
				backOff.last = start
				backOff.count++
				start += 10 * time.Second << (i - 1)
			}
			for _, up := range []time.Duration{12 * time.Minute, 25 * time.Minute, 2 * time.Hour} {
				if up < 2*(run+time.Minute) {
					continue // as it may have run before
				}
				over := story{start + up, append(started(0, start, starts), backOff)}
				require.Empty(t, cases.Diagnose(with, []byte(over.description())), over.description())
				require.Empty(t, cases.Diagnose(with, []byte(over.list())), over.list())
			}
			backOff.last = start + run
			backOff.count++
			now := story{start + run + 5*time.Second, append(started(0, start, starts), backOff)}
			require.NotEmpty(t, cases.Diagnose(with, []byte(now.description())), now.description())
			require.NotEmpty(t, cases.Diagnose(with, []byte(now.list())), now.list())
		}
	}
}
