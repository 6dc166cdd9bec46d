package certs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
)

// checkEvery is how often everything is looked at without a change: certificates come due by the clock.
const checkEvery = time.Hour

// retryAfter is how long a failed look waits for the next.
const retryAfter = 2 * time.Second

// Looks a second in the long run, and how many may follow each other at once. Replicas that disagree, as in a
// rollout that changes the names, would otherwise answer each other's writes as fast as the API server takes them.
const (
	pace  = 1
	burst = 10
)

// loop looks at everything after each change, and again after a while.
type loop struct {
	informers []cache.SharedIndexInformer // whose changes count
	look      func(context.Context) error
	wait      func() time.Duration // from a look that went well to the next
	clock     clock.Clock
	log       *slog.Logger
}

// run loops until ctx ends. A trouble is logged when it is another than before.
func (l *loop) run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	var watching sync.WaitGroup
	defer watching.Wait()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	for _, informer := range l.informers {
		if err := signal(informer, changed); err != nil {
			return err
		}
		watching.Go(func() { informer.RunWithContext(inner) })
	}
	paced := flowcontrol.NewTokenBucketRateLimiter(pace, burst)
	trouble := ""
	for {
		if paced.Wait(ctx) != nil { // ctx ended
			return nil
		}
		err := l.look(ctx)
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) { // somebody was faster: start over with that
			continue
		}
		wait := l.wait()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = retryAfter
			if err.Error() != trouble {
				trouble = err.Error()
				l.log.Warn("certificates are not as they should be, trying again", "error", err)
			}
		case trouble != "":
			trouble = ""
			l.log.Info("certificates are as they should be")
		}
		if !l.pause(ctx, changed, wait) {
			return nil
		}
	}
}

// pause waits for a change, at most for some time; false when ctx ended.
func (l *loop) pause(ctx context.Context, changed <-chan struct{}, wait time.Duration) bool {
	due := l.clock.NewTimer(wait)
	defer due.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-due.C():
	}
	return true
}

// named limits a list to the one object of a name.
func named(name string) func(*metav1.ListOptions) {
	return func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}
}

// watch gives informers for the one object of a name.
func watch(client kubernetes.Interface, namespace, name string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(named(name)))
}

// signal tells changed of every change; one that is not yet taken stands for all after it.
func signal(informer cache.SharedIndexInformer, changed chan<- struct{}) error {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { tell() }, UpdateFunc: func(any, any) { tell() }, DeleteFunc: func(any) { tell() },
	})
	if err != nil {
		return fmt.Errorf("watch certificates: %w", err)
	}
	return nil
}
