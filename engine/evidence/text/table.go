package text

import (
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
)

// tableKind is what the rows of a table are.
type tableKind string

const (
	noTable       tableKind = ""
	podTable      tableKind = "Pod"
	eventTable    tableKind = "Event"
	nodeTable     tableKind = "Node"
	deployTable   tableKind = "Deployment"
	replicaTable  tableKind = "ReplicaSet"
	statefulTable tableKind = "StatefulSet"
	daemonTable   tableKind = "DaemonSet"
	jobTable      tableKind = "Job"
	cronTable     tableKind = "CronJob"
	claimTable    tableKind = "PersistentVolumeClaim"
	volumeTable   tableKind = "PersistentVolume"
	classTable    tableKind = "StorageClass"
	quotaTable    tableKind = "ResourceQuota"
	usageTable    tableKind = "usage"
	// otherTable is one whose rows tell nothing: services, config maps, usage and the like.
	otherTable tableKind = "other"
)

// column is one column of a table and where it begins, in characters.
type column struct {
	name  string
	start int
}

// header is the first line of a table.
type tableHeader struct {
	kind    tableKind
	columns []column
}

// isTableHeader recognises the header of what kubectl get prints.
func isTableHeader(start string) bool {
	header, ok := parseHeader(start)
	return ok && header.kind != noTable
}

// parseHeader reads the names of the columns, all in capitals.
func parseHeader(line string) (tableHeader, bool) {
	first, rest := word(line)
	switch first {
	case "NAME", "NAMESPACE", "POD", "LASTSEEN", "FIRSTSEEN":
	case "CREATED", "TIME", "TIMESTAMP", "WHEN", "LASTTIMESTAMP", "LAST_SEEN": // columns of one's own choice too
		if !choosesEvents(rest) {
			return tableHeader{}, false
		}
	case "OBJECT", "KIND", "TYPE", "REASON": // columns of one's own choice, of events
		if !strings.Contains(rest, "MESSAGE") {
			return tableHeader{}, false
		}
	case "LAST", "FIRST":
		if second, _ := word(rest); second != "SEEN" && !choosesEvents(rest) {
			return tableHeader{}, false
		}
	default:
		return tableHeader{}, false
	}
	if len(line) > 1024 {
		return tableHeader{}, false
	}
	columns, ok := columnsOf(line)
	if !ok || len(columns) < 2 || len(columns) > maxColumns {
		return tableHeader{}, false
	}
	header := tableHeader{columns: columns}
	if first == "POD" && !header.has("NAME") { // columns of one's own choice
		columns[0].name = "NAME"
	}
	header.kind = header.kindOf()
	return header, true
}

// choosesEvents recognises columns of one's own choice, of events, behind that of their times.
func choosesEvents(rest string) bool {
	return strings.Contains(rest, "REASON") && (strings.Contains(rest, "MSG") || strings.Contains(rest, "MESSAGE"))
}

// timeColumns are names of columns of one's own choice that have the time of an event.
var timeColumns = [...]string{"CREATED", "LAST", "TIME", "TIMESTAMP", "WHEN", "LASTTIMESTAMP", "LAST_SEEN", "FIRST"}

// timed reports whether a table has such a column.
func (h tableHeader) timed() bool {
	return slices.ContainsFunc(timeColumns[:], func(name string) bool { return h.index(name) >= 0 })
}

// maxColumns is how many columns a table may have: each row pays for all of them.
const maxColumns = 48

func columnsOf(line string) (columns []column, ok bool) {
	for at := 0; at < len(line); {
		if isSpace(line[at]) {
			at++
			continue
		}
		end := at
		for end < len(line) && !isSpace(line[end]) {
			if c := line[end]; c >= 'a' && c <= 'z' && !strings.ContainsRune(line[at:end], '(') || c >= 0x80 {
				return nil, false
			}
			end++
		}
		name := strings.TrimRight(line[at:end], "`")
		if name == "MSG" {
			name = "MESSAGE"
		}
		if n := len(columns); n > 0 && isTwoWords(columns[n-1].name, name) && columns[n-1].start+len(columns[n-1].name)+1 == at {
			columns[n-1].name += " " + name
		} else {
			columns = append(columns, column{strings.TrimSpace(name), at})
		}
		at = end
	}
	return columns, true
}

