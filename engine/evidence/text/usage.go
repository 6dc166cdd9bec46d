package text

import (
	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// usage reads a row of kubectl top pod: of a pod, or with --containers of one container.
func (p *parser) usage(row cells) bool {
	found := evidence.Usage{Namespace: row.get("NAMESPACE"), Pod: row.get("NAME")}
	if found.Namespace == "" {
		found.Namespace = p.command.namespace
	}
	if row.header.index("POD") >= 0 {
		found.Pod, found.Container = row.get("POD"), row.get("NAME")
	}
	cpu, ok1 := parseQuantity(row.get("CPU(cores)"))
	memory, ok2 := parseQuantity(row.get("MEMORY(bytes)"))
	if !ok1 || !ok2 || !isObjectName(found.Pod) {
		return false
	}
	found.CPU, found.Memory = cpu.MilliValue(), memory.Value()
	p.used = append(p.used, found)
	return true
}
