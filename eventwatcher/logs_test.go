package eventwatcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
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

// secret is no one's.
const secret = "hunter2-correct-horse"

func TestSecretsInLogsGoNoFurther(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"a short log", "starting\nDB_PASSWORD=" + secret + "\nfatal: no route to db:5432\n"},
		{"a long log, cut before", strings.Repeat("starting\n", maxLogBytes) + "postgres://shop:" + secret + "@db:5432/shop: connection refused\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			end, err := endOf(strings.NewReader(test.text))
			require.NoError(t, err)
			require.LessOrEqual(t, len(end), maxLogBytes)
			require.NotContains(t, string(end), secret)
			require.Contains(t, string(end), "db:5432", "what a diagnosis needs stays")
		})
	}
	end, err := endOf(io.MultiReader(strings.NewReader("token="+secret+"\n"), iotest.ErrReader(context.DeadlineExceeded)))
	require.NoError(t, err)
	require.NotContains(t, string(end), secret)
	_, err = endOf(iotest.ErrReader(context.DeadlineExceeded))
	require.ErrorIs(t, err, context.DeadlineExceeded, "nothing came")
}

func TestSecretsInMessagesGoNoFurther(t *testing.T) {
	ended := &corev1.ContainerStateTerminated{Message: "login failed, password=" + secret, ExitCode: 1}
	waiting := &corev1.ContainerStateWaiting{Message: "pull with https://shop:" + secret + "@registry.example.org failed"}
	observed := evidence.Evidence{
		Events:     []evidence.Event{{Message: "Readiness probe failed: Authorization: Bearer " + secret}},
		Containers: []evidence.Container{{State: corev1.ContainerState{Waiting: waiting}, LastState: corev1.ContainerState{Terminated: ended}}},
	}
	redacted(&observed)
	require.NotContains(t, observed.Events[0].Message, secret)
	require.NotContains(t, observed.Containers[0].State.Waiting.Message, secret)
	require.NotContains(t, observed.Containers[0].LastState.Terminated.Message, secret)
	require.Contains(t, ended.Message, secret, "what belongs to a cache is not changed")
}

func TestSecretsInManifestsGoNoFurther(t *testing.T) {
	path := "/ready?token=" + secret
	finding := v1alpha1.Diagnosis{
		RootCause:      "the probe asks for " + path + ", which gives status 404",
		Evidence:       []v1alpha1.Citation{{Text: "Readiness probe failed: Get " + path}},
		SuggestedFixes: []v1alpha1.SuggestedFix{{Description: "correct " + path}},
	}
	redactedFinding(&finding)
	require.NotContains(t, fmt.Sprint(finding), secret)
	require.Contains(t, finding.RootCause, "/ready")

	probe := func(from, to string) []v1alpha1.Action {
		return []v1alpha1.Action{{AdjustProbe: &v1alpha1.AdjustProbe{From: v1alpha1.ProbeTarget{Path: from}, To: &v1alpha1.ProbeTarget{Path: to}}}}
	}
	require.True(t, tellsSecret(probe(path, "/healthz")))
	require.True(t, tellsSecret(probe("/healthz", path)))
	require.False(t, tellsSecret(probe("/ready?verbose=1", "/healthz")))
	require.False(t, tellsSecret([]v1alpha1.Action{{FixImage: &v1alpha1.FixImage{Image: "ghcr.io/shop/web:1.4", Replacement: "ghcr.io/shop/web@sha256:" + strings.Repeat("0123456789abcdef", 4)}}}))
	require.False(t, tellsSecret([]v1alpha1.Action{{IncreaseMemory: &v1alpha1.IncreaseMemory{Container: "app"}}}))
}
