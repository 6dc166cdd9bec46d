package text

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"time"
)

// success is a line that tells that something was reached at last, and of what.
type success struct {
	// sign stands in all such lines.
	sign string
	// form captures what it is about: a pod, an image, a claim or a node.
	form *regexp.Regexp
	// over is what is over with it: earlier lines about the same that say so.
	over *regexp.Regexp
}

var (
	scheduling   = regexp.MustCompile(`(?i)schedul|\bfit\b|nodes are available|preempt`)
	admitting    = regexp.MustCompile(`(?i)admitted|preempt|quota`)
	fetching     = regexp.MustCompile(`(?i)pull|manifest|resolve|trying next host|Failed`)
	asked        = regexp.MustCompile(`(?i)probe|health|unhealthy`)
	provisioning = regexp.MustCompile(`(?i)provision|claim`)
	notReady     = regexp.MustCompile(`(?i)not ?ready`)
	attaching    = regexp.MustCompile(`(?i)attach`)
	exiting      = regexp.MustCompile(`\b(?:exited: |gave up: )`)
	stopping     = regexp.MustCompile(`(?i)\b(?:kill|die)\b`)
)

// successes are how the programs of a cluster say that they got there: the scheduler, containerd, the kubelet, the
// external provisioner, a registry, Docker, and tools that wait for them.
var successes = []success{
	{"Successfully bound pod", regexp.MustCompile(`Successfully bound pod to node" pod="([^"]+)"`), scheduling},
	{"Successfully assigned ", regexp.MustCompile(`Successfully assigned (\S+) to `), scheduling},
	{"successfully admitted", regexp.MustCompile(`successfully admitted.*"workload":"([^"]+)"`), admitting},
	{"[event: pod ", regexp.MustCompile(`\[event: pod (\S+)\] (?:Pulled|Created|Started)`), scheduling},
	{"returns image reference", regexp.MustCompile(`PullImage \\?"([^"\\]+)\\?" returns image reference`), fetching},
	{"ulled image ", regexp.MustCompile(`[Pp]ulled image \\?"([^"\\]+)\\?"`), fetching},
	{`"PUT /v2/`, regexp.MustCompile(`"PUT (/v2/\S+/manifests/\S+) HTTP/[\d.]+" 201`), fetching},
	{"method=PUT", regexp.MustCompile(`http\.request\.method=PUT http\.request\.uri="(/v2/[^"]+/manifests/[^"]+)"`), fetching},
	{"SyncLoop (probe)", regexp.MustCompile(`status="(?:ready|started)" pod="([^"]+)"`), asked},
	{"succeeded", regexp.MustCompile(`provision "([^"]+)" class "[^"]*": succeeded`), provisioning},
	{"provisioned", regexp.MustCompile(`volume "pvc-([^"]+)" provisioned`), provisioning},
	{"Bound", regexp.MustCompile(`\sBound\s+pvc-(\S+)`), provisioning},
	{"Attached ", regexp.MustCompile(`\bAttached "([^"]+)"`), attaching},
	{" is ready", regexp.MustCompile(`\bnode "([^"]+)" is ready`), notReady},
	{"Node is Ready again", regexp.MustCompile(`Node is Ready again" node="([^"]+)"`), notReady},
	{"succeeded", regexp.MustCompile(`\bprobe for "([\w.-]+)\(\S+" succeeded`), asked},
	{" tasks running", regexp.MustCompile(`\bjob (\S+): \d+/\d+ tasks running`), scheduling}, // Volcano
	{"entered RUNNING state", regexp.MustCompile(`\bsuccess: (\S+) entered RUNNING state`), exiting},
	{"container ", regexp.MustCompile(`container (?:stop|destroy) (\S+) \(`), stopping}, // Docker tells of a stop that was asked for
}

// reached says where a text last tells that something was reached, and what is over with it.
type reached struct {
	at   int
	over *regexp.Regexp
}

// eventColumns are the type of an event in a table, or its age at the beginning.
var eventColumns = regexp.MustCompile(`\b(?:Normal|Warning)(?:\s{2}|\t)|\t\t|^\s*(?:\d+[smhdy])+\s`)

// maxReached bounds how many names are kept in memory.
const maxReached = 1 << 10

// maxTold bounds how much of a line is asked, in bytes.
const maxTold = 2 << 10

