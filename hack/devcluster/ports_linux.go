package devcluster

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder describes the process that listens on a TCP port, "" when that cannot be found.
func holder(port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			continue
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if inode := listeningInode(lines.Text(), port); inode != "" {
				return processWithSocket(inode)
			}
		}
	}
	return ""
}

// listeningInode is the socket's inode when a line of /proc/net/tcp is a listener on the port.
func listeningInode(line string, port int) string {
	fields := strings.Fields(line)
	const local, state, inode, listening = 1, 3, 9, "0A"
	if len(fields) <= inode || fields[state] != listening {
		return ""
	}
	_, hex, ok := strings.Cut(fields[local], ":")
	if number, err := strconv.ParseUint(hex, 16, 16); !ok || err != nil || int(number) != port {
		return ""
	}
	return fields[inode]
}

func processWithSocket(inode string) string {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range descriptors {
		if target, err := os.Readlink(fd); err != nil || target != "socket:["+inode+"]" {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(name)))
	}
	return ""
}
