package installed

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kill sends SIGKILL to a pod's program, as the kernel does when a node is out of memory. Nothing in the pod hears of it.
func kill(t *testing.T, pod, program string) {
	t.Helper()
	uid := kubectl(t, "-n", system, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}")
	paths, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	for _, path := range paths {
		cgroup, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(cgroup), uid) {
			continue // of others, or gone
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || !strings.HasPrefix(string(command), "/"+program+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		until(t, "the process to end", func() error {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d is still there", pid)
			}
			return nil
		})
		return
	}
	require.Fail(t, "the pod has no such program", "%s of %s", program, pod)
}

// untilListening waits until a pod's webhook takes connections again, and gives the time by which it did.
func untilListening(t *testing.T, pod string) time.Time {
	t.Helper()
	address := addressOf(t, pod)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			require.NoError(t, connection.Close())
			return time.Now()
		}
		require.Less(t, time.Now(), deadline, "%v", err)
	}
}

// servedSerials are the serial numbers of the certificates that the pods serve.
func servedSerials(t *testing.T) []string {
	t.Helper()
	var serials []string
	for _, pod := range pods(t) {
		connection, err := tls.Dial("tcp", addressOf(t, pod), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // only looked at
		require.NoError(t, err)
		serials = append(serials, connection.ConnectionState().PeerCertificates[0].SerialNumber.String())
		require.NoError(t, connection.Close())
	}
	return serials
}

// addressOf is where a pod's webhook listens for reviews.
func addressOf(t *testing.T, pod string) string {
	t.Helper()
	return net.JoinHostPort(kubectl(t, "-n", system, "get", "pod", pod, "-o", "jsonpath={.status.podIP}"), "8443")
}
