package engine

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
	"github.com/kube-remedy/kube-remedy/engine/gist"
)

// What the gist of a text must be sure of before it is listened to, as probabilities, and how sure the evidence may
// be, in percent. They were chosen on texts from which it had not learned.
const (
	// speaks: a text in which nothing was found is about a failure.
	speaks = 0.8
	// surely: a text in which no word of trouble is says that it is about a failure.
	surely = 0.9
	// overrules: a text is about another failure than the generic cause that was found, or one that is no surer than
	// sure.
	overrules, sure = 0.85, 75
	// clears: a text is about no failure, where one was found that is no surer than unsure, in logs or prose.
	clears, unsure = 0.9, 50
	// denies: a text is about no failure, where all that one was found by are words that may only be spoken of.
	denies = 0.02
	// listing: a text of more workloads than these is a list of many, and no one of them is what it is about.
	listing = 5
)

// withGist asks for the gist of a text where nothing was found in it, or nothing that is sure. It adds nothing to a
// text in which something works, tells what the text is about before a cause that is not sure, and takes back only
// what was hardly believed, or what was found by words alone in a text that reads like one about nothing that is wrong.
func (e *Engine) withGist(found []Diagnosis, workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	retold := !slices.ContainsFunc(workloads, observedMore)
	if len(observations.Text) == 0 || len(workloads) > listing || len(found) > 0 && !found[0].generic && found[0].Finding.Confidence > sure && !retold {
		return found
	}
	about := gist.BuiltIn().Read(observations.Text)
	if retold && len(found) > 0 && about.Failing < denies && onlySpoken(found[0]) {
		return nil
	}
	if rest := withoutIdle(observations.Text); len(found) == 0 && len(rest) < len(observations.Text) {
		if len(bytes.TrimSpace(rest)) == 0 {
			return nil
		}
		if of := gist.BuiltIn().Read(rest); of.Failing < about.Failing {
			about = of
		}
	}
	switch {
	case len(found) == 0:
		if about.Type == v1alpha1.NodeNotReady && onlyPods(workloads) {
			return nil
		}
		if about.Failing < speaks || onlyNormal(workloads, observations) || onlyAside(workloads, observations) || slices.ContainsFunc(workloads, func(observed evidence.Evidence) bool { return e.worked(observed, about.Type) }) {
			return nil
		}
		ends := gist.Ends(observations.Text)
		if (about.Failing < surely || !lacking.Match(ends)) && !troubling.Match(ends) {
			return nil
		}
		if about.Type == v1alpha1.CrashLoopBackOff && !slices.ContainsFunc(workloads, observedMore) && (unworried(ends) || !harsh.Match(ends)) {
			return nil
		}
		if about.Type == v1alpha1.CrashLoopBackOff && (mild(ends) || e.endsInWork(ends)) || silent(ends, gist.BuiltIn().Telling(observations.Text, about.Type)) {
			return nil
		}
		return e.told(about, workloads, observations)
	case 1-about.Failing >= clears && found[0].Finding.Confidence <= unsure && retold:
		return nil
	case about.Probability >= overrules && overruled(found[0].FailureType, about.Type) && (about.Type != v1alpha1.Pending || !slices.ContainsFunc(workloads, placed)):
		return append(e.told(about, workloads, observations), found...)
	default:
		return found
	}
}

// observedMore reports whether more is known of a workload than logs.
func observedMore(observed evidence.Evidence) bool {
	return len(observed.Pods)+len(observed.Containers)+len(observed.Events)+len(observed.Conditions)+len(observed.Nodes) > 0
}

// onlySpoken reports whether a cause was found by nothing but what stands somewhere in a text.
func onlySpoken(found Diagnosis) bool {
	return !slices.ContainsFunc(found.Finding.Evidence, func(cited v1alpha1.Citation) bool { return cited.Source != spokenOf })
}

// overruled reports whether another failure type says more than the one that was found: that a container ends says
// nothing new where a probe ends it.
func overruled(found, told v1alpha1.FailureType) bool {
	return told != found && (found != v1alpha1.ProbeFailure || told != v1alpha1.CrashLoopBackOff)
}

// placed reports whether a pod of the workload was given to a node.
func placed(observed evidence.Evidence) bool {
	return slices.ContainsFunc(observed.Pods, func(pod evidence.Pod) bool { return pod.Spec.NodeName != "" }) ||
		slices.ContainsFunc(observed.Events, func(event evidence.Event) bool {
			return event.Reason == "Scheduled" && strings.HasPrefix(event.Message, "Successfully assigned ")
		})
}

