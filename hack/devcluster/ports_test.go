package devcluster

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortConflict(t *testing.T) {
	l := listener{"10.245.0.1", 21000}
	require.EqualError(t, portConflict("kube-apiserver", l, "process 7 (nginx)"),
		"kube-apiserver needs port 21000 on 10.245.0.1, which process 7 (nginx) is listening on: stop it, or choose another range with --port-base")
	require.EqualError(t, portConflict("kube-apiserver", l, ""),
		"kube-apiserver needs port 21000 on 10.245.0.1, which another process is listening on: stop it, or choose another range with --port-base")
}

func TestCheckPortsNamesTheHolder(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	taken := listener{"127.0.0.1", socket.Addr().(*net.TCPAddr).Port}
	one := component{name: "etcd", ports: []listener{taken}}
	err = checkPorts(one)
	require.ErrorContains(t, err, fmt.Sprintf("etcd needs port %d on 127.0.0.1", taken.port))
	if runtime.GOOS == "linux" {
		require.ErrorContains(t, err, fmt.Sprintf("process %d (", os.Getpid()))
	}
	require.NoError(t, socket.Close())
	require.NoError(t, checkPorts(one), "the port is free again")
}
