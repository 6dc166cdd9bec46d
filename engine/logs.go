package engine

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// What makes the end of a log of which nothing else is known.
const (
	// endLines: a fatal line is the end of a log when no more lines than these follow it, apart from those of its
	// own stack trace.
	endLines = 12
	// persists: an error that a program may overcome counts when it is there so often and ends the log.
	persists = 3
	// goesOn: what is there so often is overcome as often where more lines than these follow it.
	goesOn = 2
	// decisive is the weight of an error that programs rarely overcome: it counts when no more lines than lastWord
	// follow it.
	decisive, lastWord = 0.8, 1
	// likely is the weight of an error that counts when it is all that there is: each of no more than wholeLog lines.
	likely, wholeLog = 0.7, 3
)

// spokenOf is the source of what was found somewhere in a text of which nobody knows who wrote it.
const spokenOf = "text"

// logHits finds the signatures in the logs that still matter.
func (e *Engine) logHits(h *history) []*catalog.Hit {
	var hits []*catalog.Hit
	left := maxIdle
	for _, log := range journals(h.observed.Logs) {
		known, failing := h.writerOf(log)
		if known && !failing {
			if log.Previous || !h.mayHaveDied(log) {
				continue
			}
			known = false // judged by how the log ends
		}
		said := log.Text
		if log.Node == "" && log.Container == "" {
			said = quietUpTo(said, left) // of nobody knows what
			if len(said) <= left {
				left -= len(said)
			}
		}
		found := e.catalog.MatchLog(catalog.Fact{Pod: log.Pod, Container: log.Container, Source: sourceOf(log)}, said)
		switch {
		case log.Node != "":
			found = unrecovered(aboutNodes(found), false)
		case known:
			found = unrecovered(found, failing)
		default:
			found = ending(unrecovered(found, failing), log.Text)
		}
		hits = append(hits, found...)
	}
	return hits
}

// journals puts the pieces of a node's journal together, which other text may stand between: what a later one says is over is so
// of an earlier one.
func journals(logs []evidence.Log) []evidence.Log {
	if len(logs) < 2 || !slices.ContainsFunc(logs, func(log evidence.Log) bool { return log.Node != "" }) {
		return logs
	}
	var joined []evidence.Log
	first, copied := map[string]int{}, map[string]bool{}
	for _, log := range logs {
		at, known := first[log.Node]
		switch {
		case log.Node == "", log.Node == evidence.UnknownNode:
			joined = append(joined, log)
		case known:
			if !copied[log.Node] {
				joined[at].Text, copied[log.Node] = slices.Clip(joined[at].Text), true // what follows it is not its own
			}
			joined[at].Text = append(joined[at].Text, log.Text...)
		default:
			first[log.Node] = len(joined)
			joined = append(joined, log)
		}
	}
	return joined
}

// aboutNodes keeps what the journal of a node says of the node: what it quotes of containers is theirs, and so is
// what looks like their normal work.
func aboutNodes(hits []*catalog.Hit) []*catalog.Hit {
	return slices.DeleteFunc(hits, func(hit *catalog.Hit) bool {
		about := hit.Signature.FailureType
		return hit.Signature.Role != catalog.Context && about != v1alpha1.NodeNotReady && about != v1alpha1.OOMKilled
	})
}

// maxPasted is how much of a text of unknown origin is read for what Kubernetes says, in bytes: what somebody copied out
// of a message is short, and anything longer is a log.
const maxPasted = 256 << 10

// pasted gives the end of a text that is longer than what is left of it.
func pasted(text []byte, left int) []byte {
	if len(text) <= left {
		return text
	}
	text = text[len(text)-left:]
	return text[bytes.IndexByte(text, '\n')+1:]
}

// looseHits finds what Kubernetes says of failures in text of unknown origin.
func (e *Engine) looseHits(h *history) []*catalog.Hit {
	var hits []*catalog.Hit
	left := maxPasted
	for _, log := range h.observed.Logs {
		about := catalog.Fact{Pod: log.Pod, Container: log.Container, Source: spokenOf}
		text := pasted(log.Text, left)
		left -= len(text)
		found := e.catalog.MatchLoose(about, text)
		if len(found) > 0 { // few texts are worth asking what they say
			said := spoken(text)
			found = e.catalog.MatchLoose(about, said)
			found = unrecovered(append(found, e.typedRecoveries(said)...), true)
		}
		hits = append(hits, found...)
	}
	return hits
}

