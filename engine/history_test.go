package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

var morning = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func lastEnd(reason string, code int32, at time.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, FinishedAt: metav1.NewTime(at)}}
}

func runningSince(at time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at)}}
}

func TestWhatEndedBeforeMattersOnlyWhileItMayComeBack(t *testing.T) {
	const month = 30 * 24 * time.Hour
	for _, test := range []struct {
		name     string
		ready    bool
		restarts int32
		reason   string
		code     int32
		ago      time.Duration // how long ago it ended
		age      time.Duration // of the pod
		unknown  bool          // nobody knows when this was observed
		matters  bool
	}{
		{name: "an OOM kill of a minute ago in a ready pod", ready: true, restarts: 1, reason: "OOMKilled", code: 137, ago: time.Minute, age: time.Hour, matters: true},
		{name: "an OOM kill of this morning in a ready pod", ready: true, restarts: 1, reason: "OOMKilled", code: 137, ago: 8 * time.Hour, age: 20 * time.Hour, matters: true},
		{name: "an OOM kill of last month in a ready pod", ready: true, restarts: 1, reason: "OOMKilled", code: 137, ago: month, age: 2 * month},
		{name: "an OOM kill after a month, observed nobody knows when", ready: true, restarts: 1, reason: "OOMKilled", code: 137, ago: time.Second, age: month, unknown: true},
		{name: "one crash at the start of a pod that is ready since", ready: true, restarts: 1, reason: "Error", code: 1, ago: time.Minute, age: 2 * time.Minute},
		{name: "crashes every few minutes of a pod that is ready in between", ready: true, restarts: 6, reason: "Error", code: 1, ago: 2 * time.Minute, age: time.Hour, matters: true},
		{name: "crashes at the start, half a day ago", ready: true, restarts: 4, reason: "Error", code: 1, ago: 12 * time.Hour, age: 12*time.Hour + 5*time.Minute},
		{name: "a crash a moment ago of a container that is not ready again", restarts: 1, reason: "Error", code: 1, ago: time.Minute, age: time.Hour, matters: true},
		{name: "a crash of last month of a container that is not ready now", restarts: 1, reason: "Error", code: 1, ago: month, age: 2 * month},
		{name: "a program that ends with success now and then", ready: true, restarts: 4, reason: "Completed", ago: time.Minute, age: time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := morning
			container := evidence.Container{
				Pod: "web-1", Name: "app", Kind: evidence.App, Ready: test.ready, RestartCount: test.restarts,
				State: runningSince(now.Add(-test.ago)), LastState: lastEnd(test.reason, test.code, now.Add(-test.ago)),
			}
			observed := evidence.Evidence{
				ObservedAt: now, Containers: []evidence.Container{container},
				Pods: []evidence.Pod{{Name: "web-1", Created: now.Add(-test.age), Status: corev1.PodStatus{Phase: corev1.PodRunning}}},
			}
			if test.unknown {
				observed.ObservedAt = time.Time{}
			}
			require.Equal(t, test.matters, newHistory(observed).containers[containerKey{"web-1", "app"}].before)
		})
	}
}

