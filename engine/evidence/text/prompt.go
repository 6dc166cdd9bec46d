package text

import (
	"strings"
)

// command is what was asked for at a prompt, as far as it says whose the following text is.
type command struct {
	tool, verb string
	// kind and name are the resource, name also the pod of a log; either may be empty.
	kind, name string
	namespace  string
	container  string
	previous   bool
	// cluster is how it was chosen, where it was; chosen is set when not all objects were asked for, or not all are shown.
	cluster string
	chosen  bool
	// host is the machine of the prompt, when it names one.
	host string
}

// isLogs tells whether the command prints the log of a container.
func (c command) isLogs() bool { return c.verb == "logs" }

// isJournal tells whether the command prints what the node itself wrote.
func (c command) isJournal() bool { return c.tool == "journalctl" || c.tool == "dmesg" }

// maxPrompt is how much of a line is looked at for a prompt, in bytes.
const maxPrompt = 160

// mayPrompt is quick: false for nearly every line that has no prompt.
func mayPrompt(start string) bool {
	switch first := start[0]; {
	case first == '$', first == '#', first == '>', first == '%', first == '+', first >= 0x80:
		return true
	case first == '[', first == '(':
		return strings.IndexByte(start[:min(len(start), 40)], '@') > 0
	case first == 'k' || first == 'o' || first == 's' || first == 'j':
		return strings.HasPrefix(start, "kubectl ") || strings.HasPrefix(start, "oc ") ||
			strings.HasPrefix(start, "sudo ") || strings.HasPrefix(start, "journalctl ") || mayHost(start)
	case first == 'P' || first == 'C':
		return strings.Contains(start[:min(len(start), maxPrompt)], "kubectl ")
	default:
		return mayHost(start) || strings.Contains(start[:min(len(start), 80)], "kubectl ")
	}
}

// mayHost tells whether the first word may be user@host.
func mayHost(start string) bool {
	at := strings.IndexByte(start[:min(len(start), 40)], '@')
	return at > 0 && strings.IndexByte(start[:at], ' ') < 0
}

// parsePrompt reads a shell prompt with a command behind it.
func parsePrompt(line string) (command, bool) {
	line = strings.TrimSpace(line)
	prompt, rest, sure := cutPrompt(line)
	words := strings.Fields(strings.TrimRight(rest[:min(len(rest), 4096)], "` "))
	cmd, known := parseCommand(words)
	if !known && (!sure || len(words) == 0) {
		return command{}, false
	}
	if _, host, ok := strings.Cut(prompt, "@"); ok {
		cmd.host = strings.TrimRight(host[:hostEnd(host)], ".")
	}
	return cmd, true
}

func hostEnd(text string) int {
	for i := range len(text) {
		c := text[i]
		if c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return i
		}
	}
	return len(text)
}

// cutPrompt separates a prompt from the command. It is sure when whatever follows is a command; otherwise only a
// command that is known makes it one.
func cutPrompt(line string) (prompt, rest string, sure bool) {
	if strings.HasPrefix(line, "$ ") {
		return "$", line[2:], true
	}
	if strings.HasPrefix(line, "$") || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "%") || strings.HasPrefix(line, "+") {
		return line[:1], line[1:], false
	}
	head := line[:min(len(line), maxPrompt)]
	for _, end := range []string{"$ ", "# ", "> ", "% "} {
		at := strings.Index(head, end)
		if at <= 0 {
			continue
		}
		prompt := head[:at]
		shell := strings.HasPrefix(prompt, "[") && strings.HasSuffix(prompt, "]") || isUserAtHost(prompt)
		return prompt, line[at+2:], shell && (end == "$ " || end == "# ")
	}
	for _, tool := range []string{"kubectl ", "oc "} {
		at := strings.Index(head, tool)
		if before := strings.TrimRight(line[:max(at, 0)], " "); before != "" && endsPrompt(before) {
			return before, line[at:], false
		}
	}
	if line != "" && line[0] >= 0x80 {
		for _, tool := range []string{" kubectl ", " oc ", " k ", " journalctl "} {
			if at := strings.Index(head, tool); at > 0 {
				return line[:at], line[at+1:], false
			}
		}
	}
	return "", line, false
}

