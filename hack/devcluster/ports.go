package devcluster

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// checkPorts returns an error that names the first port of a component that somebody else holds.
func checkPorts(one component) error {
	for _, l := range one.ports {
		socket, err := net.Listen("tcp", net.JoinHostPort(l.ip, strconv.Itoa(l.port)))
		if err == nil {
			socket.Close()
			continue
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return portConflict(one.name, l, holder(l.port))
		}
		return fmt.Errorf("trying the address that %s will listen on: %w", one.name, err)
	}
	return nil
}

// portConflict says who stands in whose way; holder is empty when it cannot be known.
func portConflict(component string, l listener, holder string) error {
	if holder == "" {
		holder = "another process"
	}
	return fmt.Errorf("%s needs port %d on %s, which %s is listening on: stop it, or choose another range with --port-base",
		component, l.port, l.ip, holder)
}
