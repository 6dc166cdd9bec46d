package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// isDescription tells whether the output of kubectl describe begins at line i: a name, and below it one of the
// fields that follow it for the kinds that have a description.
func (p *parser) isDescription(i int) bool {
	line := p.src.line(i)
	key, name := cutField(strings.TrimSpace(line))
	if key != "Name" || name == "" || strings.ContainsAny(name, " \t") {
		return false
	}
	for j := i + 1; j < min(i+3, p.src.lines()); j++ {
		next := p.src.line(j)
		if indentOf(next) < indentOf(line) || indentOf(next) != indentOf(p.src.line(i+1)) {
			return false
		}
		key, _ := cutField(strings.TrimSpace(next))
		switch key {
		case "Namespace", "Labels", "Annotations", "Roles", "Role", "IsDefaultClass", "Provisioner", "StorageClass", "Value", "Image(s)":
			return true
		}
	}
	return false
}

// margin is how far the fields of the description that begins at line i are indented: copying takes the indentation
// off the first line only.
func (p *parser) margin(i int) int {
	if i+1 < p.src.lines() && strings.HasPrefix(trimLeft(p.src.line(i)), "Name:") && !isBlank(p.src.line(i+1)) {
		return max(indentOf(p.src.line(i)), indentOf(p.src.line(i+1)))
	}
	return indentOf(p.src.line(i))
}

// cutField cuts "Key:  value" into its parts; the key is empty when the text has no such form.
func cutField(text string) (key, value string) {
	for from := 0; ; {
		at := strings.IndexByte(text[from:], ':')
		if at < 0 {
			return "", text
		}
		at += from
		if at+1 == len(text) || isSpace(text[at+1]) {
			return text[:at], strings.TrimSpace(text[at+1:])
		}
		from = at + 1
	}
}

// isTopKey tells whether a description of any kind has a field of that name that is not indented.
func isTopKey(key string) bool {
	switch key {
	case "Name", "Namespace", "Priority", "Priority Class Name", "PriorityClassName", "Runtime Class Name", "Service Account", "Node", "Start Time",
		"Labels", "Annotations", "Status", "Termination Grace Period", "Reason", "Message", "SeccompProfile", "LocalhostProfile", "Security Policy",
		"IP", "IPs", "Controlled By", "Controllers", "Created By", "NominatedNodeName", "Resources", "Init Containers", "Containers",
		"Ephemeral Containers", "Readiness Gates", "Conditions", "Volumes", "QoS Class", "QoS Tier", "Node-Selectors", "Tolerations",
		"Topology Spread Constraints", "SchedulingGroup", "Events",
		"Role", "Roles", "CreationTimestamp", "Taints", "Unschedulable", "Lease", "Addresses", "Capacity", "Allocatable", "System Info", "PodCIDR",
		"PodCIDRs", "ProviderID", "ExternalID", "Non-terminated Pods", "Allocated resources", "Pods", "Node-Local ResourceSlices", "Phase",
		"Selector", "Replicas", "StrategyType", "MinReadySeconds", "RollingUpdateStrategy", "Pod Template", "OldReplicaSets", "OldReplicaSet",
		"NewReplicaSet", "Pods Status", "Pods Statuses", "Update Strategy", "Service Name", "Pod Management Policy",
		"Persistent Volume Claim Retention Policy", "Volume Claims", "Node-Selector", "Desired Number of Nodes Scheduled",
		"Current Number of Nodes Scheduled", "Number of Nodes Scheduled with Up-to-date Pods",
		"Number of Nodes Scheduled with Available Pods", "Number of Nodes Misscheduled",
		"Parallelism", "Completions", "Completion Mode", "Suspend", "Backoff Limit", "TTL Seconds After Finished", "Completed At", "Duration",
		"Active Deadline Seconds", "Completed Indexes", "Schedule", "Concurrency Policy", "Time Zone", "Successful Job History Limit",
		"Failed Job History Limit", "Starting Deadline Seconds", "Last Schedule Time", "Active Jobs", "Ready",
		"StorageClass", "Volume", "Finalizers", "Access Modes", "VolumeMode", "DataSource", "Used By", "Mounted By", "Claim", "Reclaim Policy",
		"Node Affinity", "Source", "Provisioner", "Parameters", "AllowVolumeExpansion", "MountOptions", "ReclaimPolicy", "VolumeBindingMode",
		"AllowedTopologies", "IsDefaultClass", "Scopes", "API Version", "Kind", "Metadata", "Spec", "Type", "Data", "Reference", "Metrics",
		"Min replicas", "Max replicas", "Behavior", "Deployment pods", "Address", "Ingress Class", "Default backend", "Rules", "TLS",
		"Image pull secrets", "Mountable secrets", "Tokens", "Secrets", "IP Family Policy", "IP Families", "Port", "TargetPort", "NodePort", "Endpoints",
		"Session Affinity", "External Traffic Policy", "Internal Traffic Policy", "LoadBalancer Ingress", "Subsets", "Min available",
		"Image(s)", "Replication Controllers", "Replication Controller", "Security Context", "Init Container", "Max unavailable", "Allowed disruptions", "Value", "GlobalDefault", "PreemptionPolicy", "Description", "Replica Sets":
		return true
	default:
		return false
	}
}

