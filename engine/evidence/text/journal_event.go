package text

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// probe reads what the prober says, structured or as it did before 1.20, as the event that it reports.
func (n *nodeJournal) probe(l journalLine, ref podRef) bool {
	kind, container := l.fields["probeType"], l.fields["containerName"]
	switch {
	case l.message == "Probe failed" && kind != "":
		n.unhealthy(ref, kind, n.event(ref, "Unhealthy", container, kind+" probe failed: "+l.fields["output"], l.at))
		return true
	case l.message == "Probe errored" && kind != "":
		how := " probe errored: "
		if result := l.fields["probeResult"]; result != "" {
			how = " probe errored and resulted in " + result + " state: "
		}
		n.event(ref, "Unhealthy", container, kind+how+l.fields["err"], l.at)
		return true
	case l.message == "SyncLoop (probe)" && ref.name != "":
		n.probeResult(l, ref)
		return true
	case l.fields != nil || !strings.HasPrefix(l.file, "prober"):
		return false
	}
	// Liveness probe for "web-1_shop(uid):app" failed (failure): HTTP probe failed with statuscode: 503
	kind, rest, ok := strings.Cut(l.message, ` probe for "`)
	if !ok {
		return false
	}
	ref, ok = parsePodRef(rest)
	_, rest, _ = strings.Cut(rest, "):")
	container, rest, _ = strings.Cut(rest, `" `)
	_, output, _ := strings.Cut(rest, "): ")
	if strings.HasPrefix(rest, "succeeded") || strings.HasSuffix(l.message, `" succeeded`) {
		n.over(ref, "Unhealthy")
		return ok
	}
	if ok {
		n.event(ref, "Unhealthy", container, kind+" probe failed: "+output, l.at)
	}
	return ok
}

// probeResult notes what the kubelet does about the result of a probe
// (k8s.io/kubernetes/pkg/kubelet/kubelet.go, syncLoopIteration). A pod that became ready forgets what was before.
func (n *nodeJournal) probeResult(l journalLine, ref podRef) {
	key := ref.namespace + "/" + ref.name
	probe, status := l.fields["probe"], l.fields["status"]
	switch {
	case status == "ready" || status == "started":
		delete(n.unready, key)
		n.healthy(ref, probe)
	case probe == "readiness" || status == "unhealthy":
		if n.unready == nil {
			n.unready = map[string]*unready{}
		}
		found := n.unready[key]
		if found == nil {
			if len(n.unready) >= maxPulls {
				return
			}
			found = &unready{ref: ref}
			n.unready[key] = found
		}
		found.times++
		found.at = later(found.at, l.at)
		if status == "unhealthy" || found.probe == "" {
			found.probe = probe
		}
	}
}

// unhealthy keeps the event of a probe that failed, for when it succeeds.
func (n *nodeJournal) unhealthy(ref podRef, probe string, event *corev1.Event) {
	if n.failed == nil {
		n.failed = map[string][]*corev1.Event{}
	}
	key := strings.ToLower(probe) + " " + ref.namespace + "/" + ref.name
	if known := n.failed[key]; len(known) < maxPulls && !slices.Contains(known, event) {
		n.failed[key] = append(known, event)
	}
}

// healthy forgets how a probe failed that has succeeded: what comes after that is told anew.
func (n *nodeJournal) healthy(ref podRef, probe string) {
	key := probe + " " + ref.namespace + "/" + ref.name
	for _, event := range n.failed[key] {
		event.Reason = overcome
	}
	if n.failed[key] != nil {
		delete(n.failed, key)
		n.renewed++
	}
}

// notReady adds the events of the pods whose probes failed to the last.
func (n *nodeJournal) notReady() {
	for _, key := range slices.Sorted(maps.Keys(n.unready)) {
		found := n.unready[key]
		if found.times < 2 {
			continue // that of a start
		}
		event := n.event(found.ref, "Unhealthy", "", strings.ToUpper(found.probe[:1])+found.probe[1:]+" probe failed", found.at) // why is told elsewhere
		event.Count = int32(min(found.times+1, 1<<20))                                                                           // the kubelet speaks up after some failures
	}
}

