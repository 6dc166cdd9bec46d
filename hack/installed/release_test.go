package installed

import (
	"strings"
	"testing"
)

const (
	chart   = "../../charts/kube-remedy"
	release = "kube-remedy"
	system  = "kube-remedy-system"
	// ofRelease selects what the chart makes.
	ofRelease = "--selector=app.kubernetes.io/instance=" + release
)

// everything are the kinds of objects outside of its namespace that an installation has, apart from the definition.
const everything = "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings,roles,rolebindings"

// installChart installs the chart with values beside its defaults, as docs/install.md says, and takes it away at the end of
// the test.
func installChart(t *testing.T, values ...string) {
	t.Helper()
	removeAll(t) // what an interrupted run left
	t.Cleanup(func() {
		if t.Failed() {
			report(t)
		}
		removeAll(t)
	})
	deploy(t, "install", append([]string{"--create-namespace"}, values...)...)
}

// removeAll takes away whatever there is of the release, the definition and its Remediations too.
func removeAll(t *testing.T) {
	t.Helper()
	runHelm(t, "uninstall", release, "--namespace="+system, "--ignore-not-found")
	kubectl(t, "delete", everything, ofRelease, "--all-namespaces")
	kubectl(t, "delete", "customresourcedefinition", "remediations.kube-remedy.io", "--ignore-not-found")
	kubectl(t, "delete", "namespace", system, "--ignore-not-found")
}

// deploy has Helm install or upgrade the release and waits until its pods are ready.
func deploy(t *testing.T, verb string, values ...string) {
	t.Helper()
	args := append([]string{verb, release, chart, "--namespace=" + system, "--wait", "--timeout=90s"}, images...)
	runHelm(t, append(args, values...)...)
}

// pods are the names of the release's pods that are not about to end.
func pods(t *testing.T) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "-n", system, "get", "pods", ofRelease, "-o",
		"go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}"))
}

// report shows what there was when a test failed.
func report(t *testing.T) {
	t.Helper()
	for _, what := range [][]string{
		{"get", "pods", "-o", "wide"},
		{"get", "events"},
		{"get", "mutatingwebhookconfiguration", release, "-o", "yaml"},
		{"logs", ofRelease, "--all-containers", "--prefix", "--tail=40"},
	} {
		out, _ := try(t, "", cluster.Kubectl(), append([]string{"-n", system}, what...)...)
		t.Logf("kubectl %s\n%s", strings.Join(what, " "), out)
	}
}
