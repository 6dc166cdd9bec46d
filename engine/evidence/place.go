package evidence

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// eventTime is when an event was last reported, whichever of the two event APIs it came through; zero when it
// does not say.
func eventTime(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	default:
		return event.EventTime.Time
	}
}

// EventOf gives what evidence keeps of an event.
func EventOf(event *corev1.Event) Event {
	about := event.InvolvedObject
	count := event.Count
	if event.Series != nil {
		count = event.Series.Count
	}
	found := Event{
		Object: strings.ToLower(about.Kind) + "/" + about.Name, Type: event.Type, Reason: upper(event.Reason), Message: event.Message,
		Count: max(count, 1), First: event.FirstTimestamp.Time, Time: eventTime(event),
	}
	if found.First.IsZero() {
		found.First = event.EventTime.Time
	}
	if about.Kind == "" {
		found.Object = ""
	}
	if about.Kind == "Pod" {
		found.Pod, found.Container = about.Name, containerIn(about)
	}
	return found
}

// upper gives a reason as it is written since 1.1: before, it began with a small letter.
func upper(reason string) string {
	if reason == "" || reason[0] < 'a' || reason[0] > 'z' {
		return reason
	}
	return strings.ToUpper(reason[:1]) + reason[1:]
}

// placeEvent gives an event to the workload that it is about. A node's event is shown to the node alone.
func (c *collector) placeEvent(event *corev1.Event) {
	about := event.InvolvedObject
	found := EventOf(event)
	switch about.Kind {
	case "":
		c.addTo(c.only(troubledOne(found)), found)
	case "Pod":
		owner, known := c.podOwner[nameKey{about.Namespace, about.Name}]
		if !known {
			owner = c.workloadOf("Pod", about.Namespace, about.Name)
		}
		c.addTo(owner, found)
	case "Node":
		c.addTo(workload("Node", "", about.Name), found)
	case "PersistentVolumeClaim":
		users := c.usersOf(nameKey{about.Namespace, about.Name})
		if len(users) == 0 {
			users = []Workload{workload("PersistentVolumeClaim", about.Namespace, about.Name)}
		}
		for _, user := range users {
			c.addTo(user, found)
		}
	default:
		c.addTo(c.workloadOf(about.Kind, about.Namespace, about.Name), found)
	}
}

func (c *collector) addTo(owner Workload, event Event) {
	evidence := c.at(owner)
	if event.Object == "" && len(evidence.Pods) == 1 {
		event.Pod = evidence.Pods[0].Name
		event.Object = "pod/" + event.Pod
	}
	evidence.Events = append(evidence.Events, event)
}

// only gives the workload that nameless evidence belongs to: the only one there is, or else the only one that is in the
// trouble it tells of. Otherwise it is one without a name.
func (c *collector) only(inTrouble func(*Evidence) bool) Workload {
	var all, troubled []Workload
	for known, evidence := range c.found {
		if known.Kind == "Node" || known.Kind == "PersistentVolumeClaim" || known.Kind == "" {
			continue
		}
		all = append(all, known)
		if inTrouble(evidence) {
			troubled = append(troubled, known)
		}
	}
	switch {
	case len(all) == 1:
		return all[0]
	case len(troubled) == 1:
		return troubled[0]
	default:
		return Workload{}
	}
}

// troubledOne gives what the workload that an event is about must be like: what no node was found for has not begun.
func troubledOne(event Event) func(*Evidence) bool {
	if event.Reason == "FailedScheduling" {
		return (*Evidence).waits
	}
	return (*Evidence).troubled
}

// troubled reports whether a container of the workload is not as it should be, or was not.
func (e *Evidence) troubled() bool { return slices.ContainsFunc(e.Containers, Container.troubled) }

// waits reports whether no container of a pod of the workload has begun.
func (e *Evidence) waits() bool {
	return slices.ContainsFunc(e.Pods, func(pod Pod) bool {
		return pod.Status.Phase == corev1.PodPending && !slices.ContainsFunc(e.Containers, func(container Container) bool {
			return container.Pod == pod.Name && container.State != (corev1.ContainerState{})
		})
	})
}

