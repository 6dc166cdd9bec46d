package eventwatcher

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestTheLastBytesOfALogAreKept(t *testing.T) {
	for _, test := range []struct {
		name, text string
		most       int
		want       string
		cut        bool
	}{
		{"nothing", "", 4, "", false},
		{"less than there may be", "abc", 4, "abc", false},
		{"as much as there may be", "abcd", 4, "abcd", false},
		{"more", "abcdef", 4, "cdef", true},
		{"much more", strings.Repeat("x", 1_000_000) + "end.", 4, "end.", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, reader := range []io.Reader{strings.NewReader(test.text), iotest.DataErrReader(strings.NewReader(test.text)), iotest.HalfReader(strings.NewReader(test.text))} {
				end, cut, err := lastBytes(reader, test.most)
				require.NoError(t, err)
				require.Equal(t, test.want, string(end))
				require.Equal(t, test.cut, cut)
			}
		})
	}
	end, _, err := lastBytes(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("reset"))), 8)
	require.EqualError(t, err, "reset")
	require.Equal(t, "abc", string(end), "what was read before is not lost")
}

func TestOnlyLogsThatCouldSayWhyAreRead(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := func(code int32, reason string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
	}
	for _, test := range []struct {
		name              string
		container         evidence.Container
		previous, present bool
	}{
		{"one that runs well", evidence.Container{State: running, Ready: true}, false, false},
		{"one that runs and is not ready", evidence.Container{State: running}, false, true},
		{"one that ended well", evidence.Container{State: ended(0, "Completed")}, false, false},
		{"one that failed", evidence.Container{State: ended(1, "Error")}, false, true},
		{"one that was killed and says 0", evidence.Container{State: ended(0, "OOMKilled")}, false, true},
		{"one that waits after it failed", evidence.Container{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}, LastState: ended(1, "Error"), RestartCount: 1}, true, false},
		{"one that never ran", evidence.Container{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.previous, tells(test.container, true))
			require.Equal(t, test.present, tells(test.container, false))
		})
	}
}