// isTwoWords knows the columns whose names have a space.
func isTwoWords(first, second string) bool {
	switch first + " " + second {
	case "LAST SEEN", "FIRST SEEN", "NOMINATED NODE", "READINESS GATES", "ACCESS MODES", "RECLAIM POLICY", "LAST SCHEDULE", "NODE SELECTOR", "POD LABELS":
		return true
	default:
		return false
	}
}

func (h tableHeader) has(names ...string) bool {
	for _, name := range names {
		if h.index(name) < 0 {
			return false
		}
	}
	return true
}

func (h tableHeader) index(name string) int {
	for i := range h.columns {
		if h.columns[i].name == name {
			return i
		}
	}
	return -1
}

func (h tableHeader) kindOf() tableKind {
	switch {
	case h.has("REASON", "MESSAGE") && h.timed(), h.has("REASON", "MESSAGE") && (h.has("LAST SEEN") || h.has("LASTSEEN") || h.has("OBJECT") || h.has("KIND", "NAME")):
		return eventTable
	case h.has("READY", "STATUS", "RESTARTS"), h.has("NAME", "READY", "STATUS", "NODE"), h.has("NAME", "READY", "STATUS", "REASON"): // somebody left a column out
		return podTable
	case h.has("NAME", "PHASE", "NODE") && !h.has("AGE"):
		return podTable
	case h.has("STATUS", "ROLES", "VERSION"), h.has("STATUS", "ROLE", "VERSION"), h.has("STATUS", "AGE", "VERSION"), h.isOldNodes():
		return nodeTable
	case h.has("DESIRED", "CURRENT", "READY", "UP-TO-DATE"):
		return daemonTable
	case h.has("UP-TO-DATE", "AVAILABLE"):
		return deployTable
	case h.has("DESIRED", "CURRENT", "READY"):
		return replicaTable
	case h.has("DESIRED", "CURRENT", "AGE"), h.has("READY", "AGE"):
		return statefulTable
	case h.has("SCHEDULE", "SUSPEND"):
		return cronTable
	case h.has("COMPLETIONS", "AGE"):
		return jobTable
	case h.has("CAPACITY", "RECLAIM POLICY", "CLAIM"):
		return volumeTable
	case h.has("STATUS", "VOLUME", "CAPACITY"):
		return claimTable
	case h.has("PROVISIONER"):
		return classTable
	case h.has("REQUEST", "LIMIT"):
		return quotaTable
	case h.has("NAME", "CPU(cores)", "MEMORY(bytes)") && !h.has("CPU%"): // that of nodes has shares
		return usageTable
	case h.has("AGE"), h.has("CPU(cores)"), h.has("CREATED AT"):
		return otherTable
	default:
		return noTable
	}
}

// isOldNodes recognises the nodes of kubectl before 1.2: NAME LABELS STATUS, and an age since 1.1.
func (h tableHeader) isOldNodes() bool {
	return len(h.columns) <= 4 && h.has("NAME", "LABELS", "STATUS")
}

// cells are the cells of a row by the names of their columns.
type cells struct {
	header tableHeader
	values []string
}

func (c cells) get(name string) string {
	at := c.header.index(name)
	if at < 0 || at >= len(c.values) || c.values[at] == "<none>" || c.values[at] == "<unset>" || c.values[at] == "n/a" {
		return ""
	}
	return c.values[at]
}

// split cuts a row: where the header's columns begin; or, when the row is not aligned with it, at gaps of two
// spaces; or, when alignment was lost, at every space.
func (h tableHeader) split(row string) (cells, bool) {
	if fields := fewFields(row); h.isOldNodes() && len(fields) == 4 && strings.HasSuffix(fields[1], "chedulable") { // a column without a name
		row = fields[0] + "  " + fields[2] + "  " + fields[3]
	}
	if values, ok := h.byPosition(row); ok {
		return cells{h, values}, true
	}
	if values := splitGaps(row); len(values) == len(h.columns) {
		return cells{h, values}, true
	}
	if values, ok := h.byNearest(row); ok {
		return cells{h, values}, true
	}
	values, ok := h.byWords(row)
	return cells{h, values}, ok
}

