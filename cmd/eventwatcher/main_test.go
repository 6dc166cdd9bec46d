package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/klog/v2"

	"github.com/kube-remedy/kube-remedy/eventwatcher"
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
		{"an unknown flag", []string{"--port=1"}, []string{"flag provided but not defined: -port", "-health-listen string"}},
		{"a stray argument", []string{"watch"}, []string{`unexpected argument "watch": everything is set by flags`}},
		{"a number that is none", []string{"--workers=many"}, []string{`invalid value "many" for flag -workers`}},
		{"no workers", []string{"--kubeconfig=" + kubeconfig(t), "--workers=0"}, []string{"workers 0: at least 1 is needed"}},
		{"a negative window", []string{"--kubeconfig=" + kubeconfig(t), "--stabilization-window=-1s"}, []string{"stabilization window -1s: it can't be negative"}},
		{"an unknown log level", []string{"--log-level=loud"}, []string{`log level "loud": use debug, info, warn or error`}},
		{"a kubeconfig that is missing", []string{"--kubeconfig=" + missing}, []string{`kubeconfig "` + missing + `"`, "no such file"}},
		{"an address that is in use", []string{"--kubeconfig=" + kubeconfig(t), "--health-listen=" + taken.Addr().String()}, []string{"listen for health: ", "address already in use"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, text := ends(t, test.args...)
			require.Equal(t, 1, status)
			require.Contains(t, text, "kube-remedy-eventwatcher: ")
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
		require.Contains(t, text, "Usage of kube-remedy-eventwatcher:")
		require.NotContains(t, text, "kube-remedy-eventwatcher: ")
	}
}

func TestProgramEndsWithStatusZeroWhenItIsToldTo(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // so that it is never left behind
	defer stop()
	program := exec.CommandContext(ctx, os.Args[0], "--kubeconfig="+kubeconfig(t), "--health-listen=127.0.0.1:0")
	program.Env = append(os.Environ(), asProgram+"=yes")
	stderr, err := program.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	address := regexp.MustCompile(`msg="filling the caches" health=(\S+)`).FindStringSubmatch(first)
	require.NotNil(t, address, first)
	response, err := http.Get("http://" + address[1] + "/readyz")
	require.NoError(t, err)
	defer response.Body.Close()
	reason, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "the caches are not filled yet\n", string(reason))
	require.NoError(t, program.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, program.Wait(), "%s%s", first, rest)
}

func TestDefaults(t *testing.T) {
	for _, test := range []struct {
		name, pod string
		args      []string
		namespace string
	}{
		{"outside of a pod", "", nil, "kube-remedy-system"},
		{"in a pod", "remedies", nil, "remedies"},
		{"a flag is stronger than the pod", "remedies", []string{"--namespace=cures"}, "cures"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", test.pod)
			parsed, err := parse(test.args, io.Discard)
			require.NoError(t, err)
			require.Equal(t, test.namespace, parsed.namespace)
			require.Equal(t, eventwatcher.DefaultStabilizationWindow, parsed.window)
			require.Positive(t, parsed.workers)
		})
	}
}
