package remedy

import (
	"encoding/json"
	"strconv"
)

// containerLists are the members of a pod spec that hold containers that can change.
var containerLists = [...]string{"containers", "initContainers"}

// containerAt is a container and where it stands.
type containerAt struct {
	fields map[string]any
	name   string
	path   []string // members that lead to the container
	words  string   // the same as a person reads it
	init   bool     // it runs to its end before the app starts, and can have no probes
}

// container looks a container up by name. There must be exactly one: of several nobody could say which is meant.
func (e *edit) container(name string) (containerAt, *obstacle) {
	spec, at, hindered := e.spec()
	if hindered != nil {
		return containerAt{}, hindered
	}
	var found containerAt
	count := 0
	for _, list := range containerLists {
		containers, _ := spec[list].([]any)
		for i, entry := range containers {
			fields, ok := entry.(map[string]any)
			if !ok || fields["name"] != name {
				continue
			}
			count++
			found = containerAt{
				fields: fields, name: name, path: below(at, list, strconv.Itoa(i)),
				words: e.template.words() + "." + list + "[name=" + name + "]",
				init:  list == "initContainers" && fields["restartPolicy"] != "Always",
			}
		}
	}
	switch count {
	case 1:
		return found, nil
	case 0:
		return containerAt{}, hinders(NoContainer, "there is no container %q", name)
	default:
		return containerAt{}, hinders(NoContainer, "there are %d containers %q", count, name)
	}
}

// at gives the path of a field of the container.
func (c containerAt) at(members ...string) []string { return below(c.path, members...) }

// pointer gives the JSON pointer of a field of the container.
func (c containerAt) pointer(members ...string) string { return pointer(c.at(members...)...) }

// number reads a whole number of decoded JSON, however it was decoded; false for anything else.
func number(value any) (int64, bool) {
	switch value := value.(type) {
	case json.Number:
		whole, err := value.Int64()
		return whole, err == nil
	case int64:
		return value, true
	case float64:
		whole := int64(value)
		return whole, float64(whole) == value
	case int:
		return int64(value), true
	case int32:
		return int64(value), true
	default:
		return 0, false
	}
}
