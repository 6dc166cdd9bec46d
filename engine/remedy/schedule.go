package remedy

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// MayUse reports whether the scheduler would consider a node for a pod, apart from what the pod asks for: the node
// is schedulable, the pod tolerates its taints, and selector and required affinity choose it
// (k8s.io/kubernetes/pkg/scheduler/framework/plugins: nodeunschedulable, tainttoleration, nodeaffinity).
func MayUse(node evidence.Node, pod *corev1.PodSpec) bool {
	if node.Unschedulable {
		return false
	}
	for _, condition := range node.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return false
		}
	}
	for i := range node.Taints {
		taint := &node.Taints[i]
		if taint.Effect != corev1.TaintEffectPreferNoSchedule && !slices.ContainsFunc(pod.Tolerations, func(t corev1.Toleration) bool { return toleratesTaint(t, taint) }) {
			return false
		}
	}
	for name, value := range pod.NodeSelector {
		if node.Labels[name] != value {
			return false
		}
	}
	if pod.Affinity == nil || pod.Affinity.NodeAffinity == nil || pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return true
	}
	terms := pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	return slices.ContainsFunc(terms, func(term corev1.NodeSelectorTerm) bool { return chooses(term, node) })
}

// toleratesTaint reports whether a toleration is for a taint (k8s.io/component-helpers, ToleratesTaint).
func toleratesTaint(toleration corev1.Toleration, taint *corev1.Taint) bool {
	if toleration.Effect != "" && toleration.Effect != taint.Effect || toleration.Key != "" && toleration.Key != taint.Key {
		return false
	}
	switch toleration.Operator {
	case corev1.TolerationOpExists:
		return true
	case "", corev1.TolerationOpEqual:
		return toleration.Key != "" && toleration.Value == taint.Value
	default:
		return false
	}
}

// chooses reports whether a term chooses a node; an empty term chooses none.
func chooses(term corev1.NodeSelectorTerm, node evidence.Node) bool {
	if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
		return false
	}
	for _, expression := range term.MatchExpressions {
		value, there := node.Labels[expression.Key]
		if !meets(expression, value, there) {
			return false
		}
	}
	for _, field := range term.MatchFields {
		if field.Key != "metadata.name" || !meets(field, node.Name, true) {
			return false
		}
	}
	return true
}

// meets reports whether a label meets a requirement (k8s.io/apimachinery/pkg/labels, Requirement.Matches).
func meets(expression corev1.NodeSelectorRequirement, value string, there bool) bool {
	switch expression.Operator {
	case corev1.NodeSelectorOpIn:
		return there && slices.Contains(expression.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return !there || !slices.Contains(expression.Values, value)
	case corev1.NodeSelectorOpExists:
		return there
	case corev1.NodeSelectorOpDoesNotExist:
		return !there
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		if !there || len(expression.Values) != 1 {
			return false
		}
		has, err1 := strconv.ParseInt(value, 10, 64)
		bound, err2 := strconv.ParseInt(expression.Values[0], 10, 64)
		if err1 != nil || err2 != nil {
			return false
		}
		if expression.Operator == corev1.NodeSelectorOpGt {
			return has > bound
		}
		return has < bound
	default:
		return false
	}
}
