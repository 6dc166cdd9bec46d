package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"sigs.k8s.io/yaml"
)

func TestAReportTellsAPostMortem(t *testing.T) {
	s := serve(t, verified, suggested, withdrawn, strings.ReplaceAll(uncured, "namespace: bank", "namespace: shop"), web, cart, api, shop)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"report.html", []string{"report"}},
		{"report-workload.json", []string{"report", "deployment/api", "-o", "json"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := s.on(test.args...)
			require.NoError(t, err)
			require.Empty(t, errs)
			golden(t, test.name, out)
		})
	}
	t.Run("needs nothing else", func(t *testing.T) {
		out, _, err := s.on("report")
		require.NoError(t, err)
		require.NotRegexp(t, `(?i)url\(|@import|https?://|<link|<script|<img`, out)
	})
	t.Run("in YAML it is the same as in JSON", func(t *testing.T) {
		asJSON, _, err := s.on("report", "-A", "-o", "json")
		require.NoError(t, err)
		asYAML, _, err := s.on("report", "-A", "-o", "yaml")
		require.NoError(t, err)
		converted, err := yaml.YAMLToJSON([]byte(asYAML))
		require.NoError(t, err)
		require.JSONEq(t, asJSON, string(converted))
	})
	t.Run("of nothing it says so", func(t *testing.T) {
		out, _, err := s.on("report", "-l", "team=nobody")
		require.NoError(t, err)
		require.Contains(t, out, "<h1>What failed: namespace shop, team=nobody</h1>")
		require.Contains(t, out, "No remediations: nothing that failed there was learned.")
		out, _, err = s.on("report", "-l", "team=nobody", "-o", "json")
		require.NoError(t, err)
		require.Contains(t, out, `"timeline": [],`)
	})
}

func TestWhatDoesNotGoTogetherIsNotReported(t *testing.T) {
	s := serve(t, verified, web)
	_, _, err := s.on("report", "-o", "pdf")
	require.EqualError(t, err, `--output "pdf" must be html, json or yaml`)
	_, _, err = s.on("report", "deploy/web", "-A")
	require.EqualError(t, err, "names can't be given together with --all-namespaces or --selector")
}

// TestAHostileLogIsOnlyText puts what a log could say to take over the page wherever the page shows what others wrote.
func TestAHostileLogIsOnlyText(t *testing.T) {
	attacks := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</code></td></style></title><style>*{display:none}</style>`,
		`' onmouseover='alert(1)`, `<!--`, `]]><svg/onload=alert(1)>`, `{{.GeneratedAt}}`, `javascript:alert(1)`, `<base href=//evil.example/>`,
		"a NUL \x00, an escape \x1b[2J, a bell \a, a delete \x7f, and one of C1 \u009b", "turned \u202efdp.exe\u202c, without width \u200b\ufeff", strings.Repeat("long", 50_000),
	}
	hostile := strings.Join(attacks, " ")
	var remediation, workload map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(verified), &remediation))
	require.NoError(t, yaml.Unmarshal([]byte(web), &workload))
	status := remediation["status"].(map[string]any)
	diagnosis := status["diagnosis"].(map[string]any)
	diagnosis["rootCause"], diagnosis["rootCauseID"], diagnosis["riskLevel"] = hostile, hostile, hostile
	diagnosis["evidence"] = []any{map[string]any{"source": hostile, "text": hostile, "time": "2026-03-01T08:59:00Z"}}
	status["tried"] = []any{map[string]any{"attempt": 1, "rootCauseID": hostile, "action": hostile, "held": false}}
	status["outcome"].(map[string]any)["withdrawn"] = hostile
	remediation["metadata"].(map[string]any)["annotations"] = map[string]any{"kube-remedy.io/author": hostile, "kube-remedy.io/approved-by": hostile}
	audit, err := json.Marshal([]any{map[string]any{
		"failure_type": "OOMKilled", "timestamp": "2026-03-01T09:00:00Z",
		"modifications": []any{map[string]any{"field": hostile, "container": hostile, "old_value": hostile, "new_value": hostile}},
	}})
	require.NoError(t, err)
	workload["metadata"].(map[string]any)["annotations"].(map[string]any)["kube-remedy.io/audit"] = string(audit)
	s := serve(t, uncured)
	s.store(remediation) // YAML has no control characters
	s.store(workload)
	out, _, err := s.on("report", "-A")
	require.NoError(t, err)

	for _, hidden := range []string{"\x00", "\x1b", "\a", "\x7f", "\u009b", "\u202e", "\u202c", "\u200b", "\ufeff"} {
		require.NotContains(t, out, hidden)
	}
	for _, shown := range []string{`an escape \u001b[2J, a bell \u0007, a delete \u007f, and one of C1 \u009b`, `turned \u202efdp.exe\u202c, without width \u200b\ufeff`} {
		require.Contains(t, out, shown)
	}
	page, err := html.Parse(strings.NewReader(out))
	require.NoError(t, err)
	styles, said := 0, ""
	for node := range page.Descendants() {
		require.NotEqual(t, html.CommentNode, node.Type)
		if node.Type == html.TextNode {
			said += node.Data
		}
		if node.Type != html.ElementNode {
			continue
		}
		require.NotContains(t, []string{"script", "img", "svg", "base", "iframe", "object", "form", "link"}, node.Data)
		if node.Data == "style" {
			styles++
		}
		for _, attribute := range node.Attr {
			require.False(t, strings.HasPrefix(attribute.Key, "on") || attribute.Key == "src" || attribute.Key == "style", attribute.Key)
			if attribute.Key == "href" {
				require.Regexp(t, `^#failure-\d+$`, attribute.Val)
			}
		}
	}
	require.Equal(t, 1, styles)
	for _, attack := range attacks[:9] {
		require.Contains(t, said, attack)
	}
}
