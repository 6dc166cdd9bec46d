package engine

import (
	"fmt"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

const (
	// reasonOOMKilled is written by the container runtime and copied by the kubelet
	// (containerd internal/cri/server/helpers.go, CRI-O server/container_status.go).
	reasonOOMKilled = "OOMKilled"
	// exitSIGKILL is 128 + 9: the first process of the container was killed. Alone it says nothing of memory:
	// liveness kills, evictions and node shutdowns end in it too.
	exitSIGKILL = 137
)

// Probabilities that the memory limit is too low, given one observation alone. They are independent sources:
// the runtime reads the verdict from the cgroup, the exit code comes from the process, and a second kill under
// the same limit excludes a single spike.
const (
	pRuntimeVerdict = 0.80 // reason OOMKilled: a container of the pod was killed by the kernel for memory
	pFirstProcess   = 0.60 // exit 137: it was the first process, not a child that something else may tolerate
	pAgain          = 0.50 // killed more than once
)

// oomKill is one run of one container that ended in an OOM kill.
type oomKill struct {
	container evidence.Container
	end       corev1.ContainerStateTerminated
}

// detectOOMKilled finds containers that the kernel killed at their own memory limit. Only the runtime's
// verdict counts: a log line or exit code 137 alone is not one.
func detectOOMKilled(observed evidence.Evidence) []Diagnosis {
	byContainer := map[string][]oomKill{}
	for _, container := range observed.Containers {
		for _, state := range []corev1.ContainerState{container.LastState, container.State} {
			end := state.Terminated
			if end == nil || end.Reason != reasonOOMKilled {
				continue
			}
			byContainer[container.Name] = append(byContainer[container.Name], oomKill{container, *end})
		}
	}
	found := make([]Diagnosis, 0, len(byContainer))
	for _, kills := range byContainer {
		slices.SortStableFunc(kills, func(a, b oomKill) int { return a.end.FinishedAt.Compare(b.end.FinishedAt.Time) })
		found = append(found, diagnoseOOMKilled(observed, kills))
	}
	return found
}

// diagnoseOOMKilled explains the kills of one container, the oldest first.
func diagnoseOOMKilled(observed evidence.Evidence, kills []oomKill) Diagnosis {
	newest := kills[len(kills)-1]
	diagnosis := Diagnosis{
		Workload:    observed.Workload,
		Container:   newest.container.Name,
		FailureType: v1alpha1.OOMKilled,
		Finding: v1alpha1.Diagnosis{
			Confidence: oomConfidence(newest),
			RiskLevel:  risk[v1alpha1.OOMKilled],
			Evidence:   citeOOM(observed, newest),
		},
	}
	for _, kill := range kills {
		diagnosis.Failures = append(diagnosis.Failures, Failure{
			Pod: kill.container.Pod, Marks: kill.container.Marks, Time: kill.end.FinishedAt.Time,
		})
	}
	limit, limited := newest.container.Resources.Limits[corev1.ResourceMemory]
	if !limited || limit.Sign() <= 0 {
		diagnosis.Finding.RootCauseID = "memory-without-limit"
		diagnosis.Finding.RootCause = fmt.Sprintf("container %s was OOM-killed without a memory limit of its own: the node or the pod ran out of memory", newest.container.Name)
		diagnosis.Finding.SuggestedFixes = []v1alpha1.SuggestedFix{
			{Priority: "PRIMARY", Description: "give the container a memory request near its real use, so that it is scheduled where the memory is"},
			{Priority: "SECONDARY", Description: "find out on the node which process used the memory"},
			{Priority: "TERTIARY", Description: "set a memory limit, so that the container is killed before its neighbours are"},
		}
		return diagnosis
	}
	diagnosis.MemoryLimit = limit
	if request, ok := newest.container.Resources.Requests[corev1.ResourceMemory]; ok {
		diagnosis.MemoryRequest = &request
	}
	diagnosis.Finding.RootCauseID = "memory-limit-too-low"
	diagnosis.Finding.RootCause = fmt.Sprintf("container %s needs more memory than its limit of %s: the kernel killed it %s after its start",
		newest.container.Name, limit.String(), runTime(newest.end))
	diagnosis.Finding.SuggestedFixes = []v1alpha1.SuggestedFix{
		{Priority: "PRIMARY", Description: "raise the memory limit", Remedy: true},
		{Priority: "SECONDARY", Description: "lower the memory the program takes (heap size, caches, workers)"},
		{Priority: "TERTIARY", Description: "look for a leak if the time to the kill grows with the limit"},
	}
	return diagnosis
}

// oomConfidence adds up the independent evidence as a noisy-OR: 1 - Π(1 - p).
func oomConfidence(kill oomKill) int32 {
	doubt := 1 - pRuntimeVerdict
	if kill.end.ExitCode == exitSIGKILL {
		doubt *= 1 - pFirstProcess
	}
	if kill.container.RestartCount > 1 {
		doubt *= 1 - pAgain
	}
	return int32(math.Round(100 * (1 - doubt)))
}

// runTime is how long the run lasted, in words.
func runTime(end corev1.ContainerStateTerminated) string {
	lasted := end.FinishedAt.Sub(end.StartedAt.Time).Round(time.Second)
	if lasted < time.Second {
		return "less than a second"
	}
	return lasted.String()
}

// citeOOM quotes the runtime's verdict, the limit it was reached under, and the newest back-off event.
func citeOOM(observed evidence.Evidence, kill oomKill) []v1alpha1.Citation {
	ended := metav1.NewTime(kill.end.FinishedAt.UTC())
	cited := []v1alpha1.Citation{{
		Source: fmt.Sprintf("pod/%s container %s", kill.container.Pod, kill.container.Name),
		Text:   fmt.Sprintf("terminated: reason %s, exit code %d, restarts %d", kill.end.Reason, kill.end.ExitCode, kill.container.RestartCount),
		Time:   &ended,
	}}
	if limit, ok := kill.container.Resources.Limits[corev1.ResourceMemory]; ok {
		cited = append(cited, v1alpha1.Citation{
			Source: fmt.Sprintf("pod/%s container %s", kill.container.Pod, kill.container.Name),
			Text:   "resources.limits.memory is " + limit.String(),
		})
	}
	for _, event := range observed.Events {
		if event.Object == "pod/"+kill.container.Pod && event.Reason == "BackOff" {
			at := metav1.NewTime(event.Time.UTC())
			return append(cited, v1alpha1.Citation{Source: "event about " + event.Object, Text: Shorten(event.Reason+": "+event.Message, 1024), Time: &at})
		}
	}
	return cited
}
