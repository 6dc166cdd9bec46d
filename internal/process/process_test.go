package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

func TestLoggerWritesFromItsLevelOn(t *testing.T) {
	for _, test := range []struct {
		level string
		lines []string
	}{
		{"debug", []string{"one", "two", "three", "four"}},
		{"info", []string{"two", "three", "four"}},
		{"warn", []string{"three", "four"}},
		{"error", []string{"four"}},
	} {
		t.Run(test.level, func(t *testing.T) {
			t.Cleanup(klog.ClearLogger)
			var lines bytes.Buffer
			log, err := NewLogger(&lines, test.level)
			require.NoError(t, err)
			log.Debug("one")
			log.Info("two")
			log.Warn("three")
			log.Error("four")
			require.Equal(t, len(test.lines), bytes.Count(lines.Bytes(), []byte("\n")))
			for _, line := range test.lines {
				require.Contains(t, lines.String(), "msg="+line)
			}
		})
	}
}

func TestLoggerTakesTheLinesOfClientGo(t *testing.T) {
	t.Cleanup(klog.ClearLogger)
	var lines bytes.Buffer
	_, err := NewLogger(&lines, "info")
	require.NoError(t, err)
	klog.ErrorS(errors.New("refused"), "Watching failed", "resource", "pods")
	require.Contains(t, lines.String(), `level=ERROR msg="Watching failed" err=refused resource=pods`)
}

func TestUnknownLogLevelIsAnErrorThatNamesTheKnown(t *testing.T) {
	for _, level := range []string{"", "loud", "trace", "5", "info,debug"} {
		t.Run(level, func(t *testing.T) {
			_, err := NewLogger(io.Discard, level)
			require.EqualError(t, err, `log level "`+level+`": use debug, info, warn or error`)
		})
	}
}

func TestRESTConfig(t *testing.T) {
	written := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(written, []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c",
		"clusters":[{"name":"c","cluster":{"server":"https://api.example:6443"}}],"contexts":[{"name":"c","context":{"cluster":"c"}}]}`), 0o600))
	config, err := RESTConfig(written, "kube-remedy-test")
	require.NoError(t, err)
	require.Equal(t, "https://api.example:6443", config.Host)
	require.Equal(t, "kube-remedy-test", config.UserAgent)

	missing := filepath.Join(t.TempDir(), "missing")
	_, err = RESTConfig(missing, "kube-remedy-test")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, `connect to the cluster (kubeconfig "`+missing+`"): `)

	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err = RESTConfig("", "kube-remedy-test")
	require.ErrorIs(t, err, rest.ErrNotInCluster, "without a file it is a pod's own account, and nothing else")
}

func TestOwnNamespace(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "remedies")
	require.Equal(t, "remedies", OwnNamespace())
	t.Setenv("POD_NAMESPACE", "")
	require.Equal(t, "kube-remedy-system", OwnNamespace())
}

func TestHealth(t *testing.T) {
	registry := NewRegistry()
	cures := prometheus.NewCounter(prometheus.CounterOpts{Name: "cures_total", Help: "Cures."})
	registry.MustRegister(cures)
	cures.Add(3)
	var notReady error
	handler := Health{Ready: func() error { return notReady }, Metrics: registry}.Handler()
	for _, test := range []struct {
		name, method, path string
		notReady           error
		status             int
		text               []string
	}{
		{name: "a living program is well", path: "/healthz", status: 200, text: []string{"ok\n"}},
		{name: "a living program is well before it is ready", path: "/healthz", notReady: errors.New("starting"), status: 200, text: []string{"ok\n"}},
		{name: "a program that can work is ready", path: "/readyz", status: 200, text: []string{"ok\n"}},
		{name: "a program that can't work says why", path: "/readyz", notReady: errors.New("the caches are not filled yet"), status: 503, text: []string{"the caches are not filled yet\n"}},
		{name: "metrics are the program's, the process's and the runtime's", path: "/metrics", notReady: errors.New("starting"), status: 200, text: []string{"cures_total 3\n", "process_start_time_seconds", "go_goroutines"}},
		{name: "nothing else is served", path: "/debug/pprof/", status: 404},
		{name: "probes only read", method: http.MethodPost, path: "/readyz", status: 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			notReady = test.notReady
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(test.method, test.path, nil))
			require.Equal(t, test.status, answer.Code)
			for _, text := range test.text {
				require.Contains(t, answer.Body.String(), text)
			}
		})
	}
}

// pipes is a listener whose connections are made of memory, so that time can be that of a bubble.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{made: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.made:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.made <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	}
}

// slow is a server whose one request is answered when told, and what came of Serve.
type slow struct {
	*pipes
	answer   chan struct{}
	stop     context.CancelFunc
	ended    chan error
	answered chan string
}

// serve starts a slow server that lets requests finish for a minute.
func serve(t *testing.T) *slow {
	t.Helper()
	s := &slow{pipes: newPipes(), answer: make(chan struct{}), ended: make(chan error, 1), answered: make(chan string, 1)}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.answer:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})}
	go func() { s.ended <- Serve(ctx, server, s, time.Minute) }()
	synctest.Wait()
	return s
}

// ask sends a request; what came of it is answered.
func (s *slow) ask() {
	go func() {
		client := &http.Client{Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true}}
		response, err := client.Get("http://pipes/")
		if err != nil {
			s.answered <- "error"
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		s.answered <- string(text)
	}()
	synctest.Wait()
}

func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.ask()
		s.stop()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Empty(t, s.ended, "a request is under way")
		_, err := s.dial(t.Context(), "", "")
		require.Error(t, err, "new connections are refused")
		close(s.answer)
		require.Equal(t, "done", <-s.answered)
		require.NoError(t, <-s.ended)
	})
}

func TestServeCutsOffWhatTakesLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.ask()
		s.stop()
		time.Sleep(time.Minute)
		err := <-s.ended
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "drain pipes: ")
		require.Equal(t, "error", <-s.answered)
	})
}

func TestServeEndsAtOnceWhenNobodyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.stop()
		synctest.Wait()
		require.Len(t, s.ended, 1)
		require.NoError(t, <-s.ended)
	})
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		defer s.stop()
		require.NoError(t, s.Close())
		err := <-s.ended
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorContains(t, err, "serve on pipes: ")
	})
}
