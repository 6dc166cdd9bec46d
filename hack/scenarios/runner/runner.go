// Package runner lets scenarios fail on a real node, and watches kube-remedy heal them.
//
// A scenario's way is that of its owner: the manifest is applied with kubectl, the failure is waited for, and the same
// file is applied again, up to three times with a pause before each. The runner measures and compares; it never
// helps. What it plays itself are the kubelets of simulated nodes, because no test may break the node it runs on.
package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/hack/install"
	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// Runner runs scenarios in one cluster, each in a namespace of its own. It may run many at a time.
type Runner struct {
	cluster *devcluster.Cluster
	pair    *install.Pair
	clients kubernetes.Interface
	seen    *seen
	// Programs is the directory of what images run.
	programs string
	// Capture has evidence written into the folders of the scenarios.
	Capture bool
}

// New prepares running scenarios, whose folders are below dir. The pair must be installed and running. What New
// starts ends with the context.
func New(ctx context.Context, cluster *devcluster.Cluster, pair *install.Pair, dir string) (*Runner, error) {
	config, err := cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 100, 200
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the cluster: %w", err)
	}
	watched, err := watch(ctx, config, clients)
	if err != nil {
		return nil, err
	}
	return &Runner{cluster: cluster, pair: pair, clients: clients, seen: watched, programs: dir + "/programs"}, nil
}

// Outcome is what became of a scenario.
type Outcome struct {
	*scenarios.Scenario
	// Detected, CauseRight and PlaceRight say whether the failure type, the root cause, and the owner and container
	// were found as expected; Found is what was.
	Detected, CauseRight, PlaceRight bool
	Found                            string
	// HealedAt is the apply after the first that healed it; zero when none did.
	HealedAt int
	// Changed are the fields that should not have changed.
	Changed []string
	// Learn is the time from the first sign of the failure to the Remediation, Heal that from the apply that healed to
	// everything being as it must be. Zero where there was none.
	Learn, Heal time.Duration
	// Took is all of it.
	Took time.Duration
	// Problems are why it did not pass; none when it did.
	Problems []string
}

// Passed reports whether everything was as the scenario wants it.
func (o *Outcome) Passed() bool { return len(o.Problems) == 0 }

// Problem notes why it did not pass.
func (o *Outcome) Problem(format string, args ...any) {
	o.Problems = append(o.Problems, fmt.Sprintf(format, args...))
}

// run is a scenario under way.
type run struct {
	*Runner
	*scenarios.Scenario
	namespace string
	outcome   *Outcome
	kubelets  []*kubelet
}

// Run lets one scenario run to its end and removes what it left.
func (r *Runner) Run(ctx context.Context, scenario *scenarios.Scenario) *Outcome {
	began := time.Now()
	one := &run{
		Runner: r, Scenario: scenario, namespace: strings.ReplaceAll(scenario.ID(), "/", "-"),
		outcome: &Outcome{Scenario: scenario},
	}
	defer one.clean()
	if err := one.prepare(ctx); err != nil {
		one.outcome.Problem("it could not be prepared: %v", err)
	} else if err := one.live(ctx); err != nil {
		one.outcome.Problem("%v", err)
	}
	one.outcome.Took = time.Since(began)
	return one.outcome
}

// kubectl runs kubectl in the scenario's namespace.
func (r *run) kubectl(ctx context.Context, args ...string) (string, error) {
	return r.pair.Kubectl(ctx, "", append([]string{"-n", r.namespace}, args...)...)
}

// until asks every quarter of a second until something holds, or time is over.
func until(ctx context.Context, limit time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			return holds()
		case <-time.After(250 * time.Millisecond):
		}
	}
	return true
}

// pause waits, but no longer than the context lasts.
func pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// target reports whether a Remediation is for the scenario's owner.
func (r *run) target(known *v1alpha1.Remediation) bool {
	return known.Spec.TargetRef.Kind == r.Kind() && known.Spec.TargetRef.Name == r.OwnerName()
}