// told gives the diagnosis that a text's gist comes to, of the only workload that is named in it.
func (e *Engine) told(about gist.Gist, workloads []evidence.Evidence, observations evidence.Observations) []Diagnosis {
	observed := evidence.Evidence{ObservedAt: observations.At}
	if len(workloads) == 1 {
		observed.Workload = workloads[0].Workload
	}
	h := newHistory(observed)
	fact := catalog.Fact{Place: catalog.Gist, Reason: string(about.Type), Message: gist.BuiltIn().Telling(observations.Text, about.Type), Count: 1, Source: "the words of the text"}
	var found []Diagnosis
	for _, candidate := range fold(e.candidates(h, e.catalog.Match([]catalog.Fact{fact}))) {
		found = append(found, withRemedies(candidate.diagnosis(h), &h.observed))
	}
	return found
}

// onlyNormal reports whether all that is known are events of type Normal, which were understood, and none often.
func onlyNormal(workloads []evidence.Evidence, observations evidence.Observations) bool {
	events := 0
	for _, observed := range workloads {
		if len(observed.Events) > 0 && !slices.ContainsFunc(observed.Events, func(event evidence.Event) bool { return !awaitsVolume(event, observed) }) {
			events += len(observed.Events)
			continue
		}
		if len(observed.Pods)+len(observed.Conditions)+len(observed.Nodes) > 0 || slices.ContainsFunc(observed.Claims, func(claim evidence.Claim) bool { return !waitsShortly(claim, observed) }) ||
			slices.ContainsFunc(observed.Events, func(event evidence.Event) bool { return event.Type != corev1.EventTypeNormal || event.Count >= often }) {
			return false
		}
		events += len(observed.Events)
	}
	return events > 0 && len(observations.Logs) == 0
}

// awaitsVolume reports whether an event says that a claim which nobody uses yet waits, or one whose volume is being made for a
// moment.
func awaitsVolume(event evidence.Event, observed evidence.Evidence) bool {
	switch event.Reason {
	case "WaitForFirstConsumer":
		return true
	case "Provisioning", "ExternalProvisioning":
		return !event.First.IsZero() && observed.ObservedAt.Sub(event.First) < claimPatience
	default:
		return false
	}
}

// onlyPods reports whether all that is known are rows and descriptions of pods: none is about a node.
func onlyPods(workloads []evidence.Evidence) bool {
	return len(workloads) > 0 && !slices.ContainsFunc(workloads, func(observed evidence.Evidence) bool {
		return len(observed.Pods) == 0 || len(observed.Nodes)+len(observed.Events)+len(observed.Logs) > 0
	})
}

// waitsShortly reports whether a claim was made a moment ago.
func waitsShortly(claim evidence.Claim, observed evidence.Evidence) bool {
	return claim.Phase == string(corev1.ClaimPending) && !claim.Created.IsZero() && observed.ObservedAt.Sub(claim.Created) < claimPatience
}

// aside are the kinds of objects of which no event says that a workload fails, and the reasons of events that say so of none.
var aside = map[string]bool{
	"service": true, "endpoints": true, "endpointslice": true, "ingress": true, "horizontalpodautoscaler": true, "poddisruptionbudget": true,
	"persistentvolume": true, "lease": true, "serviceaccount": true, "certificate": true, "certificaterequest": true, "nodeclaim": true, "nodepool": true,
	"MissingClusterDNS": true, "DNSConfigForming": true, "CheckLimitsForResolvConf": true, "PossibleMemoryBackedVolumesOnDisk": true, // the kubelet's
	"UnexpectedJob": true, "MissSchedule": true, "JobAlreadyActive": true, // the CronJob controller's
	"FailedToUpdateEndpoint": true, "FailedToUpdateEndpointSlices": true, "SyncLoadBalancerFailed": true, "PolicyViolation": true,
}

// onlyAside reports whether all that is known are events, and those that warn say nothing of a workload.
func onlyAside(workloads []evidence.Evidence, observations evidence.Observations) bool {
	events := 0
	for _, observed := range workloads {
		if len(observed.Pods)+len(observed.Conditions)+len(observed.Claims)+len(observed.Nodes) > 0 ||
			slices.ContainsFunc(observed.Events, func(event evidence.Event) bool {
				kind, _, _ := strings.Cut(event.Object, "/")
				return event.Type != corev1.EventTypeNormal && !aside[kind] && !aside[event.Reason]
			}) {
			return false
		}
		events += len(observed.Events)
	}
	return events > 0 && len(observations.Logs) == 0
}

