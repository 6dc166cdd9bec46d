package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPanelsAreAskedWithTheirVariablesFilledIn(t *testing.T) {
	const panel = `{"panels": [{"type": "row", "title": "Row"}, {"type": "stat", "title": "Cures", "targets": [{"refId": "A", "expr": %EXPR%, "legendFormat": "{{ reason }} of {{pod}}"}]}]}`
	of := func(expr string) []byte { return []byte(strings.ReplaceAll(panel, "%EXPR%", expr)) }
	all, err := panels(of(`"sum(increase(x{namespace=~\"$namespace\"}[$__rate_interval])) / increase(y[$__range])"`), []string{"Cures A"}, "here")
	require.NoError(t, err)
	require.Equal(t, []question{{
		name: "Cures A", panel: "Cures", expr: `sum(increase(x{namespace=~"here"}[1m])) / increase(y[1h])`, labels: []string{"reason", "pod"}, quiet: true,
	}}, all)
	for what, dashboard := range map[string][]byte{
		"a variable that is not known": of(`"x[$interval]"`),
		"no expression":                of(`""`),
		"no target":                    []byte(`{"panels": [{"type": "stat", "title": "Cures"}]}`),
		"no dashboard":                 []byte(`[]`),
	} {
		_, err := panels(dashboard, nil, "here")
		require.Error(t, err, what)
	}
	_, err = panels(of(`"x"`), []string{"Cures B"}, "here")
	require.EqualError(t, err, `no panel and target is named "Cures B" any more`)
}

func TestTheDashboardOfTheChartCanBeAsked(t *testing.T) {
	dashboard, err := os.ReadFile("../../charts/kube-remedy/files/dashboard.json")
	require.NoError(t, err)
	all, err := panels(dashboard, quiet, "here")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	metric, label, err := choice(dashboard)
	require.NoError(t, err)
	require.Equal(t, []string{"kube_remedy_build_info", "namespace"}, []string{metric, label})
	_, _, err = choice([]byte(`{"templating": {"list": [{"name": "namespace", "query": "a, b"}]}}`))
	require.Error(t, err)
}

func TestAlertsAreAskedForWhatTheyCompare(t *testing.T) {
	rules := func(rule string) []byte { return []byte("groups: [{name: g, rules: [" + rule + "]}]") }
	for rule, want := range map[string]question{
		`{alert: A, expr: 'sum by (x) (rate(y{z="a"}[5m])) > 0.2'}`: {name: "A", expr: `sum by (x) (rate(y{z="a"}[5m])) > bool 0.2`, quiet: true},
		`{alert: A, expr: 'min(y) == 0'}`:                           {name: "A", expr: `min(y) == bool 0`, quiet: true},
		`{alert: A, expr: 'absent(y)'}`:                             {name: "A", expr: `absent(y)`, quiet: true, empty: true},
		`{record: a:b, expr: 'sum(y)'}`:                             {name: "a:b", expr: `sum(y)`, quiet: true},
	} {
		all, err := alerts(rules(rule))
		require.NoError(t, err)
		require.Equal(t, []question{want}, all)
	}
	for _, expr := range []string{"sum(y)", "a > 1 and b > 2"} {
		_, err := alerts(rules("{alert: A, expr: '" + expr + "'}"))
		require.Error(t, err, expr)
	}
}

func TestAnAnswerIsJudgedByWhatItMustShow(t *testing.T) {
	value := func(texts ...string) answer {
		var given answer
		for _, text := range texts {
			given.Data.Result = append(given.Data.Result, series{Metric: map[string]string{"reason": "x"}, Values: [][2]any{{1.0, "0"}, {2.0, text}, {3.0, "NaN"}}})
		}
		return given
	}
	warned := value("1")
	warned.Warnings = []string{"careful"}
	for _, c := range []struct {
		name  string
		asked question
		given answer
		want  []string
	}{
		{"a figure above zero is well", question{}, value("0", "3"), nil},
		{"zero is not", question{}, value("0"), []string{"it shows nothing above zero"}},
		{"but of what may be quiet", question{quiet: true}, value("0"), nil},
		{"nothing is not, even of what may be quiet", question{quiet: true}, value(), []string{"it has no series"}},
		{"but of what may be empty", question{empty: true}, value(), nil},
		{"a warning is not", question{}, warned, []string{"Prometheus says: careful"}},
		{"a legend has the labels of the series", question{labels: []string{"reason"}}, value("1"), nil},
		{"and no others", question{labels: []string{"pod"}}, value("1"), []string{"its legend takes the label pod, which the series map[reason:x] lacks"}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.asked.judge(c.given)) })
	}
}

func TestAPageIsJudgedByWhatItDraws(t *testing.T) {
	const clean = `<div class="error alert alert-danger" style="display: none;"></div><div class="warning alert alert-warning" style="display: none;"></div>`
	for _, c := range []struct {
		name, document string
		empty          bool
		want           string
	}{
		{"a diagram", clean + `Load time: 9ms <br> Total time series: 12</div><svg width="9">`, false, ""},
		{"no diagram", clean + `Total time series: 1`, false, "no diagram"},
		{"nothing to draw", `<div class="error alert alert-danger" style="">No datapoints found.</div>`, false, "an error: No datapoints found."},
		{"where there may be nothing", `<div class="error alert alert-danger" style="">No datapoints found.</div>`, true, ""},
		{"no answer", clean, true, "no series"},
		{"an error", `<div class="error alert alert-danger" style="">Error executing query: 1:2: parse error: a &lt; b</div><svg>`, true, "an error: Error executing query: 1:2: parse error: a < b"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, drawn(c.document, c.empty)) })
	}
	require.Equal(t, "time-for-requests-and-before-them-p99-a", fileName("Time for requests, and before them (p99) A"))
	require.Equal(t, "http://h/classic/graph?g0.expr=a%7Bb%3D~%22c%22%7D+%2B+1&g0.range_input=5m&g0.step_input=1&g0.tab=0", (&server{url: "http://h"}).graphURL(`a{b=~"c"} + 1`))
}
