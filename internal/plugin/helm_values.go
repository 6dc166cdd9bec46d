package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/manifest"
)

// exportValues writes cures as values of the chart that the workload comes from, or into the chart's file of values.
func (c *cluster) exportValues(ctx context.Context, cures []*v1alpha1.Remediation, options exportOptions) error {
	data, err := readOne("--filename", options.file, c.streams.In)
	if err != nil {
		return err
	}
	file, err := manifest.ParseValues(data)
	if err != nil {
		return fmt.Errorf("--filename %s: %w", options.file, err)
	}
	live, exists, err := c.target(ctx, cures[0])
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%s is not there in namespace %s: what the chart made of its values shows which one is meant", targetOf(cures[0]), cures[0].Namespace)
	}
	before, err := unhealed(live.Object)
	if err != nil {
		return noValues(options.file, cures[0], err)
	}
	change, err := c.resolveAll(cures, before)
	if err != nil {
		return err
	}
	if len(change.cures) == 0 {
		return Exit{Status: exitNothing}
	}
	values := file.Objects()[0].Value
	settings, err := settingsFor(values, chartOf(change.before, change.after), change.modifications)
	if err != nil {
		if _, done := settingsFor(values, chartOf(change.after, change.after), change.modifications); done == nil {
			c.note("%s has all of it already; if the workload has not, upgrade the release", options.file)
			return Exit{Status: exitNothing}
		}
		return noValues(options.file, cures[0], err)
	}
	if !options.inPlace {
		return c.printValues(change, settings)
	}
	if err := file.Objects()[0].Apply(operationsOf(values, settings)); err != nil {
		return fmt.Errorf("--filename %s: %w", options.file, err)
	}
	return c.replace(options, file.Bytes(), change)
}

// noValues says that values are not known, and what is there instead.
func noValues(file string, cure *v1alpha1.Remediation, why error) error {
	return fmt.Errorf("--filename %s: %w\nnothing is written; instead, kubectl remedy export %s -n %s -o kustomize -f MANIFEST gives a patch for what the chart renders, and -o patch a JSON patch",
		file, why, cure.Name, cure.Namespace)
}

// setting is a value of a chart that is to change.
type setting struct {
	path  []string
	value any // decoded JSON
}

// printValues writes settings as a file of values that comes after the chart's own.
func (c *cluster) printValues(change *exported, settings []setting) error {
	values := map[string]any{}
	for _, setting := range settings {
		at := values
		for _, part := range setting.path[:len(setting.path)-1] {
			below, ok := at[part].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[part] = below
			}
			at = below
		}
		at[setting.path[len(setting.path)-1]] = setting.value
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		return fmt.Errorf("write the values: %w", err)
	}
	for _, cure := range change.cures {
		fmt.Fprintf(c.streams.Out, "# %s of %s: %s\n", cure.Spec.FailureType, targetOf(cure), words(change.modifications))
	}
	_, err = c.streams.Out.Write(text)
	return err
}

// operationsOf gives the JSON patch of values that carries out settings: members that are missing on the way are added.
func operationsOf(values map[string]any, settings []setting) []remedy.Operation {
	var operations []remedy.Operation
	seen := runtime.DeepCopyJSON(values)
	for _, setting := range settings {
		at, pointer := seen, ""
		for i, part := range setting.path {
			pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
			below, ok := at[part].(map[string]any)
			if ok && i < len(setting.path)-1 {
				at = below
				continue
			}
			value := setting.value
			for _, name := range slices.Backward(setting.path[i+1:]) {
				value = map[string]any{name: value}
			}
			op := "add"
			if _, there := at[part]; there {
				op = "replace"
			}
			at[part] = value
			operations = append(operations, remedy.Operation{Op: op, Path: pointer, Value: value})
			break
		}
	}
	return operations
}

// unhealed gives a workload as its chart rendered it: what kubectl apply kept of it, or the live one, with what the
// webhook wrote down of its changes undone.
func unhealed(live map[string]any) (map[string]any, error) {
	object := runtime.DeepCopyJSON(owned(live))
	if len(marks(live)) == 0 || lastApplied(live) != nil {
		return object, nil
	}
	records, err := audit.Parse(annotation(live, v1alpha1.AuditAnnotation))
	if err != nil {
		return nil, fmt.Errorf("what was changed in the workload can't be told: %w", err)
	}
	containers := containersOf(object)
	for _, record := range records {
		for _, modification := range record.Modifications {
			path := withinContainer(modification)
			if len(path) == 0 {
				return nil, errNoConvention(modification)
			}
			put(containers[modification.Container], path, modification.OldValue)
		}
	}
	return object, nil
}

// put sets a member as text says it, or takes it out, with what is empty then, when there is none.
func put(object map[string]any, path []string, text string) {
	if object == nil {
		return
	}
	name := path[0]
	switch below, _ := object[name].(map[string]any); {
	case len(path) > 1:
		if put(below, path[1:], text); len(below) == 0 {
			delete(object, name)
		}
	case text == "":
		delete(object, name)
	default:
		object[name] = typed(object[name], text)
	}
}

// typed reads a number where one is now.
func typed(now any, text string) any {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		if _, ok := now.(int64); ok {
			return number
		}
	}
	return text
}

// rendered is what a chart makes of its values, before and after a cure.
type rendered struct {
	names         []string // of the workload, by which a chart may name the values for it
	before, after map[string]map[string]any
}

