package text

import (
	"bytes"
	"regexp"
	"strings"
)

// Tools and people keep so many characters of a text, and what they cut stops inside a word or a row.

// phrase is what Kubernetes or the system below it says in fixed words, with what must be left of it at least.
type phrase struct {
	least, rest string
	// beside is what else the line must have; empty when the words are enough.
	beside string
}

// phrases are those that tell of a failure (pkg/kubelet/events, prober, container and eviction of Kubernetes,
// pkg/controller/nodelifecycle and deployment, and the errors of Unix).
var phrases = []phrase{
	{"Back-off r", "estarting failed container", ""},
	{"Back-off p", "ulling image", ""},
	{" failed s", "tartup probe, will be restarted", "Killing"},
	{" failed", " liveness probe, will be restarted", "Killing"},
	{" is unheal", "thy, it will be killed and re-created.", "Killing"},
	{" is ", "unhealthy, it will be killed and re-created.", "  Killing"},
	{"Liveness prob", "e failed", "Unhealthy"},
	{"Liveness probe ", "failed", "Unhealthy"},
	{"Readiness prob", "e failed", "Unhealthy"},
	{"Readiness probe ", "failed", "Unhealthy"},
	{"Startup prob", "e failed", "Unhealthy"},
	{"Startup probe ", "failed", "Unhealthy"},
	{" status ", "is now: NodeNotReady", "NodeNotReady"},
	{"Node ", "is not ready", "NodeNotReady"},
	{"Kubelet stopped", " posting node status.", ""},
	{"container runt", "ime is down", ""},
	{"container runtime ", "is down", "KubeletNotReady"},
	{"System OOM", " encountered", "SystemOOM"},
	{"The node was lo", "w on resource", ""},
	{"Pod sandbox chan", "ged, it will be killed and re-created.", ""},
	{"exceeded its prog", "ress deadline", ""},
	{"does not have min", "imum availability.", ""},
	{"Operation not p", "ermitted", ""},
	{"Permission d", "enied", ""},
	{"permission d", "enied", ""},
	{"o space left", " on device", ""},
	{"o such file", " or directory", ""},
	{"connection ref", "used", ""},
	{"address already", " in use", ""},
	{"exec format er", "ror", ""},
	{"TLS handshake", " timeout", ""},
	{"context deadline", " exceeded", ""},
	{"i/o tim", "eout", ""},
	{"java.lang.OutOf", "MemoryError", ""},
	{"was sent SIGKILL! Perhaps", " out of memory?", ""},
}

var (
	// cutStatus is the state of a container, or its reason, in a description.
	cutStatus = regexp.MustCompile(`^\s*(?:Reason|State|Last State):\s+([A-Z]\w{3,})$`)
	// cutPod is a row of a pod that fails, cut behind its status: the restarts or the age are missing.
	cutPod = regexp.MustCompile(`^(.*[\w-](?:\s{2,}|\t)\d{1,3}/\d{1,3}\s+)((?:Init:)?[A-Z]\w{2,})(?:\s+(\d+)(?:\s+\((\w*)[a-z ]*\)?)?(?:\s+(?:\w*\d)?)?)?$`)
	// cutAge is a row of a pod of which the age lacks its last unit.
	cutAge = regexp.MustCompile(`^.*[\w-](?:\s{2,}|\t)\d{1,3}/\d{1,3}\s+[A-Z]\S+\s.*\s\d+([mhd])\d{1,2}$`)
	// cutCount is an event that was cut inside of how often it happened.
	cutCount = regexp.MustCompile(`^(\s*(?:Normal|Warning)\s{2,}[A-Z]\w+\s+\w+ \(x\d+)(?: o| ov| ove| over(?: (\w*))?)?$`)
	// cutNotReady is an event of a node, cut behind the name.
	cutNotReady = regexp.MustCompile(`\sNodeNotReady\s.*\sNode \S+$`)
	// cutNode is a row of a node that is not ready, cut before its age is whole.
	cutNode = regexp.MustCompile(`^(\s*[a-z0-9][\w.-]*(?:\s{2,}|\t))NotR(?:e|ea|ead|eady)?((?:,SchedulingDisabled)?)(?:\s+(\S+))?(?:\s+\d*)?$`)
)

