//go:build !linux

package devcluster

import (
	"os/exec"
	"strconv"
	"strings"
)

// birth is the second a process was started in, as ps prints it.
func birth(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", errGone
	}
	state, start, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || strings.HasPrefix(state, "Z") {
		return "", errGone
	}
	return strings.TrimSpace(start), nil
}
