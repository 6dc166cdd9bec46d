package catalog

import (
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// Scope is what the conditions and sentences of a cause see: one container, or one pod or workload as a whole. It is not safe
// for concurrent use: what expressions ask for is made when the first does, and kept.
type Scope struct {
	hits      hitSet
	observed  *evidence.Evidence
	pod       *evidence.Pod
	container *evidence.Container
	now       time.Time
	views     map[string]ref.Val
}

// NewScope gives the scope of a container and its pod in the evidence. Either may be empty, but not nil, when it is
// unknown. hits are those of the container and of what it is part of.
func NewScope(observed *evidence.Evidence, pod *evidence.Pod, container *evidence.Container, hits []*Hit, now time.Time) *Scope {
	return &Scope{hits: hitSet{all: hits}, observed: observed, pod: pod, container: container, now: now, views: make(map[string]ref.Val, 4)}
}

// Parent is part of cel.Activation.
func (s *Scope) Parent() cel.Activation { return nil }

// ResolveName is part of cel.Activation.
func (s *Scope) ResolveName(name string) (any, bool) {
	if name == "hits" {
		return &s.hits, true
	}
	if known, ok := s.views[name]; ok {
		return known, true
	}
	view := s.view(name)
	if view == nil {
		return nil, false
	}
	value := adapter().NativeToValue(view)
	s.views[name] = value
	return value, true
}

// view gives what a variable stands for; nil when there is none of the name.
func (s *Scope) view(name string) any {
	switch name {
	case "container":
		return viewContainer(*s.container, s.pod.Spec.Volumes)
	case "pod":
		containers := 0
		for _, other := range s.observed.Containers {
			if other.Pod == s.pod.Name {
				containers++
			}
		}
		return viewPod(*s.pod, containers, s.now)
	case "workload":
		workload := s.observed.Workload
		return WorkloadView{Kind: workload.Kind, Name: workload.Name, Namespace: workload.Namespace}
	case "node":
		var node NodeView
		for _, known := range s.observed.Nodes {
			if known.Name == s.pod.Spec.NodeName || s.observed.Workload.Kind == "Node" && known.Name == s.observed.Workload.Name {
				node = viewNode(known)
			}
		}
		return node
	case "nodes":
		return viewAll(s.observed.Nodes, viewNode)
	case "claims":
		return viewAll(s.observed.Claims, viewClaim)
	case "storageClasses":
		return s.observed.StorageClasses
	case "quotas":
		return viewQuotas(s.observed.Quotas)
	case "limitRanges":
		return viewLimits(s.observed.LimitRanges)
	case "images":
		return viewAll(s.observed.Images, func(image evidence.Image) ImageView { return ImageView{Image: image.Image, Ran: image.Ran} })
	default:
		return nil
	}
}

func viewAll[From, View any](all []From, view func(From) View) []View {
	views := make([]View, 0, len(all))
	for _, each := range all {
		views = append(views, view(each))
	}
	return views
}

// adapter turns views into CEL values.
var adapter = sync.OnceValue(func() types.Adapter {
	env, err := newEnvironment(func(string) bool { return true }, false)
	if err != nil {
		panic(err) // compiled in, and made by every test
	}
	return env.env.CELTypeAdapter()
})

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
