package devcluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseBirth(t *testing.T) {
	stat := func(comm, state string) []byte {
		return []byte("42 " + comm + " " + state + " 1 42 42 0 -1 4194560 " + strings.Repeat("0 ", 12) + "98765 0 0\n")
	}
	for _, test := range []struct {
		name, comm, state, want string
		wantErr                 error
	}{
		{"an ordinary process", "(etcd)", "S", "boot/98765", nil},
		{"a name with blanks and parentheses", "(a (b) c)", "R", "boot/98765", nil},
		{"a zombie does not run", "(etcd)", "Z", "", errGone},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseBirth(stat(test.comm, test.state), "boot")
			require.ErrorIs(t, err, test.wantErr)
			require.Equal(t, test.want, got)
		})
	}
	_, err := parseBirth([]byte("42 (etcd) S 1"), "boot")
	require.ErrorContains(t, err, "too short")
}

func TestListeningInode(t *testing.T) {
	const format = "   0: 0100007F:5208 00000000:0000 STATE 00000000:00000000 00:00000000 00000000     0        0 123456 1 0000000000000000"
	require.Equal(t, "123456", listeningInode(strings.Replace(format, "STATE", "0A", 1), 21000))
	require.Empty(t, listeningInode(strings.Replace(format, "STATE", "0A", 1), 21001), "another port")
	require.Empty(t, listeningInode(strings.Replace(format, "STATE", "01", 1), 21000), "a connection, not a listener")
	require.Empty(t, listeningInode("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", 21000), "the heading")
}