// failing are the words for a container or a pod that failed, in STATUS and as reasons.
var failing = []string{
	"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError",
	"RunContainerError", "OOMKilled", "Evicted", "Error", "StartError", "UnexpectedAdmissionError", "SysctlForbidden",
	"TopologyAffinityError",
}

// finished gives a text that was cut inside words or a row that say what fails with what is missing there.
func finished(data []byte) []byte {
	text := bytes.TrimRight(data, " \t\r\n")
	at := bytes.LastIndexByte(text, '\n') + 1
	if len(text)-at > maxFinished {
		return data
	}
	line := string(text[at:])
	if whole := finishedRow(line); whole != "" {
		return append(bytes.Clone(text[:at]), whole...)
	}
	for _, known := range phrases {
		from := strings.LastIndex(line+" ", known.least)
		if from < 0 || !strings.Contains(line, known.beside) {
			continue
		}
		left := line[from:]
		if whole := known.least + known.rest; len(left) < len(whole) && strings.HasPrefix(whole, left) {
			return append(bytes.Clone(text[:at+from]), whole...)
		}
	}
	return data
}

// maxFinished bounds the line that may be finished, in bytes.
const maxFinished = 4096

// finishedRow gives a row of a table, or a field of a description, that was cut and says what fails; empty for another
// line.
func finishedRow(line string) string {
	if found := cutStatus.FindStringSubmatch(line); found != nil {
		status := onlyFailing(found[1])
		if ended := "Terminated"; strings.HasPrefix(ended, found[1]) {
			status = ended
		}
		if status != "" && status != found[1] {
			return strings.TrimSuffix(line, found[1]) + status
		}
		return ""
	}
	if found := cutAge.FindStringSubmatch(line); found != nil {
		return line + map[string]string{"m": "s", "h": "m", "d": "h"}[found[1]]
	}
	if found := cutPod.FindStringSubmatch(line); found != nil {
		initial := ""
		status, ok := strings.CutPrefix(found[2], "Init:")
		if ok {
			initial = "Init:"
		}
		if status = onlyFailing(status); status == "" && found[3] != "" && found[3] != "0" {
			status = found[2] // restarts tell
		}
		if status == "" {
			return ""
		}
		restarts := found[3]
		if restarts == "" {
			restarts = "0"
		}
		if _, ok := parseAge(found[4]); ok {
			restarts += " (" + found[4] + " ago)"
		}
		return found[1] + initial + status + "   " + restarts + "   <unknown>"
	}
	if found := cutCount.FindStringSubmatch(line); found != nil {
		since := "<unknown>"
		if _, ok := parseAge(found[2]); ok {
			since = found[2]
		}
		return found[1] + " over " + since + ")"
	}
	if cutNotReady.MatchString(line) && !strings.HasSuffix(line, " Node is") {
		return line + " status is now: NodeNotReady"
	}
	if found := cutNode.FindStringSubmatch(line); found != nil {
		roles := found[3]
		if _, ok := parseAge(roles); ok {
			return "" // of kubectl before 1.6
		}
		if roles == "" || roles[0] == '<' {
			roles = "<none>"
		}
		return found[1] + "NotReady" + found[2] + "   " + roles + "   <unknown>"
	}
	return ""
}

// onlyFailing gives the word for a failure that begins with a text; empty when there is none, or more than one.
func onlyFailing(text string) string {
	found := ""
	for _, word := range failing {
		switch {
		case word == text:
			return word
		case strings.HasPrefix(word, text) && found != "":
			return ""
		case strings.HasPrefix(word, text):
			found = word
		}
	}
	return found
}