// endsPrompt tells whether a text ends in a sign that prompts end in.
func endsPrompt(text string) bool {
	for _, sign := range []string{"$", "#", "%", ">", "`", "➜", "λ", "❯", "»", "⟩"} {
		if strings.HasSuffix(text, sign) {
			return true
		}
	}
	return false
}

// isUserAtHost recognises user@host:directory.
func isUserAtHost(prompt string) bool {
	user, host, ok := strings.Cut(prompt, "@")
	if !ok || user == "" || host == "" || strings.ContainsAny(user, " \t:=/") {
		return false
	}
	_, directory, ok := strings.Cut(host, ":")
	return ok && !strings.ContainsAny(directory, " \t")
}

// parseCommand reads the words of a command; false when it is none that prints something known.
func parseCommand(words []string) (command, bool) {
	words = afterWrappers(words)
	if len(words) == 0 {
		return command{}, false
	}
	cmd := command{tool: baseName(words[0])}
	switch cmd.tool {
	case "kubectl", "k", "oc", "kubecolor", "kc":
		return parseKubectl(cmd, words[1:])
	case "crictl", "docker", "podman", "nerdctl":
		if len(words) > 1 && words[1] == "logs" {
			return command{tool: cmd.tool, verb: "logs"}, true
		}
		return cmd, len(words) > 1 && (words[1] == "ps" || words[1] == "inspect" || words[1] == "pods")
	case "journalctl", "dmesg", "stern":
		return cmd, true
	default:
		return cmd, false
	}
}

