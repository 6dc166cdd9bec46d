package remedy

import (
	"slices"
	"strconv"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// lostNode are the taints that the node controller gives a node that is lost. Pods that say nothing tolerate them
// for 300 s (k8s.io/kubernetes/plugin/pkg/admission/defaulttolerationseconds).
var lostNode = [...]string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}

// avoidNode keeps pods away from one node where their owner does not say otherwise.
func (e *edit) avoidNode(action *v1alpha1.AvoidNode) *obstacle {
	spec, at, hindered := e.spec()
	switch {
	case hindered != nil:
		return hindered
	case e.object["kind"] == "DaemonSet":
		return hinders(Denied, "a DaemonSet's pods belong to their nodes")
	case spec["nodeName"] != nil && spec["nodeName"] != "" && !prefersOthers(spec, action.Node):
		// One that prefers other nodes already was given its node by the scheduler.
		return hinders(Denied, "the pod names its node itself")
	}
	before := len(e.operations)
	if hindered := e.preferOthers(spec, at, action.Node); hindered != nil {
		return hindered
	}
	if action.TolerationSeconds != nil {
		if hindered := e.leaveSooner(spec, at, int64(*action.TolerationSeconds)); hindered != nil {
			return hindered
		}
	}
	if action.Spread {
		if hindered := e.spread(spec, at); hindered != nil {
			return hindered
		}
	}
	governs := pointer(below(at, "affinity", "nodeAffinity", "node "+action.Node)...)
	if len(e.operations) == before {
		e.settle(InEffect, governs)
		return nil
	}
	e.settle(Changes, governs, pointer(below(at, "tolerations")...), pointer(below(at, "topologySpreadConstraints")...))
	return nil
}

// preferOthers adds a preference for other nodes. It is by the node's name: its label may be another.
func (e *edit) preferOthers(spec map[string]any, at []string, node string) *obstacle {
	if prefersOthers(spec, node) {
		return nil
	}
	e.modified(e.template.words()+".affinity.nodeAffinity."+preferred+"[node="+node+"]", "", "", "prefer other nodes")
	return e.appendTo(below(at, "affinity", "nodeAffinity", preferred), map[string]any{
		"weight": int64(100),
		"preference": map[string]any{"matchFields": []any{
			map[string]any{"key": "metadata.name", "operator": "NotIn", "values": []any{node}},
		}},
	})
}

const preferred = "preferredDuringSchedulingIgnoredDuringExecution"

// prefersOthers reports whether a pod spec prefers other nodes than the given.
func prefersOthers(spec map[string]any, node string) bool {
	affinity, _ := spec["affinity"].(map[string]any)
	nodes, _ := affinity["nodeAffinity"].(map[string]any)
	preferences, _ := nodes[preferred].([]any)
	return slices.ContainsFunc(preferences, func(preference any) bool { return avoids(preference, node) })
}

// avoids reports whether a preference is one for other nodes than the given.
func avoids(preference any, node string) bool {
	fields, ok := get(preference, []string{"preference", "matchFields"})
	list, _ := fields.([]any)
	return ok && slices.ContainsFunc(list, func(entry any) bool {
		field, _ := entry.(map[string]any)
		values, _ := field["values"].([]any)
		return field["key"] == "metadata.name" && field["operator"] == "NotIn" && slices.Contains(values, any(node))
	})
}

// leaveSooner lets pods leave a lost node sooner than the default, where the owner has no toleration of his own for
// its taint.
func (e *edit) leaveSooner(spec map[string]any, at []string, seconds int64) *obstacle {
	tolerations, _ := spec["tolerations"].([]any)
	for _, key := range lostNode {
		if slices.ContainsFunc(tolerations, func(entry any) bool { return tolerates(entry, key) }) {
			continue
		}
		e.modified(e.template.words()+".tolerations[key="+key+"].tolerationSeconds", "", "", strconv.FormatInt(seconds, 10))
		if hindered := e.appendTo(below(at, "tolerations"), map[string]any{
			"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds,
		}); hindered != nil {
			return hindered
		}
	}
	return nil
}

// tolerates reports whether a toleration speaks of a taint with effect NoExecute.
func tolerates(entry any, key string) bool {
	toleration, _ := entry.(map[string]any)
	effect, _ := toleration["effect"].(string)
	return (toleration["key"] == key || toleration["key"] == nil || toleration["key"] == "") && (effect == "" || effect == "NoExecute")
}

const hostname = "kubernetes.io/hostname"

// spread asks the scheduler to spread the replicas over nodes, where nothing says how.
func (e *edit) spread(spec map[string]any, at []string) *obstacle {
	workload, _ := e.object["spec"].(map[string]any)
	replicas, _ := number(workload["replicas"])
	selector, _ := descend(workload, "selector", "matchLabels")
	constraints, _ := spec["topologySpreadConstraints"].([]any)
	affinity, _ := spec["affinity"].(map[string]any)
	if replicas < 2 || len(selector) == 0 || len(constraints) > 0 || affinity["podAntiAffinity"] != nil {
		return nil
	}
	e.modified(e.template.words()+".topologySpreadConstraints[topologyKey="+hostname+"]", "", "", "spread over nodes")
	return e.appendTo(below(at, "topologySpreadConstraints"), map[string]any{
		"maxSkew": int64(1), "topologyKey": hostname, "whenUnsatisfiable": "ScheduleAnyway",
		"labelSelector": map[string]any{"matchLabels": selector},
	})
}
