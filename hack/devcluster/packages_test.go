package devcluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissingErrorNamesEverythingAtOnce(t *testing.T) {
	missing := []requirement{{program: "runc", pkg: "runc"}, {program: "ip", pkg: "iproute2"}}
	require.EqualError(t, missingError(missing, nil),
		"a real node needs runc, ip; on Debian or Ubuntu: apt-get install --no-install-recommends runc iproute2")
	cause := errors.New("apt-get update: exit status 100")
	err := missingError(missing, cause)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "runc iproute2 (apt-get update: exit status 100)")
}

func TestFindWantsAStaticProgramWhereItGoesIntoAnImage(t *testing.T) {
	shell, err := exec.LookPath("sh") // on every distribution that is supported it needs the C library
	require.NoError(t, err)
	r := requirement{program: filepath.Base(shell), dirs: []string{filepath.Dir(shell)}, pkg: "shell"}
	require.NotEmpty(t, r.find())
	r.pkg = "shell-static"
	require.Empty(t, r.find())
}

func TestThePluginsAreNotTakenForProgramsOfTheSameName(t *testing.T) {
	for _, r := range requirements() {
		require.NotEqual(t, "bridge", r.program, "iproute2 has a program of that name")
	}
}

func TestFindWantsAnExecutableFile(t *testing.T) {
	dir := t.TempDir()
	r := requirement{program: "devcluster-test-program", dirs: []string{dir}}
	require.Empty(t, r.find())
	path := filepath.Join(dir, r.program)
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.Empty(t, r.find(), "it is not executable")
	require.NoError(t, os.Chmod(path, 0o755))
	require.Equal(t, path, r.find())
}
