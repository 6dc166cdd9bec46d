package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDrawnDashboardIsJudgedByWhatItsPageReports(t *testing.T) {
	asked := []question{{panel: "Cures"}, {panel: "Questions", empty: true}, {panel: "Both"}, {panel: "Both", empty: true}}
	for _, c := range []struct{ name, report, want string }{
		{"all is well", `{"panels": [{"title": "Cures"}, {"title": "Questions"}]}`, ""},
		{"nothing where there may be nothing", `{"panels": [{"title": "Cures"}, {"title": "Questions", "empty": true}]}`, ""},
		{"nothing where there is something", `{"panels": [{"title": "Cures", "empty": true}, {"title": "Questions"}]}`, "Cures: it shows no data"},
		{"a problem of a panel", `{"panels": [{"title": "Cures", "problems": ["can't draw a < b"]}, {"title": "Questions"}]}`, "Cures: can't draw a < b"},
		{"a problem of the dashboard", `{"problems": ["can't draw links"], "panels": [{"title": "Cures"}, {"title": "Questions"}]}`, "can't draw links"},
		{"a panel that is left out", `{"panels": [{"title": "Questions"}]}`, `it shows the panels ["Questions"], and not ["Cures" "Questions"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			read, err := reported(`<script type="application/json" id="report">` + c.report + `</script><script src="page.js">`)
			require.NoError(t, err)
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			require.Equal(t, want, read.judge([]string{"Cures", "Questions"}, asked))
		})
	}
	both, err := reported(`<script type="application/json" id="report">{"height": 7, "panels": [{"title": "Both", "empty": true}]}</script>`)
	require.NoError(t, err)
	require.Equal(t, 7, both.Height)
	require.Equal(t, []string{"Both: it shows no data"}, both.judge([]string{"Both"}, asked), "one of two targets must have an answer")
	for _, document := range []string{"", `<script type="application/json" id="report"></script>`, `<script type="application/json" id="report">{</script>`} {
		_, err := reported(document)
		require.Error(t, err, document)
	}
	require.Equal(t, []string{"Row", "Folded", "Free"}, titles([]byte(`{"panels": [{"title": "Row", "panels": [{"title": "Folded"}]}, {"title": "Free"}]}`)))
}
