package text

import (
	"strings"
)

// begins says what begins at a line.
type begins int

const (
	logLine begins = iota
	promptLine
	fenceLine
	descriptionStart
	fragmentStart
	tableStart
	manifestStart
	journalStart
	eventStart
	headlessStart
	messageStart
	refusedStart
	nodeStart
	pieceStart
	boundsStart
	waitingStart
	tailStart
	rolloutStart
	exportedStart
)

// begins looks at line i and, when its first bytes promise something, at the few lines after it. Nearly every
// line of a log is told by its first bytes.
func (p *parser) begins(i int) begins {
	line := p.src.line(i)
	start := trimLeft(line)
	if start == "" {
		return logLine
	}
	first := start[0]
	if isFence(start) {
		return fenceLine
	}
	if mayPrompt(start) {
		if _, ok := parsePrompt(line); ok {
			return promptLine
		}
	}
	if found := p.beginsPrinted(i, start, first); found != logLine {
		return found
	}
	if p.command.isLogs() {
		return logLine // what a log itself resembles is up to the program that wrote it
	}
	switch {
	case i >= p.plainUntil && isExported(start):
		return exportedStart
	case i >= p.plainUntil && p.isManifest(i, start):
		return manifestStart
	case i >= p.plainUntil && p.isPiece(i, start):
		return pieceStart
	case isUnitHead(start), mayJournal(first) && isJournal(line), strings.Contains(start[:min(len(start), 60)], ".go:") && isKubeletFile(bareFile(start)):
		return journalStart
	case (first == 'N' || first == 'W' || i == 0 && isCutRow(start)) && p.beginsEvent(i, start):
		return eventStart
	case first == 'E' && p.isEventsHeader(i, start):
		return eventStart
	case (first == 'T' || first == 'F') && isEventColumns(start) && p.eventsFollow(i+1):
		return eventStart
	case isFragment(first, start) && !p.beginsNode(i, start), mayCut(first, start) && (p.isContainerCut(i, start) || p.isContainerName(i)), mayCutState(first) && p.isStateCut(i), mayConditions(first) && p.isConditionsCut(i):
		return fragmentStart
	case mayDescribe(first) && p.isHeadlessDescription(i, start) && !p.beginsNode(i, start):
		return tailStart
	case first == 'd' && rolledOutName(start) != "":
		return rolloutStart
	case isWaitingLine(start):
		return waitingStart
	case reasonOf(withoutBullet(start)) != "", isDigit(first) && isStamped(start), isEvictedCells(start):
		return messageStart
	case p.beginsNode(i, start):
		return nodeStart
	case isHeadless(start):
		return headlessStart
	case isDigit(first) && isOldEventRow(start):
		return eventStart
	}
	return logLine
}

// beginsPrinted recognises what is so unlike a log that it ends even one that was asked for.
func (p *parser) beginsPrinted(i int, start string, first byte) begins {
	switch first {
	case 'E':
		if _, ok := parseRefusedLog(start); ok || p.isOwnError(start) {
			return refusedStart
		}
	case 'U':
		if p.isOwnError(start) {
			return refusedStart
		}
	case 'R', 'T':
		if isBounds(start) {
			return boundsStart
		}
		if isTableHeader(start) {
			return tableStart
		}
	case 'P', 'O', 'K', 'C':
		if isTableHeader(start) {
			return tableStart
		}
	case 'N', 'L', 'F':
		if strings.HasPrefix(start, "Name:") && p.isDescription(i) {
			return descriptionStart
		}
		if strings.HasPrefix(start, "No ") && isBounds(start) {
			return boundsStart
		}
		if isTableHeader(start) {
			return tableStart
		}
	}
	return logLine
}

// breaks tells whether line i, inside something printed, begins something else.
func (p *parser) breaks(i int) bool {
	switch found := p.begins(i); found {
	case logLine, eventStart, fragmentStart, messageStart, headlessStart, nodeStart, boundsStart, waitingStart, tailStart, rolloutStart:
		return false
	default:
		return true
	}
}

// isCutRow recognises the first line of a text that was cut off inside the type of an event.
func isCutRow(start string) bool {
	kind, _ := word(start)
	return wholeKind(kind) != ""
}

// beginsEvent recognises an event as kubectl describe prints it, also broken over two lines.
func (p *parser) beginsEvent(i int, start string) bool {
	if isEventRow(start) {
		return true
	}
	_, ok := p.brokenEventRow(i, start)
	return ok
}

func isFence(start string) bool {
	return strings.HasPrefix(start, "```") || strings.HasPrefix(start, "~~~")
}

// mayDescribe is for the fields of a description that may stand without those before them.
func mayDescribe(first byte) bool {
	switch first {
	case 'N', 'S', 'P', 'C', 'Q', 'T', 'a', 'R', 'D':
		return true
	default:
		return false
	}
}

// mayJournal is for month names, years, the letters of klog's levels, and what lines without a head begin with.
func mayJournal(first byte) bool {
	switch first {
	case 'J', 'F', 'M', 'A', 'S', 'O', 'N', 'D', 'I', 'W', 'E', '2', 'L', 'R', '"', 't':
		return true
	default:
		return false
	}
}

// isFragment recognises a piece that was cut out of the description of a pod.
func isFragment(first byte, start string) bool {
	switch first {
	case 'C':
		return strings.TrimRight(start, " ") == "Containers:"
	case 'I':
		return strings.TrimRight(start, " ") == "Init Containers:"
	case 'E':
		return strings.TrimRight(start, " ") == "Ephemeral Containers:"
	case 'S':
		return isStateLine(strings.TrimPrefix(start, "State:"), start)
	case 'L':
		return isStateLine(strings.TrimPrefix(start, "Last State:"), start)
	default:
		return false
	}
}

// mayCut is for the fields of a container, and for its name.
func mayCut(first byte, start string) bool {
	return first == 'C' || first == 'I' || first == 'P' || first == 'H' || first == 'A' || start[len(start)-1] == ':'
}

// mayCutState is for the fields of a container's state, and for what follows it.
func mayCutState(first byte) bool {
	return first == 'R' || first == 'E' || first == 'S' || first == 'F'
}

// mayConditions is for the conditions of a pod, and for the head of their table.
func mayConditions(first byte) bool {
	return first == 'T' || first == 'P' || first == 'I' || first == 'R' || first == 'C'
}

// isStateLine takes what follows "State:" and the whole line, which is the same when there was no "State:".
func isStateLine(value, line string) bool {
	if len(value) == len(line) {
		return false
	}
	switch strings.TrimSpace(value) {
	case "Waiting", "Running", "Terminated":
		return true
	default:
		return false
	}
}
