package text

import (
	"strconv"
	"strings"
	"time"
)

// journalLine is one line of a node's journal, or of what the kubelet writes into it.
type journalLine struct {
	host, program string
	at            time.Time
	file          string            // of the kubelet's source, for lines in klog's format
	message       string            // without the fields behind it
	fields        map[string]string // of a structured line
}

// isJournal tells whether a line is one of a node's journal: of a program that runs there, or in klog's format
// from a file of the kubelet.
func isJournal(line string) bool {
	line = trimLeft(line)
	if isUnitHead(line) || isBareKubelet(line) || isBareRuntime(line) {
		return true
	}
	if program, rest, ok := cutSyslog(line); ok {
		return isNodeProgram(program.program) || isKubeletFile(klogFile(rest))
	}
	return isKubeletFile(klogFile(line)) || isKlog(line) && (strings.Contains(line, ` manager.go:`) && strings.Contains(line, `Failed to pull image "`) ||
		strings.Contains(line, ` controller.go:`) && strings.Contains(line, "ensure lease exists"))
}

// cutSyslog cuts "Nov 23 10:00:00 node-3 kubelet[1234]: " off a line, with the time also in ISO 8601.
func cutSyslog(line string) (head journalLine, rest string, ok bool) {
	stamp := syslogStamp(line)
	if stamp == 0 {
		return head, line, false
	}
	host, rest := word(line[stamp:])
	if name, hostless := strings.CutSuffix(host, ":"); hostless && line[0] != '2' {
		name, _, _ = strings.Cut(name, "[")
		return journalLine{program: name}, rest, isNodeProgram(name)
	}
	program, rest := word(rest)
	name, ok := strings.CutSuffix(program, ":")
	if !ok || host == "" {
		return head, line, false
	}
	name, _, _ = strings.Cut(name, "[")
	return journalLine{host: host, program: name}, rest, true
}

// syslogStamp is the length of the time at the front of a line; 0 when there is none.
func syslogStamp(line string) int {
	if len(line) < 16 {
		return 0
	}
	if line[0] == '2' {
		end := strings.IndexByte(line[:min(len(line), 40)], ' ')
		if end < 19 || line[4] != '-' || line[7] != '-' || line[10] != 'T' || line[13] != ':' {
			return 0
		}
		return end
	}
	if line[3] != ' ' || line[6] != ' ' || line[9] != ':' || line[12] != ':' || line[15] != ' ' || !isMonth(line[:3]) {
		return 0
	}
	return 15
}

func isMonth(text string) bool {
	switch text {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	default:
		return false
	}
}

// isNodeProgram knows the programs of a node whose lines tell about it.
func isNodeProgram(name string) bool {
	switch name {
	case "kubelet", "kernel", "containerd", "dockerd", "docker", "crio", "cri-o", "cri-dockerd", "k3s", "k3s-agent", "rke2", "rke2-agent", "k0s",
		"kubelite", "microk8s.daemon-kubelite", "hyperkube", "systemd", "systemd-logind", "bottlerocket-kubelet", "kube-proxy":
		return true
	default:
		return false
	}
}

// klogFile is the source file that a line in klog's format names, "E1123 10:00:00.123456    1234 file.go:12] …";
// empty for other lines.
func klogFile(line string) string {
	if !isKlog(line) {
		return bareFile(line)
	}
	end := strings.IndexByte(line[:min(len(line), 200)], ']')
	if end < 0 {
		return ""
	}
	file := line[strings.LastIndexByte(line[:end], ' ')+1 : end]
	file, number, ok := strings.Cut(file, ":")
	if !ok || number == "" {
		return ""
	}
	return file
}

// bareFile is the source file of a line in klog's format that lost its level and its time: "kubelet.go:2267] …".
func bareFile(line string) string {
	if line != "" && isDigit(line[0]) { // the process id was left
		if pid, rest := word(line); digitsOf([]byte(pid)) == len(pid) {
			line = rest
		}
	}
	end := strings.IndexByte(line[:min(len(line), 60)], ']')
	if end < 5 || line[0] < 'a' || line[0] > 'z' || !isDigit(line[end-1]) {
		return ""
	}
	file, number, ok := strings.Cut(line[:end], ":")
	if !ok || !strings.HasSuffix(file, ".go") || strings.ContainsAny(file, " \t") || digitsOf([]byte(number)) != len(number) {
		return ""
	}
	return file
}

