package devcluster

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// birth is the boot and the clock tick a process was started in: no two processes share PID and birth.
func birth(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", errGone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return parseBirth(stat, strings.TrimSpace(string(boot)))
}

// parseBirth reads /proc/PID/stat. The command name, in parentheses, may itself hold blanks and parentheses.
func parseBirth(stat []byte, boot string) (string, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, starttime = 0, 19 // fields 3 and 22 of proc(5), which counts from 1; pid and comm are cut off
	if len(fields) <= starttime {
		return "", fmt.Errorf("process status %q is too short", stat)
	}
	if s := string(fields[state]); s == "Z" || s == "X" {
		return "", errGone
	}
	return boot + "/" + string(fields[starttime]), nil
}
