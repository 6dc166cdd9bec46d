package eventwatcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// LeaseName is the Lease, in the watcher's own namespace, that the working replica holds.
const LeaseName = "kube-remedy-eventwatcher"

// Timing of the lease, as in Kubernetes' own controllers
// (k8s.io/component-base/config/v1alpha1, RecommendedDefaultLeaderElectionConfiguration).
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// errLeaseLost ends a replica that could not renew its lease in time.
var errLeaseLost = errors.New("the lease was lost: another replica does the work now")

// lead waits for the lease and works while it holds it. It returns nil when ctx ends, after the workers have
// finished and the lease was given back: two replicas never write at once.
func (w *Watcher) lead(ctx context.Context) error {
	started := make(chan context.Context, 1)
	elector, err := w.newElector(func(leading context.Context) { started <- leading })
	if err != nil {
		return err
	}
	// The election outlives ctx, so that the lease is kept until the last worker is done.
	electing, endElection := context.WithCancel(context.WithoutCancel(ctx))
	var election sync.WaitGroup
	defer election.Wait()
	defer endElection()
	election.Go(func() { elector.Run(electing) })
	select {
	case <-ctx.Done():
		return nil
	case leading := <-started:
		return w.workWhile(ctx, leading)
	}
}

// workWhile runs the workers until ctx ends or leading does, and waits for them.
func (w *Watcher) workWhile(ctx, leading context.Context) error {
	w.log.Info("holding the lease", "lease", w.options.Namespace+"/"+LeaseName, "identity", w.options.Identity)
	w.metrics.leader.Set(1)
	defer w.metrics.leader.Set(0)
	working, stop := context.WithCancel(leading)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()
	defer w.queue.ShutDown()
	for range w.options.Workers {
		workers.Go(func() { w.work(working) })
	}
	select {
	case <-ctx.Done():
		return nil
	case <-leading.Done():
		return errLeaseLost
	}
}

func (w *Watcher) newElector(started func(context.Context)) (*leaderelection.LeaderElector, error) {
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: w.options.Namespace, Name: LeaseName},
			Client:     w.clients.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: w.options.Identity},
		},
		Name:          LeaseName,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: started,
			OnStoppedLeading: func() {}, // leading ends instead
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up leader election: %w", err)
	}
	return elector, nil
}
