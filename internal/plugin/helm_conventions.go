package plugin

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// The conventions are those of the chart that helm create makes (helm.sh/helm/v4, pkg/chart/v2/util/create.go), which
// writes resources and probes into the manifest as they are and an image from its repository and tag, and of charts that
// have an image's registry apart, or only the timings of a probe beside enabled (bitnami/charts).

// says reports whether a value is what a container has in the field of that kind.
func says(kind string, value, has any) bool {
	switch kind {
	case "image":
		reference, _ := has.(string)
		return reference != "" && saysImage(value, reference)
	case "resources":
		block, _ := value.(map[string]any)
		return len(block) > 0 && sameQuantities(value, has)
	default:
		block, _ := value.(map[string]any)
		probe, _ := has.(map[string]any)
		return saysProbe(block, probe)
	}
}

// saysImage knows a whole reference, and one in parts of which the tag may be left to the chart.
func saysImage(value any, reference string) bool {
	block, ok := value.(map[string]any)
	if !ok {
		return value == reference
	}
	repository, tag := splitTag(reference)
	given, _ := block["tag"].(string)
	if block["tag"] != nil {
		given = fmt.Sprint(block["tag"])
	}
	_, known := block["tag"]
	return known && (given == "" || given == tag) && fullRepository(block) == repository && (block["digest"] == nil || block["digest"] == "")
}

func fullRepository(block map[string]any) string {
	repository, _ := block["repository"].(string)
	if registry, _ := block["registry"].(string); registry != "" && repository != "" {
		return registry + "/" + repository
	}
	return repository
}

// splitTag cuts a reference before its tag. One with a digest has no tag that could be found.
func splitTag(reference string) (repository, tag string) {
	at := strings.LastIndexByte(reference, ':')
	if at < strings.LastIndexByte(reference, '/') || strings.Contains(reference, "@") {
		return reference, ""
	}
	if at < 0 {
		return reference, ""
	}
	return reference[:at], reference[at+1:]
}

// imageSettings gives the values that make another image of what a block or text says.
func imageSettings(at []string, value any, modification remedy.Modification) ([]setting, error) {
	block, ok := value.(map[string]any)
	if !ok {
		return []setting{{path: at, value: modification.NewValue}}, nil
	}
	repository, tag := splitTag(modification.NewValue)
	if tag == "" {
		return nil, fmt.Errorf("%s: %s has no tag for %s", modification.Field, strings.Join(at, "."), orNone(modification.NewValue))
	}
	var settings []setting
	if was := fullRepository(block); repository != was {
		registry, _ := block["registry"].(string)
		short, ok := strings.CutPrefix(repository, registry+"/")
		if registry != "" && !ok {
			return nil, fmt.Errorf("%s: %s is of another registry", modification.Field, orNone(modification.NewValue))
		}
		if registry == "" {
			short = repository
		}
		settings = append(settings, setting{path: append(slices.Clone(at), "repository"), value: short})
	}
	if _, was := splitTag(modification.OldValue); was != tag {
		settings = append(settings, setting{path: append(slices.Clone(at), "tag"), value: tag})
	}
	return settings, nil
}

// sameQuantities reports whether two blocks have the same members, with quantities that are equal however written.
func sameQuantities(a, b any) bool {
	first, ok := a.(map[string]any)
	second, also := b.(map[string]any)
	if !ok || !also {
		x, errX := resource.ParseQuantity(fmt.Sprint(a))
		y, errY := resource.ParseQuantity(fmt.Sprint(b))
		return errX == nil && errY == nil && x.Cmp(y) == 0 || reflect.DeepEqual(a, b)
	}
	if len(first) != len(second) {
		return false
	}
	for name, value := range first {
		if other, there := second[name]; !there || !sameQuantities(value, other) {
			return false
		}
	}
	return true
}

// probeDefaults are what the API server fills in (pkg/apis/core/v1/defaults.go, SetDefaults_Probe).
var probeDefaults = map[string]string{"timeoutSeconds": "1", "periodSeconds": "10", "successThreshold": "1", "failureThreshold": "3", "initialDelaySeconds": "0"}

var probeHandlers = []string{"httpGet", "tcpSocket", "grpc", "exec"}

// saysProbe reports whether a block is what a probe was made of: all of its members are in the probe, and what the
// probe has beyond them is a default or, where the chart only takes the timings, the handler.
func saysProbe(block, probe map[string]any) bool {
	enabled, switched := block["enabled"]
	if switched && enabled != true || len(block) == 0 || len(probe) == 0 || switched && len(block) == 1 {
		return false
	}
	for name, value := range block {
		if name != "enabled" && !within(value, probe[name]) {
			return false
		}
	}
	for name, value := range probe {
		if _, there := block[name]; !there && probeDefaults[name] != fmt.Sprint(value) && (!switched || !slices.Contains(probeHandlers, name)) {
			return false
		}
	}
	return true
}

// within reports whether one value has all that another has.
func within(value, has any) bool {
	members, ok := value.(map[string]any)
	if !ok {
		return has != nil && fmt.Sprint(value) == fmt.Sprint(has)
	}
	all, _ := has.(map[string]any)
	for name, member := range members {
		if !within(member, all[name]) {
			return false
		}
	}
	return all != nil
}

// passedThrough reports whether a member of a probe's block gets into the manifest: it is there, or the block is the
// whole probe.
func passedThrough(block any, path []string) bool {
	members, _ := block.(map[string]any)
	if slices.ContainsFunc(probeHandlers, func(handler string) bool { return members[handler] != nil }) {
		return true
	}
	if len(path) == 0 {
		return false
	}
	var at any = members
	for _, part := range path {
		below, _ := at.(map[string]any)
		if at = below[part]; at == nil {
			return false
		}
	}
	return true
}

// neutral are names that charts put above the values of their only workload or container.
var neutral = []string{"deployment", "statefulset", "daemonset", "cronjob", "job", "workload", "app", "application", "pod", "container", "containers", "main", "controller"}

// own reports whether the names above a value are those of the workload or the container, or say nothing; named counts
// the former.
func (r rendered) own(above []string, container string) (named int, ok bool) {
	for _, name := range above {
		flat := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
		switch {
		case slices.ContainsFunc(append(slices.Clone(r.names), container), func(of string) bool { return partOf(flat, of) }):
			named++
		case !slices.Contains(neutral, flat):
			return 0, false
		}
	}
	return named, true
}

// partOf reports whether a name without its dashes is one or several of the words of another.
func partOf(flat, name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for from := range words {
		for to := from + 1; to <= len(words); to++ {
			if strings.Join(words[from:to], "") == flat {
				return true
			}
		}
	}
	return false
}
