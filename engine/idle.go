package engine

import (
	"bytes"
	"regexp"
)

// idle are lines that programs of a cluster write every day, as warnings or errors, and of which nothing comes: the kubelet
// and cAdvisor of cgroups and pods that are gone already, containerd of the same, clients of watches and of their own
// throttling, servers of connections that somebody only tried, DNS of a search path, Promtail of pods that are gone, and
// Spring of what it does without.
var idle = sought{
	[]string{
		"eviction manager: no observation found", "Failed to get system container stats", " has been deprecated, ", "orphaned pod ", "ocess",
		"Failed to update stats for container", "failed to add inotify watch", "cleaning up ", "ameserver limits ", "client-side throttling",
		"TLS handshake error from ", " [ERROR 0 ", "failed to tail file, stat failed", "was requested, but not found in namespace",
		"No bean named '", "ontainer not found in pod's containers", "nsynced Kubernetes API", "CgroupV1 ", "node.kubernetes.io/",
		"gRPC config stream", "Unable to cancel request for ", "un more than once is not allowed",
		"desc = an error occurred when try to find container", "ould not find sandbox", "KUBELET-CANARY", "failed to collect filesystem stats", "webhook, failing open ", "failed to retrieve runc version",
		`msg="collector failed"`, "Error cleaning up nftables rules", ".V2Handlers - Error: ", " is DOWN, reason: ", ", skipped", ", ignored", "Supervisor is running as root",
		"pattern not matched: ", "cannot parse '", "cannot parse record", "nd of stream exception", "Servlet.service() for servlet ", "EndOfStreamException: ", "PolicyViolation ", "ErrorCheckCertificate ",
		"could not find the requested resource", "object has been modified", "Push/Pull with ", "Not continuing with pull after error: context canceled",
	},
	regexp.MustCompile(`\beviction manager: no observation found for eviction signal\b` + // k8s.io/kubernetes/pkg/kubelet/eviction/helpers.go
		`|\bFailed to get system container stats\b` + // pkg/kubelet/server/stats/summary_sys_containers.go
		`|\bFlag --\S+ has been deprecated, ` + // github.com/spf13/pflag
		`|\borphaned pod \S+ found, but ` + // pkg/kubelet/kubelet_volumes.go
		`|\bFailed to process watch event |\bError while processing event \("/sys/fs/cgroup/` + // cAdvisor manager, inotify
		`|\bFailed to update stats for container ` + // cAdvisor manager/container.go
		`|\bEventChan\b.*failed to add inotify watch|\bcleaning up (?:after shim disconnected|dead shim)\b` + // containerd
		`|\b[Nn]ameserver limits (?:were )?exceeded\b` + // pkg/kubelet/network/dns/dns.go
		`|\bdue to client-side throttling\b|\bUnable to cancel request for |\brun more than once is not allowed\b` + // k8s.io/client-go/rest, transport, tools/cache
		`|\b(?:ContainerStatus|StopPodSandbox|RemovePodSandbox)\b.*code = NotFound\b|\bDeleteContainer returned error\b` + // pkg/kubelet, of what is gone
		`|\biptables canary \S+/KUBE-KUBELET-CANARY\b` + // pkg/util/iptables
		`|\bfailed to collect filesystem stats - ` + // cAdvisor container/common/fsHandler.go
		`|\bFailed calling webhook, failing open ` + // k8s.io/apiserver admission/plugin/webhook/mutating/dispatcher.go
		`|\bfailed to retrieve runc version\b` + // moby daemon/info_unix.go
		`|\bmsg="collector failed"` + // node_exporter
		`|\bError cleaning up nftables rules\b` + // pkg/proxy/nftables
		`|\.V2Handlers - Error: ` + // Nexus, of what its clients ask for
		`|\bis DOWN, reason: .*\b[1-9]\d* active and ` + // HAProxy, with others left
		`|, (?:skipped|ignored)[."}]*\s*$` +
		`|\bSupervisor is running as root\b` + // supervisor/options.py
		`|\bcaught end of stream exception\s*$|^EndOfStreamException: Unable to read additional data from client\b` + // ZooKeeper, of who only asks whether its port is open
		`|\bServlet\.service\(\) for servlet \[\S+\] .*\bthrew exception\b` + // Tomcat, of one request
		`|\bPolicyViolation\b.* fail: ` + // Kyverno, of what it only reports
		`|\blist \*v\d\w*\.(?:FlowSchema|PriorityLevelConfiguration|(?:Valid|Mut)atingAdmissionPolicy(?:Binding)?)\b.*could not find the requested resource` + // what a library watches of a newer cluster
		`|\bPush/Pull with \S+ failed: |\bNot continuing with pull after error: context canceled` + // hashicorp/memberlist, which asks again; moby, of who no longer wanted it
		`|\bthe object has been modified; please apply your changes to the latest version\b` + // k8s.io/apiserver/pkg/registry/generic/registry/store.go; who wrote it tries again
		`|\bErrorCheckCertificate\b` + // cert-manager, of what it is about to make
		`|\bpattern not matched: |\bcannot parse (?:'|record\b)` + // Fluentd and Fluent Bit quote what others wrote
		`|\bTLS handshake error from \S+: (?:EOF|read tcp \S+: (?:read: )?connection reset by peer|(?:remote error: )?tls: .*?)"?\s*$` + // net/http/server.go, of a client
		`|\[ERROR 0 \S+ A+\] (?:no items found|invalid query name)\s*$` +
		`|\bfailed to tail file, stat failed\b` + // promtail/targets/file
		`|\bsourceName : \S+ was requested, but not found in namespace\b` +
		`|\bNo bean named '\w+' has been explicitly defined\. Therefore, a default ` +
		`|\bontainer not found in pod's containers\b|\bstarting server with unsynced Kubernetes API\b|\bCgroupV1 ` +
		`|^\s*(?:- )?key: node\.kubernetes\.io/` + // a toleration
		`|\bgRPC config stream (?:to \S+ )?closed(?: since \S+ ago)?: (?:0|13),\s*$`), // Istio: every half an hour
}

// maxIdle bounds how long a text may be of which such lines are left out, in bytes: of a longer one the end matters.
const maxIdle = 256 << 10

// idles blanks the lines of which nothing comes.
func (b *blanks) idles() {
	at := 0
	eachIdle(b.text, func(line []byte, idle bool) {
		if idle {
			b.blank(at, at+len(line))
		}
		at += len(line)
	})
}

// withoutIdle gives a text without the lines of which nothing comes.
func withoutIdle(text []byte) []byte {
	var kept []byte
	if !eachIdle(text, func(line []byte, idle bool) {
		if !idle {
			kept = append(kept, line...)
		}
	}) {
		return text
	}
	return kept
}

// frames are lines of a stack trace as Java prints it, with what was thrown and the lines between.
var frames = regexp.MustCompile(`^\s*(?:at \S|\.\.\. \d+ |(?:Caused by: )?[\w$]+(?:\.[\w$]+)+(?:Exception|Error|Throwable)\b|$)`)

// eachIdle goes through the lines of a text, and tells of each whether nothing comes of it; frames belong to the line above.
// It reports whether it did: a text without such lines is not gone through.
func eachIdle(text []byte, visit func(line []byte, idle bool)) bool {
	if len(text) > maxIdle {
		return false
	}
	idle := idle.within(text)
	if len(idle.signs) == 0 {
		return false
	}
	before := false
	for line := range bytes.Lines(text) {
		start := bytes.TrimRight(line[:min(len(line), maxSpoken)], "\r\n")
		before = idle.in(start) || before && frames.Match(start)
		visit(line, before)
	}
	return true
}