// byNearest gives each cell, where cells are told by gaps of two spaces, the column that begins nearest to it, in
// their order: names that were made longer or shorter moved what follows them.
func (h tableHeader) byNearest(row string) ([]string, bool) {
	parts := splitGaps(row)
	if len(parts) < 2 || len(parts) >= len(h.columns) {
		return nil, false
	}
	// best[i][j] is the least distance when the first i cells have columns before j.
	const far = 1 << 30
	starts := make([]int, len(parts))
	for i, at := 0, 0; i < len(parts); i++ {
		at += strings.Index(row[at:], parts[i])
		starts[i] = at
		at += len(parts[i])
	}
	width := len(h.columns) + 1
	best := make([]int, (len(parts)+1)*width)
	for i := 1; i <= len(parts); i++ {
		best[i*width] = far
		for j := 1; j < width; j++ {
			distance := starts[i-1] - h.columns[j-1].start
			if i == len(parts) && j < width-1 { // the last column is the age or never empty
				distance = far
			}
			best[i*width+j] = min(best[i*width+j-1], min(far, best[(i-1)*width+j-1]+max(distance, -distance)))
		}
	}
	if best[len(best)-1] >= far {
		return nil, false
	}
	values := make([]string, len(h.columns))
	for i, j := len(parts), len(h.columns); i > 0; i, j = i-1, j-1 {
		for j > 1 && best[i*width+j] == best[i*width+j-1] {
			j--
		}
		if j < 1 {
			return nil, false
		}
		values[j-1] = parts[i-1]
	}
	return values, values[0] != ""
}

func (h tableHeader) byPosition(row string) ([]string, bool) {
	ascii := len(row) == utf8.RuneCountInString(row)
	var runes []rune
	length := len(row)
	if !ascii {
		runes = []rune(row)
		length = len(runes)
	}
	cut := func(from, until int) string {
		from, until = min(from, length), min(until, length)
		if ascii {
			return row[from:until]
		}
		return string(runes[from:until])
	}
	values := make([]string, len(h.columns))
	for i, c := range h.columns {
		until := length
		if i+1 < len(h.columns) {
			until = h.columns[i+1].start
		}
		cell := cut(c.start, until)
		if i+1 < len(h.columns) && until < length && !strings.HasSuffix(cell, " ") {
			return nil, false // a cell wider than its column
		}
		if strings.HasPrefix(cell, " ") && strings.TrimSpace(cell) != "" {
			return nil, false // a cell that doesn't begin where its column does
		}
		values[i] = strings.TrimSpace(cell)
	}
	return values, values[0] != "" || h.columns[0].name == "NAMESPACE" // nodes have none
}

// splitGaps cuts a line at two spaces or more, and at tabs.
func splitGaps(line string) []string {
	var parts []string
	for line = strings.Trim(line, " \t"); line != ""; {
		end := len(line)
		if at := strings.Index(line, "  "); at >= 0 {
			end = at
		}
		if at := strings.IndexByte(line, '\t'); at >= 0 && at < end {
			end = at
		}
		parts = append(parts, strings.TrimSpace(line[:end]))
		line = trimLeft(line[end:])
	}
	return parts
}

// byWords gives each column one word; the number of restarts takes when the last was, ages take how often, and
// the last column takes the rest.
func (h tableHeader) byWords(row string) ([]string, bool) {
	values := make([]string, 0, len(h.columns))
	rest := strings.TrimSpace(row)
	for i, c := range h.columns {
		if i == len(h.columns)-1 && c.name == "MESSAGE" {
			values = append(values, rest)
			return values, true
		}
		var value string
		value, rest = word(rest)
		if c.name == "SUBOBJECT" && !strings.ContainsAny(value, "{") {
			rest, value = strings.TrimSpace(value+" "+rest), ""
		}
		if (c.name == "RESTARTS" || c.name == "LAST SEEN") && strings.HasPrefix(rest, "(") {
			inside, behind, _ := strings.Cut(rest, ")")
			value, rest = value+" "+inside+")", strings.TrimSpace(behind)
		}
		if c.name == "SOURCE" && (strings.HasSuffix(value, ",") || value != "" && value[0] == '{' && !strings.HasSuffix(value, "}")) {
			host, behind := word(rest)
			value, rest = value+" "+host, behind
		}
		values = append(values, value)
	}
	return values, rest == ""
}