// typedRecoveries finds what says that failures of a type are over.
func (e *Engine) typedRecoveries(text []byte) []*catalog.Hit {
	return slices.DeleteFunc(e.catalog.MatchLog(catalog.Fact{}, text), func(hit *catalog.Hit) bool {
		return hit.Signature.Role != catalog.Recovery || hit.Signature.FailureType == ""
	})
}

// wordHits finds what any text says of failures in words, unless it goes on for long or ends in normal work.
func (e *Engine) wordHits(text []byte) []*catalog.Hit {
	const long = 3 * endLines
	text = pasted(text, maxPasted)
	found := e.catalog.MatchWords(catalog.Fact{Source: spokenOf}, text)
	if len(found) == 0 {
		return nil
	}
	found = e.catalog.MatchWords(catalog.Fact{Source: spokenOf}, spoken(text))
	hits := slices.DeleteFunc(e.catalog.MatchLog(catalog.Fact{}, text), func(hit *catalog.Hit) bool { return hit.Signature.Role != catalog.Recovery })
	for _, hit := range found {
		if _, end, _ := hit.LastLine(); bytes.Count(text[end:], []byte("\n")) <= long {
			hits = append(hits, hit)
		}
	}
	return unrecovered(hits, false)
}

// apart drops hits on lines that another hit of the same failure type has recognised: one line is one piece of
// evidence.
func apart(hits, known []*catalog.Hit) []*catalog.Hit {
	return slices.DeleteFunc(hits, func(hit *catalog.Hit) bool {
		start, _, _ := hit.LastLine()
		return slices.ContainsFunc(known, func(other *catalog.Hit) bool {
			at, _, inLog := other.LastLine()
			return inLog && at == start && other.Signature.FailureType == hit.Signature.FailureType
		})
	})
}

// writerOf reports whether the container that wrote a log is known, and whether it fails.
func (h *history) writerOf(log evidence.Log) (known, failing bool) {
	for _, container := range h.containersMeant(log.Pod) {
		if log.Container == "" || container.Name == log.Container {
			known = true
			failing = failing || !h.containers[containerKey{container.Pod, container.Name}].well
		}
	}
	if !known && log.Node == "" && h.warned(log.Pod) { // its pod is known by its events
		return true, true
	}
	return known, failing
}

// warned reports whether an event of type Warning about a pod, or any where it has no name, still matters.
func (h *history) warned(pod string) bool {
	if pod != "" {
		return slices.ContainsFunc(h.eventsAbout(pod), func(event *evidence.Event) bool {
			return event.Type == corev1.EventTypeWarning && h.eventMatters(*event)
		})
	}
	if h.lookup.warned == nil {
		warned := slices.ContainsFunc(h.observed.Events, func(event evidence.Event) bool {
			return event.Pod != "" && event.Type == corev1.EventTypeWarning && h.eventMatters(event)
		})
		h.lookup.warned = &warned
	}
	return *h.lookup.warned
}

// mayHaveDied reports whether the writer of a log has restarted more than once and nobody knows how long ago that
// was: its log may be that of a run that has ended.
func (h *history) mayHaveDied(log evidence.Log) bool {
	return h.observed.ObservedAt.IsZero() && slices.ContainsFunc(h.containersOf(log.Pod), func(container *evidence.Container) bool {
		return container.Name == log.Container && container.RestartCount > 1
	})
}

func sourceOf(log evidence.Log) string {
	source := "log"
	if log.Previous {
		source = "previous log"
	}
	switch {
	case log.Node != "":
		return "journal of node/" + log.Node
	case log.Pod != "" && log.Container != "":
		return source + " of pod/" + log.Pod + " container " + log.Container
	case log.Pod != "":
		return source + " of pod/" + log.Pod
	default:
		return source
	}
}

// unrecovered drops errors that normal work followed in the same log, or that a later line says are over, which is of a
// failure type. A line that proves the end of a process is kept for a container that failed: another may have been
// started in its place.
func unrecovered(hits []*catalog.Hit, failing bool) []*catalog.Hit {
	recovered := -1
	over := map[v1alpha1.FailureType]int{} // one more than where
	for _, hit := range hits {
		if start, _, ok := hit.LastLine(); ok && hit.Signature.Role == catalog.Recovery {
			if of := hit.Signature.FailureType; of != "" {
				over[of] = max(over[of], start+1)
			} else {
				recovered = max(recovered, start)
			}
		}
	}
	var kept []*catalog.Hit
	for _, hit := range hits {
		start, _, _ := hit.LastLine()
		switch {
		case hit.Signature.Role == catalog.Recovery, start < over[hit.Signature.FailureType]-1:
		case hit.Signature.Role == catalog.Context, start > recovered, failing && hit.Signature.Alone, hit.Signature.Outside,
			hit.Signature.FailureType == v1alpha1.ProbeFailure && hit.Fact.Count >= persists: // who serves others may refuse the kubelet
			kept = append(kept, hit)
		}
	}
	return kept
}

