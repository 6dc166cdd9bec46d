package webhook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// healer decides what the object of a request gets.
type healer struct {
	index      *Index
	synced     func() bool                         // everything that decides was read from the API server
	namespaces func(name string) map[string]string // our annotations of a namespace
	watcher    string                              // the event watcher's user name
	settings   atomic.Pointer[installation]
}

// installation are the settings with what is made of them.
type installation struct {
	*config.Config
	kinds map[schema.GroupKind]kind
}

// use takes settings over.
func (h *healer) use(settings *config.Config) {
	h.settings.Store(&installation{Config: settings, kinds: kindsOf(settings)})
}

// current are the kinds that are healed now.
func (h *healer) current() map[schema.GroupKind]kind { return h.settings.Load().kinds }

// ownPrefix stands in every object that carries something of ours.
var ownPrefix = []byte(v1alpha1.GroupName + "/")

// glance decides about a request by what stands before its object, if that is enough: controllers' requests, and
// objects that nothing was learned about and that carry nothing of ours. rest is the part of the body with the object.
func (h *healer) glance(r *reader, rest []byte) (given answer, decided bool) {
	who := reapplyOf(&r.review, h.watcher)
	switch {
	case who.ruledOut():
		return allow("not_an_apply"), true
	case slices.Contains(h.settings.Load().ExcludedNamespaces, string(r.namespace)): // string does not allocate here
		return allow("excluded_namespace"), true
	case !h.synced():
		return failed("lookup"), true
	case len(r.name) == 0: // it is made from what the object says
		return answer{}, false
	case len(h.learned(r)) > 0, bytes.Contains(rest, ownPrefix), h.knowsApp(r, rest):
		return answer{}, false
	case r.object != nil: // it stood before what had to be read, and is no part of rest
		return answer{}, false
	default:
		return allow("no_remediation"), true
	}
}

// learned gives what is known of the object with the request's name.
func (h *healer) learned(r *reader) []*v1alpha1.Remediation {
	r.key = appendKey(r.key[:0], r.group, r.kind, r.namespace, r.name, byName)
	return h.index.find(r.key)
}

// appLabel stands in front of a label's value.
var appLabel = []byte(`"` + v1alpha1.AppNameLabel + `"`)

// knowsApp reports whether something is known of the app of a pod with a random name. It looks for the label in rest, the
// part of the body with the object, wherever it stands there: what is known of the app is applied only once all is read.
func (h *healer) knowsApp(r *reader, rest []byte) bool {
	if h.index.apps.Load() == 0 || !isPod(&r.review) || !v1alpha1.RandomName(r.name) {
		return false
	}
	for {
		_, after, found := bytes.Cut(rest, appLabel)
		if !found {
			return false
		}
		rest = after
		value, _, _ := bytes.Cut(bytes.TrimLeft(after[:min(len(after), maxAppName)], ": \t\r\n\""), []byte(`"`))
		r.key = appendKey(r.key[:0], r.group, r.kind, r.namespace, value, byApp)
		if len(h.index.find(r.key)) > 0 {
			return true
		}
	}
}

// maxAppName is how far behind the label's name its value ends, in bytes. The API server allows 63 for the value, and
// writes three characters around it.
const maxAppName = 80

func isPod(r *review) bool { return len(r.group) == 0 && string(r.kind) == "Pod" }

// heal decides about a request that was read as a whole. The error says what went wrong when the answer counts as a
// failure.
func (h *healer) heal(r *review) (answer, error) {
	installed := h.settings.Load()
	known, is := installed.kinds[schema.GroupKind{Group: string(r.group), Kind: string(r.kind)}]
	if !is {
		return allow("kind"), nil
	}
	if deeper(r.object, maxDepth) || deeper(r.old, maxDepth) {
		return failed("too_deep"), fmt.Errorf("the object is nested deeper than %d levels", maxDepth)
	}
	object, err := decode(r.object)
	if err != nil || object == nil {
		return failed("object"), fmt.Errorf("read the object: %w", cmp.Or(err, errors.New("there is none")))
	}
	who := reapplyOf(r, h.watcher)
	who.object, who.kind = object, known
	who.namespace = func() map[string]string { return h.namespaces(string(r.namespace)) }
	old, err := who.readOld(r)
	if err != nil {
		return failed("object"), fmt.Errorf("read the old object: %w", err)
	}
	if !who.is() {
		return allow("not_an_apply"), nil
	}
	s := subject{
		review: r, kind: known, object: object, old: old, before: readAnnotations(object),
		policy: policyFor(annotationsOf(object), h.namespaces(string(r.namespace)), installed.Config), settings: installed.Config,
	}
	if s.policy.mode == v1alpha1.ModeOff {
		return allow("mode_off"), nil
	}
	var learned []*v1alpha1.Remediation
	s.target, learned = h.find(r, object)
	chosen := s.choose(learned)
	chosen.warnings = append(chosen.warnings, s.policy.warnings...)
	return chosen.answer(&s)
}

// subject is an object that its owner applies.
type subject struct {
	review   *review
	kind     kind
	object   map[string]any
	old      *earlier
	target   target
	before   annotations
	policy   policy
	settings *config.Config
}

// target is what something may be known of an object by: its own name, the prefix that its name is made of, or its app.
type target struct {
	name string
	by   knownBy
}

func (t target) key(r *review) []byte {
	return appendKey(nil, r.group, r.kind, r.namespace, []byte(t.name), t.by)
}

// find gives what is known of an object, and what it is known by. What is known of a pod by its name goes before what is
// known of its app.
func (h *healer) find(r *review, object map[string]any) (target, []*v1alpha1.Remediation) {
	own := nameOf(r, object)
	learned := h.index.find(own.key(r))
	if len(learned) > 0 || !isPod(r) || h.index.apps.Load() == 0 {
		return own, learned
	}
	app := target{name: v1alpha1.AppNameOf(&unstructured.Unstructured{Object: object}), by: byApp}
	if learned = h.index.find(app.key(r)); len(learned) > 0 {
		return app, learned
	}
	return own, nil
}

// nameOf names the object of a request. On a creation with generateName neither the request nor the object has a name
// yet.
func nameOf(r *review, object map[string]any) target {
	if len(r.name) > 0 {
		return target{name: string(r.name)}
	}
	metadata, _ := object["metadata"].(map[string]any)
	if name, _ := metadata["name"].(string); name != "" {
		return target{name: name}
	}
	prefix, _ := metadata["generateName"].(string)
	return target{name: prefix, by: byPrefix}
}

// tryPatch gives what the API server will make of the object.
func tryPatch(raw, patch []byte) ([]byte, error) {
	decoded, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, fmt.Errorf("decode the patch: %w", err)
	}
	after, err := decoded.Apply(raw)
	if err != nil {
		return nil, fmt.Errorf("apply the patch to the object received: %w", err)
	}
	return after, nil
}
