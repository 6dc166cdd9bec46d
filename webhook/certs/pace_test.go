package certs

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
)

// TestReplicasThatDisagreeDoNotWriteWithoutEnd has two replicas that each find the other's certificate wrong, as
// the old and the new one do during a rollout that changes the names.
func TestReplicasThatDisagreeDoNotWriteWithoutEnd(t *testing.T) {
	client := fake.NewClientset()
	var updates atomic.Int64
	client.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		updates.Add(1)
		return false, nil, nil
	})
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	done := make(chan error, 2)
	for _, name := range []string{"old.example", "new.example"} {
		replica := &SelfManaged{
			Client: client, Namespace: "system", Secret: "cert", Configuration: "kube-remedy",
			Names: Names{DNS: []string{name}}, Clock: clock.RealClock{}, Log: slog.New(slog.DiscardHandler),
		}
		go func() { done <- replica.Run(ctx) }()
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.Less(t, updates.Load(), int64(2*(burst+4*pace)), "updates of the secret in 3 s")
}
