package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
)

// TestTheDashboardIsOneOfGrafana reads it by the types that Grafana publishes, strictly: a field that they do not have, one
// that they need, or a value of another type or out of bounds is a mistake, of the dashboard as of its panels, their options
// and what they ask. Words are not checked: the types take any for those that Grafana knows.
func TestTheDashboardIsOneOfGrafana(t *testing.T) {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	text, err := os.ReadFile("../../charts/kube-remedy/files/dashboard.json")
	require.NoError(t, err)
	require.Empty(t, mistakes(t, text))

	for _, c := range []struct{ name, from, to, want string }{
		{"a field that there is not", `"graphTooltip"`, `"tooltip"`, "unexpected field 'tooltip'"},
		{"a value of another type", `"editable": true`, `"editable": "yes"`, "editable: json: cannot unmarshal string"},
		{"a panel that is wider than the dashboard", `"w": 6`, `"w": 25`, "must be <= 24"},
		{"a panel of a type that is not known", `"type": "stat"`, `"type": "status"`, "panel of type status"},
		{"a field that no panel has", `"gridPos": {`, `"position": {`, "unexpected field 'position'"},
		{"an option that the panel's type does not have", `"graphMode": "area"`, `"graphmode": "area"`, "unexpected field 'graphmode'"},
		{"a style that the panel's type does not have", `"fillOpacity"`, `"fillopacity"`, "unexpected field 'fillopacity'"},
		{"a format that fields do not have", `"decimals"`, `"digits"`, "unexpected field 'digits'"},
		{"a question that Prometheus is not asked", `"legendFormat"`, `"legend"`, "unexpected field 'legend'"},
		{"a variable that is none", `"includeAll"`, `"all"`, "unexpected field 'all'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken := strings.Replace(string(text), c.from, c.to, 1)
			require.NotEqual(t, string(text), broken)
			require.Contains(t, strings.Join(mistakes(t, []byte(broken)), "\n"), c.want)
		})
	}
}

// mistakes gives what is wrong with a dashboard by Grafana's types.
func mistakes(t *testing.T, text []byte) []string {
	t.Helper()
	var all []string
	note := func(err error) { // the types give a list that may be empty as an error
		var several cog.BuildErrors
		switch {
		case errors.As(err, &several):
			for _, one := range several {
				all = append(all, one.Error())
			}
		case err != nil:
			all = append(all, err.Error())
		}
	}
	var strict, lenient dashboard.Dashboard //nolint:staticcheck // the one that every Grafana reads; the next needs version 12
	note(strict.UnmarshalJSONStrict(text))
	if err := json.Unmarshal(text, &lenient); err != nil {
		return append(all, err.Error())
	}
	note(lenient.Validate())
	var panels struct { // of these they check the part that the panel's type adds, and no other
		Panels []struct {
			Type        string
			FieldConfig json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(text, &panels))
	for _, panel := range panels.Panels {
		var fields dashboard.FieldConfigSource
		note(fields.UnmarshalJSONStrict(panel.FieldConfig))
		if _, is := cog.ConfigForPanelcfgVariant(panel.Type); !is && panel.Type != "row" {
			note(fmt.Errorf("panel of type %s: nothing is known of it here", panel.Type))
		}
	}
	return all
}

// TestNoFigureIsColouredByChance looks for what Grafana adds to a stat that says nothing of colours: red from 80. And a stat
// of how things are must not go on with the last value of a series that has ended, as a question over a range does.
func TestNoFigureIsColouredByChance(t *testing.T) {
	text, err := os.ReadFile("../../charts/kube-remedy/files/dashboard.json")
	require.NoError(t, err)
	var read struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Instant bool }
			Options     struct{ ColorMode, GraphMode string }
			FieldConfig struct {
				Defaults struct {
					Thresholds *struct{}
					Color      struct{ Mode string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &read))
	for _, one := range read.Panels {
		if one.Type != "stat" {
			continue
		}
		defaults := one.FieldConfig.Defaults
		require.True(t, defaults.Thresholds != nil || defaults.Color.Mode == "fixed" || one.Options.ColorMode == "none", "%s has colours of its own", one.Title)
		for _, target := range one.Targets {
			require.Equal(t, one.Options.GraphMode == "none", target.Instant, "%s is asked for now, or shows a graph", one.Title)
		}
	}
}