// troubled reports whether a container is not as it should be, or was not.
func (c Container) troubled() bool {
	waiting := c.State.Waiting
	return c.RestartCount > 0 || waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing" && waiting.Reason != "ContainerCreating" ||
		c.State.Terminated != nil && c.State.Terminated.ExitCode != 0
}

// placeLog gives a log to the container that wrote it. A log of an unknown container of a known pod is that of
// its only container, or else of the only one that is in trouble.
func (c *collector) placeLog(log Log) {
	if log.Node != "" {
		evidence := c.at(workload("Node", "", log.Node))
		evidence.Logs = append(evidence.Logs, log)
		return
	}
	owner := c.only((*Evidence).troubled)
	if log.Pod != "" {
		owner = c.workloadOf("Pod", log.Namespace, log.Pod)
		for key, known := range c.podOwner {
			if key.name == log.Pod && (log.Namespace == "" || key.namespace == log.Namespace) {
				owner = known
			}
		}
	}
	evidence := c.at(owner)
	if log.Pod == "" && len(evidence.Pods) == 1 {
		log.Pod = evidence.Pods[0].Name
	}
	if log.Container == "" {
		log.Container = evidence.writer(log.Pod)
	}
	if last := len(evidence.Logs) - 1; last >= maxPieces-1 && evidence.Logs[last].sameWriter(log) {
		evidence.Logs[last].Text = append(evidence.Logs[last].Text, log.Text...)
		return
	}
	log.Text = slices.Clip(log.Text) // what is appended to it later is put elsewhere
	evidence.Logs = append(evidence.Logs, log)
}

// maxPieces is how many logs of a workload are kept apart when they may be pieces of one: each is judged by its end.
const maxPieces = 64

// sameWriter reports whether two logs are of the same run of the same container, as far as anybody knows.
func (l Log) sameWriter(other Log) bool {
	return l.Namespace == other.Namespace && l.Pod == other.Pod && l.Container == other.Container && l.Node == other.Node && l.Previous == other.Previous
}

// writer gives the container of a pod that a log without a name is of: the only one, or the only one in trouble.
func (e *Evidence) writer(pod string) string {
	var all, troubled single
	for i := range e.Containers {
		container := &e.Containers[i]
		if pod != "" && container.Pod != pod {
			continue
		}
		all.saw(container.Name)
		if container.troubled() {
			troubled.saw(container.Name)
		}
	}
	if name, ok := all.only(); ok {
		return name
	}
	name, _ := troubled.only()
	return name
}

// single is a name, as long as no other was seen.
type single struct {
	name       string
	seen, more bool
}

func (s *single) saw(name string) {
	s.more = s.more || s.seen && name != s.name
	s.name, s.seen = name, true
}

// only gives the name if it is the only one; else none.
func (s *single) only() (string, bool) {
	if !s.seen || s.more {
		return "", false
	}
	return s.name, true
}

// containerNamed finds the container that the kubelet names in the message of an event
// (k8s.io/kubernetes/pkg/kubelet/kuberuntime).
var containerNamed = regexp.MustCompile(`(?:^(?:Created|Started|Stopping) container:? |restarting failed container[ =])([a-z0-9][-a-z0-9]*)`)

// nameContainers gives the only container of a pod that was seen as a row of a table the name that the events
// about the pod say.
func (e *Evidence) nameContainers() {
	named := map[string]bool{}
	for _, container := range e.Containers {
		named[container.Pod] = named[container.Pod] || container.Name != ""
	}
	names := map[string][]string{} // by pod
	for _, event := range e.Events {
		if of, known := named[event.Pod]; !known || of || len(names[event.Pod]) > 1 {
			continue
		}
		name := event.Container
		if found := containerNamed.FindStringSubmatch(event.Message); name == "" && found != nil {
			name = found[1]
		}
		if name != "" && !slices.Contains(names[event.Pod], name) {
			names[event.Pod] = append(names[event.Pod], name)
		}
	}
	for i := range e.Containers {
		container := &e.Containers[i]
		if own := names[container.Pod]; len(own) == 1 && !named[container.Pod] {
			container.Name, container.Spec.Name = own[0], own[0]
			named[container.Pod] = true
		}
	}
	for i := range e.Logs {
		if e.Logs[i].Container == "" && e.Logs[i].Node == "" {
			e.Logs[i].Container = e.writer(e.Logs[i].Pod)
		}
	}
}