// isKlog looks at the level and the time: Lmmdd hh:mm:ss.
func isKlog(line string) bool {
	if len(line) < 30 || line[5] != ' ' || line[8] != ':' || line[11] != ':' {
		return false
	}
	switch line[0] {
	case 'I', 'W', 'E', 'F':
	default:
		return false
	}
	for i := 1; i < 5; i++ {
		if line[i] < '0' || line[i] > '9' {
			return false
		}
	}
	return true
}

// isKubeletFile knows files of the kubelet by the beginnings of their names, over the versions.
func isKubeletFile(file string) bool {
	if file == "" {
		return false
	}
	for _, start := range []string{
		"kubelet", "ubelet", "kuberuntime_", "pod_workers", "prober", "remote_", "nestedpendingoperations", "reconciler", "eviction_manager",
		"generic.go", "setters", "desired_state_of_world", "pod_container_", "cni.go", "csi_", "status_manager", "volume_manager", "oom_watcher",
		"image_gc", "container_manager", "cgroup_manager", "kube_docker", "docker_", "operation_generator", "operation_executor",
		"certificate_", "nodelease", "node_shutdown", "nodeshutdown", "watchdog", "fs_resource_analyzer", "cri_stats", "cadvisor_stats",
		"topology_manager", "cpu_manager", "memory_manager", "plugin_watcher", "pleg",
	} {
		if strings.HasPrefix(file, start) {
			return true
		}
	}
	return false
}

// parseJournal reads a line of a journal. Fields of a structured line are unquoted.
func parseJournal(line string, now time.Time) journalLine {
	line = trimLeft(line)
	head, rest, ok := cutSyslog(line)
	if ok {
		head.at = syslogTime(line[:syslogStamp(line)], now)
	}
	if isKlog(rest) {
		if at := klogTime(rest, now); head.at.IsZero() {
			head.at = at
		}
	}
	if head.file = klogFile(rest); head.file != "" || isKlog(rest) {
		if end := strings.IndexByte(rest, ']'); end >= 0 {
			rest = strings.TrimLeft(rest[end+1:], " ")
		}
	}
	if head.file == "" && isBareKubelet(rest) {
		head.file = "prober.go"
	}
	head.message, head.fields = parseStructured(rest)
	return head
}

// isBareKubelet recognises what the kubelet writes of a probe where the head of the line was left out.
func isBareKubelet(line string) bool {
	rest, ok := strings.CutPrefix(line, `"Probe `)
	if ok {
		return strings.HasPrefix(rest, `failed" probeType=`) || strings.HasPrefix(rest, `errored" err=`) || strings.HasPrefix(rest, `errored" probeType=`)
	}
	for _, kind := range [...]string{"Liveness", "Readiness", "Startup"} {
		if rest, ok := strings.CutPrefix(line, kind); ok {
			_, _, ok = strings.Cut(rest[:min(len(rest), 400)], `" failed (`)
			return ok && strings.HasPrefix(line[len(kind):], ` probe for "`)
		}
	}
	return false
}

// syslogTime reads a time with year and zone, or one without, which is of the year before now and in UTC.
func syslogTime(stamp string, now time.Time) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05.999999-0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, stamp); err == nil {
			return t
		}
	}
	t, err := time.Parse(time.Stamp, stamp)
	if err != nil {
		return time.Time{}
	}
	return inYearBefore(t, now)
}

func klogTime(line string, now time.Time) time.Time {
	t, err := time.Parse("0102 15:04:05", line[1:14])
	if err != nil {
		return time.Time{}
	}
	return inYearBefore(t, now)
}

