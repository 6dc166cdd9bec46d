package installed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// TestTheInstalledChartWithCertManager has cert-manager's controller issue the certificate, and its cainjector write the
// caBundles.
func TestTheInstalledChartWithCertManager(t *testing.T) {
	startCertManager(t)
	installChart(t, "--values="+chart+"/ci/cert-manager-values.yaml", "--set=eventwatcher.stabilizationWindow=3s,webhook.shutdownDelay=1s,webhook.timeoutSeconds=10")
	t.Run("what is issued is injected", func(t *testing.T) {
		kubectl(t, "-n", system, "wait", "--for=condition=Ready", "certificate/kube-remedy-webhook", "--timeout=10s")
		require.Contains(t, kubectl(t, "-n", system, "describe", "certificate"), "kube-remedy-webhook") // as docs/runbooks.md says
		authority := kubectl(t, "-n", system, "get", "secret", "kube-remedy-webhook-certificate", "-o", `jsonpath={.data.ca\.crt}`)
		for _, configuration := range []string{"mutatingwebhookconfiguration", "validatingwebhookconfiguration"} {
			bundles := strings.Fields(kubectl(t, "get", configuration, release, "-o", "jsonpath={.webhooks[*].clientConfig.caBundle}"))
			require.NotEmpty(t, bundles)
			for _, bundle := range bundles {
				require.Equal(t, authority, bundle, configuration)
			}
		}
	})
	t.Run("an OOM kill is learned, and healed by applying again", func(t *testing.T) {
		newWorkload(t).requireHealing()
	})
	namespace := declareCures(t)
	for _, each := range []struct{ name, certificate string }{
		{"the authority", "kube-remedy-webhook-ca"},
		{"the certificate", "kube-remedy-webhook"},
	} {
		t.Run(each.name+" is renewed and no apply is lost", func(t *testing.T) {
			before := revision(t, each.certificate)
			serials := servedSerials(t)
			s := startStream(t, namespace)
			renew(t, each.certificate)
			until(t, "it to be issued anew", func() error {
				if now := revision(t, each.certificate); now == before {
					return fmt.Errorf("revision %s", now)
				}
				return nil
			})
			if each.certificate == "kube-remedy-webhook" {
				until(t, "both pods to serve it", func() error {
					for i, serial := range servedSerials(t) {
						if serial == serials[i] {
							return fmt.Errorf("%s is still served", serial)
						}
					}
					return nil
				})
			}
			s.untilMore(t, 100)
			require.Empty(t, s.finish())
			kubectl(t, "-n", system, "rollout", "status", "deployment/"+release, "--timeout=30s") // what is served is trusted
		})
	}
}

// renew asks cert-manager for a new certificate as its command cmctl does.
func renew(t *testing.T, certificate string) {
	t.Helper()
	kubectl(t, "-n", system, "patch", "certificate", certificate, "--subresource=status", "--type=json", "--patch", `[{"op":"add",
		"path":"/status/conditions/-","value":{"type":"Issuing","status":"True","reason":"ManuallyTriggered","message":"renewed by a test"}}]`)
}

func revision(t *testing.T, certificate string) string {
	t.Helper()
	return kubectl(t, "-n", system, "get", "certificate", certificate, "-o", "jsonpath={.status.revision}")
}

// inCertManager is the namespace of cert-manager, as its chart has it.
const inCertManager = "cert-manager"

// startCertManager runs cert-manager's controller and cainjector on this machine until the test ends, with its own
// definitions and with the rights that its own chart gives them. Its webhook, which checks what people write, is left out.
func startCertManager(t *testing.T) {
	t.Helper()
	programs := buildCertManager(t)
	objects := certManagerObjects(t)
	t.Cleanup(func() {
		_, err := try(t, objects, cluster.Kubectl(), "delete", "-f", "-", "--ignore-not-found")
		require.NoError(t, err)
	})
	_, err := try(t, objects, cluster.Kubectl(), "apply", "--server-side", "-f", "-")
	require.NoError(t, err)
	until(t, "the definitions of cert-manager", func() error {
		_, err := try(t, objects, cluster.Kubectl(), "wait", "--for=condition=Established", "crd",
			"--selector=app.kubernetes.io/name=cert-manager", "--timeout=30s")
		return err
	})
	for program, account := range map[string]string{"controller": "cert-manager", "cainjector": "cert-manager-cainjector"} {
		startAs(t, filepath.Join(programs, program), "system:serviceaccount:"+inCertManager+":"+account)
	}
}

// buildCertManager builds the programs of hack/certmanager and gives the directory that has them.
func buildCertManager(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "kube-remedy", "certmanager")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	t.Log("building cert-manager, several minutes the first time")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir, "./controller", "./cainjector")
	build.Dir = "../certmanager"
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	return dir
}

// certManagerObjects are the namespace, and definitions, accounts and rights from cert-manager's own chart, which its Go module has.
func certManagerObjects(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	list.Dir = "../certmanager"
	list.Env = append(os.Environ(), "GOWORK=off")
	module, err := list.Output()
	require.NoError(t, err)
	theirs := filepath.Join(strings.TrimSpace(string(module)), "deploy", "charts", "cert-manager")
	args := []string{"template", "cert-manager", theirs, "--namespace=" + inCertManager, "--set=crds.enabled=true"}
	templates, err := filepath.Glob(filepath.Join(theirs, "templates", "crd-*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, templates)
	for _, template := range append(templates, "serviceaccount.yaml", "rbac.yaml", "cainjector-serviceaccount.yaml", "cainjector-rbac.yaml") {
		args = append(args, "--show-only=templates/"+filepath.Base(template))
	}
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + inCertManager + "}\n" + runHelm(t, args...)
}

// startAs runs a program of cert-manager in the name of an account until the test ends.
func startAs(t *testing.T, program, user string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(cluster.Kubeconfig())
	require.NoError(t, err)
	for _, info := range config.AuthInfos {
		info.Impersonate = user
	}
	dir := t.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, kubeconfig))
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "--kubeconfig="+kubeconfig)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = install.ChildOf()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		stop()
		err := <-ended
		if text, _ := os.ReadFile(log.Name()); t.Failed() || err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%s ended: %v; its log:\n%s", filepath.Base(program), err, text)
		}
		require.NoError(t, log.Close())
	})
}
