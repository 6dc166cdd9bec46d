package devcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// changedSettings are the kernel settings that the kubelet and the bridge plugin change.
func changedSettings() []string {
	return []string{
		"net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
		"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	}
}

// readSettings returns the present values, by name; what this kernel does not have is left out.
func readSettings() map[string]string {
	values := map[string]string{}
	for _, name := range changedSettings() {
		if data, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
			values[name] = strings.TrimSpace(string(data))
		}
	}
	return values
}

// restoreSettings puts values back that readSettings returned.
func restoreSettings(values map[string]string) error {
	for name, value := range values {
		path := filepath.Join("/proc/sys", name)
		if now, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(now)) == value {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("setting %s back to %s: %w", name, value, err)
		}
	}
	return nil
}