// inYearBefore gives a time without a year the latest that is not after now, but for the zones of the world.
func inYearBefore(t, now time.Time) time.Time {
	if now.IsZero() {
		return time.Time{}
	}
	at := time.Date(now.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	if at.After(now.Add(24 * time.Hour)) {
		at = time.Date(now.Year()-1, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	}
	return at
}

// maxFields bounds how many fields of a line are read; the kubelet writes a handful.
const maxFields = 32

// parseStructured reads `"message" key="value" key=value`; a line of another form is all message.
func parseStructured(text string) (message string, fields map[string]string) {
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil || quoted[0] != '"' {
		return text, nil
	}
	message, _ = strconv.Unquote(quoted)
	fields = map[string]string{}
	rest := text[len(quoted):]
	for range maxFields {
		rest = strings.TrimLeft(rest, " ")
		key, value, ok := strings.Cut(rest, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \"") {
			break
		}
		fields[key], rest = cutValue(value)
	}
	return message, fields
}

// cutValue reads a quoted or a plain value.
func cutValue(text string) (value, rest string) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil && quoted[0] == '"' {
		value, _ = strconv.Unquote(quoted)
		return value, text[len(quoted):]
	}
	if strings.HasPrefix(text, `"`) { // cut off by the journal: all that is left
		return strings.ReplaceAll(text[1:], `\"`, `"`), ""
	}
	value, rest, _ = strings.Cut(text, " ")
	return value, rest
}

// err is the error of a line: of its own field, or all of an unstructured message.
func (l journalLine) err() string {
	if err, ok := l.fields["err"]; ok {
		return err
	}
	if l.fields == nil {
		return l.message
	}
	return ""
}

// journal reads a journal from line i on, up to the first line that is none of it.
func (p *parser) journal(i int) int {
	n := nodeJournal{p: p, seen: map[string]int{}}
	j := i
	for j < p.src.lines() {
		line := p.src.line(j)
		next := j + 1
		switch {
		case isJournal(line) || isKlog(line) || bareFile(line) != "" || n.isOwn(line):
			line, next = p.unwrapped(line, next)
			parsed := parseJournal(line, p.now)
			if parsed.fields["err"] == "<" {
				parsed.fields["err"], next = p.multiline(j + 1)
			}
			n.line(parsed, j, next)
		case isUnitField(line):
			n.log = append(n.log, p.src.raw(j, next)...)
		case strings.HasPrefix(line, "-- ") || isBlank(line) && p.journalGoesOn(j):
		default:
			n.finish()
			return j
		}
		j = next
	}
	n.finish()
	return j
}

// unwrapped gives a line of klog's together with those that a terminal or a page made of its end, and the line after them:
// of a message that ends inside a quotation, or has not even begun.
func (p *parser) unwrapped(line string, next int) (whole string, after int) {
	const most = 12 // lines
	for after = next; after < min(p.src.lines(), next+most) && isCutOff(line); after++ {
		more := p.src.line(after)
		if isBlank(more) || isJournal(more) || isKlog(more) {
			break
		}
		line += " " + strings.TrimSpace(more)
	}
	return line, after
}

// isCutOff tells whether a line of klog's ends before its message does.
func isCutOff(line string) bool {
	at := strings.Index(line, ".go:")
	if at < 0 {
		return false
	}
	if strings.HasSuffix(strings.TrimRight(line, " "), "]") && strings.IndexByte(line[at:], ' ') < 0 {
		return true
	}
	return (strings.Count(line, `"`)-strings.Count(line, `\"`))%2 == 1
}

// isUnitHead recognises the first line of what systemctl status prints of the kubelet.
func isUnitHead(line string) bool {
	return strings.HasPrefix(line, "● kubelet.service") || strings.HasPrefix(line, "* kubelet.service") || strings.HasPrefix(line, "kubelet.service - ") ||
		strings.HasPrefix(line, "× kubelet.service") || strings.HasPrefix(line, "○ kubelet.service")
}

// isUnitField recognises the other lines of systemctl status.
func isUnitField(line string) bool {
	start := trimLeft(line)
	if strings.HasPrefix(start, "└─") || strings.HasPrefix(start, "├─") {
		return true
	}
	key, _ := cutField(start)
	switch key {
	case "Loaded", "Drop-In", "Active", "Docs", "Process", "Main PID", "Tasks", "Memory", "CPU", "CGroup", "Status", "Condition", "IO", "IP", "TriggeredBy":
		return indentOf(line) > 0
	default:
		return false
	}
}

// isOwn recognises a line of any other program on the same node.
func (n *nodeJournal) isOwn(line string) bool {
	head, _, ok := cutSyslog(trimLeft(line))
	return ok && head.host == n.host
}

func (p *parser) journalGoesOn(j int) bool {
	return j+1 < p.src.lines() && isJournal(p.src.line(j+1))
}

// maxErrorLines is how many lines an error is followed for.
const maxErrorLines = 200

// multiline reads an error of several lines, which klog writes between "err=<" and " >", each line behind a tab,
// and maybe behind the prefix of the journal.
func (p *parser) multiline(j int) (text string, next int) {
	var lines []string
	for k := j; k < min(p.src.lines(), j+maxErrorLines); k++ {
		line := p.src.line(k)
		if _, rest, ok := cutSyslog(line); ok {
			line = rest
		}
		if isKlog(line) {
			break
		}
		line = strings.TrimPrefix(line, "\t")
		if strings.HasPrefix(trimLeft(line), ">") {
			return strings.Join(lines, "\n"), k + 1
		}
		lines = append(lines, line)
	}
	return "", j
}
