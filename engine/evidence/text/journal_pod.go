package text

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// nodeJournal gathers what the journal of a node says about pods, and keeps the rest as the node's log.
type nodeJournal struct {
	p      *parser
	host   string
	pods   []*corev1.Pod
	events []*corev1.Event
	// seen are the indices of pods and events by what identifies them.
	seen map[string]int
	log  []byte
	// pulls are images that could not be pulled, with why.
	pulls []pull
	// unready are the pods whose probes failed to the last, by namespace and name.
	unready map[string]*unready
	// failed are the events of probes that failed and have not succeeded since, by probe and pod; renewed counts those that have.
	failed  map[string][]*corev1.Event
	renewed int
	// reclaimed is the resource for want of which pods are being evicted.
	reclaimed string
}

type unready struct {
	ref   podRef
	probe string
	times int
	at    time.Time
}

type pull struct {
	image, err string
	at         time.Time
}

// podRef names a pod as far as a line does.
type podRef struct{ namespace, name, uid string }

// line reads one line, which stands on the lines from to before until of the text.
func (n *nodeJournal) line(l journalLine, from, until int) {
	if n.host == "" {
		n.host = l.host
	}
	if n.host == "" && l.file != "" {
		n.host = nodeOf(l)
	}
	n.p.clock.journal = later(n.p.clock.journal, l.at)
	n.reclaims(l)
	told := l.file != "" && n.tell(l) || n.runtimeLine(l)
	if strings.HasPrefix(l.message, "SyncLoop (PLEG)") && bytes.Contains(n.p.src.raw(from, until), []byte("ContainerStarted")) {
		n.over(podOf(l), "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
	}
	if !told || isAboutNode(l) {
		n.log = append(n.log, n.p.src.raw(from, until)...)
	}
}

// nodeOf is the node that a line of the kubelet names.
func nodeOf(l journalLine) string {
	for _, key := range []string{"node", "nodeName"} {
		if name := l.fields[key]; name != "" {
			return name
		}
	}
	return quotedAfter(l.err(), "node ")
}

// isAboutNode tells whether a line about a pod tells about the node too.
func isAboutNode(l journalLine) bool {
	if l.fields["err"] == "" && l.fields != nil {
		return strings.HasPrefix(l.message, "Eviction manager")
	}
	text := l.err()
	for _, sign := range []string{"NetworkReady=false", "network plugin", "cni plugin not initialized", "container runtime is down", "PLEG is not", "runtime not ready", "eviction manager"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// tell takes what a line says about a pod; false when it says nothing that the API would have.
func (n *nodeJournal) tell(l journalLine) bool {
	ref := podOf(l)
	text := l.err()
	told := false
	for rest := text; ; {
		f, behind, ok := nextFailure(rest)
		if !ok {
			break
		}
		told = n.failure(ref, f, l.at) || told
		rest = behind
	}
	return told || n.startFailed(text) || n.probe(l, ref) || n.volume(l, ref, text) || n.podLine(l, ref, text)
}

// podOf is the pod of a line: of its field, or in one of the forms that errors have.
func podOf(l journalLine) podRef {
	ref := podRef{uid: l.fields["podUID"]}
	if namespace, name, ok := strings.Cut(l.fields["pod"], "/"); ok {
		ref.namespace, ref.name = namespace, name
		return ref
	}
	text := l.err()
	for _, before := range []string{`("`, "pod=", "in pod ", "for pod ", `for "`, "pod "} {
		if _, rest, ok := strings.Cut(text, before); ok {
			if found, ok := parsePodRef(rest); ok {
				return found
			}
		}
	}
	return ref
}

// parsePodRef reads "name_namespace(uid)" at the front of a text.
func parsePodRef(text string) (podRef, bool) {
	text = strings.TrimLeft(text, `"\`)
	head := text[:min(len(text), 400)]
	end := strings.IndexByte(head, '(')
	if quote := strings.IndexByte(head, '"'); quote >= 0 && (end < 0 || quote < end) { // before 1.2 without uid
		end = quote
	}
	if end < 0 {
		return podRef{}, false
	}
	name, namespace, ok := strings.Cut(head[:end], "_")
	if !ok || !isObjectName(name) || !isObjectName(namespace) {
		return podRef{}, false
	}
	uid := ""
	if head[end] == '(' {
		uid, _, _ = strings.Cut(head[end+1:], ")")
	}
	return podRef{namespace: namespace, name: name, uid: uid}, true
}

// failure is one failed step of a pod: `failed to "StartContainer" for "app" with CrashLoopBackOff: "back-off …"`.
type failure struct{ step, target, reason, message string }

// nextFailure finds the first failed step in an error.
func nextFailure(text string) (f failure, rest string, ok bool) {
	_, rest, ok = strings.Cut(text, `failed to "`)
	if !ok {
		return f, "", false
	}
	f.step, rest, ok = strings.Cut(rest, `" for "`)
	if !ok || len(f.step) > 40 {
		return f, "", false
	}
	f.target, rest, _ = strings.Cut(rest, `" with `)
	end := strings.Index(rest, `: "`)
	if end < 0 || end > 200 {
		return f, "", false
	}
	f.reason = rest[:end]
	quoted := rest[end+2:]
	if prefix, err := strconv.QuotedPrefix(quoted); err == nil {
		f.message, _ = strconv.Unquote(prefix)
		return f, quoted[len(prefix):], true
	}
	f.message = strings.TrimSuffix(quoted[1:], `"`)
	return f, "", true
}

// failure takes a failed step as the API has it: a container that waits, or an event.
func (n *nodeJournal) failure(ref podRef, f failure, at time.Time) bool {
	if found, ok := parsePodRef(f.target); ok && ref.name == "" {
		ref = found
	}
	switch f.step {
	case "StartContainer":
		n.waits(ref, "container", f.target, "", f.reason, f.message)
	case "CreatePodSandbox":
		_, why, ok := strings.Cut(f.message, `": `)
		if !ok {
			why = f.message
		}
		n.event(ref, "FailedCreatePodSandBox", "", "Failed to create pod sandbox: "+why, at)
	case "SetupNetwork": // of kubelets that ran docker themselves
		n.event(ref, "FailedCreatePodSandBox", "", "Failed to create pod sandbox: NetworkPlugin cni failed to set up pod: "+f.message, at)
	case "KillPodSandbox", "KillContainer":
		n.event(ref, "FailedKillPod", "", "error killing pod: failed to "+strconv.Quote(f.step)+" for "+strconv.Quote(f.target)+" with "+f.reason+": "+strconv.Quote(f.message), at)
	default:
		return false
	}
	return true
}

// startFailed reads `container &Container{Name:app,Image:…} start failed in pod web_shop(uid): Reason: why`, which
// also says what kind of container it is.
func (n *nodeJournal) startFailed(text string) bool {
	before, rest, ok := strings.Cut(text, " start failed in pod ")
	if !ok {
		return false
	}
	ref, ok := parsePodRef(rest)
	if !ok {
		return false
	}
	_, rest, _ = strings.Cut(rest, "): ")
	reason, message, _ := strings.Cut(rest, ": ")
	kind, image := "container", ""
	name := before[strings.LastIndexByte(before, ' ')+1:]
	if head := strings.TrimLeft(before, " "); strings.HasPrefix(head, "init container") {
		kind = "init container"
	}
	if _, fields, ok := strings.Cut(before, "Container{Name:"); ok {
		name, fields, _ = strings.Cut(fields, ",")
		_, image, _ = strings.Cut(fields, "Image:")
		image, _, _ = strings.Cut(image, ",")
	}
	if !isReason(reason) || name == "" {
		return false
	}
	n.waits(ref, kind, name, image, reason, message)
	return true
}

// pod is the pod of a reference, made when it is new.
func (n *nodeJournal) pod(ref podRef) *corev1.Pod {
	key := "pod " + ref.namespace + "/" + ref.name
	at, seen := n.seen[key]
	if !seen {
		at = len(n.pods)
		n.seen[key] = at
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ref.namespace, Name: ref.name}}
		pod.Spec.NodeName = n.host
		n.pods = append(n.pods, pod)
	}
	if ref.uid != "" {
		n.pods[at].UID = types.UID(ref.uid)
	}
	return n.pods[at]
}

// waits notes that a container waits; the last line about it tells why.
func (n *nodeJournal) waits(ref podRef, kind, name, image, reason, message string) {
	pod := n.pod(ref)
	if pod.Status.Phase == "" {
		pod.Status.Phase = corev1.PodPending
	}
	if reason == "CrashLoopBackOff" {
		pod.Status.Phase = corev1.PodRunning
	}
	specs, statuses := &pod.Spec.Containers, &pod.Status.ContainerStatuses
	if kind == "init container" || indexOf(pod.Status.InitContainerStatuses, name) >= 0 {
		specs, statuses = &pod.Spec.InitContainers, &pod.Status.InitContainerStatuses
		n.notAnApp(pod, name)
	}
	at := indexOf(*statuses, name)
	if at < 0 {
		if at = len(*statuses); at >= maxContainers {
			return
		}
		*statuses = append(*statuses, corev1.ContainerStatus{Name: name})
		*specs = append(*specs, corev1.Container{Name: name})
	}
	if image != "" {
		(*specs)[at].Image, (*statuses)[at].Image = image, image
	}
	if before := (*statuses)[at].State.Waiting; before != nil && reason == "ImagePullBackOff" && before.Reason == "ErrImagePull" {
		// What newer kubelets write themselves (k8s.io/kubernetes/pkg/kubelet/images/image_manager.go).
		message += ": ErrImagePull: " + before.Message
	}
	(*statuses)[at].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// notAnApp removes a container from the others that turns out to be an init container.
func (n *nodeJournal) notAnApp(pod *corev1.Pod, name string) {
	if at := indexOf(pod.Status.ContainerStatuses, name); at >= 0 {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses[:at], pod.Status.ContainerStatuses[at+1:]...)
		pod.Spec.Containers = append(pod.Spec.Containers[:at], pod.Spec.Containers[at+1:]...)
	}
}

func indexOf(statuses []corev1.ContainerStatus, name string) int {
	for i := range statuses {
		if statuses[i].Name == name {
			return i
		}
	}
	return -1
}

// event notes what the kubelet reported as an event; the same again counts.
func (n *nodeJournal) event(ref podRef, reason, container, message string, at time.Time) *corev1.Event {
	key := strings.Join([]string{"event", ref.namespace, ref.name, reason, container, message}, "\x00")
	if reason == "Unhealthy" {
		key += strconv.Itoa(n.renewed)
	}
	if i, seen := n.seen[key]; seen && n.events[i].Reason != overcome {
		known := n.events[i]
		if at.Sub(known.LastTimestamp.Time) > time.Second || at.IsZero() { // else the same in another line
			known.Count++
			known.LastTimestamp = metav1.NewTime(later(known.LastTimestamp.Time, at))
		}
		return known
	}
	n.seen[key] = len(n.events)
	about := corev1.ObjectReference{Kind: "Pod", Namespace: ref.namespace, Name: ref.name, UID: types.UID(ref.uid)}
	if container != "" {
		about.FieldPath = "spec.containers{" + container + "}"
	}
	n.events = append(n.events, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: ref.namespace}, InvolvedObject: about, Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		Count: 1, FirstTimestamp: metav1.NewTime(at), LastTimestamp: metav1.NewTime(at), Source: corev1.EventSource{Component: "kubelet", Host: n.host},
	})
	return n.events[len(n.events)-1]
}

// finish adds what the journal told.
func (n *nodeJournal) finish() {
	told := n.imagesTold()
	for _, pull := range n.pulls {
		if !told[pull.image] {
			n.event(podRef{}, "Failed", "", "Failed to pull image "+strconv.Quote(pull.image)+": "+pull.err, pull.at)
		}
	}
	n.notReady()
	for _, pod := range n.pods {
		n.p.add(pod)
	}
	for _, event := range n.events {
		if event.Reason != overcome {
			n.p.add(event)
		}
	}
	if n.host == "" && n.p.command.isJournal() {
		n.host = n.p.command.host
	}
	if len(n.log) > 0 {
		n.p.logs = append(n.p.logs, evidence.Log{Node: nodeOr(n.host), Text: n.log})
	}
}

// imagesTold are the images that containers wait for.
func (n *nodeJournal) imagesTold() map[string]bool {
	told := map[string]bool{}
	for _, pod := range n.pods {
		for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
			for i := range statuses {
				told[statuses[i].Image] = true
				if w := statuses[i].State.Waiting; w != nil {
					told[quotedAfter(w.Message, "image ")] = true
				}
			}
		}
	}
	return told
}
