package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatStandsAroundTheLinesIsTakenOff(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{
			"times of a build server before a table",
			"2026-02-03T10:02:29.1Z $ kubectl get pods\n" +
				"2026-02-03T10:02:29.1234Z NAME   READY   STATUS    RESTARTS   AGE\n2026-02-03T10:02:29.12345Z web    0/1     Pending   0          5m\n\ndone\n",
			"2026-02-03T10:02:29.1Z $ kubectl get pods\nNAME   READY   STATUS    RESTARTS   AGE\nweb    0/1     Pending   0          5m\n\ndone\n",
		},
		{
			"levels of different names, and an empty line",
			"[10:02:29] info: Name:   web\n[10:02:29] info: Namespace:   shop\n[10:02:29] info:\n[10:02:30] warn:   x\n",
			"Name:   web\nNamespace:   shop\n\n  x\n",
		},
		{
			"a table with other columns before the name",
			"POD    NAME   CPU(cores)   MEMORY(bytes)\nGROUP  KIND  NAMESPACE  NAME  STATUS  AGE\n",
			"POD    NAME   CPU(cores)   MEMORY(bytes)\nGROUP  KIND  NAMESPACE  NAME  STATUS  AGE\n",
		},
		{
			"points of a list that are a description",
			"- Name: web-0\n- Namespace: shop\n- Node: <none>\n- Status: Pending\n- IP:\n",
			"Name: web-0\nNamespace: shop\nNode: <none>\nStatus: Pending\nIP:\n",
		},
		{
			"a list in YAML stays as it is",
			"- name: web\n- name: api\n- name: hub\n- name: db\n- name: mail\n",
			"- name: web\n- name: api\n- name: hub\n- name: db\n- name: mail\n",
		},
		{
			"a log stays as it is",
			"2026-02-03T10:02:29.1Z starting\n2026-02-03T10:02:29.1Z Name: web\n",
			"2026-02-03T10:02:29.1Z starting\n2026-02-03T10:02:29.1Z Name: web\n",
		},
		{
			"a box whose lines were broken to fit",
			"┌──────────┐\n│ one two  │\n│ abcdefgh │\n│ ijk      │\n└──────────┘\n",
			"\none two\nabcdefghijk\n\n",
		},
		{
			"two lines in bars are no box",
			"│ a\n│ b\n",
			"│ a\n│ b\n",
		},
		{
			"a table in Markdown",
			"| Name | Ready | Status | Restarts | Age |\n|---|:-:|---|---|---|\n| web | 0/1 | `Pending` | 0 | |\n",
			"NAME   READY   STATUS   RESTARTS   AGE\nweb   0/1   Pending   0   <none>\n",
		},
		{
			"a table in Markdown that is none of kubectl's",
			"| fruit | price |\n|---|---|\n| fig | 2 |\n",
			"| fruit | price |\n|---|---|\n| fig | 2 |\n",
		},
		{
			"a list of strings",
			"\"lines\": [\n  \"NAME   READY   STATUS   RESTARTS   AGE\",\n  \"web    1/1     Running  0          2d\"\n]\n",
			"\"lines\": [\nNAME   READY   STATUS   RESTARTS   AGE\nweb    1/1     Running  0          2d\n]\n",
		},
		{
			"spaces and entities of a web page",
			"Name:\u00a0\u00a0web\nLabels:\u00a0&lt;none&gt;\n",
			"Name:  web\nLabels: <none>\n",
		},
		{
			"bold letters, arrows and carets",
			"  Reason: **OOMKilled**\n          ^^^^^^^^^\n  Exit Code: 137   <-- here\npath: /data/**/x\nx <- ch\n",
			"  Reason: OOMKilled\n  Exit Code: 137  \npath: /data/**/x\nx <- ch\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, string(tidied([]byte(test.text))))
		})
	}
}

func TestTidyingIsDoneOnce(t *testing.T) {
	plain := []byte("Name:  web\nNamespace:  shop\n")
	require.Same(t, &plain[0], &tidied(plain)[0], "nothing is copied where nothing is taken off")
	long := strings.Repeat("2026-02-03T10:02:29.1Z x NAME no table\n", 10*maxHeads)
	require.Equal(t, long, string(tidied([]byte(long))))
}