func chartOf(before, after map[string]any) rendered {
	metadata, _ := before["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	chart := rendered{before: containersOf(before), after: containersOf(after)}
	for _, name := range []any{metadata["name"], labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"]} {
		if name, ok := name.(string); ok {
			chart.names = append(chart.names, name)
		}
	}
	return chart
}

// containersOf gives the containers of a workload by name.
func containersOf(object map[string]any) map[string]map[string]any {
	found := map[string]map[string]any{}
	spec, _ := remedy.TemplateOf(object).Of(object)["spec"].(map[string]any)
	for _, list := range []string{"containers", "initContainers"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			if container, ok := item.(map[string]any); ok {
				name, _ := container["name"].(string)
				found[name] = container
			}
		}
	}
	return found
}

// withinContainer gives the members that lead to a modified field from its container; none for a field elsewhere, or in a
// list.
func withinContainer(modification remedy.Modification) []string {
	_, path, ok := strings.Cut(modification.Field, "ontainers[name="+modification.Container+"].")
	if modification.Container == "" || !ok || strings.Contains(path, "[") {
		return nil
	}
	return strings.Split(path, ".")
}

// settingsFor finds the values that charts by their conventions make the modified fields of. All are found or none: a
// cure belongs together.
func settingsFor(values map[string]any, chart rendered, modifications []remedy.Modification) ([]setting, error) {
	var settings []setting
	var errs []error
	for _, modification := range modifications {
		found, err := chart.settingFor(values, modification)
		if err != nil {
			errs = append(errs, err)
		}
		settings = append(settings, found...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return settings, nil
}

func (r rendered) settingFor(values map[string]any, modification remedy.Modification) ([]setting, error) {
	path := withinContainer(modification)
	if len(path) == 0 {
		return nil, errNoConvention(modification)
	}
	var value any = r.after[modification.Container]
	for _, name := range path {
		members, _ := value.(map[string]any)
		value = members[name]
	}
	kind := path[0]
	_, block := value.(map[string]any)
	probe := kind == "livenessProbe" || kind == "readinessProbe" || kind == "startupProbe"
	switch {
	case kind == "startupProbe" && len(path) == 1 && block:
		return r.startupSetting(values, modification, value)
	case value == nil, block, kind != "image" && kind != "resources" && !probe, (kind == "image") != (len(path) == 1):
		return nil, errNoConvention(modification)
	}
	at, found, err := r.evident(values, kind, modification.Container)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", modification.Field, err)
	case kind == "image":
		return imageSettings(at, found, modification)
	case probe && !passedThrough(found, path[1:]):
		return nil, fmt.Errorf("%s: %s has no such member, and does not go into the manifest as it is", modification.Field, strings.Join(at, "."))
	}
	return []setting{{path: slices.Concat(at, path[1:]), value: value}}, nil
}

func errNoConvention(modification remedy.Modification) error {
	return fmt.Errorf("charts have no common way to set %s", modification.Field)
}

// startupSetting gives the values for a startup probe where there was none: a chart that has an empty one beside the
// liveness probe writes either into the manifest as it is.
func (r rendered) startupSetting(values map[string]any, modification remedy.Modification, probe any) ([]setting, error) {
	at, found, err := r.evident(values, "livenessProbe", modification.Container)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", modification.Field, err)
	}
	beside := append(slices.Clone(at[:len(at)-1]), "startupProbe")
	above := values
	for _, name := range beside[:len(beside)-1] {
		above, _ = above[name].(map[string]any)
	}
	now, there := above["startupProbe"]
	members, _ := now.(map[string]any)
	if !there || len(members) > 0 || !passedThrough(found, nil) {
		return nil, fmt.Errorf("%s: there is no empty startupProbe beside %s", modification.Field, strings.Join(at, "."))
	}
	return []setting{{path: beside, value: probe}}, nil
}

// evident finds the only value by the name of a field of a container that says what the container has, and whose place
// among the values is its own: either of the chart as a whole, or named as the workload or the container is.
func (r rendered) evident(values map[string]any, kind, container string) ([]string, any, error) {
	type place struct {
		path  []string
		value any
		named int
	}
	var same, best []place
	has := r.before[container][kind]
	walk(values, nil, func(path []string, value any) {
		if path[len(path)-1] != kind || !says(kind, value, has) {
			return
		}
		found := place{path: slices.Clone(path), value: value}
		same = append(same, found)
		var ok bool
		if found.named, ok = r.own(path[:len(path)-1], container); !ok {
			return
		}
		if len(best) > 0 && best[0].named < found.named {
			best = nil
		}
		if len(best) == 0 || best[0].named == found.named {
			best = append(best, found)
		}
	})
	names := make([]string, 0, len(same))
	for _, place := range same {
		names = append(names, strings.Join(place.path, "."))
	}
	switch {
	case len(same) == 0:
		return nil, nil, fmt.Errorf("no %s among the values is what container %s has; the chart may write it in a template", kind, container)
	case len(best) == 0:
		return nil, nil, fmt.Errorf("nothing shows that %s is for container %s", strings.Join(names, " or "), container)
	case len(best) > 1:
		return nil, nil, fmt.Errorf("%s are what container %s has", strings.Join(names, " and "), container)
	}
	for _, other := range slices.Sorted(maps.Keys(r.before)) {
		if other != container && best[0].named == 0 && says(kind, best[0].value, r.before[other][kind]) {
			return nil, nil, fmt.Errorf("%s is what container %s has too, and may be for either", names[0], other)
		}
	}
	return best[0].path, best[0].value, nil
}

// walk visits the values in maps, in the order of their names. Lists are passed over: values that come after replace
// them as a whole.
func walk(values map[string]any, path []string, visit func(path []string, value any)) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		visit(append(path, name), values[name])
		if below, ok := values[name].(map[string]any); ok {
			walk(below, append(path, name), visit)
		}
	}
}