// well is how Kubernetes and its tools say that something is as it should.
var well = regexp.MustCompile(`status is now: Node(?:HasNo|HasSufficient|Ready|Schedulable)|\bKubeletHas(?:No|Sufficient)|\bKernelHasNoDeadlock|\bNode condition \w+ is now: False\b|\bFilesystemIsNotReadOnly` +
	`|\bNetworkReady=true|\bcondition met\s*\z|\bphase Bound\b|\bRunning \((?:1/1|2/2|3/3)\)|(?m:^-- No entries --$)|\bhas joined the cluster|\bsome Nodes are Ready\. Exiting` +
	`|\bConfiguration complete; ready for start up|\bFinished with success|\bexited with code 0\s*\z|\b[1-9]\d* Succeeded / 0 Failed\b|(?m:^Completed At:)|not-ready removed from node` +
	`|\bis waiting to start: (?:ContainerCreating|PodInitializing)\s*\z|\bStarted kubelet[^\n]*\s*\z|\bcontainer finished".* exitCode=0\s*\z|\bcommand terminated with exit code \d+\s*\z|\bprevious terminated container "[^"]*" in pod "[^"]*" not found|\bTaints: +node-role\.kubernetes\.io/\S+\s*\z`)

// worked reports whether something in the evidence of a workload works, or has overcome what its events tell of: any of
// it, or, where a probe is said to fail, the failures of probes.
func (e *Engine) worked(observed evidence.Evidence, about v1alpha1.FailureType) bool {
	h := newHistory(observed)
	if about == v1alpha1.Pending && (h.hasNode() || h.justMade()) {
		return true // whatever keeps it from running, it does not wait for a node, or not for long
	}
	if about == v1alpha1.NodeNotReady && slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool {
		return event.Reason == "DisruptionTerminating" || strings.HasPrefix(event.Reason, "ScaleDown")
	}) {
		return true // somebody took the node away
	}
	return h.works() || slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool {
		_, step := supersedes[event.Reason]
		if _, ofNode := recovers[event.Reason]; ofNode {
			step = true
		}
		return event.Type != corev1.EventTypeNormal && (h.superseded(event) || (step || isStep(event, about)) && !h.eventMatters(event))
	})
}

// hasNode reports whether a pod whose containers are known was given to a node.
func (h *history) hasNode() bool {
	return len(h.observed.Containers) > 0 && slices.ContainsFunc(h.observed.Pods, func(pod evidence.Pod) bool {
		return pod.Spec.NodeName != "" || slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
			return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionTrue
		})
	})
}

// justMade reports whether all pods are so young that they may well wait: for longer when one has found its node.
func (h *history) justMade() bool {
	placed := slices.ContainsFunc(h.observed.Pods, func(pod evidence.Pod) bool { return pod.Spec.NodeName != "" })
	enough := young
	if !placed {
		enough = rowPatience
		if slices.ContainsFunc(h.observed.Pods, func(pod evidence.Pod) bool { return len(pod.Spec.Containers) > 0 && pod.Spec.Containers[0].Image != "" }) {
			return false // somebody described it
		}
	}
	return len(h.observed.Pods) > 0 && !h.observed.ObservedAt.IsZero() && !slices.ContainsFunc(h.observed.Pods, func(pod evidence.Pod) bool {
		return pod.Created.IsZero() || h.now.Sub(pod.Created) >= enough
	})
}

// isStep reports whether an event tells of what pods with a failure of a type can't get past.
func isStep(event evidence.Event, about v1alpha1.FailureType) bool {
	switch event.Reason {
	case "Unhealthy":
		return about == v1alpha1.ProbeFailure
	case "Failed", "BackOff":
		return isPull(event) == (about == v1alpha1.ImagePullBackOff) && (isPull(event) || about == v1alpha1.CrashLoopBackOff)
	case "FailedScheduling", "NotTriggerScaleUp":
		return about == v1alpha1.Pending
	case "FailedMount", "FailedAttachVolume":
		return about == v1alpha1.Pending || about == v1alpha1.CrashLoopBackOff
	default:
		return false
	}
}

// silent reports whether a text, or the line of it that tells most, says nothing of what happened: usage, a count of
// nothing, what somebody tried, an expression that looks for messages and the like.
func silent(text []byte, telling string) bool {
	at := bytes.Index(text, []byte(telling))
	return well.Match(text) || spoken(text) == nil || tellsNothing(telling) || searching.MatchString(telling) || listed.MatchString(telling) ||
		at >= 0 && len(telling) > 0 && len(bytes.TrimSpace(quiet(text)[at:at+len(telling)])) == 0
}

