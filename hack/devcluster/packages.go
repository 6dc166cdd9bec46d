package devcluster

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// requirement is a program that the real node needs from the operating system.
type requirement struct {
	program string   // its name
	dirs    []string // directories it may be in besides $PATH
	pkg     string   // the Debian package that brings it
}

func requirements() []requirement {
	sbin := []string{"/usr/sbin", "/sbin"}
	return []requirement{
		{"runc", sbin, "runc"},
		// Not its plugin bridge: iproute2 has a program of that name on $PATH.
		{"host-local", cniDirs(), "containernetworking-plugins"},
		{"iptables", sbin, "iptables"},
		{"nft", sbin, "nftables"},
		{"conntrack", sbin, "conntrack"},
		{"ip", sbin, "iproute2"},
		{"busybox", []string{"/bin"}, "busybox-static"},
	}
}

// cniDirs are where distributions put CNI plugins.
func cniDirs() []string { return []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"} }

// find returns the program's path, or "".
func (r requirement) find() string {
	for _, dir := range r.dirs {
		path := filepath.Join(dir, r.program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && r.fits(path) {
			return path
		}
	}
	if path, err := exec.LookPath(r.program); err == nil && r.fits(path) {
		return path
	}
	return ""
}

// fits reports whether the program can be used as it is: the one that goes into an image on its own must not
// need libraries. Debian's packages busybox and busybox-static differ in nothing else.
func (r requirement) fits(path string) bool {
	if !strings.HasSuffix(r.pkg, "-static") {
		return true
	}
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// program is the path of a required program; call it after installPackages has found all of them.
func program(name string) string {
	for _, r := range requirements() {
		if r.program == name {
			return r.find()
		}
	}
	return ""
}

func missingRequirements() []requirement {
	var missing []requirement
	for _, r := range requirements() {
		if r.find() == "" {
			missing = append(missing, r)
		}
	}
	return missing
}

// installPackages sees to it that everything the real node needs is there, with apt where there is apt.
func installPackages(ctx context.Context, o Options) error {
	missing := missingRequirements()
	if len(missing) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return missingError(missing, nil)
	}
	install := []string{"install", "-y", "--no-install-recommends"}
	for _, r := range missing {
		install = append(install, r.pkg)
	}
	o.say("installing %s with apt", strings.Join(install[3:], ", "))
	for _, args := range [][]string{{"update"}, install} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return missingError(missing, fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, lastLines(string(out), 5)))
		}
	}
	if missing = missingRequirements(); len(missing) > 0 {
		return missingError(missing, errors.New("apt has installed their packages, and still they are not found"))
	}
	return nil
}

// missingError names everything that is missing at once; cause says why it could not be installed.
func missingError(missing []requirement, cause error) error {
	var programs, packages []string
	for _, r := range missing {
		programs = append(programs, r.program)
		packages = append(packages, r.pkg)
	}
	text := fmt.Sprintf("a real node needs %s; on Debian or Ubuntu: apt-get install --no-install-recommends %s",
		strings.Join(programs, ", "), strings.Join(packages, " "))
	if cause == nil {
		return errors.New(text)
	}
	return fmt.Errorf("%s (%w)", text, cause)
}

func lastLines(text string, n int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
