package devcluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// claimFile names the state directory of the cluster whose node this machine is. Address, bridge and
// cgroups exist once, so a second real node would tear the first one's pods down. It is gone after a reboot.
const claimFile = "/run/kube-remedy-devcluster"

// claim makes this machine the node of the cluster in dir, unless it is that of another living one.
func claim(file, dir string) error {
	owner, err := claimant(file)
	if err != nil {
		return err
	}
	if owner == dir {
		return nil
	}
	if owner != "" && anyAlive(owner) {
		return fmt.Errorf("a cluster with a real node runs already, in %s: take that down first (a machine can be only one real node), or ask for a simulated node", owner)
	}
	if err := write(file, []byte(dir+"\n")); err != nil {
		return fmt.Errorf("claiming this machine as the cluster's node: %w", err)
	}
	return nil
}

// claimant is the state directory that has claimed this machine, or "".
func claimant(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading who has claimed this machine: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func anyAlive(dir string) bool {
	for _, name := range componentNames() {
		if readProcess(layout{dir: dir}.pidFile(name)).alive(birth) {
			return true
		}
	}
	return false
}
