// Package text turns what an operator has at hand into evidence: descriptions, tables, manifests and events as
// kubectl prints them, journals of a kubelet, and logs, in any order and mixed in one stream.
//
// Text goes in, objects of the types of k8s.io/api come out, filled as far as the text tells and as the API would
// have them; what is not recognised is a log of an unknown container. Nothing here fails: a text says what it
// says. Every byte is looked at a bounded number of times, so the work grows with the text and not faster. Texts
// are written by strangers: nothing is executed, expanded or looked up.
package text

import (
	"bytes"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// maxEvents bounds the events that are kept of one text: the first. A cluster keeps some thousands of an hour.
const maxEvents = 20_000

// Parse reads a text. It never fails and never panics: what it does not recognise is a log of an unknown
// container. now anchors relative ages ("3m ago") only when the text itself has no absolute time; journals, which
// have no year, are taken for those of the year before now.
func Parse(data []byte, now time.Time) evidence.Observations {
	data = withoutFormer(withoutOvercome(chronological(finished(tidied(data)))))
	p := read(data, now)
	if plain := unescaped(data); plain != nil && len(p.objects) == 0 && len(p.rows.objects) == 0 {
		if again := read(plain, now); len(again.objects) > 0 || len(again.rows.objects) > 0 {
			p, data = again, plain
		}
	}
	p.linkClocks()
	p.clock.said = saidNow(data)
	at := p.clock.resolve(now)
	found := evidence.Observations{Objects: p.collected(), Logs: p.logs, Usage: p.used, At: at}
	if !p.exact {
		found.Text = data
	}
	return found
}

// read reads a text to its end.
func read(data []byte, now time.Time) *parser {
	p := &parser{src: newSource(data), now: now}
	for i := 0; i < p.src.lines(); {
		i = max(p.next(i), i+1)
	}
	p.endLog(p.src.lines())
	return p
}

// unescaped gives a text that is a string of JSON or of a program, with its lines written as \n; nothing for another.
func unescaped(data []byte) []byte {
	const few, some = 2, 1 // lines that there are, and that are written
	if bytes.Count(data, []byte{'\n'}) > few || bytes.Count(data, []byte(`\n`)) < some {
		return nil
	}
	lines := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`, `": "`, "\": \"\n", `", "`, "\n")
	return []byte(lines.Replace(strings.TrimPrefix(strings.TrimSpace(string(data)), `"`)))
}

// parser is one reading of one text.
type parser struct {
	src *source
	now time.Time
	// command is what the last prompt asked for; nothing before the first.
	command command
	// fenced is set between markdown fences.
	fenced bool
	clock  clock
	// placed are the rows of tables that clocks are linked by.
	placed []placement
	// exact is set once a manifest was read: it says all there is to know, and what its values quote is data.
	exact bool

	objects []runtime.Object
	rows    rows
	// places are where pods and nodes were described.
	places map[runtime.Object]place
	logs   []evidence.Log
	used   []evidence.Usage
	// namespace is the one that was described last.
	namespace string
	// logFrom is the first line of a log that has not ended yet, counted from 1; 0 when there is none.
	logFrom int
	// plainUntil is the first line after one that looked like a manifest and is none.
	plainUntil int
	// jsonRead counts the bytes read of what looked like JSON, to bound what is read in vain.
	jsonRead int
	// cutRead counts the bytes looked at for a beginning or an end that was cut off, to the same end.
	cutRead int
	// mended counts the documents that were tried again without what doesn't belong to them.
	mended int
	// events counts those added.
	events int
	// claimed counts the containers that rows of tables claim.
	claimed int
	// noExitUntil is the line before which no exit code follows a message, so that many messages don't look far.
	noExitUntil int
}

// next reads what begins at line i, and returns the line after it.
func (p *parser) next(i int) int {
	if next := max(p.cutJSON(i), p.cutYAML(i)); next > i {
		p.endLog(i)
		return next
	}
	begins := p.begins(i)
	if begins == logLine {
		if p.logFrom == 0 {
			p.logFrom = i + 1
		}
		p.recorded(i)
		return i + 1
	}
	if begins == eventStart && p.isCutEvent(i) {
		p.logFrom = 0
	}
	p.endLog(i)
	switch begins {
	case promptLine:
		p.command, _ = parsePrompt(p.src.line(i))
		return i + 1
	case fenceLine:
		p.fenced = !p.fenced
		p.command = command{}
		return i + 1
	case descriptionStart, tailStart:
		return p.description(i)
	case fragmentStart:
		return p.fragment(i)
	case tableStart:
		return p.table(i)
	case manifestStart:
		return p.manifest(i)
	case journalStart:
		return p.journal(i)
	case eventStart:
		return p.looseEvents(i)
	case headlessStart:
		return p.headlessRows(i)
	case rolloutStart:
		return p.rolledOut(i)
	case waitingStart:
		return p.waitingLines(i)
	case messageStart:
		return p.message(i)
	case refusedStart:
		return p.refused(i)
	case boundsStart:
		return p.bounds(i)
	case pieceStart:
		return p.piece(i)
	case exportedStart:
		return p.exportedEvent(i)
	case nodeStart:
		return p.nodeFragment(i)
	default:
		return i + 1
	}
}

func (p *parser) add(objects ...runtime.Object) {
	for _, object := range objects {
		if _, ok := object.(*corev1.Event); ok {
			if p.events++; p.events > maxEvents {
				continue
			}
		}
		p.objects = append(p.objects, object)
		p.dated(object)
	}
}

// collected are the objects of the whole text. A row of a table adds nothing to an object that was also
// described or printed in full.
func (p *parser) collected() []runtime.Object {
	p.rows.forget()
	p.rows.only()
	p.update()
	p.complete()
	return append(p.objects, p.rows.beside(p.objects)...)
}
