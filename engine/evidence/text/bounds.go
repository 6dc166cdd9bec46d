package text

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The description of a namespace ends with its quotas and its limit ranges, as tables below headings of their own:
//
//	Resource Quotas
//	  Name:       compute
//	  Resource    Used  Hard
//	  --------    ---   ---
//	  limits.cpu  1     2
//
//	Resource Limits
//	 Type       Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio

// isBounds recognises the headings and the tables.
func isBounds(start string) bool {
	switch strings.TrimRight(start, " ") {
	case "Resource Quotas", "Resource Limits", "No resource quota.", "No LimitRange resource.":
		return true
	default:
		return isQuotaHeader(start) || isRangeHeader(start)
	}
}

func isQuotaHeader(start string) bool {
	fields := fewFields(start)
	return len(fields) == 3 && fields[0] == "Resource" && fields[1] == "Used" && fields[2] == "Hard"
}

func isRangeHeader(start string) bool {
	fields := fewFields(start)
	return len(fields) > 3 && fields[0] == "Type" && fields[1] == "Resource" && fields[2] == "Min" && fields[3] == "Max"
}

// fewFields are the words of a line that is as short as a heading.
func fewFields(line string) []string {
	if len(line) > 160 {
		return nil
	}
	return strings.Fields(line)
}

// bounds reads the quotas and the limit ranges of a namespace from line i on.
func (p *parser) bounds(i int) int {
	b := boundsReader{p: p}
	j := i
	for ; j < p.src.lines(); j++ {
		text := strings.TrimSpace(p.src.line(j))
		if text == "" && (j+1 >= p.src.lines() || !isBounds(trimLeft(p.src.line(j+1)))) || !b.line(text) {
			break
		}
	}
	b.end()
	return max(j, i+1)
}

// boundsReader gathers the lines of one table after the other.
type boundsReader struct {
	p     *parser
	name  string // of a quota; a namespace's limit ranges are shown without names
	table []entry
}

// line takes one line; false for one that is none of a table.
func (b *boundsReader) line(text string) bool {
	key, value := cutField(text)
	switch fields := fewFields(text); {
	case key == "Name":
		b.end()
		b.name = value
	case isBounds(text):
		b.end()
		if isQuotaHeader(text) || isRangeHeader(text) {
			b.table = []entry{{text: text}}
		}
	case text == "", key == "Scopes", strings.HasPrefix(text, "* "), strings.HasPrefix(text, "---"):
	case len(b.table) > 0 && (len(fields) == 3 || len(fields) == 7):
		b.table = append(b.table, entry{text: text})
	default:
		return false
	}
	return true
}

// end makes an object of the table that was gathered.
func (b *boundsReader) end() {
	if len(b.table) < 2 {
		b.table = nil
		return
	}
	namespace := b.p.namespace
	if namespace == "" {
		namespace = b.p.command.namespace
	}
	d := described{p: b.p, seen: b.p.clock.sighting(), root: outline(b.table)}
	meta := metav1.ObjectMeta{Name: b.name, Namespace: namespace}
	if isQuotaHeader(b.table[0].text) {
		quota := d.quota()
		quota.ObjectMeta = meta
		b.p.add(quota)
	} else {
		limits := d.limitRange()
		limits.ObjectMeta = meta
		b.p.add(limits)
	}
	b.name, b.table = "", nil
}
