package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// outcome is what one run of the program printed, returned and took.
type outcome struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// behaveUntil runs the program in a bubble of fake time and sends SIGTERM after a while.
func behaveUntil(t *testing.T, term time.Duration, args ...string) outcome {
	t.Helper()
	o, err := parse(args, &bytes.Buffer{})
	require.NoError(t, err)
	var result outcome
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), term)
		defer cancel()
		var stdout, stderr bytes.Buffer
		began := time.Now()
		code := behave(ctx, o, &stdout, &stderr, slog.New(slog.DiscardHandler))
		took := time.Since(began)
		cancel()
		synctest.Wait() // what runs beside ends before its output is read
		result = outcome{code, stdout.String(), stderr.String(), took}
	})
	return result
}

func TestBehaviour(t *testing.T) {
	const hour = time.Hour
	for _, test := range []struct {
		name string
		args []string
		want outcome
	}{
		{"without flags it runs until SIGTERM and exits with 0", nil, outcome{took: hour}},
		{"SIGTERM exits with the code that was asked for", []string{"-term-exit", "143"}, outcome{code: 143, took: hour}},
		{
			"it prints its lines in order and exits",
			[]string{"-stdout", "a", "-stdout", "b", "-stderr", "boom", "-exit", "3"},
			outcome{code: 3, stdout: "a\nb\n", stderr: "boom\n"},
		},
		{"it waits before it exits", []string{"-exit", "0", "-after", "5s"}, outcome{took: 5 * time.Second}},
		{"a slow start comes before the wait", []string{"-start-delay", "10s", "-exit", "1", "-after", "5s"}, outcome{code: 1, took: 15 * time.Second}},
		{"SIGTERM ends a slow start", []string{"-start-delay", "2h", "-exit", "1"}, outcome{took: hour}},
		{
			"a missing variable is named",
			[]string{"-require-env", "MISBEHAVE_UNSET"},
			outcome{code: 1, stderr: "Error: required environment variable MISBEHAVE_UNSET is not set\n"},
		},
		{
			"a missing file is named",
			[]string{"-require-file", "/nowhere/config.yaml"},
			outcome{code: 1, stderr: "Error: open /nowhere/config.yaml: no such file or directory\n"},
		},
		{"memory is allocated over its time before the exit", []string{"-allocate", "1Mi", "-over", "2s", "-exit", "0"}, outcome{took: 2 * time.Second}},
		{
			"it logs at its rate",
			[]string{"-log-rate", "2", "-log-line", "tick", "-exit", "0", "-after", "2600ms"},
			outcome{stdout: strings.Repeat("tick\n", 5), took: 2600 * time.Millisecond},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, behaveUntil(t, hour, test.args...))
		})
	}
}

func TestDemandIsContentWithWhatIsThere(t *testing.T) {
	t.Setenv("MISBEHAVE_SET", "x")
	require.NoError(t, demand(t.Context(), options{requireEnv: lines{"MISBEHAVE_SET"}, requireFile: lines{t.TempDir()}}))
}

func TestWaitForTellsWhoRefusedTheConnection(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := socket.Addr().String()
	require.NoError(t, demand(t.Context(), options{waitFor: address}))
	require.NoError(t, socket.Close())
	require.ErrorContains(t, demand(t.Context(), options{waitFor: address}), "could not connect to "+address+": dial tcp "+address+": connect: connection refused")
}

func TestHTTPAnswersItsPathOnly(t *testing.T) {
	handler := httpHandler(options{httpPath: "/ready", httpStatus: 503})
	for path, want := range map[string]int{"/ready": 503, "/healthz": 404} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, want, answer.Code, path)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"a wait before an exit that never comes", "-after 5s", "-after does nothing without -exit"},
		{"a time for memory that is never allocated", "-over 5s", "-over does nothing without -allocate"},
		{"a status of a server that is not there", "-http-status 500", "-http-status does nothing without -http-port"},
		{"a delay for ports that are never opened", "-listen-delay 1s", "-listen-delay does nothing"},
		{"an exit code that no process can have", "-exit 256", "-exit 256 is no exit code"},
		{"a size without sense", "-allocate lots", "want a size such as 200Mi"},
		{"an unknown gRPC answer", "-grpc-port 1 -grpc-status MAYBE", "neither SERVING nor NOT_SERVING"},
		{"a status code that HTTP does not have", "-http-port 1 -http-status 7", "-http-status 7 is no status code"},
		{"arguments that are no flags", "boom", `unexpected argument "boom"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var output bytes.Buffer
			_, err := parse(strings.Fields(test.args), &output)
			require.ErrorContains(t, err, test.want)
			require.Contains(t, output.String(), test.want)
		})
	}
}

func TestSizesAreReadAsKubernetesWritesThem(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "1500": 1500, "2k": 2000, "64Ki": 65536, "200Mi": 200 << 20, "1G": 1e9, "2Gi": 2 << 30} {
		var got size
		require.NoError(t, got.Set(text), text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "Mi", "-1", "1.5Gi", "9999999999Gi"} {
		var got size
		require.Error(t, got.Set(text), text)
	}
}
