package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the transcripts of kubectl remedy in testdata anew")

// transcript is what kubectl remedy said of a workload, one command after the other.
type transcript struct {
	*workload
	text strings.Builder
}

// pluginDir builds the plugin once and gives the directory that it is in, for kubectl to find.
var pluginDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kubectl-remedy-")
	if err != nil {
		return "", err
	}
	build := exec.CommandContext(context.Background(), "go", "build", "-o", dir+"/", "./cmd/kubectl-remedy")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	return dir, nil
})

// says runs kubectl remedy with the workload's namespace, and writes down what it said; standard error has marks before
// its lines. It gives standard output, with an exit status that must be the one given.
func (r *transcript) says(status int, args ...string) string {
	r.t.Helper()
	out := r.quietly(status, args...)
	r.text.WriteString(out.all)
	return out.stdout
}

type said struct{ stdout, all string }

// quietly is says without writing it down.
func (r *transcript) quietly(status int, args ...string) said {
	r.t.Helper()
	dir, err := pluginDir()
	require.NoError(r.t, err)
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, cluster.Kubectl(), append([]string{"remedy"}, append(args, "-n", r.namespace)...)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig(), "PATH="+dir+":"+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(r.t, err)
	}
	require.Equal(r.t, status, command.ProcessState.ExitCode(), "kubectl remedy %s\n%s%s", strings.Join(args, " "), stdout.String(), stderr.String())
	var all strings.Builder
	fmt.Fprintf(&all, "$ kubectl remedy %s\n", strings.Join(args, " "))
	for line := range strings.Lines(stderr.String()) {
		if !regexp.MustCompile(` … \d+s\n$`).MatchString(line) { // progress, which a busy machine makes
			all.WriteString("! " + line)
		}
	}
	all.WriteString(stdout.String())
	if status != 0 {
		fmt.Fprintf(&all, "exit status %d\n", status)
	}
	all.WriteString("\n")
	return said{stdout.String(), all.String()}
}

// masks take out what differs from run to run: times, ages, names of pods, how often it failed and how sure that makes,
// and how the kernel's verdict was seen, of which there must be something.
var masks = []struct{ what, by string }{
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"},
	{`first TIME, last TIME`, "at TIME"}, // twice within a second, or not
	{`<span>\d{4}-\d\d-\d\d</span> <span>\d\d:\d\d:\d\d</span>`, "TIME"},
	{`\b[0-9hms]+ ago\b`, "AGE ago"},
	{` in [0-9.ms]+\n`, " in N\n"},
	{`("execution_time_seconds": )[\d.]+`, "${1}N"},
	{`\d+s after its start`, "Ns after its start"},
	{`/tmp/\S+/([\w-]+\.yaml)`, "/tmp/$1"},
	{`\bweb-[0-9a-f]{6,10}-[a-z0-9]{5}\b`, "web-POD"},
	{`never gets up: it needs more than its (\w+) within \d+s of its start, \d+ times so far`, "needs more memory than its limit of $1: the kernel killed it Ns after its start"}, // after the second kill
	{`severity (critical|minor)`, "severity S"}, // minor while it runs again
	{`(confidence"?:? )\d+`, "${1}N"},
	{`\b\d+%`, "N%"},
	{`\b\d+ times`, "N times"},
	{`(OOMKilled )\d+x`, "${1}Nx"},
	{`(occurrences"?: )\d+`, "${1}N"},
	{`(?m)^remediations: .*`, "remediations: …"},  // those of other tests count
	{`(?m)^kinds\.mutate\..*\n`, ""},              // which the configuration of another test leaves
	{`(?m)( \d/3 +)\d+ +[0-9hms]+$`, "${1}N AGE"}, // occurrences and age in a list
	{`(?m)^  Evidence .*\n(           .*\n)*`, "  Evidence …\n"},
	{`(?m)(^- pod/.*\n)+`, "- …\n"},
	{`"evidence": \[[^\]]+\]`, `"evidence": […]`},
	{`(?m)^  evidence:\n(  (- |  ).*\n)+`, "  evidence: …\n"},
	{`(?s)<h4>Evidence</h4>.*?</table>`, "<h4>Evidence</h4>…"},
	{`<tr>.*<strong>(observed|last seen)</strong>.*</tr>\n`, ""},
	{`(?m)^- event: (observed|last seen)\n(  .*\n)+`, ""},
	{`(?s)<style>.*</style>`, "<style>…</style>"},
	{`(?m)^! .*the metrics API does not answer.*\n`, ""}, // on a cluster that has just started
}