// entry is one line of a description, and lines that continue its value without indentation.
type entry struct {
	indent int
	text   string // without indentation
	more   []string
}

// description reads one description with its events from line i on.
func (p *parser) description(i int) int {
	entries, next, ok := p.flatEntries(i)
	if !ok {
		entries, next = p.entries(i, p.margin(i))
	}
	root := outline(entries)
	d := described{p: p, seen: p.clock.sighting(), root: root}
	about, object := d.object()
	if object != nil {
		p.add(object)
	}
	if next < p.src.lines() && isEventsLine(p.src.line(next)) {
		events, after := p.eventSection(next+1, about, d.seen)
		for _, event := range events {
			p.add(event.Event)
		}
		d.link(object, events)
		next = max(after, next+1)
	}
	return next
}

func isEventsLine(line string) bool {
	key, value := cutField(strings.TrimSpace(line))
	return key == "Events" && (value == "" || value == "<none>")
}

// described is one description on its way to an object.
type described struct {
	p    *parser
	seen *sighting
	root *section
}

// object makes the object, of the kind that the fields tell; nil for kinds that tell nothing but events.
func (d described) object() (subject, runtime.Object) {
	about := subject{name: d.root.value("Name"), namespace: d.root.value("Namespace")}
	if headless := !d.root.has("Name"); headless && d.p.command.verb == "describe" && singular(d.p.command.kind) == "pod" {
		about.name = d.p.command.name
		if about.namespace == "" {
			about.namespace = d.p.command.namespace
		}
	}
	has := d.root.has
	switch {
	case has("System Info") || has("Roles") || has("Allocatable"):
		return d.made(about, "Node", d.node())
	case has("Containers") && !has("Pod Template"):
		pod := d.pod()
		about.containers = containersOf(pod)
		return d.made(about, "Pod", pod)
	case has("StrategyType") || has("RollingUpdateStrategy") || strings.Contains(d.root.value("Replicas"), " updated |"):
		return d.made(about, "Deployment", d.deployment())
	case has("Update Strategy") || has("Volume Claims"):
		return d.made(about, "StatefulSet", d.statefulSet())
	case has("Desired Number of Nodes Scheduled"):
		return d.made(about, "DaemonSet", d.daemonSet())
	case has("Schedule") && has("Concurrency Policy"):
		return d.made(about, "CronJob", d.cronJob())
	case has("Pods Statuses") || has("Parallelism"):
		return d.made(about, "Job", d.job())
	case has("Replicas") && (has("Pod Template") || has("Pods Status")):
		return d.replicas(about)
	case has("Reclaim Policy"):
		return d.made(about, "PersistentVolume", nil)
	case has("Provisioner"):
		return d.made(about, "StorageClass", &storagev1.StorageClass{ObjectMeta: d.metadata()})
	case has("StorageClass") && has("Volume"):
		d.p.add(d.users()...)
		return d.made(about, "PersistentVolumeClaim", d.claim())
	case d.hasConditionsOfDeployment():
		object := d.deployment()
		if set, _ := word(d.root.value("NewReplicaSet")); object.Name == "" && strings.Contains(set, "-") {
			object.Name = set[:strings.LastIndexByte(set, '-')]
			about.name = object.Name
		}
		return d.made(about, "Deployment", object)
	case has("Taints") || has("Addresses") || has("ExternalID") || isOfNode(d.nodeConditions(d.root)):
		return d.made(about, "Node", d.node())
	case !has("Name"):
		pod := d.pod()
		pod.Name, pod.Namespace = about.name, about.namespace
		return d.made(about, "Pod", pod)
	case about.namespace != "" && (has("Node") || has("QoS Class") || has("IPs") || has("Start Time")): // cut off before its containers
		return d.made(about, "Pod", d.pod())
	default:
		return d.other(about)
	}
}

