package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/manifest"
)

const web = `# the shop's web server
apiVersion: apps/v1
kind: Deployment
metadata:
  name:   web   # odd spacing
spec:
  template:
    spec:
      containers:
        - name: app
          image: "registry.example.com/web:1.4"   # pinned
          args: ["--listen", ':8080']
          resources:
            limits: {memory: 128Mi}
            # what it needs at night
            requests:
              memory: '64Mi'

          env:
          - name: MODE
            value: |
              a
              b
        # the proxy
        - name: proxy
          image: registry.example.com/proxy:2
`

func applied(t *testing.T, text string, operations ...remedy.Operation) string {
	t.Helper()
	file, err := manifest.Parse([]byte(text))
	require.NoError(t, err)
	require.NotEmpty(t, file.Objects())
	require.NoError(t, file.Objects()[0].Apply(operations))
	return string(file.Bytes())
}

const app = "/spec/template/spec/containers/0"

func TestApplyLeavesOtherLinesAsTheyAre(t *testing.T) {
	for _, test := range []struct {
		name       string
		text       string
		operations []remedy.Operation
		old, next  string // the only part that differs
	}{
		{
			"a plain scalar in braces", web,
			[]remedy.Operation{{Op: "replace", Path: app + "/resources/limits/memory", Value: "256Mi"}},
			"{memory: 128Mi}", "{memory: 256Mi}",
		},
		{
			"a scalar in single quotes", web,
			[]remedy.Operation{{Op: "replace", Path: app + "/resources/requests/memory", Value: "128Mi"}},
			"'64Mi'", "'128Mi'",
		},
		{
			"a scalar in double quotes before a comment", web,
			[]remedy.Operation{{Op: "replace", Path: app + "/image", Value: "registry.example.com/web:1.5"}},
			`web:1.4"   # pinned`, `web:1.5"   # pinned`,
		},
		{
			"a number that must be text gets quotes", web,
			[]remedy.Operation{{Op: "replace", Path: app + "/resources/limits/memory", Value: "1"}},
			"{memory: 128Mi}", `{memory: "1"}`,
		},
		{
			"a new member in braces", web,
			[]remedy.Operation{{Op: "add", Path: app + "/resources/limits/cpu", Value: "200m"}},
			"{memory: 128Mi}", "{memory: 128Mi, cpu: 200m}",
		},
		{
			"a new member after the last of its mapping", web,
			[]remedy.Operation{{Op: "add", Path: app + "/resources/requests/cpu", Value: "50m"}},
			"memory: '64Mi'\n", "memory: '64Mi'\n              cpu: 50m\n",
		},
		{
			"a new member before the comment of what follows", web,
			[]remedy.Operation{{Op: "add", Path: app + "/startupProbe", Value: map[string]any{"httpGet": map[string]any{"port": int64(8080), "path": "/"}, "periodSeconds": int64(10)}}},
			"              b\n        # the proxy", "              b\n          startupProbe:\n            httpGet:\n              path: /\n              port: 8080\n            periodSeconds: 10\n        # the proxy",
		},
		{
			"a new item of a sequence", web,
			[]remedy.Operation{{Op: "add", Path: app + "/env/-", Value: map[string]any{"name": "A", "value": "1"}}},
			"              b\n        # the proxy", "              b\n          - name: A\n            value: \"1\"\n        # the proxy",
		},
		{
			"what is removed takes its lines with it", web,
			[]remedy.Operation{{Op: "remove", Path: app + "/args"}},
			"          args: [\"--listen\", ':8080']\n", "",
		},
		{
			"lines that end with CR LF", strings.ReplaceAll(web, "\n", "\r\n"),
			[]remedy.Operation{{Op: "add", Path: app + "/resources/requests/cpu", Value: "50m"}},
			"memory: '64Mi'\r\n", "memory: '64Mi'\r\n              cpu: 50m\r\n",
		},
		{
			"a last line without an end", "kind: Pod\nspec:\n  a: 1",
			[]remedy.Operation{{Op: "add", Path: "/spec/b", Value: int64(2)}},
			"a: 1", "a: 1\n  b: 2",
		},
		{
			"JSON stays JSON", "{\n  \"kind\": \"Pod\",\n  \"spec\": {\"a\": \"x\"}\n}\n",
			[]remedy.Operation{{Op: "replace", Path: "/spec/a", Value: "y"}, {Op: "add", Path: "/spec/b", Value: map[string]any{"c": int64(1)}}},
			`{"a": "x"}`, `{"a": "y", "b": {"c":1}}`,
		},
		{
			"an item of a List in the second document", "---\n# empty\n---\nkind: List\nitems:\n- kind: Pod\n  spec: {a: x}\n",
			[]remedy.Operation{{Op: "replace", Path: "/spec/a", Value: "z9"}},
			"{a: x}", "{a: z9}",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, 1, strings.Count(test.text, test.old), "the part is there once")
			require.Equal(t, strings.Replace(test.text, test.old, test.next, 1), applied(t, test.text, test.operations...))
		})
	}
}

func TestApplyWritesTheDocumentAnewWhereItMust(t *testing.T) {
	got := applied(t, web, remedy.Operation{Op: "replace", Path: app + "/env/0/value", Value: "a\nc\n"})
	for _, comment := range []string{"# the shop's web server", "# odd spacing", "# what it needs at night", "# the proxy"} {
		require.Contains(t, got, comment)
	}
	file, err := manifest.Parse([]byte(got))
	require.NoError(t, err)
	require.Len(t, file.Objects(), 1)
}

func TestApplyRefusesWhatOthersShare(t *testing.T) {
	text := "kind: Pod\nspec:\n  a: &shared {x: one}\n  b: *shared\n"
	file, err := manifest.Parse([]byte(text))
	require.NoError(t, err)
	require.Error(t, file.Objects()[0].Apply([]remedy.Operation{{Op: "replace", Path: "/spec/a/x", Value: "two"}}))
	require.Equal(t, text, string(file.Bytes()))
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"a key that is there twice", "kind: Pod\n---\nkind: Pod\nspec:\n  a: 1\n  a: 2\n", "document 2: "},
		{"an object without a kind", "spec: {}\n", "document 1: kind is missing"},
		{"a document that is no object", "- a\n", "document 1: it is no object"},
		{"an item that is none", "kind: List\nitems: [1]\n", "document 1: items[0] is no object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := manifest.Parse([]byte(test.text))
			require.ErrorContains(t, err, test.says)
		})
	}
}

func FuzzApply(f *testing.F) {
	f.Add(web, "/spec/template/spec/containers/0/resources/limits/memory", "x", false)
	f.Add("{\"kind\":\"Pod\"}", "/spec", "a: {b", true)
	f.Fuzz(func(t *testing.T, text, path, value string, replace bool) {
		file, err := manifest.Parse([]byte(text))
		if err != nil || len(file.Objects()) == 0 || !strings.HasPrefix(path, "/") {
			return
		}
		require.Equal(t, text, string(file.Bytes()))
		operation := remedy.Operation{Op: "add", Path: path, Value: value}
		if replace {
			operation.Op = "replace"
		}
		object := file.Objects()[0]
		if object.Apply([]remedy.Operation{operation}) != nil {
			require.Equal(t, text, string(file.Bytes()), "what is refused changes nothing")
			return
		}
		again, err := manifest.Parse(file.Bytes())
		require.NoError(t, err)
		require.Equal(t, object.Value, again.Objects()[0].Value)
	})
}