func TestEventsThatWereOvercomeAreHistory(t *testing.T) {
	running := evidence.Container{Pod: "web-1", Name: "app", Kind: evidence.App, Ready: true, State: runningSince(morning.Add(-time.Hour))}
	starting := running
	starting.Ready, starting.State = false, runningSince(morning.Add(-5*time.Second))
	unready := running
	unready.Ready = false
	waiting := evidence.Container{Pod: "web-1", Name: "app", Kind: evidence.App}
	event := func(reason string, count int32, ago time.Duration) evidence.Event {
		return evidence.Event{Object: "pod/web-1", Pod: "web-1", Type: "Warning", Reason: reason, Count: count, Time: morning.Add(-ago)}
	}
	listening := func(message string) []evidence.Event {
		failed := event("Unhealthy", 5, time.Second)
		failed.Message = message
		return []evidence.Event{failed}
	}
	slow := unready
	slow.State = runningSince(morning.Add(-20 * time.Second))
	for _, test := range []struct {
		name      string
		container evidence.Container
		pod       evidence.Pod
		events    []evidence.Event // the first is asked about
		matters   bool
	}{
		{name: "a probe that failed while the container started, ready now", container: running, events: []evidence.Event{event("Unhealthy", 3, time.Hour)}},
		{name: "a probe that fails now and then in a ready container", container: running, events: []evidence.Event{event("Unhealthy", 40, time.Minute)}, matters: true},
		{name: "a probe that fails in a container that is not ready", container: unready, events: []evidence.Event{event("Unhealthy", 2, time.Minute)}, matters: true},
		{name: "a probe that fails in the first seconds", container: starting, events: []evidence.Event{event("Unhealthy", 1, time.Second)}},
		{name: "a readiness probe that nothing answers yet", container: slow, events: listening("Readiness probe failed: dial tcp 10.0.0.1:80: connect: connection refused")},
		{name: "a program that says that it is not ready yet", container: slow, events: listening("Readiness probe failed: HTTP probe failed with statuscode: 503")},
		{name: "a readiness probe that asks for what is not there", container: slow, events: listening("Readiness probe failed: HTTP probe failed with statuscode: 404"), matters: true},
		{name: "a liveness probe that nothing answers", container: slow, events: listening("Liveness probe failed: dial tcp 10.0.0.1:80: connect: connection refused"), matters: true},
		{name: "a readiness probe that nothing answers for long", container: unready, events: listening("Readiness probe failed: dial tcp 10.0.0.1:80: connect: connection refused"), matters: true},
		{name: "no room, then scheduled", container: waiting, events: []evidence.Event{event("FailedScheduling", 3, time.Minute), event("Scheduled", 1, time.Second)}},
		{name: "no room", container: waiting, events: []evidence.Event{event("FailedScheduling", 3, time.Minute)}, matters: true},
		{name: "a mount that failed once, and the container runs", container: running, events: []evidence.Event{event("FailedMount", 1, time.Hour)}},
		{name: "a mount that fails", container: waiting, events: []evidence.Event{event("FailedMount", 4, time.Minute)}, matters: true},
		{name: "a pod that is being deleted", container: unready, pod: evidence.Pod{Deleting: true}, events: []evidence.Event{event("Unhealthy", 5, time.Second)}},
		{name: "a pod that did its work", container: unready, pod: evidence.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded}}, events: []evidence.Event{event("BackOff", 5, time.Second)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.pod.Name = "web-1"
			h := newHistory(evidence.Evidence{
				ObservedAt: morning, Pods: []evidence.Pod{test.pod}, Containers: []evidence.Container{test.container}, Events: test.events,
			})
			require.Equal(t, test.matters, h.eventMatters(h.observed.Events[0]))
		})
	}
}

func TestTheEndOfALogOfUnknownOrigin(t *testing.T) {
	for _, test := range []struct {
		name, rest string
		ends       bool
	}{
		{"nothing follows", "", true},
		{"a stack trace of any length follows", "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:1 +0x1\n" + repeat("\tat org.acme.Shop.run(Shop.java:1)\n", 200), true},
		{"a few words follow", "shutting down\nbye\n", true},
		{"the program goes on", repeat("order accepted\n", 50), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.ends, linesAfter([]byte(test.rest)) <= endLines)
		})
	}
}

func repeat(line string, times int) string {
	var all string
	for range times {
		all += line
	}
	return all
}

func TestAnotherReadyPodStandsInOnlyWherePodsHaveNoPlaceOfTheirOwn(t *testing.T) {
	lost := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reasonLost, ExitCode: 137}}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for kind, replaced := range map[string]bool{"Deployment": true, "ReplicaSet": true, "StatefulSet": false, "DaemonSet": false} {
		observed := evidence.Evidence{
			Workload: evidence.Workload{Kind: kind, Name: "db"}, Pods: []evidence.Pod{{Name: "db-0"}, {Name: "db-1"}},
			Containers: []evidence.Container{
				{Pod: "db-0", Name: "db", Kind: evidence.App, Ready: true, State: runs},
				{Pod: "db-1", Name: "db", Kind: evidence.App, State: lost},
			},
		}
		require.Equal(t, replaced, newHistory(observed).containers[containerKey{"db-1", "db"}].well, kind)
		observed.Containers[0].Ready = false
		require.False(t, newHistory(observed).containers[containerKey{"db-1", "db"}].well, kind)
	}
}
