package devcluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clearNode removes everything that containers left: their processes, shims, mounts, cgroups, leases and
// links. Neither containerd nor the kubelet may run. What the control plane knows stays, so a kubelet
// that starts afterwards makes the pods anew.
func clearNode(_ context.Context, l layout) error {
	sockets := shimSockets(l)
	if err := killShims(l); err != nil {
		return err
	}
	if err := killContainers(); err != nil {
		return err
	}
	if err := unmountBelow(l.dir); err != nil {
		return err
	}
	if err := removeCgroups(); err != nil {
		return err
	}
	if err := removeFiles(sockets, "/run/containerd/s", "/run/containerd/fifo", "/run/containerd"); err != nil {
		return err
	}
	if err := removeLogLinks(l); err != nil {
		return err
	}
	for _, dir := range []string{"containerd", "containerd.sock", "containerd.sock.ttrpc", "runc", "cni", "kubelet", "pod-logs"} {
		if err := os.RemoveAll(l.path(dir)); err != nil {
			return fmt.Errorf("removing what the node left: %w", err)
		}
	}
	return nil
}

// shimSockets are the sockets of this cluster's shims: containerd keeps them in /run/containerd/s for all
// its instances, and notes their names in each container's bundle.
func shimSockets(l layout) []string {
	bundles, _ := filepath.Glob(l.path("containerd", "state", "io.containerd.runtime.v2.task", "*", "*", "bootstrap.json"))
	var sockets []string
	for _, bundle := range bundles {
		var bootstrap struct {
			Address string `json:"address"`
		}
		data, err := os.ReadFile(bundle)
		if err != nil || json.Unmarshal(data, &bootstrap) != nil {
			continue
		}
		if socket, ok := strings.CutPrefix(bootstrap.Address, "unix://"); ok && strings.HasPrefix(socket, "/run/containerd/s/") {
			sockets = append(sockets, socket)
		}
	}
	return sockets
}

// killShims kills the shims that serve this cluster's containerd, told by its socket in their arguments.
func killShims(l layout) error {
	argument := "\x00" + l.containerdSocket() + "\x00"
	return killUntilGone("the containers' shims", func() []int {
		var shims []int
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			program, _, _ := strings.Cut(string(data), "\x00")
			if filepath.Base(program) == "containerd-shim-runc-v2" && strings.Contains(string(data), argument) {
				if pid, err := strconv.Atoi(strings.Split(file, "/")[2]); err == nil {
					shims = append(shims, pid)
				}
			}
		}
		return shims
	})
}

// cgroupRoots are the cluster's cgroups, one in every hierarchy of version 1, one in all in version 2.
func cgroupRoots() []string {
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/" + cgroupName)
	if _, err := os.Stat("/sys/fs/cgroup/" + cgroupName); err == nil {
		roots = append(roots, "/sys/fs/cgroup/"+cgroupName)
	}
	return roots
}

func killContainers() error {
	return killUntilGone("the containers' processes", func() []int {
		var pids []int
		for _, root := range cgroupRoots() {
			_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.Name() != "cgroup.procs" {
					return nil //nolint:nilerr // cgroups vanish while they are walked
				}
				data, _ := os.ReadFile(path)
				for _, field := range strings.Fields(string(data)) {
					if pid, err := strconv.Atoi(field); err == nil && pid > 1 && pid != os.Getpid() {
						pids = append(pids, pid)
					}
				}
				return nil
			})
		}
		return pids
	})
}

// killUntilGone kills processes as long as there are any: while some are killed, others may fork.
func killUntilGone(whose string, list func() []int) error {
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		pids := list()
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("killing %s: processes %v do not end", whose, pids)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("killing %s: process %d: %w", whose, pid, err)
			}
		}
	}
}

// unmountBelow unmounts everything under a directory, the newest mount first.
func unmountBelow(dir string) error {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	defer file.Close()
	var points []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		const mountPoint = 4
		if fields := strings.Fields(lines.Text()); len(fields) > mountPoint {
			points = append(points, unescape(fields[mountPoint]))
		}
	}
	for i := len(points) - 1; i >= 0; i-- {
		if !strings.HasPrefix(points[i], dir+"/") {
			continue
		}
		if err := unix.Unmount(points[i], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmounting %s: %w", points[i], err)
		}
	}
	return nil
}

// unescape undoes mountinfo's octal escapes.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// makeCgroups makes the cgroup that all pods live under. The kubelet wants it to be there.
func makeCgroups() error {
	if data, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		var enable []string
		for _, controller := range strings.Fields(string(data)) {
			enable = append(enable, "+"+controller)
		}
		// Where it fails the controllers are enabled already, or the kubelet will say which one it misses.
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte(strings.Join(enable, " ")), 0)
		return makeCgroup("/sys/fs/cgroup/" + cgroupName)
	}
	hierarchies, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil {
		return err
	}
	for _, file := range hierarchies {
		if err := makeCgroup(filepath.Join(filepath.Dir(file), cgroupName)); err != nil {
			return err
		}
	}
	return nil
}

func makeCgroup(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the cgroup %s: %w", dir, err)
	}
	// A cpuset of version 1 begins empty, and no process may join it until it is filled.
	for _, setting := range []string{"cpuset.cpus", "cpuset.mems"} {
		parent, err := os.ReadFile(filepath.Join(filepath.Dir(dir), setting))
		if err != nil || filepath.Base(filepath.Dir(dir)) == "cgroup" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, setting), parent, 0); err != nil {
			return fmt.Errorf("setting %s of the cgroup %s: %w", setting, dir, err)
		}
	}
	return nil
}

func removeCgroups() error {
	for _, root := range cgroupRoots() {
		// The kernel needs a moment to notice that the processes are gone.
		var err error
		for range 40 {
			if err = removeCgroup(root); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			return fmt.Errorf("removing the cgroup %s: %w", root, err)
		}
	}
	return nil
}

// removeCgroup removes a cgroup and those in it; only directories can be removed there.
func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeCgroup(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(dir)
}

// removeLogLinks removes the kubelet's links in /var/log/containers that point to this cluster's logs.
func removeLogLinks(l layout) error {
	const dir = "/var/log/containers"
	links, _ := filepath.Glob(dir + "/*.log")
	var ours []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, l.path("pod-logs")+"/") {
			ours = append(ours, link)
		}
	}
	return removeFiles(ours, dir)
}
