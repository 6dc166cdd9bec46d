package text

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// A text goes on: what was described first may be well by a table that was printed later. Of what a description tells, only
// what such a row contradicts is taken back.

// place is where an object was described: behind how many tables, and in which cluster.
type place struct {
	tables  int
	cluster string
}

// dated notes where a pod or a node was described.
func (p *parser) dated(object runtime.Object) {
	switch object.(type) {
	case *corev1.Pod, *corev1.Node:
		if p.places == nil {
			p.places = map[runtime.Object]place{}
		}
		p.places[object] = place{len(p.rows.partial), p.command.cluster}
	}
}

// update takes back what later rows contradict of what was described.
func (p *parser) update() {
	if len(p.rows.objects) == 0 || len(p.places) == 0 {
		return
	}
	pods, nodes := map[string][]int{}, map[string]int{} // rows by name
	for i, object := range p.rows.objects {
		switch row := object.(type) {
		case *corev1.Pod:
			pods[row.Name] = append(pods[row.Name], i)
		case *corev1.Node:
			nodes[row.Name] = i
		}
	}
	allReady := p.allNodesReady()
	for _, object := range p.objects {
		at, known := p.places[object]
		if !known {
			continue
		}
		switch described := object.(type) {
		case *corev1.Pod:
			if p.runsSince(described, at, pods[described.Name]) {
				nowRuns(described)
			}
		case *corev1.Node:
			if described.Name == "" || described.Name == evidence.UnknownNode {
				if allReady >= 0 && allReady >= at.tables && p.rows.asked[allReady].cluster == at.cluster {
					nowReady(described)
				}
			} else if i, seen := nodes[described.Name]; seen && p.isLater(i, at) && isReadyNode(p.rows.objects[i].(*corev1.Node)) {
				nowReady(described)
			}
		}
	}
}

// isLater reports whether a row stands in a table of the same cluster that was printed after a description.
func (p *parser) isLater(row int, at place) bool {
	table := p.rows.tables[row]
	return table > at.tables && p.rows.asked[table-1].cluster == at.cluster
}

// soonDone is the least age of a pod that runs, of which another of its name had run and ended before: it may end again.
const soonDone = time.Minute

// runsSince reports whether later rows show a pod that was described, or another of its name in its place, ready and never
// started again.
func (p *parser) runsSince(described *corev1.Pod, at place, rows []int) bool {
	hadRun := slices.ContainsFunc(slices.Concat(described.Status.InitContainerStatuses, described.Status.ContainerStatuses), func(status corev1.ContainerStatus) bool {
		return status.RestartCount > 0 || status.State.Terminated != nil || status.LastTerminationState.Terminated != nil
	})
	runs := false
	for _, i := range rows {
		row := p.rows.objects[i].(*corev1.Pod)
		if !p.isLater(i, at) || row.Namespace != "" && described.Namespace != "" && row.Namespace != described.Namespace {
			continue
		}
		age := p.rows.ages[i]
		if row.DeletionTimestamp != nil || row.Status.Phase != corev1.PodRunning || len(row.Status.ContainerStatuses) == 0 ||
			hadRun && (!age.known || age.duration < soonDone) ||
			slices.ContainsFunc(row.Status.ContainerStatuses, func(status corev1.ContainerStatus) bool { return !status.Ready || status.RestartCount > 0 }) {
			return false
		}
		runs = true
	}
	return runs
}

// nowRuns gives a pod that is not ready the state of one that is.
func nowRuns(pod *corev1.Pod) {
	if statuses := pod.Status.ContainerStatuses; len(statuses) > 0 && !slices.ContainsFunc(statuses, func(status corev1.ContainerStatus) bool { return !status.Ready }) {
		return
	}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, HostIP: pod.Status.HostIP, PodIP: pod.Status.PodIP, StartTime: pod.Status.StartTime}
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue})
	}
	for _, container := range pod.Spec.InitContainers {
		status := corev1.ContainerStatus{Name: container.Name, Image: container.Image, Ready: true, State: terminated("Completed")}
		if container.RestartPolicy != nil {
			status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		}
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status)
	}
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
}

// nowReady gives a node that was not ready the condition of one that is. What nobody knew while it was silent is unknown; what
// else was wrong may still be, as a row does not show it.
func nowReady(node *corev1.Node) {
	at := slices.IndexFunc(node.Status.Conditions, isReady)
	if at < 0 || node.Status.Conditions[at].Status == corev1.ConditionTrue {
		return
	}
	node.Status.Conditions[at] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
	node.Status.Conditions = slices.DeleteFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Status == corev1.ConditionUnknown })
}

func isReadyNode(row *corev1.Node) bool {
	return slices.ContainsFunc(row.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// allNodesReady gives the last table of nodes, from 0, if it tells of all and all are ready; -1 else.
func (p *parser) allNodesReady() int {
	last, ready := -1, false
	for i, object := range p.rows.objects {
		node, ok := object.(*corev1.Node)
		table := p.rows.tables[i] - 1
		if !ok || table < last {
			continue
		}
		if table > last {
			last, ready = table, true
		}
		ready = ready && isReadyNode(node)
	}
	if !ready || last < 0 || p.rows.partial[last] || p.rows.asked[last].chosen {
		return -1
	}
	return last
}
