package evidence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestRan(t *testing.T) {
	at := func(second int64) metav1.Time { return metav1.Unix(second, 0) }
	for _, test := range []struct {
		name              string
		started, finished metav1.Time
		ran               time.Duration
	}{
		{"a minute", at(1000), at(1060), time.Minute},
		{"what never started began in 1970", at(0), at(1060), 0},
		{"nobody knows when it started", metav1.Time{}, at(1060), 0},
		{"nobody knows when it ended", at(1000), metav1.Time{}, 0},
		{"clocks that go back", at(1060), at(1000), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.ran, evidence.Ran(&corev1.ContainerStateTerminated{StartedAt: test.started, FinishedAt: test.finished}))
		})
	}
}
