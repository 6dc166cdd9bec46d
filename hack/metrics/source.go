package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// metric is one that a program serves.
type metric struct {
	name, kind, help string
	labels           []string
}

func (m metric) title() string {
	if len(m.labels) == 0 {
		return m.name
	}
	return m.name + "{" + strings.Join(m.labels, ",") + "}"
}

// metricsOf gives the metrics that the sources of a package define, by name. Defined is what has its name and help as
// literals: in options of Prometheus' client, or in a NewDesc, which is a gauge here.
func metricsOf(folder string) ([]metric, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	var found []metric
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		var labels []string // of the call whose options come next
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr:
				labels = nil
				for _, argument := range node.Args {
					labels = append(labels, texts(argument)...)
				}
				if selected(node.Fun) == "NewDesc" && len(node.Args) > 2 {
					found = append(found, metric{name: literal(node.Args[0]), kind: "gauge", help: literal(node.Args[1]), labels: labels})
				}
			case *ast.CompositeLit:
				if kind, ok := strings.CutSuffix(selected(node.Type), "Opts"); ok {
					next := metric{kind: strings.ToLower(kind), labels: labels}
					if next.fill(node); next.name != "" {
						found = append(found, next)
					}
				}
			}
			return true
		})
	}
	if len(found) == 0 {
		return nil, errors.New("it defines no metrics")
	}
	slices.SortFunc(found, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
	for _, metric := range found {
		if metric.help == "" || !strings.HasPrefix(metric.name, "kube_remedy_") {
			return nil, fmt.Errorf("metric %q has no literal help, or a name without our prefix", metric.name)
		}
	}
	return found, nil
}

// fill takes name, help and constant labels from options.
func (m *metric) fill(options *ast.CompositeLit) {
	for _, element := range options.Elts {
		member, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch key, _ := member.Key.(*ast.Ident); {
		case key == nil:
		case key.Name == "Name":
			m.name = literal(member.Value)
		case key.Name == "Help":
			m.help = literal(member.Value)
		case key.Name == "ConstLabels":
			if constant, ok := member.Value.(*ast.CompositeLit); ok {
				for _, label := range constant.Elts {
					if pair, ok := label.(*ast.KeyValueExpr); ok {
						m.labels = append(m.labels, literal(pair.Key))
					}
				}
			}
		}
	}
}

// selected gives the name of a selector: Opts of prometheus.Opts.
func selected(expression ast.Expr) string {
	if selector, ok := expression.(*ast.SelectorExpr); ok {
		return selector.Sel.Name
	}
	return ""
}

// texts gives the literals of a []string{…}.
func texts(expression ast.Expr) []string {
	list, ok := expression.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if of, ok := list.Type.(*ast.ArrayType); !ok || fmt.Sprint(of.Elt) != "string" {
		return nil
	}
	all := make([]string, 0, len(list.Elts))
	for _, element := range list.Elts {
		all = append(all, literal(element))
	}
	return all
}

// literal gives a string literal; empty for anything else.
func literal(expression ast.Expr) string {
	basic, ok := expression.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(basic.Value) // the parser took it
	return text
}