func (d described) made(about subject, kind string, object runtime.Object) (subject, runtime.Object) {
	about.kind = kind
	return about, object
}

// replicas tells ReplicaSets and ReplicationControllers apart, whose descriptions have the same fields.
func (d described) replicas(about subject) (subject, runtime.Object) {
	owner := d.root.value("Controlled By")
	if singular(d.p.command.kind) == "replicationcontroller" || strings.HasPrefix(owner, "DeploymentConfig/") {
		return d.made(about, "ReplicationController", d.replicationController())
	}
	return d.made(about, "ReplicaSet", d.replicaSet())
}

// other is for descriptions that are tables, and for kinds that are only known by their events.
func (d described) other(about subject) (subject, runtime.Object) {
	for _, line := range d.root.below {
		switch fields := strings.Fields(line.text); {
		case len(fields) == 3 && fields[0] == "Resource" && fields[1] == "Used":
			return d.made(about, "ResourceQuota", d.quota())
		case len(fields) > 3 && fields[0] == "Type" && fields[1] == "Resource" && fields[2] == "Min":
			return d.made(about, "LimitRange", d.limitRange())
		}
	}
	if status := d.root.value("Status"); status == "Active" || status == "Terminating" {
		about.kind, d.p.namespace = "Namespace", about.name
		return about, nil
	}
	if kind := d.root.value("Kind"); kind != "" {
		about.kind = kind
	} else if d.p.command.verb == "describe" {
		about.kind = kindOf(d.p.command.kind)
	}
	return about, nil
}

// entries collects the lines of a description up to its events or its end.
func (p *parser) entries(i, margin int) (entries []entry, next int) {
	blank, table, contained := 0, false, false
	for j := i; j < p.src.lines(); j++ {
		line := dedent(p.src.line(j), margin)
		if line == "" {
			blank++
			continue
		}
		if isElision(line) {
			continue
		}
		indent := indentOf(line)
		e := entry{indent: indent, text: strings.Trim(line, " \t")}
		switch {
		case indent > 0 && (blank > maxBlank || isEventColumns(e.text) && p.eventsFollow(j+1) || isEventRow(e.text)): // events without their heading
			return entries, j
		case indent > 1 && !contained && len(entries) > 0 && strings.HasPrefix(entries[0].text, "Name:") && strings.HasPrefix(e.text, "State:") && isStateLine(e.text[len("State:"):], e.text):
			// What stands between the name of the pod and the state of a container was left out.
			contained = true
			entries = append(entries, entry{text: "Containers:"}, entry{indent: 1, text: unnamed + ":"})
		case indent > 0 && strings.HasPrefix(e.text, "Message:"):
			if hasEnded(entries, indent) {
				e.more = p.untilExitCode(j, margin, indent)
			}
			j += len(e.more)
		case indent == 0 && j > i:
			key, _ := cutField(e.text)
			contained = contained || key == "Containers" || key == "Init Containers" || key == "Pod Template"
			if key == "Name" || key == "Events" || blank > 0 && p.breaks(j) {
				return entries, j
			}
			table = table || isPlainTable(e.text)
			if after := p.afterData(j, e.text); after > 0 {
				j, next = after-1, after
				continue
			}
			if blank == 0 && goesOnFlat(entries, e.text) {
				continue
			}
			if !isTopKey(key) && (!table || blank > 0) {
				more, ok := p.messageGoesOn(entries, j, margin)
				if !ok {
					return entries, j
				}
				j += more
				continue
			}
		}
		blank = 0
		entries = append(entries, e)
		next = j + 1
	}
	return entries, max(next, i+1)
}

