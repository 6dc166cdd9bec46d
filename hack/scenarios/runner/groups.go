package runner

import (
	"context"
	"sync"

	"github.com/kube-remedy/kube-remedy/hack/scenarios"
)

// Groups sorts scenarios into those that may run beside each other: those that need the node for themselves are one
// each, and those with nodes of their own come last, because further nodes would be seen by the scheduler of the others.
func Groups(all []*scenarios.Scenario) [][]*scenarios.Scenario {
	var plain, nodes []*scenarios.Scenario
	var groups [][]*scenarios.Scenario
	for _, scenario := range all {
		switch {
		case scenario.Alone:
			groups = append(groups, []*scenarios.Scenario{scenario})
		case len(scenario.Prepare.Nodes) > 0:
			nodes = append(nodes, scenario)
		default:
			plain = append(plain, scenario)
		}
	}
	return append([][]*scenarios.Scenario{plain}, append(groups, nodes)...)
}

// Each does something with each scenario, so many at a time, and returns when all is done.
func Each(ctx context.Context, parallel int, all []*scenarios.Scenario, do func(*scenarios.Scenario)) {
	var waiting sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, scenario := range all {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		waiting.Go(func() {
			defer func() { <-slots }()
			do(scenario)
		})
	}
	waiting.Wait()
}
