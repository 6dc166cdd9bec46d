package plugin_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// run runs the plugin with standard input and gives what it wrote.
func run(t *testing.T, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := plugin.New(plugin.Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr},
		clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	command.SetArgs(args)
	err = command.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

const missingSecret = `LAST SEEN   TYPE      REASON   OBJECT                        MESSAGE
12s         Warning   Failed   pod/billing-7d4b9c6f5-k8xlq   Error: secret "billing-db" not found
`

func TestDiagnosePrintsJSONThatProgramsRead(t *testing.T) {
	out, _, err := run(t, missingSecret, "diagnose", "-f", "-", "-o", "json")
	require.NoError(t, err)
	var found []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.Len(t, found, 1)
	require.Equal(t, "Deployment/billing", found[0]["workload"])
	require.Equal(t, "CrashLoopBackOff", found[0]["failure_type"])
	require.Equal(t, "missing-secret", found[0]["root_cause_id"])
	require.Contains(t, found[0]["root_cause"], "billing-db")
	require.Equal(t, "HIGH", found[0]["risk_level"])
	require.Equal(t, "critical", found[0]["severity"])
	require.IsType(t, float64(0), found[0]["confidence"])
	cited, ok := found[0]["evidence"].([]any)[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, map[string]any{
		"source": "event about pod/billing-7d4b9c6f5-k8xlq", "text": `Failed: Error: secret "billing-db" not found`, "time": "2026-03-01T11:59:48Z",
	}, cited)
	fixes, ok := found[0]["suggested_fixes"].([]any)
	require.True(t, ok)
	require.GreaterOrEqual(t, len(fixes), 3)
	for i, priority := range []string{"PRIMARY", "SECONDARY", "TERTIARY"} {
		fix, ok := fixes[i].(map[string]any)
		require.True(t, ok)
		require.Equal(t, priority, fix["priority"])
		require.Contains(t, fix, "action")
		require.Contains(t, fix, "remedy")
		require.NotEmpty(t, fix["description"])
	}

	same, _, err := run(t, missingSecret, "diagnose", "-f", "-", "-o", "yaml")
	require.NoError(t, err)
	var fromYAML []map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(same), &fromYAML))
	require.Equal(t, found, fromYAML)
}

func TestDiagnoseOfWhatIsHealthyIsEmpty(t *testing.T) {
	const healthy = "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          3d\n"
	out, _, err := run(t, healthy, "diagnose", "-f", "-", "-o", "json")
	require.NoError(t, err)
	require.Equal(t, "[]\n", out)
	out, _, err = run(t, healthy, "diagnose", "-f", "-")
	require.NoError(t, err)
	require.Equal(t, "No failure found.\n", out)
}

func TestDiagnoseTellsATiredPersonWhatFailedWhyAndWhatToDo(t *testing.T) {
	out, _, err := run(t, missingSecret, "diagnose", "-f", "-")
	require.NoError(t, err)
	require.Regexp(t, `^CrashLoopBackOff: Deployment/billing\b`, out)
	require.Regexp(t, `(?m)^  Why      .*billing-db`, out)
	require.Regexp(t, `(?m)^  Evidence event about pod/billing-7d4b9c6f5-k8xlq: Failed: Error: secret "billing-db" not found$`, out)
	require.Regexp(t, `(?m)^  To do    1\. `, out)
}

func TestDiagnoseReadsSeveralFiles(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "a.txt"), filepath.Join(folder, "b.txt")
	require.NoError(t, os.WriteFile(first, []byte("NAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          3d"), 0o600))
	require.NoError(t, os.WriteFile(second, []byte(missingSecret), 0o600))
	out, _, err := run(t, "", "diagnose", "-f", first, "-f", second, "-o", "json")
	require.NoError(t, err)
	require.Contains(t, out, "missing-secret")
}

func TestWrongUseIsToldByTheFlagsName(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		err  string
	}{
		{"no file", []string{"diagnose"}, "--filename is needed: a file with text to diagnose, or - for standard input; or name a workload as TYPE/NAME, or -n NAMESPACE or -A for all that fail"},
		{"a format that does not exist", []string{"diagnose", "-f", "-", "-o", "xml"}, `--output "xml" must be text, json or yaml`},
		{"a file that does not exist", []string{"diagnose", "-f", "/does/not/exist"}, "--filename: open /does/not/exist: no such file or directory"},
		{"rules that do not exist", []string{"diagnose", "-f", "-", "--rules", "/does/not/exist"}, "read rules: stat /does/not/exist: no such file or directory"},
		{"an entry that does not exist", []string{"catalog", "nothing-like-this"}, `there is no signature and no cause "nothing-like-this"; kubectl remedy catalog lists them`},
		{"a flag that does not exist", []string{"catalog", "--colour"}, "unknown flag: --colour"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, _, err := run(t, "", test.args...)
			require.EqualError(t, err, test.err)
			require.Empty(t, out)
		})
	}
}

func TestTheCatalogueIsAsLargeAsPromised(t *testing.T) {
	out, _, err := run(t, "", "catalog", "-o", "json")
	require.NoError(t, err)
	var listed struct {
		Signatures []struct{ ID, Source string }
		Causes     []struct {
			ID    string
			Fixes []any `json:"suggested_fixes"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.GreaterOrEqual(t, len(listed.Signatures), 160)
	require.GreaterOrEqual(t, len(listed.Causes), 90)
	for _, signature := range listed.Signatures {
		require.NotEmpty(t, signature.Source, signature.ID)
	}
	for _, cause := range listed.Causes {
		require.GreaterOrEqual(t, len(cause.Fixes), 3, cause.ID)
	}
}

func TestCatalogExplainsOneEntry(t *testing.T) {
	out, _, err := run(t, "", "catalog", "missing-secret")
	require.NoError(t, err)
	require.Contains(t, out, "considered when one of these is seen")
	require.Contains(t, out, "  1. ")
}

// TestTheExampleOfTheDocsRuns runs the rules in docs/rules.md as a reader would.
func TestTheExampleOfTheDocsRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, blocks)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(rules, blocks[1], 0o600))
	out, errs, err := run(t, "FATAL ledger is locked by ledger-0\n", "diagnose", "--rules", rules, "-f", "-")
	require.NoError(t, err)
	require.Empty(t, errs)
	require.Contains(t, out, "the ledger's lock is held by ledger-0")
}

func TestAUsersBadRuleIsToldAndLeftOut(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bad.yaml"), []byte("signatures:\n- id: x\n  colour: red\n"), 0o600))
	_, errs, err := run(t, missingSecret, "diagnose", "--rules", folder, "-f", "-")
	require.NoError(t, err)
	require.Contains(t, errs, `bad.yaml: line 3: unknown field "colour"`)
}