// volume reads errors of volumes as the event that the kubelet reports, which leaves out the names for machines:
// MountVolume.SetUp failed for volume "config" (UniqueName: "…") pod "web-1" (UID: "…") : configmap "c" not found.
func (n *nodeJournal) volume(l journalLine, ref podRef, text string) bool {
	if l.message == "Unable to attach or mount volumes for pod; skipping pod" || strings.HasPrefix(text, "unmounted volumes=[") {
		n.event(ref, "FailedMount", "", "Unable to attach or mount volumes: "+text, l.at)
		return true
	}
	if strings.HasPrefix(text, "Unable to mount volumes for pod ") && ref.name != "" {
		n.event(ref, "FailedMount", "", strings.TrimSuffix(text, "; skipping pod"), l.at)
		return true
	}
	if strings.HasPrefix(l.message, "Operation for ") && strings.Contains(text, "Volume not attached according to node status for volume ") {
		_, why, _ := strings.Cut(text, "Volume not attached ")
		if ref.name == "" {
			ref.name = quotedAfter(strings.ReplaceAll(why, `\"`, `"`), "pod ")
		}
		n.event(ref, "FailedMount", "", "VerifyControllerAttachedVolume failed for volume "+strconv.Quote(quotedAfter(strings.ReplaceAll(why, `\"`, `"`), "volume "))+" : volume not attached according to node status", l.at)
		return true
	}
	if strings.Contains(text, ` failed for volume \"`) { // the error stands in quotes
		text = strings.ReplaceAll(text, `\"`, `"`)
	}
	before, rest, ok := strings.Cut(text, ` failed for volume "`)
	if !ok {
		return false
	}
	step := before[strings.LastIndexAny(before, ` :"`)+1:]
	reason := volumeReason(step)
	name, rest, _ := strings.Cut(rest, `" `)
	details, why, ok := strings.Cut(rest, ` : `)
	if reason == "" || !ok {
		return false
	}
	if pod := quotedAfter(details, "pod "); pod != "" && ref.name == "" {
		ref.name = pod
		_, uid, _ := strings.Cut(details, `(UID: "`)
		ref.uid, _, _ = strings.Cut(uid, `"`)
	}
	n.event(ref, reason, "", step+` failed for volume "`+name+`" : `+why, l.at)
	return true
}

// volumeReason is the reason of the event about a step of a volume; empty for steps without one.
func volumeReason(step string) string {
	switch kind, _, _ := strings.Cut(step, "."); kind {
	case "MountVolume", "VerifyControllerAttachedVolume":
		return "FailedMount"
	case "AttachVolume":
		return "FailedAttachVolume"
	case "MapVolume":
		return "FailedMapVolume"
	default:
		return ""
	}
}

// podLine reads the other lines about one pod.
func (n *nodeJournal) podLine(l journalLine, ref podRef, text string) bool {
	switch {
	case l.message == "Message for Container of pod":
		n.killing(ref, l)
		return true
	case l.message == "Failed to pull image" && l.fields["image"] != "", l.message == "PullImage from image service failed" && l.fields["image"] != "":
		n.pulled(l)
		return true
	case strings.HasPrefix(l.message, `SyncLoop (DELETE, "api"): "`): // before 1.22
		if ref, ok := parsePodRef(strings.TrimPrefix(l.message, `SyncLoop (DELETE, "api"): `)); ok {
			n.deleted(ref.namespace+"/"+ref.name, l.at)
		}
		return true
	case l.message == "SyncLoop DELETE":
		n.deleted(l.fields["pods"], l.at)
		return true
	case l.fields == nil && pullFailed(l.message).image != "":
		n.pulls = append(n.pulls[:min(len(n.pulls), maxPulls-1)], pullFailed(l.message))
		return true
	case l.message == "Pod admission denied" && l.fields["reason"] != "":
		pod := n.pod(ref)
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, l.fields["reason"], "Pod was rejected: "+l.fields["message"]
		return true
	case l.message == "Observed pod startup duration" && ref.name != "":
		n.runs(ref)
		return true
	case wasEvicted(l):
		pod := n.pod(ref)
		pod.Status.Phase, pod.Status.Reason = corev1.PodFailed, "Evicted"
		if n.reclaimed != "" {
			pod.Status.Message = "The node was low on resource: " + n.reclaimed + ". "
		}
		return true
	case strings.HasPrefix(text, `Failed to pull image "`): // of the kubelet before 1.3, which ran docker itself
		pod, why, ok := strings.Cut(text, ` from pod "`)
		ref, known := parsePodRef(why)
		if _, why, found := strings.Cut(why, `": `); ok && known && found {
			n.event(ref, "Failed", quotedAfter(text, "container "), pod+": "+why, l.at)
		}
		return ok && known
	case l.message == "Failed to create sandbox for pod":
		n.event(ref, "FailedCreatePodSandBox", "", "Failed to create pod sandbox: "+text, l.at)
		return true
	case strings.Contains(l.message, "PodSandbox ") && sandboxError(l) != "":
		n.event(ref, "FailedCreatePodSandBox", "", "Failed to create pod sandbox: "+sandboxError(l), l.at)
		return true
	case strings.HasPrefix(text, "Error syncing pod ") && ref.name != "": // without a failed step
		if _, why, ok := strings.Cut(text, ", skipping: "); ok {
			n.event(ref, "FailedSync", "", "Error syncing pod, skipping: "+why, l.at)
			return true
		}
		return false
	case strings.HasPrefix(text, "network is not ready: ") && ref.name != "":
		n.event(ref, "NetworkNotReady", "", text, l.at)
		return true
	default:
		return false
	}
}

