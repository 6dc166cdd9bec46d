package devcluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const pauseImage = "registry.k8s.io/pause:3.10"

// containerdConfig gets: root, state, socket, CNI configuration, CNI programs, registry hosts, runc,
// runc's state, snapshotter, pause image, and a directory for plugins nobody has.
const containerdConfig = `version = 3
root = %[1]q
state = %[2]q
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]
[grpc]
  address = %[3]q
[plugins."io.containerd.cri.v1.images"]
  snapshotter = %[9]q
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = %[10]q
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = %[6]q
[plugins."io.containerd.cri.v1.runtime"]
  # Where this process may not lower oom_score_adj, containers still start.
  restrict_oom_score_adj = true
  # Network namespaces stay in the state directory, where down finds their mounts.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    conf_dir = %[4]q
    bin_dirs = [%[5]q]
    # The plugin would leave its results in /var/lib/cni.
    use_internal_loopback = true
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = %[7]q
        Root = %[8]q
        SystemdCgroup = false
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.internal.v1.opt"]
  path = %[11]q
`

// registryHosts sends the pulls from every registry to the local one.
const registryHosts = `server = "http://%[1]s"
[host."http://%[1]s"]
  capabilities = ["pull", "resolve"]
`

func containerd(l layout, p programs) (component, error) {
	snapshotter := "native"
	if filesystems, err := os.ReadFile("/proc/filesystems"); err == nil && strings.Contains(string(filesystems), "overlay") {
		snapshotter = "overlayfs"
	}
	config := fmt.Sprintf(containerdConfig, l.path("containerd", "root"), l.path("containerd", "state"), l.containerdSocket(),
		l.path("cni", "conf"), filepath.Dir(program("host-local")), l.config("registries"), program("runc"), l.path("runc"),
		snapshotter, pauseImage, l.path("containerd", "opt"))
	if err := write(l.config("containerd.toml"), []byte(config)); err != nil {
		return component{}, fmt.Errorf("writing containerd's configuration: %w", err)
	}
	every := filepath.Join(l.config("registries"), "_default")
	if err := os.MkdirAll(every, 0o700); err != nil {
		return component{}, fmt.Errorf("making %s: %w", every, err)
	}
	if err := write(filepath.Join(every, "hosts.toml"), fmt.Appendf(nil, registryHosts, l.registryAddress())); err != nil {
		return component{}, fmt.Errorf("writing the registry redirection: %w", err)
	}
	return component{
		name: "containerd", path: filepath.Join(p.containerd, "containerd"),
		args: []string{"--config", l.config("containerd.toml"), "--log-level", "warn"},
		// containerd finds its shim, and runc its helpers, on the path.
		env:   []string{"PATH=" + p.containerd + ":/usr/sbin:/usr/bin:/sbin:/bin:" + os.Getenv("PATH")},
		ready: connects("unix", l.containerdSocket()),
	}, nil
}

// connects is a ready check: somebody accepts connections there.
func connects(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}
