package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// Fields are the leaves of an object that its owner decides about, by path. Those of the pod spec are written from it:
// containers[app].image; elements of lists are called by their name where they have one, else by their position.
type Fields map[string]string

// FieldsOf reads the spec, labels and annotations of an object as it is, or will be, in the cluster. What controllers and
// the API server write for every object anew is left out, and so is what kube-remedy tells about itself.
func FieldsOf(object map[string]any) Fields {
	found := Fields{}
	template := remedy.TemplateOf(object)
	prefix := ""
	if template != nil || object["kind"] == "Pod" {
		prefix = strings.Join(append(slices.Clone([]string(template)), "spec"), ".")
	}
	found.add("", object, prefix, object["kind"] == "Job")
	return found
}

// members that say nothing about what an owner wants.
var passing = map[string]bool{"status": true, "apiVersion": true}

// of metadata only these stay.
var kept = map[string]bool{"labels": true, "annotations": true}

func (f Fields) add(path string, value any, podSpec string, job bool) {
	inTemplate := strings.TrimPrefix(strings.TrimPrefix(path, podSpec), ".")
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			at := strings.TrimPrefix(path+"."+name, ".")
			switch {
			case path == "" && passing[name], strings.HasSuffix(path, "metadata") && !kept[name],
				podSpec != "" && path == podSpec && name == "nodeName",
				job && (at == "spec.selector" || strings.HasSuffix(path, "labels") && (strings.HasSuffix(name, "controller-uid") || strings.HasSuffix(name, "job-name"))),
				strings.HasSuffix(path, "annotations") && machinery(name):
				continue
			}
			f.add(at, member, podSpec, job)
		}
	case []any:
		for i, element := range value {
			name := fmt.Sprint(i)
			if named, ok := element.(map[string]any); ok {
				if given, ok := named["name"].(string); ok {
					name = given
				}
			}
			if strings.HasPrefix(name, "kube-api-access-") {
				continue
			}
			f.add(path+"["+name+"]", element, podSpec, job)
		}
	default:
		if podSpec != "" && strings.HasPrefix(path, podSpec+".") {
			path = inTemplate
		}
		f[path] = fmt.Sprint(value)
	}
}

// machinery reports whether an annotation is no choice of an owner.
func machinery(name string) bool {
	switch name {
	case "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation",
		v1alpha1.AuditAnnotation, v1alpha1.RemediationsAnnotation:
		return true
	default:
		return false
	}
}

// Differences are the paths at which two objects differ, sorted, with what they have there.
func (f Fields) Differences(other Fields) []Difference {
	var found []Difference
	paths := maps.Clone(f)
	maps.Copy(paths, other)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if f[path] != other[path] {
			found = append(found, Difference{path, f[path], other[path]})
		}
	}
	return found
}

// Difference is a field that changed.
type Difference struct{ Path, Before, After string }

// String writes it in a line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s → %s", d.Path, orNothing(d.Before), orNothing(d.After))
}

func orNothing(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// Wrong gives those differences of an object that the scenario does not allow.
func (s *Scenario) Wrong(id string, differences []Difference) []string {
	var wrong []string
	for _, difference := range differences {
		if id == s.Owner && covers(s.After.MayDiffer, difference.Path) && !covers(s.After.MustNotDiffer, difference.Path) {
			continue
		}
		wrong = append(wrong, id+" "+difference.String())
	}
	return wrong
}

// covers reports whether a path is one of those given, or below one.
func covers(fields []string, path string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		rest, ok := strings.CutPrefix(path, field)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