// matches compares what was said with the file of the test's, with what differs from run to run taken out.
func (r *transcript) matches(name, text string) {
	r.t.Helper()
	text = strings.ReplaceAll(text, r.namespace, "NAMESPACE")
	for _, mask := range masks {
		text = regexp.MustCompile(mask.what).ReplaceAllString(text, mask.by)
	}
	// A count may have risen between what would happen and what did; then the warning is told again.
	text = strings.Join(slices.CompactFunc(strings.Split(text, "\n"), func(a, b string) bool { return a == b && strings.HasPrefix(a, "! Warning: kube-remedy: ") }), "\n")
	path := filepath.Join("testdata", "plugin", name)
	if *update {
		require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(r.t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(r.t, err)
	require.Equal(r.t, string(want), text, "go test ./e2e -run %s -update writes it", r.t.Name())
}

// The webhook is stopped in this test, so it runs before the parallel ones.
func TestThePluginWithoutAWebhook(t *testing.T) {
	r := &transcript{workload: newWorkload(t, spec{})}
	r.says(0, "status")
	require.Contains(t, r.quietly(0, "status", "-o", "json").stdout, `"healthy": true`)
	require.NoError(t, pair.Webhook.Stop())
	out := r.says(0, "apply", "-f", r.file, "--local", "--stable-for", "2s", "-o", "json")
	require.Equal(t, "256Mi", r.limit())
	require.NoError(t, pair.StartWebhook(t.Context()))
	requireReport(t, out, "FAILED", "RUNNING")
	r.matches("local.txt", r.text.String())
}

// requireReport reads the report of apply and compares how its attempts went.
func requireReport(t *testing.T, out string, statuses ...string) {
	t.Helper()
	var report struct {
		Status   string `json:"final_status"`
		Total    int    `json:"total_attempts"`
		Attempts []struct {
			Status string `json:"deployment_status"`
		} `json:"attempts"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	require.Equal(t, "SUCCESS", report.Status)
	require.Equal(t, len(statuses), report.Total)
	for i, status := range statuses {
		require.Equal(t, status, report.Attempts[i].Status)
	}
}

// TestThePluginAppliesUntilItRuns needs two attempts: 64Mi doubled is too little still.
func TestThePluginAppliesUntilItRuns(t *testing.T) {
	t.Parallel()
	r := &transcript{workload: newWorkload(t, spec{limit: "64Mi"})}
	out := r.says(0, "apply", "-f", r.file, "--stable-for", "2s", "-o", "json")
	requireReport(t, out, "FAILED", "FAILED", "RUNNING")
	require.Equal(t, "256Mi", r.limit())
	r.untilPhase(v1alpha1.PhaseVerified, 2)
	r.says(0, "explain", "deployment/web")
	r.says(0, "apply", "-f", r.file, "--stable-for", "1s")
	r.matches("apply.txt", r.text.String())
}

// TestThePluginTellsAFailuresStory asks everything that can be asked of one workload, from its failure to its rollback.
func TestThePluginTellsAFailuresStory(t *testing.T) {
	t.Parallel()
	r := &transcript{workload: newWorkload(t, spec{})}
	r.says(0, "list")
	r.says(1, "explain", "deployment/web")
	r.learn()
	name := r.remediation().Name
	r.says(0, "list", "deployment/web")
	r.says(0, "explain", name)
	r.says(0, "stats")
	require.Contains(t, r.quietly(0, "list", "-A", "-o", "wide").stdout, r.namespace)
	require.Contains(t, r.quietly(0, "stats", "-A", "-o", "json").stdout, `"memory-limit-too-low"`)

	r.says(0, "reject", name)
	r.says(0, "approve", name, "--dry-run=server")
	r.says(0, "approve", name)

	r.says(0, "export", name, "-o", "patch")
	r.says(0, "export", name, "-o", "kustomize", "-f", r.file)
	r.says(0, "export", name, "-o", "diff", "-f", r.file)
	r.says(1, "export", name, "-o", "helm-values", "-f", r.file)
	manifest, err := os.ReadFile(r.file)
	require.NoError(t, err)
	r.says(0, "export", name, "-o", "manifest", "-f", r.file, "--message")
	changed, err := os.ReadFile(r.file)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(manifest), "128Mi", "256Mi"), string(changed))
	r.says(3, "export", name, "-o", "manifest", "-f", r.file)

	r.says(0, "reapply", "deployment/web", "--dry-run=server")
	require.Equal(t, "128Mi", r.limit())
	r.says(0, "reapply", "deployment/web")
	require.Equal(t, "256Mi", r.limit())
	r.untilRunning()
	r.untilPhase(v1alpha1.PhaseVerified, 1)
	r.says(0, "explain", "deployment/web", "-o", "yaml")

	r.says(0, "opt-in", "deployment/web", "--max-memory", "1Gi", "--failure-types", "OOMKilled")
	r.says(0, "opt-out", "deployment/web")
	r.says(0, "opt-out", "deployment/web", "--clear")
	r.says(0, "opt-in", "namespace/"+r.namespace, "--mode", "suggest", "--dry-run=server")

	r.matches("report.html", r.quietly(0, "report", "deployment/web").stdout)
	r.matches("report.yaml", r.quietly(0, "report", "-o", "yaml").stdout)

	r.says(0, "rollback", name, "--reapply")
	require.Equal(t, "128Mi", r.limit())
	r.says(0, "list", "-o", "name")
	r.matches("story.txt", r.text.String())
}

// TestThePluginDiagnosesWhatRuns asks nothing of what is installed: mode off keeps the workload from being armed and healed.
func TestThePluginDiagnosesWhatRuns(t *testing.T) {
	t.Parallel()
	r := &transcript{workload: newWorkload(t, spec{annotations: `{kube-remedy.io/mode: "off"}`})}
	r.apply()
	r.untilOOMKilled()
	evidence := filepath.Join(t.TempDir(), "pods.yaml")
	require.NoError(t, os.WriteFile(evidence, []byte(r.run("get", "pods", "-o", "yaml")), 0o600))
	r.says(0, "diagnose", "deployment/web")
	pod := strings.TrimSpace(r.run("get", "pods", "-o", "jsonpath={.items[0].metadata.name}"))
	require.Contains(t, r.quietly(0, "diagnose", "pod/"+pod).stdout, "OOMKilled: Deployment/web")
	var all []struct{ Namespace, Workload string }
	require.NoError(t, json.Unmarshal([]byte(r.quietly(0, "diagnose", "-A", "-o", "json").stdout), &all))
	require.Contains(t, all, struct{ Namespace, Workload string }{r.namespace, "Deployment/web"})
	require.Contains(t, r.quietly(0, "catalog", "memory-limit-too-low").stdout, "memory-limit-too-low")

	require.Contains(t, r.quietly(3, "heal", "-f", r.file, "--evidence", evidence).all, "kube-remedy.io/mode of the workload is off")
	manifest, err := os.ReadFile(r.file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.file, bytes.Replace(manifest, []byte(`kube-remedy.io/mode: "off"`), nil, 1), 0o600))
	r.says(0, "heal", "-f", r.file, "--evidence", evidence, "-o", "diff")
	r.says(0, "heal", "-f", r.file, "--evidence", evidence, "-o", "patch")
	r.matches("diagnose.txt", r.text.String())
}