// troubling are words of trouble, of which one stands in nearly all texts about failures.
var troubling = regexp.MustCompile(`(?i)error|fatal|panic|fail|exception|exit|denied|refused|not found|can ?not|can't|could ?n[o']t|unable|kill|crash|abort|back-?off|terminat|(?-i:[Rr]estart)|time(?:d)? ?out|invalid|missing|stop|not ready|notready|unhealthy|pending|insufficient|oom|memory|evict|[À-ÿ\p{Cyrillic}\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]`)

// harsh are words of which one stands in nearly all logs of programs that end: those that come up may lack them all.
var harsh = regexp.MustCompile(`(?i)err|fatal|panic|fail|exception|exit|denied|refused|not found|no such|can ?not|can't|could ?n[o']t|unable|kill|crash|abort|back-?off|terminat|timed? ?out|invalid|missing|stop|not |no |unknown|unexpected|malformed|corrupt|parse|syntax|expected|must|required|unsupported|illegal|bad |wrong|trap|fault|dump|traceback|warn|\bsig|oom|memory|restart|-bash|: line \d|[À-ÿ\p{Cyrillic}\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]`)

// goesOnAnyway is a line about trouble that its writer means to live with, or to try again for the first time.
var goesOnAnyway = regexp.MustCompile(`(?i)\b(?:skipping|disabling|ignoring)\b|\bwill be ignored\b|\btrying next\b|, creating\b|\battempt #?1\b|\b(?:will retry|retrying)\b(?:[^(]*| \(1/\d+\)[^(]*)$|\busing defaults\b|\bnot (?:up|ready) yet\b|\bI may be the first\b`)

// unworried reports whether the only line of trouble of a text, its last, is one that its writer means to live with.
func unworried(text []byte) bool {
	count := 0
	last := false
	for line := range bytes.Lines(text) {
		line = line[:min(len(line), maxSpoken)]
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if last = goesOnAnyway.Match(bytes.TrimSpace(line)); last {
			count++
		}
	}
	return last && count == 1
}

// lacking is how tables and descriptions say that something is not there, without a word of trouble.
var lacking = regexp.MustCompile(`(?i)\b0/\d|available|waiting|unknown|\b0 (?:ready|running)|false|pressure|unreachable|backoff|disabled|evict|no |\bnot\b|required|traceback|\bAGE\b|\b(?:down|unable|bad)\b`)

// endsInWork reports whether the last line of a text is one of normal work.
func (e *Engine) endsInWork(text []byte) bool {
	return slices.ContainsFunc(e.catalog.MatchLog(catalog.Fact{}, text), func(hit *catalog.Hit) bool {
		_, end, inLog := hit.LastLine()
		return inLog && hit.Signature.Role == catalog.Recovery && hit.Signature.FailureType == "" && len(bytes.TrimSpace(text[end:])) == 0
	})
}

// mildly is a line of which its writer says that it is no error.
var mildly = regexp.MustCompile(`\b[A-Z]\w+Warning: |\bwarnings\.warn\(|^(?:\S+ )?[IWD]\d{4} \d\d:\d\d:\d\d|\blevel=(?:info|warn|warning|debug)\b|"(?:level|severity)": ?"(?i:info|warn|warning|debug)"|^(?:[a-z][\w-]* )?[^a-z]*\b(?:INFO|WARN|WARNING|DEBUG|NOTICE)\b|^[^a-z]*\[(?:info|warn|warning|debug|notice|Note|Warning)\]`)

// mild reports whether a text is the log of a program that tells of no error, or goes on for some lines after the last: one
// that ends for a reason says so.
func mild(text []byte) bool {
	const goesOn = 3
	lines, last := 0, 0
	harsh := false
	for line := range bytes.Lines(text) {
		switch line = bytes.TrimLeft(line[:min(len(line), maxSpoken)], " \t"); {
		case len(bytes.Trim(line, " \t\r\n.[]…")) == 0:
			continue
		case !mildly.Match(line):
			harsh, last = true, 0
		case informs.Match(line):
			last++
		default:
			last = 0
		}
		lines++
	}
	return lines > 0 && (!harsh || last >= goesOn)
}

// informs is a line that its writer took for no more than information.
var informs = regexp.MustCompile(`^(?:\S+ )?I\d{4} \d\d:\d\d:\d\d|\blevel=info\b|"(?:level|severity)": ?"(?i:info)"|^(?:[a-z][\w-]* )?[^a-z]*(?:\bINFO\b|\[(?:info|Note)\])`)