// runs forgets why the containers of a pod waited that now runs.
func (n *nodeJournal) runs(ref podRef) {
	pod := n.pod(ref)
	pod.Status.Phase = corev1.PodRunning
	for i := range pod.Status.ContainerStatuses {
		if state := &pod.Status.ContainerStatuses[i].State; state.Waiting != nil {
			*state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
			pod.Status.ContainerStatuses[i].Ready = true
		}
	}
}

// wasEvicted recognises what the kubelet writes once a pod that it evicted has ended, over the releases.
func wasEvicted(l journalLine) bool {
	return l.message == "Eviction manager: pod is evicted successfully" || strings.HasPrefix(l.message, "eviction manager: pod ") && strings.HasSuffix(l.message, " evicted successfully")
}

// reclaims notes for want of what the kubelet is about to evict pods.
func (n *nodeJournal) reclaims(l journalLine) {
	switch rest, old := strings.CutPrefix(l.message, "eviction manager: must evict pod(s) to reclaim "); {
	case old:
		n.reclaimed = rest
	case l.message == "Eviction manager: must evict pod(s) to reclaim", l.message == "Eviction manager: attempting to reclaim":
		n.reclaimed = l.fields["resourceName"]
	}
}

// killing is the event about a container that a probe or a changed specification ended.
func (n *nodeJournal) killing(ref podRef, l journalLine) {
	event := n.event(ref, "Killing", l.fields["containerName"], l.fields["containerMessage"], l.at)
	event.Type = corev1.EventTypeNormal
}

// pulled notes an image that could not be pulled, whose pod another line may tell.
func (n *nodeJournal) pulled(l journalLine) {
	for i := range n.pulls {
		if n.pulls[i].image == l.fields["image"] {
			n.pulls[i].err = l.fields["err"]
			return
		}
	}
	if len(n.pulls) < maxPulls {
		n.pulls = append(n.pulls, pull{l.fields["image"], l.fields["err"], l.at})
	}
}

// maxPulls bounds how many images are kept, which are compared with each other.
const maxPulls = 64

// sandboxError is why no sandbox could be made, in the two lines of which each step of the kubelet writes one, as
// releases with and without structured lines word them; nothing for other lines.
func sandboxError(l journalLine) string {
	if l.fields != nil {
		if l.message == "RunPodSandbox from runtime service failed" || l.message == "CreatePodSandbox for pod failed" {
			return l.fields["err"]
		}
		return ""
	}
	if rest, ok := strings.CutPrefix(l.message, "RunPodSandbox from runtime service failed: "); ok {
		return rest
	}
	rest, ok := strings.CutPrefix(strings.TrimPrefix(l.message, "C"), "reatePodSandbox for pod ")
	if !ok {
		rest, ok = strings.CutPrefix(l.message, "createPodSandbox for pod ")
	}
	if _, why, failed := strings.Cut(rest, " failed: "); ok && failed {
		return why
	}
	return ""
}

// pullFailed reads the lines about an image that could not be pulled, of kubelets without structured lines.
func pullFailed(message string) pull {
	for _, form := range [...][2]string{{`PullImage "`, `" from image service failed: `}, {`Pull image "`, `" failed: `}} {
		rest, ok := strings.CutPrefix(message, form[0])
		if image, why, failed := strings.Cut(rest, form[1]); ok && failed {
			return pull{image: image, err: why}
		}
	}
	return pull{}
}

// deleted notes that pods are being deleted, of which the kubelet names a list: what fails then is their end.
func (n *nodeJournal) deleted(list string, at time.Time) {
	for _, named := range strings.Split(strings.Trim(list, "[]"), ",") {
		namespace, name, ok := strings.Cut(strings.Trim(named, `" `), "/")
		if ok && isObjectName(namespace) && isObjectName(name) {
			deletion := metav1.NewTime(at)
			n.pod(podRef{namespace: namespace, name: name}).DeletionTimestamp = &deletion
		}
	}
}
