package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// schedule says which pod each update is of: of random ones that are healthy and stay it, and at equal distances of one
// that begins to fail, each time another.
type schedule struct {
	failing, healthy []int // pods
	every            int   // zero when none fails
	seed             uint64
}

// newSchedule is for one round. Pods that fail in one round fail in no other, nor are they updated in any.
func newSchedule(o options, round int) schedule {
	failures := o.failures()
	order := rand.New(rand.NewPCG(1, 2)).Perm(o.pods) //nolint:gosec // not a secret
	all := failures * max(1, o.rounds)
	s := schedule{failing: order[round*failures : (round+1)*failures], healthy: order[all:], seed: uint64(round)}
	if o.marks > 0 {
		s.every = o.rate / o.marks
	}
	return s
}

// withoutFailures is for a process that would learn nothing from them.
func (s schedule) withoutFailures() schedule {
	s.every = 0
	return s
}

// at gives the pod of an update, and whether it begins to fail.
func (s schedule) at(n int) (pod int, fails bool) {
	if s.every > 0 && n%s.every == s.every-1 && n/s.every < len(s.failing) {
		return s.failing[n/s.every], true
	}
	return s.healthy[rand.New(rand.NewPCG(s.seed, uint64(n))).IntN(len(s.healthy))], false //nolint:gosec // not a secret
}

// patch is an operation of a JSON patch (RFC 6902).
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// healthyPatch changes of a status what says nothing of how the pod is: a write that changes nothing makes no event.
func healthyPatch(n int) []patch {
	return []patch{{"add", "/status/conditions/0/message", fmt.Sprint("update ", n)}}
}

// failingPatch is what a kubelet writes of a container that was killed and runs again.
func failingPatch(now time.Time) []patch {
	return []patch{
		{"add", "/status/containerStatuses/0/lastState", corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 137, Reason: "OOMKilled", StartedAt: metav1.NewTime(now.Add(-time.Hour)), FinishedAt: metav1.NewTime(now),
		}}},
		{"add", "/status/containerStatuses/0/restartCount", 1},
	}
}

// mendingPatch makes it as if the container had never been killed.
func mendingPatch() []patch {
	return []patch{
		{"add", "/status/containerStatuses/0/lastState", corev1.ContainerState{}},
		{"add", "/status/containerStatuses/0/restartCount", 0},
	}
}

// patience is how long after the last update a failure may be remembered.
const patience = 30 * time.Second

// updates writes the statuses of pods on a real API server.
type updates struct {
	clients  kubernetes.Interface
	names    []types.NamespacedName
	progress io.Writer
}

func (u updates) write(ctx context.Context, pod int, status []patch) error {
	body, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encode a patch: %w", err)
	}
	name := u.names[pod]
	err = persistently(ctx, func() error {
		_, err := u.clients.CoreV1().Pods(name.Namespace).Patch(ctx, name.Name, types.JSONPatchType, body, metav1.PatchOptions{}, "status")
		return err
	})
	if err != nil {
		return fmt.Errorf("write the status of pod %s: %w", name, err)
	}
	return nil
}

// send writes updates at a rate, and notes when those that fail were written.
func (u updates) send(ctx context.Context, o options, by schedule, seen *ledger) (came churned, err error) {
	began := time.Now()
	came.events, err = pace(ctx, u.progress, o, by, func(ctx context.Context, n, pod int, fails bool) error {
		if !fails {
			return u.write(ctx, pod, healthyPatch(n))
		}
		sent := time.Now()
		if err := u.write(ctx, pod, failingPatch(sent)); err != nil {
			return err
		}
		seen.wrote(u.names[pod], sent, time.Now())
		return nil
	})
	came.took = time.Since(began)
	if err != nil {
		return came, err
	}
	seen.await(ctx, patience, u.progress)
	came.lags, came.marked = seen.lags()
	came.real = atRealServer{leftOut: o.updates() - came.events, writes: seen.writes(), others: seen.others()}
	came.real.silent, err = silentSince(ctx, u.clients, began)
	return came, err
}

// mostLate is how late an update may be.
const mostLate = time.Second

// pace calls do for every update when it is due, and gives how often. What is too late because the API server does not
// take so many is left out, so that sending takes no longer than it should; but not what tells of a failure.
func pace(ctx context.Context, progress io.Writer, o options, by schedule, do func(ctx context.Context, n, pod int, fails bool) error) (sent int, err error) {
	began := time.Now()
	var count atomic.Int64
	err = each(ctx, progress, "updates that were due", o.updates(), atOnce, func(ctx context.Context, n int) error {
		due := began.Add(time.Duration(float64(n) / float64(o.rate) * float64(time.Second)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		pod, fails := by.at(n)
		if !fails && time.Since(due) > mostLate {
			return nil
		}
		if err := do(ctx, n, pod, fails); err != nil {
			return err
		}
		count.Add(1)
		return nil
	})
	return int(count.Load()), err
}

// mend makes the pods that failed healthy again, while nobody watches them.
func (u updates) mend(ctx context.Context, by schedule) error {
	return each(ctx, u.progress, "mending pods", len(by.failing), atOnce, func(ctx context.Context, i int) error {
		return u.write(ctx, by.failing[i], mendingPatch())
	})
}

// ledger has when pods were written as failing, and when what was learned of them was stored.
type ledger struct {
	mutex  sync.Mutex
	failed map[types.NamespacedName]failure
	stored map[types.NamespacedName]time.Time
}

type failure struct{ sent, written time.Time }

func newLedger() *ledger {
	return &ledger{failed: map[types.NamespacedName]failure{}, stored: map[types.NamespacedName]time.Time{}}
}

func (l *ledger) wrote(pod types.NamespacedName, sent, written time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.failed[pod] = failure{sent, written}
}

// saw notes a Remediation that is whole: the watcher writes its spec first, and then its status.
func (l *ledger) saw(object any) {
	remediation, ok := object.(*v1alpha1.Remediation)
	if !ok || remediation.Status.Phase == "" {
		return
	}
	now, pod := time.Now(), types.NamespacedName{Namespace: remediation.Namespace, Name: remediation.Spec.TargetRef.Name}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, before := l.stored[pod]; !before {
		l.stored[pod] = now
	}
}

// handler notes what an informer of Remediations shows.
func (l *ledger) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{AddFunc: l.saw, UpdateFunc: func(_, object any) { l.saw(object) }}
}

// lags gives the times from writing to storing, and how many failures there were, remembered or not.
func (l *ledger) lags() (all []time.Duration, failures int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for pod, failed := range l.failed {
		if stored, ok := l.stored[pod]; ok {
			all = append(all, stored.Sub(failed.written))
		}
	}
	return all, len(l.failed)
}

// writes gives how long writing the failures took.
func (l *ledger) writes() (all []time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, failed := range l.failed {
		all = append(all, failed.written.Sub(failed.sent))
	}
	return all
}

// others counts the Remediations of pods that were not written as failing.
func (l *ledger) others() (count int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for pod := range l.stored {
		if _, ok := l.failed[pod]; !ok {
			count++
		}
	}
	return count
}

// await waits until all failures are remembered, for at most the given time: those that are not are reported.
func (l *ledger) await(ctx context.Context, most time.Duration, progress io.Writer) {
	_ = until(ctx, progress, "all failures are remembered", most, func(context.Context) (bool, error) {
		remembered, failures := l.lags()
		return len(remembered) == failures, nil
	})
}