// table reads the table that begins at line i, up to the first line that is no row of it.
func (p *parser) table(i int) int {
	first := p.src.line(i)
	margin := indentOf(first)
	header, _ := parseHeader(strings.TrimSpace(first))
	seen := p.clock.sighting()
	p.rows.begin(p.command.name != "", p.command)
	j := i + 1
	for ; j < p.src.lines(); j++ {
		line := dedent(p.src.line(j), margin)
		if isElision(line) {
			p.rows.partial[len(p.rows.partial)-1] = true
			continue
		}
		if isBlank(line) {
			break
		}
		if strings.IndexByte("NLFOK", line[0]) >= 0 {
			if isTableHeader(line) { // "kubectl get -w" and "kubectl get all" print several
				break
			}
		}
		row, ok := header.split(line)
		if ok && p.row(row, seen) {
			continue
		}
		if values, fits := header.byWords(line); fits && p.row(cells{header, values}, seen) { // numbers that end where their columns do
			continue
		}
		// Wide columns may have lost what kept their words apart; those before them are told by what they are.
		if row, ok = headless(trimLeft(line)); !ok || row.header.kind != header.kind || !p.row(row, seen) {
			break
		}
	}
	return j
}

// row adds what one row tells; false when it can't be a row of this table.
func (p *parser) row(row cells, seen *sighting) bool {
	if row.header.kind == eventTable {
		return p.eventTableRow(row, seen)
	}
	if row.header.kind == usageTable {
		return p.usage(row)
	}
	if !isObjectName(strings.TrimSuffix(row.get("NAME"), " (default)")) {
		return false
	}
	kind := row.header.kind
	if share := row.get("CPU%"); row.header.index("CPU%") > 0 && !strings.HasSuffix(share, "%") && share != "<unknown>" {
		return false
	}
	if kind == otherTable && len(row.header.columns) <= 4 && row.header.index("READY") < 0 && isNodeStatus(row.get("STATUS")) {
		kind = nodeTable // kubectl before 1.6 printed no more of nodes
	}
	if resource, _, ok := strings.Cut(row.get("NAME"), "/"); ok { // kubectl get all
		kind = tableKind(kindOf(resource))
	}
	object, ok := p.objectOfRow(kind, row, seen)
	if ok && object != nil {
		p.rows.age, _ = parseAge(row.get("AGE"))
		p.rows.put(string(kind), object)
		p.rows.age = age{}
	}
	return ok
}

func (p *parser) objectOfRow(kind tableKind, row cells, seen *sighting) (runtime.Object, bool) {
	r := tableRow{cells: row, seen: seen, namespace: p.command.namespace, p: p}
	switch kind {
	case podTable:
		return r.pod()
	case nodeTable:
		return r.node()
	case deployTable:
		return r.deployment()
	case replicaTable:
		return r.replicaSet()
	case "ReplicationController":
		return r.replicationController()
	case statefulTable:
		return r.statefulSet()
	case daemonTable:
		return r.daemonSet()
	case jobTable:
		return r.job()
	case cronTable:
		return r.cronJob()
	case claimTable:
		return r.claim()
	case volumeTable:
		return r.volume()
	case classTable:
		return r.storageClass()
	case quotaTable:
		return r.quota()
	default:
		return nil, true
	}
}

// isObjectName recognises the name of an object, maybe behind its kind.
func isObjectName(text string) bool {
	if text == "" || len(text) > 320 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '/' && c != ':' && c != '_' {
			return false
		}
	}
	return true
}
