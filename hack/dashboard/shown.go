package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// question is an expression as Prometheus is asked.
type question struct {
	name   string   // of the target: the panel's title and the target's letter; or of the alert
	panel  string   // its title; none of an alert
	expr   string   // without variables
	labels []string // that the legend takes from the answer
	quiet  bool     // the answer may be zero throughout
	empty  bool     // the answer may have no series
}

// quiet are the targets that are zero after one heal without trouble. All others must show something.
var quiet = []string{
	"Cures that did not help A", "Requests that went on unhealed A", questions, "Armed and re-admitted B", "Workloads that wait A",
}

// questions has no series at all before the first question, and after an OOM kill there is nothing to ask.
const questions = "Questions after diagnoses A"

// panel is one of a dashboard; a row has those that are folded into it, and a dashboard its own.
type panel struct {
	Title, Type string
	Targets     []struct{ Expr, LegendFormat, RefID string }
	Panels      []panel
}

// flat gives all panels below one.
func (p panel) flat() []panel {
	var all []panel
	for _, each := range p.Panels {
		all = append(append(all, each), each.flat()...)
	}
	return all
}

// panels gives the questions of a dashboard of Grafana, with its variables filled in. A variable that is not known, a
// panel without an expression, and a name in quiet that no target has are errors.
func panels(dashboard []byte, quiet []string, namespace string) ([]question, error) {
	var read panel
	if err := json.Unmarshal(dashboard, &read); err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	variables := strings.NewReplacer("$namespace", namespace, "$__rate_interval", rateInterval, "$__range", wholeRange)
	var all []question
	var names []string
	for _, panel := range read.flat() {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			return nil, fmt.Errorf("panel %q asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			one := question{name: panel.Title + " " + target.RefID, panel: panel.Title, expr: variables.Replace(target.Expr)}
			if one.expr == "" || strings.Contains(one.expr, "$") {
				return nil, fmt.Errorf("panel %q: %q is no expression, or has a variable that is not known here", panel.Title, one.expr)
			}
			for _, label := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				one.labels = append(one.labels, label[1])
			}
			one.quiet, one.empty = slices.Contains(quiet, one.name), one.name == questions
			all, names = append(all, one), append(names, one.name)
		}
	}
	for _, name := range quiet {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no panel and target is named %q any more", name)
		}
	}
	return all, nil
}

// choice gives the metric and the label that the variable namespace of a dashboard chooses from.
func choice(dashboard []byte) (metric, label string, err error) {
	var read struct {
		Templating struct {
			List []struct {
				Name  string
				Query any // text for a data source, an object for a query
			}
		}
	}
	if err := json.Unmarshal(dashboard, &read); err != nil {
		return "", "", fmt.Errorf("read the dashboard: %w", err)
	}
	for _, variable := range read.Templating.List {
		if query, ok := variable.Query.(map[string]any); ok && variable.Name == "namespace" {
			if found := labelValues.FindStringSubmatch(fmt.Sprint(query["query"])); found != nil {
				return found[1], found[2], nil
			}
		}
	}
	return "", "", errors.New("the dashboard has no variable namespace that is label_values(metric, label)")
}

// labelValues is how Grafana writes the question for a variable's values.
var labelValues = regexp.MustCompile(`^label_values\((\w+), *(\w+)\)$`)

// legend finds the labels in a legend.
var legend = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// comparison finds what an alert compares with.
var comparison = regexp.MustCompile(` (==|!=|<=|>=|<|>) `)

// alerts gives the questions of a PrometheusRule's spec. What an alert compares is asked with bool, so that the answer has
// a series wherever the alert could go off, and none where its labels or metrics are wrong. What is recorded is asked as
// it is.
func alerts(spec []byte) ([]question, error) {
	var read struct {
		Groups []struct {
			Rules []struct{ Alert, Record, Expr string }
		}
	}
	if err := yaml.Unmarshal(spec, &read); err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	var all []question
	for _, group := range read.Groups {
		for _, rule := range group.Rules {
			one := question{name: rule.Alert + rule.Record, expr: rule.Expr, quiet: true}
			found := comparison.FindAllStringIndex(rule.Expr, -1)
			switch {
			case rule.Record != "":
			case strings.HasPrefix(rule.Expr, "absent("):
				one.empty = true
			case len(found) == 1:
				one.expr = rule.Expr[:found[0][1]] + "bool " + rule.Expr[found[0][1]:]
			default:
				return nil, fmt.Errorf("alert %s: %q is neither one comparison nor absent(…)", rule.Alert, rule.Expr)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// judge says what is wrong with an answer; nothing when it is well.
func (q question) judge(given answer) []string {
	var wrong []string
	for _, each := range slices.Concat(given.Warnings, given.Infos) {
		wrong = append(wrong, "Prometheus says: "+each)
	}
	switch most, found := given.most(); {
	case len(given.Data.Result) == 0 && q.empty:
	case len(given.Data.Result) == 0:
		wrong = append(wrong, "it has no series")
	case !q.quiet && (!found || most <= 0):
		wrong = append(wrong, "it shows nothing above zero")
	}
	for _, label := range q.labels {
		for _, series := range given.Data.Result {
			if series.Metric[label] == "" {
				wrong = append(wrong, fmt.Sprintf("its legend takes the label %s, which the series %v lacks", label, series.Metric))
				break
			}
		}
	}
	return wrong
}