// afterWrappers are the words behind variables and programs that run another.
func afterWrappers(words []string) []string {
	for len(words) > 0 {
		switch first := words[0]; {
		case first == "sudo", first == "time", first == "microk8s", first == "k3s", first == "minikube", first == "--",
			strings.Contains(first, "=") && !strings.HasPrefix(first, "-"):
			words = words[1:]
		case first == "watch":
			words = words[1:]
			for len(words) > 0 && strings.HasPrefix(words[0], "-") {
				words = words[min(len(words), 1+btoi(words[0] == "-n")):]
			}
		default:
			return words
		}
	}
	return words
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// parseKubectl reads verb, resource and the flags that say whose the output is.
func parseKubectl(cmd command, words []string) (command, bool) {
	var plain []string
	for i := 0; i < len(words); i++ {
		flag, value, joined := strings.Cut(words[i], "=")
		if !strings.HasPrefix(flag, "-") {
			if endsCommand(words[i]) {
				cmd.chosen = cmd.chosen || words[i][0] == '|'
				break
			}
			plain = append(plain, words[i])
			continue
		}
		if !joined && takesValue(flag, cmd.verbOf(plain)) && i+1 < len(words) {
			i++
			value = words[i]
		}
		cmd.setFlag(flag, strings.Trim(value, `"'`), plain)
	}
	cmd.verb = cmd.verbOf(plain)
	switch cmd.verb {
	case "logs", "log":
		cmd.verb = "logs"
		cmd.takeLogArguments(plain[1:])
	case "get", "describe", "events", "top", "edit", "apply", "create", "delete", "rollout", "exec", "run", "debug", "explain", "scale", "set", "patch", "wait", "cordon", "uncordon", "drain", "config", "version", "api-resources", "cluster-info", "label", "annotate", "auth", "cp", "port-forward", "diff", "replace", "taint":
		cmd.takeResource(plain[1:])
	default:
		return command{}, false
	}
	return cmd, true
}

func (c *command) verbOf(plain []string) string {
	if len(plain) == 0 {
		return ""
	}
	return plain[0]
}

func endsCommand(word string) bool {
	switch word[0] {
	case '|', ';', '&', '>', '<':
		return true
	}
	return strings.HasPrefix(word, "2>")
}

func takesValue(flag, verb string) bool {
	switch flag {
	case "-n", "--namespace", "-c", "--container", "-l", "--selector", "-o", "--output", "--tail", "--since", "--since-time",
		"--context", "--kubeconfig", "--field-selector", "--sort-by", "--cluster", "--user", "-s", "--server", "--as", "--limit-bytes", "--for", "--types":
		return true
	case "-f":
		return verb != "logs"
	default:
		return false
	}
}

func (c *command) setFlag(flag, value string, plain []string) {
	logs := len(plain) == 0 || plain[0] == "logs"
	switch {
	case flag == "-n" || flag == "--namespace":
		c.namespace = value
	case strings.HasPrefix(flag, "-n") && len(flag) > 2 && flag[1] != '-':
		c.namespace = flag[2:]
	case flag == "--context" || flag == "--kubeconfig" || flag == "--cluster" || flag == "-s" || flag == "--server":
		c.cluster = value
	case flag == "-l" || flag == "--selector" || flag == "--field-selector":
		c.chosen = true
	case logs && (flag == "-c" || flag == "--container"):
		c.container = value
	case logs && (flag == "-p" || flag == "--previous"):
		c.previous = value != "false"
	}
}

// takeLogArguments reads POD or TYPE/NAME and the container behind it.
func (c *command) takeLogArguments(arguments []string) {
	if len(arguments) > 0 {
		c.kind, c.name = "pod", arguments[0]
		if kind, name, ok := strings.Cut(arguments[0], "/"); ok {
			c.kind, c.name = singular(kind), name
		}
	}
	if len(arguments) > 1 && c.container == "" {
		c.container = arguments[1]
	}
}

// takeResource reads KIND NAME or KIND/NAME.
func (c *command) takeResource(arguments []string) {
	if len(arguments) == 0 {
		return
	}
	kind, name, ok := strings.Cut(arguments[0], "/")
	if !ok && len(arguments) > 1 {
		name = arguments[1]
	}
	c.kind, c.name = singular(kind), strings.TrimRight(name, ":`")
}

// singular is the kind in lower case that a resource is called by at the command line; what is not known stays.
func singular(resource string) string {
	resource, _, _ = strings.Cut(strings.ToLower(resource), ".")
	switch resource {
	case "po", "pods":
		return "pod"
	case "no", "nodes":
		return "node"
	case "ev", "events":
		return "event"
	case "deploy", "deployments":
		return "deployment"
	case "rs", "replicasets":
		return "replicaset"
	case "rc", "replicationcontrollers":
		return "replicationcontroller"
	case "sts", "statefulsets":
		return "statefulset"
	case "ds", "daemonsets":
		return "daemonset"
	case "jobs":
		return "job"
	case "cj", "cronjobs":
		return "cronjob"
	case "pvc", "persistentvolumeclaims":
		return "persistentvolumeclaim"
	case "pv", "persistentvolumes":
		return "persistentvolume"
	case "sc", "storageclasses":
		return "storageclass"
	case "quota", "resourcequotas":
		return "resourcequota"
	case "limits", "limitranges":
		return "limitrange"
	default:
		return resource
	}
}

// kindOf is the API's kind for a resource's name in any form; the name itself when it is not known.
func kindOf(resource string) string {
	switch singular(resource) {
	case "pod":
		return "Pod"
	case "node":
		return "Node"
	case "deployment":
		return "Deployment"
	case "replicaset":
		return "ReplicaSet"
	case "replicationcontroller":
		return "ReplicationController"
	case "statefulset":
		return "StatefulSet"
	case "daemonset":
		return "DaemonSet"
	case "job":
		return "Job"
	case "cronjob":
		return "CronJob"
	case "persistentvolumeclaim":
		return "PersistentVolumeClaim"
	case "persistentvolume":
		return "PersistentVolume"
	case "storageclass":
		return "StorageClass"
	case "resourcequota":
		return "ResourceQuota"
	case "limitrange":
		return "LimitRange"
	case "horizontalpodautoscaler", "hpa":
		return "HorizontalPodAutoscaler"
	case "namespace", "ns":
		return "Namespace"
	case "service", "svc":
		return "Service"
	default:
		return resource
	}
}
