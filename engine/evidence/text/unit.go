package text

import "strings"

// withoutOtherUnits takes off the state that systemctl status prints of units that a node does without: a firewall that
// is off is no failure of Kubernetes.
func withoutOtherUnits(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	unit, runs := "", agentRuns(text)
	for line := range strings.Lines(text) {
		if name, ok := unitHead(line); ok {
			unit = name
		}
		if unit != "" && strings.HasPrefix(trimLeft(line), "Active: ") && indentOf(line) > 0 && (!isAgent(unit) || unit == "docker" && runs) {
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}

// unitHead gives the name of the unit of which systemctl status tells from this line on.
func unitHead(line string) (string, bool) {
	line = strings.TrimSpace(line)
	if len(line) > maxHead {
		return "", false
	}
	for _, dot := range [...]string{"● ", "○ ", "× ", "* ", "? "} {
		line = strings.TrimPrefix(line, dot)
	}
	name, rest := word(line)
	unit, ok := strings.CutSuffix(name, ".service")
	return unit, ok && (rest == "" || strings.HasPrefix(rest, "- "))
}

// isAgent tells whether a node can't do without a unit: what runs its kubelet or its containers.
func isAgent(unit string) bool {
	switch unit {
	case "kubelet", "containerd", "crio", "docker", "cri-docker", "k3s", "k3s-agent", "rke2-server", "rke2-agent":
		return true
	default:
		return strings.HasPrefix(unit, "k0s") || strings.HasPrefix(unit, "snap.microk8s.") || strings.HasPrefix(unit, "snap.kubelet")
	}
}

// agentRuns tells whether an agent other than Docker is seen to run, which then has another runtime.
func agentRuns(text string) bool {
	unit := ""
	for line := range strings.Lines(text) {
		if name, ok := unitHead(line); ok {
			unit = name
		}
		if isAgent(unit) && unit != "docker" && strings.HasPrefix(trimLeft(line), "Active: active (running)") {
			return true
		}
	}
	return false
}