// ending keeps, of a log of which nothing else is known, what shows that the process died or can't go on:
// nothing unless some line does.
func ending(hits []*catalog.Hit, text []byte) []*catalog.Hit {
	var kept []*catalog.Hit
	died := false
	for _, hit := range hits {
		start, end, _ := hit.LastLine()
		if hit.Signature.Role != catalog.Failure {
			kept = append(kept, hit)
			continue
		}
		if !hit.Signature.Outside && (linesAfter(text[end:]) > endLines || outlivedBy(hit, text)) || hit.Weight() < likely && hit.Signature.FailureType == v1alpha1.CrashLoopBackOff && calm(text[start:end]) {
			continue
		}
		kept = append(kept, hit)
		again := hit.Fact.Count >= persists && (linesAfter(text[end:]) <= goesOn || hit.Signature.FailureType == v1alpha1.ProbeFailure) // others may be served meanwhile
		died = died || hit.Signature.Alone || isLastWord(hit, text) || hit.Signature.Outside || again || hit.Signature.FailureType == v1alpha1.NodeNotReady
	}
	if !died {
		return nil
	}
	return kept
}

var (
	calmLevel = regexp.MustCompile(`(?:^|[\s\[|"=(])(?:INFO|DEBUG|TRACE|info|debug|trace)(?:[\s\]|":,)]|$)`)
	loudLevel = regexp.MustCompile(`\b(?:ERROR|ERR|WARN|WARNING|FATAL|CRITICAL|error|warn|warning|fatal|panic)\b`)
)

// calm reports whether a line is no more than an information to whoever wrote it.
func calm(line []byte) bool {
	head := line[:min(len(line), 160)]
	at := calmLevel.FindIndex(head)
	return at != nil && !loudLevel.Match(head[:at[1]])
}

// lives is longer than a program has to end that is asked to (terminationGracePeriodSeconds, 30 by default).
const lives = 40 * time.Second

// outlivedBy reports whether a log goes on for so long after an error that the program did not end by it.
func outlivedBy(hit *catalog.Hit, text []byte) bool {
	start, end, _ := hit.LastLine()
	if hit.Fact.Count >= persists || linesAfter(text[end:]) < goesOn {
		return false
	}
	if hit.Signature.Alone && (hit.Signature.FailureType != v1alpha1.CrashLoopBackOff || startsOrEnds(text[end:])) {
		return false // what proves an end is followed by the next run
	}
	at, column := timeBefore(text[:end])
	if column < 0 { // it begins the log
		at, column = timeBehind(text[start:])
	}
	last, other := timeBefore(text[end:])
	if column < 0 || column != other {
		return false // of another clock, or no time at all
	}
	const day = 24 * time.Hour
	later := (last - at + day) % day
	return later >= lives && later < day/2
}

// startsOrEnds reports whether what follows an error reads like the next run of the program in its first lines, or like its end
// in the last.
func startsOrEnds(rest []byte) bool {
	const few = 3
	first := 0
	for line := range bytes.Lines(rest[:min(len(rest), maxTrace)]) {
		if continues(line) {
			continue
		}
		if first++; first <= few && starting.Match(line) {
			return true
		}
	}
	rest = bytes.TrimRight(rest, "\n\r ")
	return stopping.Match(rest[bytes.LastIndexByte(rest, '\n')+1:])
}

var (
	starting = regexp.MustCompile(`(?i)\b(?:start\w*|boot\w*|init|initiali[sz]ing|listen\w*|version|load\w*|launch\w*|read(?:ing|s)?|connect\w*|open\w*|config\w*|welcome|v\d+\.\d+)\b`)
	stopping = regexp.MustCompile(`(?i)\b(?:exit\w*|shut\w*|stop\w*|bye|terminat\w*|clos\w*|done|finish\w*|end(?:ed|ing|s)?|kill\w*)\b`)
)

// maxFrames is how many lines without a time, as those of a stack trace, may stand between an error and one that has it, and
// maxTrace how long they may be together, in bytes.
const (
	maxFrames = 64
	maxTrace  = 16 << 10
)

