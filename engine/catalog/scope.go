package catalog

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Scope is what the conditions and sentences of a cause see: one container, or one pod or workload as a whole.
type Scope struct {
	hits  hitSet
	views map[string]any
}

// NewScope gives the scope of a container and its pod in the evidence. Either may be the zero value when it is
// unknown. hits are those of the container and of what it is part of.
func NewScope(observed evidence.Evidence, pod evidence.Pod, container evidence.Container, hits []*Hit, now time.Time) *Scope {
	scope := &Scope{hits: hitSet{all: hits}}
	var node NodeView
	nodes := make([]NodeView, 0, len(observed.Nodes))
	for _, known := range observed.Nodes {
		view := viewNode(known)
		nodes = append(nodes, view)
		if known.Name == pod.Spec.NodeName || observed.Workload.Kind == "Node" && known.Name == observed.Workload.Name {
			node = view
		}
	}
	containers := 0
	for _, other := range observed.Containers {
		if other.Pod == pod.Name {
			containers++
		}
	}
	claims := make([]ClaimView, 0, len(observed.Claims))
	for _, claim := range observed.Claims {
		claims = append(claims, viewClaim(claim))
	}
	images := make([]ImageView, 0, len(observed.Images))
	for _, image := range observed.Images {
		images = append(images, ImageView{Image: image.Image, Ran: image.Ran})
	}
	scope.views = map[string]any{
		"hits":           &scope.hits,
		"container":      viewContainer(container, pod.Spec.Volumes),
		"pod":            viewPod(pod, containers, now),
		"workload":       WorkloadView{Kind: observed.Workload.Kind, Name: observed.Workload.Name, Namespace: observed.Workload.Namespace},
		"node":           node,
		"nodes":          nodes,
		"claims":         claims,
		"storageClasses": observed.StorageClasses,
		"quotas":         viewQuotas(observed.Quotas),
		"limitRanges":    viewLimits(observed.LimitRanges),
		"images":         images,
	}
	return scope
}

// hitSet is the hits of a scope as a CEL value.
type hitSet struct {
	all []*Hit
}

// first gives the first hit of a signature; nil if there is none.
func (h *hitSet) first(id string) *Hit {
	at := slices.IndexFunc(h.all, func(hit *Hit) bool { return hit.Signature.ID == id })
	if at < 0 {
		return nil
	}
	return h.all[at]
}

// times gives how often a signature was seen: the most that one place counted.
func (h *hitSet) times(id string) int {
	most := 0
	for _, hit := range h.all {
		if hit.Signature.ID == id {
			most = max(most, hit.Fact.Count)
		}
	}
	return most
}

// captured gives the first text that a group of a signature captured.
func (h *hitSet) captured(id, group string) string {
	for _, hit := range h.all {
		if hit.Signature.ID == id {
			if text := hit.Group(group); text != "" {
				return text
			}
		}
	}
	return ""
}

// leads reports whether a signature was seen and no other captured a greater number in a group of the name.
func (h *hitSet) leads(id, group string) bool {
	own, most := -1, -1
	for _, hit := range h.all {
		number, err := strconv.Atoi(hit.Group(group))
		if err != nil {
			number = 0
		}
		if hit.Signature.ID == id {
			own = max(own, number)
		}
		most = max(most, number)
	}
	return own >= 0 && own == most
}

var hitsType = types.NewOpaqueType("hits")

// ConvertToNative, ConvertToType, Equal, Type and Value make hitSet a CEL value.

// ConvertToNative is part of ref.Val; hits convert to nothing else.
func (h *hitSet) ConvertToNative(wanted reflect.Type) (any, error) {
	if reflect.TypeOf(h).AssignableTo(wanted) {
		return h, nil
	}
	return nil, types.UnsupportedRefValConversionErr(h).(*types.Err)
}

// ConvertToType is part of ref.Val.
func (h *hitSet) ConvertToType(wanted ref.Type) ref.Val {
	if wanted == hitsType {
		return h
	}
	return types.NewErr("hits can't be converted to %s", wanted.TypeName())
}

// Equal is part of ref.Val.
func (h *hitSet) Equal(other ref.Val) ref.Val { return types.Bool(other.Value() == h.Value()) }

// Type is part of ref.Val.
func (h *hitSet) Type() ref.Type { return hitsType }

// Value is part of ref.Val.
func (h *hitSet) Value() any { return h }