// unnamed stands for the name of a container that was left out.
const unnamed = "?"

// goesOnFlat recognises, where the indentation was lost, a further label, annotation or selector behind the first, and
// the words that stand in place of volumes.
func goesOnFlat(entries []entry, text string) bool {
	if text == "No volumes." {
		return true
	}
	if len(entries) == 0 || entries[len(entries)-1].indent > 0 {
		return false
	}
	key, _ := cutField(entries[len(entries)-1].text)
	name, _, paired := strings.Cut(text, "=")
	return paired && !strings.ContainsAny(name, " \t:") && (key == "Labels" || key == "Annotations" || key == "Selector")
}

// maxBlank is how many empty lines the text of a script inside a description may have in a row.
const maxBlank = 2

// isPlainTable recognises the header of the tables that descriptions of quotas and limit ranges consist of.
func isPlainTable(text string) bool {
	first, rest := word(text)
	second, _ := word(rest)
	return first == "Resource" && second == "Used" || first == "Type" && second == "Resource"
}

// afterData is the line behind the data of a ConfigMap or a Secret, which begin with a line of ====; 0 when line
// j has none.
func (p *parser) afterData(j int, text string) int {
	if text != "Data" && text != "BinaryData" || j+1 >= p.src.lines() || !strings.HasPrefix(p.src.line(j+1), "====") {
		return 0
	}
	for k := j + 2; k < p.src.lines(); k++ {
		if strings.HasPrefix(p.src.line(k), "Events:") {
			return k
		}
		switch p.begins(k) {
		case promptLine, fenceLine, descriptionStart:
			return k
		}
	}
	return p.src.lines()
}

// maxMessageLines is how many lines a message of a container or a pod is followed for: the kubelet keeps at most
// 80 lines of a log, or 4096 bytes, as the message of a run that ended.
const maxMessageLines = 400

// hasEnded tells whether the lines at an indentation belong to the state of a container that ended.
func hasEnded(entries []entry, indent int) bool {
	for i := len(entries) - 1; i >= 0 && i >= len(entries)-4; i-- {
		if entries[i].indent < indent {
			return strings.HasSuffix(entries[i].text, "Terminated")
		}
	}
	return false
}

// untilExitCode are the lines behind line i up to the exit code that follows the message of a run that ended.
func (p *parser) untilExitCode(i, margin, indent int) []string {
	if i < p.noExitUntil {
		return nil
	}
	var lines []string
	until, other := min(p.src.lines(), i+maxMessageLines), false
	for j := i + 1; j < until; j++ {
		line := dedent(p.src.line(j), margin)
		if strings.HasPrefix(trimLeft(line), "Exit Code:") {
			if indentOf(line) == indent {
				return lines
			}
			other = true
		}
		lines = append(lines, line)
	}
	if !other {
		p.noExitUntil = until - 1
	}
	return nil
}

// messageGoesOn appends lines to the message of a pod that has several, up to the next field. It returns how
// many lines after line j it took.
func (p *parser) messageGoesOn(entries []entry, j, margin int) (more int, ok bool) {
	if len(entries) == 0 {
		return 0, false
	}
	last := &entries[len(entries)-1]
	if last.indent > 0 || !strings.HasPrefix(last.text, "Message:") {
		return 0, false
	}
	var lines []string
	for k := j; k < min(p.src.lines(), j+maxMessageLines); k++ {
		line := dedent(p.src.line(k), margin)
		key, _ := cutField(strings.Trim(line, " \t"))
		if indentOf(line) == 0 && isTopKey(key) && key != "Name" && k > j {
			last.more = append(last.more, lines...)
			return k - j - 1, true
		}
		lines = append(lines, line)
	}
	return 0, false
}

// link derives the moment of a description from what it shows both as a time and as an age.
func (d described) link(object runtime.Object, events []reported) {
	switch o := object.(type) {
	case *corev1.Pod:
		linkPod(d.seen, o, events)
	case *corev1.Node:
		linkNode(d.seen, o, events)
	}
}
