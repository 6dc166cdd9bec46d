package devcluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyOneLivingClusterClaimsTheMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claim")
	first, second := testLayout(t), testLayout(t)
	require.NoError(t, claim(file, first.dir))
	require.NoError(t, claim(file, first.dir), "again")

	self := process{PID: os.Getpid()}
	var err error
	self.Birth, err = birth(self.PID)
	require.NoError(t, err)
	data, err := json.Marshal(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(first.pidFile("etcd"), data, 0o600))
	require.ErrorContains(t, claim(file, second.dir), "runs already, in "+first.dir)

	require.NoError(t, os.Remove(first.pidFile("etcd")))
	require.NoError(t, claim(file, second.dir), "the first is dead")
	owner, err := claimant(file)
	require.NoError(t, err)
	require.Equal(t, second.dir, owner)
}
