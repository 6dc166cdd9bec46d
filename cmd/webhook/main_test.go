package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/klog/v2"
)

// asProgram makes this test binary the program itself.
const asProgram = "KUBE_REMEDY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// kubeconfig is a file for a cluster where nobody answers.
func kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c",
		"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],"contexts":[{"name":"c","context":{"cluster":"c"}}]}`), 0o600))
	return path
}

// ends runs the program, which is told to end at once, and gives its status and what it wrote.
func ends(t *testing.T, args ...string) (int, string) {
	t.Helper()
	t.Cleanup(klog.ClearLogger)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stderr bytes.Buffer
	status := run(ctx, args, &stderr)
	return status, stderr.String()
}

func TestWrongCommandLineIsExplained(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, test := range []struct {
		name string
		args []string
		text []string
	}{
		{"an unknown flag", []string{"--port=1"}, []string{"flag provided but not defined: -port", "-listen string"}},
		{"a stray argument", []string{"serve"}, []string{`unexpected argument "serve": everything is set by flags`}},
		{"a duration that is none", []string{"--shutdown-delay=5"}, []string{`invalid value "5" for flag -shutdown-delay`}},
		{"a negative delay", []string{"--shutdown-delay=-1s"}, []string{"--shutdown-delay -1s: it can't be negative"}},
		{"an IP address that is none", []string{"--ip-addresses=127.0.0.1,localhost"}, []string{`--ip-addresses: "localhost" is not an IP address`}},
		{"a way to a certificate that is none", []string{"--kubeconfig=" + kubeconfig(t), "--certificate-from=acme"}, []string{`--certificate-from "acme": use self-managed, files or cert-manager`}},
		{"files without their names", []string{"--kubeconfig=" + kubeconfig(t), "--certificate-from=files"}, []string{"--certificate-from=files needs --tls-cert-file and --tls-key-file"}},
		{"an issuer that is none", []string{"--kubeconfig=" + kubeconfig(t), "--certificate-from=cert-manager", "--certificate-issuer=vault"}, []string{`--certificate-issuer "vault": use Issuer/NAME or ClusterIssuer/NAME`}},
		{"callers' names without their authorities", []string{"--client-names=apiserver"}, []string{"--client-names needs --client-ca-file"}},
		{"a configuration that is missing", []string{"--config=" + missing}, []string{"configuration file " + missing, "no such file"}},
		{"an unknown log level", []string{"--log-level=loud"}, []string{`log level "loud": use debug, info, warn or error`}},
		{"a kubeconfig that is missing", []string{"--kubeconfig=" + missing}, []string{`kubeconfig "` + missing + `"`, "no such file"}},
		{"a certificate without names", []string{"--kubeconfig=" + kubeconfig(t), "--dns-names=,"}, []string{"the serving certificate needs at least one DNS name or IP address"}},
		{"an address for reviews that is in use", []string{"--kubeconfig=" + kubeconfig(t), "--listen=" + taken.Addr().String()}, []string{"listen for reviews: ", "address already in use"}},
		{"an address for health that is in use", []string{"--kubeconfig=" + kubeconfig(t), "--listen=127.0.0.1:0", "--health-listen=" + taken.Addr().String()}, []string{"listen for health: ", "address already in use"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, text := ends(t, test.args...)
			require.Equal(t, 1, status)
			require.Contains(t, text, "kube-remedy-webhook: ")
			for _, part := range test.text {
				require.Contains(t, text, part)
			}
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, flag := range []string{"-h", "--help"} {
		status, text := ends(t, flag)
		require.Equal(t, 0, status)
		require.Contains(t, text, "Usage of kube-remedy-webhook:")
		require.NotContains(t, text, "kube-remedy-webhook: ")
	}
}

func TestProgramEndsWithStatusZeroWhenItIsToldTo(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // so that it is never left behind
	defer stop()
	program := exec.CommandContext(ctx, os.Args[0], "--kubeconfig="+kubeconfig(t), "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--shutdown-delay=0s")
	program.Env = append(os.Environ(), asProgram+"=yes")
	stderr, err := program.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n') // nobody answers: it says so, and goes on trying
	require.NoError(t, err)
	require.Contains(t, first, "connection refused")
	require.NoError(t, program.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, program.Wait(), "%s%s", first, rest)
	require.Contains(t, string(rest), "stopping: not ready from now on")
}

func TestDefaultsFollowTheNamespace(t *testing.T) {
	for _, test := range []struct {
		name, pod     string
		args          []string
		namespace     string
		dns           []string
		watcher       string
		configuration string
	}{
		{"outside of a pod", "", nil, "kube-remedy-system", []string{"kube-remedy-webhook.kube-remedy-system.svc"}, "system:serviceaccount:kube-remedy-system:kube-remedy-eventwatcher", "kube-remedy"},
		{"in a pod", "remedies", nil, "remedies", []string{"kube-remedy-webhook.remedies.svc"}, "system:serviceaccount:remedies:kube-remedy-eventwatcher", "kube-remedy"},
		{"a flag is stronger than the pod", "remedies", []string{"--namespace=cures"}, "cures", []string{"kube-remedy-webhook.cures.svc"}, "system:serviceaccount:cures:kube-remedy-eventwatcher", "kube-remedy"},
		{"what is set stays", "", []string{"--namespace=cures", "--dns-names=a.svc, b.svc,", "--watcher-user=me", "--webhook-configuration=mine"}, "cures", []string{"a.svc", "b.svc"}, "me", "mine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", test.pod)
			parsed, err := parse(test.args, io.Discard)
			require.NoError(t, err)
			require.Equal(t, test.namespace, parsed.namespace)
			require.Equal(t, test.watcher, parsed.watcherUser)
			require.Equal(t, test.configuration, parsed.configuration)
			names, err := parsed.certificate.names()
			require.NoError(t, err)
			require.Equal(t, test.dns, names.DNS)
			require.Empty(t, names.IP)
			require.Equal(t, 5*time.Second, parsed.shutdownDelay)
		})
	}
}

func TestIPAddressesAreOfBothFamilies(t *testing.T) {
	parsed, err := parse([]string{"--ip-addresses=127.0.0.1, ::1,"}, io.Discard)
	require.NoError(t, err)
	names, err := parsed.certificate.names()
	require.NoError(t, err)
	require.Equal(t, []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("::1")}, names.IP)
}
