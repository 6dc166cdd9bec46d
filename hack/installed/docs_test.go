package installed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// notRun are the command lines of the pages that are not run here, and why.
var notRun = map[string]string{
	"helm upgrade": "names a command; what brings the registration back is run after it was deleted",
	"kubectl get":  "names a command",
	"kubectl -n kube-remedy-system describe certificate": "needs cert-manager, with which TestTheInstalledChartWithCertManager runs it",
}

// TestCommandLinesOfThePagesForOperators runs the command lines of the pages for those who operate an installation as they
// stand there and in their order, in namespace shop, which has a healed Deployment web.
func TestCommandLinesOfThePagesForOperators(t *testing.T) {
	installChart(t, "--set=eventwatcher.stabilizationWindow=3s,webhook.shutdownDelay=1s,webhook.timeoutSeconds=10")
	terminal := newTerminal(t, "shop")
	w := &workload{t: t, namespace: "shop"}
	w.requireHealing()
	seen := map[string]bool{}
	for _, page := range []string{"operations.md", "runbooks.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		require.NoError(t, err)
		lines := commandLines(string(text))
		require.Greater(t, len(lines), 10, page)
		for _, line := range lines {
			seen[line] = true
			if reason := notRun[line]; reason != "" {
				t.Logf("%s: %s: not run: it %s", page, line, reason)
				continue
			}
			t.Logf("%s: %s", page, line)
			switch {
			case strings.Contains(line, " port-forward "):
				terminal.forward(line)
			case strings.HasPrefix(line, "kubectl remedy rollback"):
				require.Equal(t, "256Mi", w.limit())
				terminal.run(line)
				require.Equal(t, "128Mi", w.limit())
			case strings.Contains(line, "kubectl create -f -"): // what is restored was lost, and is not learned again meanwhile
				w.run("delete", "deployment", "web", "--cascade=foreground")
				kubectl(t, "delete", "remediations", "--all", "--all-namespaces")
				terminal.run(line)
				w.apply()
				require.Equal(t, "OOMKilled", w.run("get", "remediations", "-o", "jsonpath={.items[*].spec.failureType}"))
			case strings.HasSuffix(line, "| grep -i config"): // for a mistake, which Helm takes away as the page says
				kubectl(t, "-n", system, "patch", "configmap", "kube-remedy-config", "--type=merge", "--patch", `{"data":{"config.yaml":
					"apiVersion: config.kube-remedy.io/v1alpha1\nkind: Configuration\nmode: sometimes\n"}}`)
				until(t, "the log to name the field", func() error {
					if said := terminal.run(line); !strings.Contains(said, "sometimes") {
						return errors.New(said)
					}
					return nil
				})
				deploy(t, "upgrade", "--reuse-values", "--force-conflicts")
				require.NotContains(t, kubectl(t, "-n", system, "get", "configmap", "kube-remedy-config", "-o", "yaml"), "sometimes")
			case strings.HasPrefix(line, "kubectl delete mutatingwebhookconfiguration"):
				terminal.run(line)
				deploy(t, "upgrade", "--reuse-values", "--set=config.mode=heal")
				kubectl(t, "get", "mutatingwebhookconfiguration", release)
			default:
				terminal.run(line)
			}
		}
	}
	for line := range notRun {
		require.True(t, seen[line], "no page has %q any more", line)
	}
}

func TestCommandLinesAreFoundInBlocksAndInText(t *testing.T) {
	require.Equal(t, []string{"kubectl get pods", "helm test x   # passes", "curl -s localhost", "kubectl describe pods"}, commandLines(
		"See `kubectl get pods`, `values.yaml` and `kubectl`.\n\n```console\n$ helm test x   # passes\nSucceeded\n$ curl -s localhost\n```\n\n```yaml\na: `helm test y`\n```\n| a | `kubectl describe pods` |\n"))
}

// commandLines are those of a page: what stands after a prompt in a block, and in its text what begins with a program and
// has arguments.
func commandLines(page string) []string {
	inText := regexp.MustCompile("`((?:kubectl|helm|curl) [^`]+)`")
	var found []string
	inBlock := false
	for line := range strings.Lines(page) {
		command, prompted := strings.CutPrefix(strings.TrimRight(line, "\n"), "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock = !inBlock
		case inBlock && prompted:
			found = append(found, command)
		case !inBlock:
			for _, span := range inText.FindAllStringSubmatch(line, -1) {
				found = append(found, span[1])
			}
		}
	}
	return found
}

// terminal is that of a person who operates the installation: a directory with the chart, and kubectl, its plugin and Helm
// on the path.
type terminal struct {
	t    *testing.T
	dir  string
	env  []string
	ends func() // the port-forward that runs
}

// newTerminal opens one whose kubectl is in a namespace, which it makes.
func newTerminal(t *testing.T, namespace string) *terminal {
	t.Helper()
	kubectl(t, "create", "namespace", namespace)
	t.Cleanup(func() { kubectl(t, "delete", "namespace", namespace, "--ignore-not-found") })
	dir, bin := t.TempDir(), t.TempDir()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(filepath.Join(root, "charts"), filepath.Join(dir, "charts")))
	require.NoError(t, os.Symlink(cluster.Kubectl(), filepath.Join(bin, "kubectl")))
	require.NoError(t, os.Symlink(helmPath, filepath.Join(bin, "helm")))
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(bin, "kubectl-remedy"), "./cmd/kubectl-remedy")
	build.Dir = root
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	config, err := os.ReadFile(cluster.Kubeconfig())
	require.NoError(t, err)
	kubeconfig := filepath.Join(bin, "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, config, 0o600))
	kubectl(t, "--kubeconfig="+kubeconfig, "config", "set-context", "--current", "--namespace="+namespace)
	require.NoError(t, os.WriteFile(filepath.Join(bin, ".curlrc"), []byte("fail\n"), 0o600)) // what is not found is no success
	opened := &terminal{t: t, dir: dir, env: append(os.Environ(), "KUBECONFIG="+kubeconfig, "CURL_HOME="+bin, "PATH="+bin+":"+os.Getenv("PATH"))}
	t.Cleanup(opened.end)
	return opened
}

// run runs a line, which must succeed, and gives what it says.
func (t *terminal) run(line string) string {
	t.t.Helper()
	ctx, stop := context.WithTimeout(t.t.Context(), 2*time.Minute)
	defer stop()
	command := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", line)
	command.Dir, command.Env = t.dir, t.env
	out, err := command.CombinedOutput()
	require.NoError(t.t, err, "%s\n%s", line, out)
	return string(out)
}

// forward runs a line that forwards ports until the terminal ends, or another does, and waits until they are open.
func (t *terminal) forward(line string) {
	t.t.Helper()
	t.end()
	command := exec.CommandContext(context.Background(), "bash", "-c", "exec "+line)
	command.Dir, command.Env, command.SysProcAttr = t.dir, t.env, install.ChildOf()
	require.NoError(t.t, command.Start())
	t.ends = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	for _, port := range regexp.MustCompile(` (\d+)\b`).FindAllStringSubmatch(line, -1) {
		until(t.t, "port "+port[1]+" to be forwarded", func() error {
			connection, err := net.Dial("tcp", "localhost:"+port[1])
			if err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			return connection.Close()
		})
	}
}

func (t *terminal) end() {
	if t.ends != nil {
		t.ends()
		t.ends = nil
	}
}