// timeBefore gives the time of day of the last line that says one, and where it stands there; less than zero when none does.
func timeBefore(text []byte) (time.Duration, int) {
	text = text[max(0, len(text)-maxTrace):]
	for range maxFrames {
		begin := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
		if at, column := timeOfDay(text[begin:]); column >= 0 || begin == 0 {
			return at, column
		}
		text = text[:begin]
	}
	return 0, -1
}

// timeBehind is the same of the first line that says one.
func timeBehind(text []byte) (time.Duration, int) {
	lines := 0
	for line := range bytes.Lines(text[:min(len(text), maxTrace)]) {
		if at, column := timeOfDay(line); column >= 0 {
			return at, column
		}
		if lines++; lines == maxFrames {
			break
		}
	}
	return 0, -1
}

// levelFirst is the level of a line that begins with it: levels are not all of one length.
var levelFirst = regexp.MustCompile(`^[\[(]? *(?:TRACE|VERBOSE|DEBUG|FINE|CONFIG|INFO|SUCCESS|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|ALERT|EMERG|FATAL|PANIC)\b *[\])]? *:? *`)

// timeOfDay gives the time of day, in UTC or wherever the clock stood, that the beginning of a line says, and at which byte behind a level: as 10:04:59, or as
// seconds or milliseconds since 1970 in the records of loggers for JSON.
func timeOfDay(line []byte) (at time.Duration, column int) {
	const head, form = 120, len("10:04:59")
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	two := func(at []byte) time.Duration { return time.Duration(at[0]-'0')*10 + time.Duration(at[1]-'0') }
	start := line[:min(len(line), head)]
	for from := 0; ; {
		colon := bytes.IndexByte(start[from:], ':')
		if colon < 0 {
			break
		}
		colon += from
		from = colon + 1
		if colon < 2 || colon-2+form > len(start) {
			continue
		}
		c := start[colon-2 : colon-2+form]
		if digit(c[0]) && digit(c[1]) && digit(c[3]) && digit(c[4]) && c[5] == ':' && digit(c[6]) && digit(c[7]) && (colon == 2 || !digit(start[colon-3])) && c[0] < '3' && c[3] < '6' {
			return two(c)*time.Hour + two(c[3:])*time.Minute + two(c[6:])*time.Second, colon - 2 - len(levelFirst.Find(start[:colon-2]))
		}
	}
	if len(start) == 0 || start[0] != '{' {
		return 0, -1
	}
	for _, key := range [...]string{`"time":`, `"ts":`, `"timestamp":`} {
		_, rest, found := bytes.Cut(start, []byte(key))
		rest = bytes.TrimLeft(rest, ` "`)
		if !found || len(rest) < 10 || rest[0] != '1' || bytes.ContainsFunc(rest[:10], func(r rune) bool { return r < '0' || r > '9' }) {
			continue
		}
		seconds, _ := strconv.Atoi(string(rest[:10]))
		return time.Duration(seconds%(24*60*60)) * time.Second, 0
	}
	return 0, -1
}

// isLastWord reports whether a hit is an error that a program seems not to have overcome, since nothing follows it.
func isLastWord(hit *catalog.Hit, text []byte) bool {
	if _, end, _ := hit.LastLine(); hit.Weight() < likely || linesAfter(text[end:]) > lastWord {
		return false
	}
	return hit.Weight() >= decisive || linesAfter(text) <= max(min(hit.Fact.Count, wholeLog), 2)
}

// linesAfter counts lines that are not part of a stack trace, up to one more than matters.
func linesAfter(rest []byte) int {
	lines := 0
	for len(rest) > 0 && lines <= endLines {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if !continues(line) {
			lines++
		}
	}
	return lines
}

// continues reports whether a line belongs to what stands above it: a frame of a stack trace and the like.
func continues(line []byte) bool {
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' || line[0] == '\r' {
		return true
	}
	if line[0] == '#' && len(line) > 1 && line[1] >= '0' && line[1] <= '9' || bytes.Contains(line, []byte("\u2595")) { // frames of PHP and Dart, Symfony's quotation
		return true
	}
	for _, prefix := range [...]string{"\u2502", "\u2575", "\u2570", "at ", "Caused by", "goroutine ", "main.", "runtime.", "File ", "...", "npm ERR", "npm error", "created by ", "}", "{", "Traceback", "exit status"} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return !bytes.HasPrefix(line, []byte(`{"`)) // a record of its own
		}
	}
	return bytes.Contains(line, []byte("(0x")) || bytes.HasPrefix(line, []byte("github.com/")) || bytes.HasPrefix(line, []byte("net/http"))
}
