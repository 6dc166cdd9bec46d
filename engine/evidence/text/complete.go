package text

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// People cut descriptions short and quote the interesting part of one below the table that names the pod. What then
// stands in two places is put together, where there is only one way to do it.

// complete gives pods whose description tells nothing of their containers what a row of a table says, and the pieces
// of a description to the pod they must be of.
func (p *parser) complete() {
	named, cut := map[string]*corev1.Pod{}, map[string]*corev1.Pod{}
	var pieces []*corev1.Pod
	for _, object := range p.objects {
		if pod, ok := object.(*corev1.Pod); ok && pod.Name == "" {
			pieces = append(pieces, pod)
		} else if ok && len(pod.Status.ContainerStatuses)+len(pod.Status.InitContainerStatuses) == 0 || ok && lacksState(pod) {
			named[pod.Name] = pod
		} else if ok && !slices.ContainsFunc(pod.Status.ContainerStatuses, fails) {
			cut[pod.Name] = pod
		}
	}
	for _, object := range p.rows.objects {
		row, ok := object.(*corev1.Pod)
		switch {
		case !ok:
			p.completeNode(object)
		case cut[row.Name] != nil:
			addFailing(cut[row.Name], row)
		case named[row.Name] == nil:
		case lacksState(named[row.Name]):
			fillState(named[row.Name], row)
		default:
			fillIn(named[row.Name], row)
		}
	}
	pieces = p.together(p.tails(pieces))
	whole := p.onlyPod()
	if whole == nil {
		return
	}
	if len(pieces) == 1 && (len(whole.Spec.Containers) == 0 || whole.Spec.Containers[0].Name == "") {
		join(whole, pieces[0])
		p.remove(pieces[0])
	}
	for _, object := range p.objects {
		if event, ok := object.(*corev1.Event); ok && event.InvolvedObject.Kind == "Pod" && event.InvolvedObject.Name == "" {
			event.InvolvedObject.Name, event.InvolvedObject.Namespace, event.Namespace = whole.Name, whole.Namespace, whole.Namespace
		}
	}
}

// addFailing gives a pod whose description was cut off before the container that fails the one that a row tells of.
func addFailing(pod, row *corev1.Pod) {
	if len(row.Status.ContainerStatuses) <= len(pod.Status.ContainerStatuses) || !fails(row.Status.ContainerStatuses[0]) {
		return
	}
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{})
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, row.Status.ContainerStatuses[0])
}

// fails reports whether a container ended with an error, or waits for another reason than that it is being made.
func fails(status corev1.ContainerStatus) bool {
	waiting, ended := status.State.Waiting, status.State.Terminated
	return ended != nil && ended.ExitCode != 0 || waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing"
}

// completeNode gives a node whose description was cut off, or can't be read, before its condition Ready what a row of
// a table says of it.
func (p *parser) completeNode(object runtime.Object) {
	row, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	var described *corev1.Node
	for _, object := range p.objects {
		node, ok := object.(*corev1.Node)
		if !ok || node.Name != row.Name {
			continue
		}
		if len(node.Spec.Taints) > 0 || slices.ContainsFunc(node.Status.Conditions, isReady) {
			return
		}
		if described == nil || len(described.Status.Conditions) <= len(node.Status.Conditions) {
			described = node
		}
	}
	if at := slices.IndexFunc(row.Status.Conditions, isReady); described != nil && at >= 0 {
		described.Status.Conditions = append(described.Status.Conditions, row.Status.Conditions[at])
	}
}

func isReady(condition corev1.NodeCondition) bool { return condition.Type == corev1.NodeReady }

// remove takes pods out of the objects.
func (p *parser) remove(pieces ...*corev1.Pod) {
	gone := map[runtime.Object]bool{}
	for _, piece := range pieces {
		gone[piece] = true
	}
	p.objects = slices.DeleteFunc(p.objects, func(object runtime.Object) bool { return gone[object] })
}

// together joins a piece that has the status of a container and one that has its specification, and pieces that are about
// different containers.
func (p *parser) together(pieces []*corev1.Pod) []*corev1.Pod {
	pieces = p.ofOnePod(pieces)
	if len(pieces) != 2 {
		return pieces
	}
	status, spec := pieces[0], pieces[1]
	if len(status.Status.ContainerStatuses) == 0 {
		status, spec = spec, status
	}
	if len(status.Spec.Containers) != 1 || len(spec.Spec.Containers) != 1 || len(status.Status.ContainerStatuses) != 1 || len(spec.Status.ContainerStatuses) != 0 {
		return pieces
	}
	one, other := &status.Spec.Containers[0], spec.Spec.Containers[0]
	if one.Name != "" && other.Name != "" && one.Name != other.Name || len(one.Resources.Limits)+len(one.Resources.Requests) > 0 {
		return pieces
	}
	other.Name, other.Image = cmp.Or(one.Name, other.Name), cmp.Or(one.Image, other.Image)
	*one = other
	status.Status.ContainerStatuses[0].Name = other.Name
	p.remove(spec)
	return []*corev1.Pod{status}
}

