package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one that can be set.
type value struct {
	path    string // members joined by dots
	said    string // what values.yaml says about it
	initial string // its default, as it is shown
}

// Marks in the comments of values.yaml, as helm-docs has them.
const (
	saidMark    = "# -- "
	defaultMark = "# @default -- "
)

// readValues gives the values that values.yaml describes. One that nothing is said about is an error.
func readValues(text []byte) ([]value, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is no map of values")
	}
	return valuesBelow("", document.Content[0])
}

func valuesBelow(above string, node *yaml.Node) ([]value, error) {
	var all []value
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		each := value{path: above + key.Value}
		for line := range strings.Lines(key.HeadComment) {
			line = strings.TrimSuffix(line, "\n")
			if said, found := strings.CutPrefix(line, saidMark); found {
				each.said = said
			}
			if initial, found := strings.CutPrefix(line, defaultMark); found {
				each.initial = initial
			}
		}
		switch {
		case each.said == "" && content.Kind == yaml.MappingNode && len(content.Content) > 0:
			below, err := valuesBelow(each.path+".", content)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
			continue
		case each.said == "":
			return nil, fmt.Errorf("line %d: nothing is said about %s (%s…)", key.Line, each.path, saidMark)
		case each.initial == "":
			var decoded any
			if err := content.Decode(&decoded); err != nil {
				return nil, fmt.Errorf("%s: %w", each.path, err)
			}
			shown, err := json.Marshal(decoded)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", each.path, err)
			}
			each.initial = "`" + string(shown) + "`"
		}
		all = append(all, each)
	}
	return all, nil
}

// tableOf shows values as a table.
func tableOf(values []value) string {
	var table strings.Builder
	table.WriteString("| value | default | what it is |\n|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	for _, each := range values {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", each.path, cell(each.initial), cell(each.said))
	}
	return table.String()
}
