package install

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Program is a running program of the pair, or one beside it.
type Program struct {
	command *exec.Cmd
	log     string
	exited  chan struct{}
	err     error // how it ended; read after exited is closed
}

// ErrExited is what Ready says of a program that has ended.
var ErrExited = errors.New("the program has exited")

// stopTimeout is how long a program may take to end after SIGTERM.
const stopTimeout = 20 * time.Second

// StartProgram runs path with its output in a log file, which is begun anew. The program ends with this one at the latest.
func StartProgram(path, log string, args ...string) (*Program, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", path, err)
	}
	defer file.Close()
	program := &Program{command: exec.Command(path, args...), log: log, exited: make(chan struct{})}
	program.command.Stdout, program.command.Stderr = file, file
	program.command.SysProcAttr = ChildOf()
	if err := program.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		program.err = program.command.Wait()
		close(program.exited)
	}()
	return program, nil
}

// Ready asks a program's readiness endpoint. It is an error when the program has ended, or does not answer 200 OK.
func (r *Program) Ready(ctx context.Context, url string) error {
	select {
	case <-r.exited:
		return ErrExited
	default:
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}

// Stop sends SIGTERM and waits. It is an error when the program does not end with status 0 in time; it is
// killed then.
func (r *Program) Stop() error {
	if err := r.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", r.command.Path, err)
	}
	select {
	case <-r.exited:
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not end within %s of SIGTERM", r.command.Path, stopTimeout), r.command.Process.Kill())
	}
	if r.err != nil {
		return fmt.Errorf("%s ended: %w", r.command.Path, r.err)
	}
	return nil
}

// Log gives all that the program wrote.
func (r *Program) Log() (string, error) {
	text, err := os.ReadFile(r.log)
	return string(text), err
}

// LogTail gives the last lines of the program's log, 4 KiB at most.
func (r *Program) LogTail() string {
	text, err := r.Log()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(text[max(0, len(text)-4096):])
}

// asToken rewrites a kubeconfig so that its current context speaks with a bearer token alone.
func asToken(kubeconfig []byte, token string) ([]byte, error) {
	config, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	current, ok := config.Contexts[config.CurrentContext]
	if !ok {
		return nil, fmt.Errorf("read kubeconfig: there is no context %q", config.CurrentContext)
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{current.AuthInfo: {Token: token}}
	return clientcmd.Write(*config)
}