// ofOnePod joins each piece that has the statuses of containers to the one before it, as long as they have names and no
// name comes twice.
func (p *parser) ofOnePod(pieces []*corev1.Pod) []*corev1.Pod {
	var all, gone []*corev1.Pod
	named, known := map[string]bool{}, false // the containers of the last of all, and whether it has any that all have names
	for _, piece := range pieces {
		statuses := piece.Status.ContainerStatuses
		has := func(taken func(name string) bool) bool {
			return slices.ContainsFunc(statuses, func(status corev1.ContainerStatus) bool { return taken(status.Name) })
		}
		named[""] = true
		if known && len(statuses) > 0 && !has(func(name string) bool { return named[name] }) {
			whole := all[len(all)-1]
			whole.Status.ContainerStatuses = append(whole.Status.ContainerStatuses, statuses...)
			whole.Spec.Containers = append(whole.Spec.Containers, piece.Spec.Containers...)
			joinTail(whole, piece)
			gone = append(gone, piece)
		} else {
			clear(named)
			all = append(all, piece)
			known = len(statuses) > 0 && !has(func(name string) bool { return name == "" })
		}
		for _, status := range statuses {
			named[status.Name] = true
		}
	}
	if len(gone) > 0 {
		p.remove(gone...)
	}
	return all
}

// lacksState reports whether of the only container of a pod nothing is told but how its last run ended, as when the rest
// was filtered away.
func lacksState(pod *corev1.Pod) bool {
	return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State == (corev1.ContainerState{}) &&
		pod.Status.ContainerStatuses[0].LastTerminationState.Terminated != nil
}

// fillState gives the only container of a pod the state that a row tells: of its only one, or of the only one that is not
// ready, which is what somebody quotes of a description.
func fillState(pod, row *corev1.Pod) {
	all := row.Status.ContainerStatuses
	if len(all) > 1 {
		all = slices.DeleteFunc(slices.Clone(all), func(status corev1.ContainerStatus) bool { return status.Ready })
	}
	if len(all) != 1 {
		return
	}
	known, told := &pod.Status.ContainerStatuses[0], all[0]
	known.State, known.Ready, known.RestartCount = told.State, told.Ready, told.RestartCount
	pod.CreationTimestamp, pod.Status.Phase = row.CreationTimestamp, row.Status.Phase
}

// fillIn gives a pod the statuses of a row, which are those of its first containers.
func fillIn(pod, row *corev1.Pod) {
	if pod.Status.Phase == "" {
		pod.Status.Phase = row.Status.Phase
	}
	if pod.CreationTimestamp.IsZero() {
		pod.CreationTimestamp = row.CreationTimestamp
	}
	if len(pod.Spec.Containers) == 0 {
		pod.Spec.Containers = row.Spec.Containers
	}
	for i, status := range row.Status.ContainerStatuses[:min(len(row.Status.ContainerStatuses), len(pod.Spec.Containers))] {
		status.Name, status.Image = pod.Spec.Containers[i].Name, pod.Spec.Containers[i].Image
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	if len(pod.Spec.InitContainers) == 0 && len(row.Spec.InitContainers) > 0 {
		pod.Spec.InitContainers, pod.Status.InitContainerStatuses = row.Spec.InitContainers, row.Status.InitContainerStatuses
	}
}

// onlyPod is the pod that what names none must be about: the only one there is, or else the only one that is in
// trouble.
func (p *parser) onlyPod() *corev1.Pod {
	all, troubled := map[string]*corev1.Pod{}, map[string]*corev1.Pod{}
	for _, objects := range [][]runtime.Object{p.rows.objects, p.objects} {
		for _, object := range objects {
			pod, ok := object.(*corev1.Pod)
			if !ok || pod.Name == "" {
				continue
			}
			all[pod.Name] = pod // the description rather than the row
			if isTroubled(pod) {
				troubled[pod.Name] = pod
			}
		}
	}
	for _, pods := range []map[string]*corev1.Pod{all, troubled} {
		if len(pods) == 1 {
			for _, pod := range pods {
				return pod
			}
		}
	}
	return nil
}

// isTroubled tells whether a row says of a pod that not all is well.
func isTroubled(pod *corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		ended := status.State.Terminated
		if !status.Ready && (ended == nil || ended.ExitCode != 0) || status.RestartCount > 0 {
			return true
		}
	}
	return len(pod.Status.ContainerStatuses) == 0
}

// join puts a piece of a description in the place of the container of a row that it must be.
func join(whole, piece *corev1.Pod) {
	joinTail(whole, piece)
	if len(piece.Spec.InitContainers) > 0 {
		whole.Spec.InitContainers, whole.Status.InitContainerStatuses = piece.Spec.InitContainers, piece.Status.InitContainerStatuses
	}
	if len(piece.Spec.Containers) == 0 {
		return
	}
	statuses := whole.Status.ContainerStatuses
	for i := range piece.Status.ContainerStatuses {
		status := &piece.Status.ContainerStatuses[i]
		if i >= len(statuses) {
			break
		}
		if status.State == (corev1.ContainerState{}) {
			status.State, status.Ready = statuses[i].State, statuses[i].Ready
		}
		status.RestartCount = max(status.RestartCount, statuses[i].RestartCount)
	}
	whole.Spec.Containers = slices.Concat(piece.Spec.Containers, whole.Spec.Containers[min(len(piece.Spec.Containers), len(whole.Spec.Containers)):])
	whole.Status.ContainerStatuses = slices.Concat(piece.Status.ContainerStatuses, statuses[min(len(piece.Status.ContainerStatuses), len(statuses)):])
}