// withoutOvercome gives a text without the lines that tell of trouble which a later line about the same pod, image, claim
// or node says is over.
func withoutOvercome(text []byte) []byte {
	last := whatWasReached(text)
	if len(last) == 0 {
		return text
	}
	var kept []byte
	at, copied := 0, 0
	continued := false // the line before was left out, and this one may belong to it
	for line := range bytes.Lines(text) {
		start := line[:min(len(line), maxTold)]
		headed := isKlog(string(start[:min(len(start), 40)]))
		if continued = continued && !headed || isOver(start, at, last); continued {
			kept = append(kept, text[copied:at]...)
			copied = at + len(line)
			continued = headed
		}
		at += len(line)
	}
	if copied == 0 {
		return text
	}
	return append(kept, text[copied:]...)
}

// networkNotReady is what a kubelet says each five seconds while its network plugin is not ready
// (k8s.io/kubernetes/pkg/kubelet/kubelet.go, updateRuntimeUp and runtimeUpdatePeriod).
var networkNotReady = []byte("ontainer runtime network not ready")

// longSilence is three times as long as it takes until that is said again.
const longSilence = 15 * time.Second

// withoutFormer gives a text without what a kubelet said of its network while that was not ready, when it has said other
// things for longer than it takes to say it again.
func withoutFormer(text []byte) []byte {
	at := bytes.LastIndex(text, networkNotReady)
	if at < 0 {
		return text
	}
	said, rest, _ := bytes.Cut(text[bytes.LastIndexByte(text[:at], '\n')+1:], []byte("\n"))
	writer, since := timeOfDay(said)
	var last time.Time
	for line := range bytes.Lines(rest) {
		if by, at := timeOfDay(line); by != "" && by == writer {
			last = at
		}
	}
	if writer == "" || last.IsZero() || last.Sub(since) < longSilence {
		return text
	}
	var kept []byte
	for line := range bytes.Lines(text) {
		if by, _ := timeOfDay(line); by != writer || !bytes.Contains(line, networkNotReady) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// headOfKubelet is the head of a line of a kubelet in a journal: its host, itself with its number, and the time of day.
var headOfKubelet = regexp.MustCompile(`(\S+ \S+\[\d+\]): [IWE]\d{4} (\d\d:\d\d:\d\d)\.\d+ `)

// timeOfDay gives who wrote a line of a journal, and when; nothing for other lines.
func timeOfDay(line []byte) (writer string, at time.Time) {
	found := headOfKubelet.FindSubmatch(line[:min(len(line), maxTold)])
	if found == nil {
		return "", time.Time{}
	}
	at, _ = time.Parse(time.TimeOnly, string(found[2]))
	return string(found[1]), at
}

// whatWasReached gives the names in the lines that tell of successes.
func whatWasReached(text []byte) map[string]reached {
	if !slices.ContainsFunc(successes, func(s success) bool { return bytes.Contains(text, []byte(s.sign)) }) {
		return nil
	}
	last := map[string]reached{}
	at := 0
	for line := range bytes.Lines(text) {
		start := line[:min(len(line), maxTold)]
		for i := range successes {
			if len(last) >= maxReached || !bytes.Contains(start, []byte(successes[i].sign)) {
				continue
			}
			found := successes[i].form.FindSubmatch(start)
			if found == nil {
				continue
			}
			name := plainName(string(found[1]))
			last[name] = reached{at, successes[i].over}
			if first, rest, ok := strings.Cut(name, "/"); ok && (strings.ContainsAny(first, ".:") || !strings.Contains(rest, "/") && strings.Contains(rest, "-")) {
				last[rest] = reached{at, successes[i].over} // without registry or namespace
			}
		}
		at += len(line)
	}
	return last
}

// isOver tells whether a line tells of trouble that is over.
func isOver(line []byte, at int, last map[string]reached) bool {
	for _, word := range bytes.FieldsFunc(line, func(r rune) bool { return !isNameRune(r) }) {
		if later, known := last[plainName(string(word))]; known && later.at > at && later.over.Match(line) {
			return !eventColumns.Match(line) // rows of events are weighed as events
		}
	}
	return false
}

// isNameRune knows what names of pods, images, nodes and paths are made of.
func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/:@-", r)
}

// plainName gives a name without what stands before it in some places only: an image as a path of a registry's API, as
// the library of Docker Hub, or a claim as the name of its volume.
func plainName(name string) string {
	name = strings.TrimRight(name, ".:")
	if _, path, ok := strings.Cut(name, "/v2/"); ok {
		name = strings.Replace(path, "/manifests/", ":", 1)
	}
	for _, prefix := range [...]string{"docker.io/", "library/", "pvc-", "pod/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}
