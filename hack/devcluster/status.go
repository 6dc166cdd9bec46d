package devcluster

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// Status is what Up left and what of it still runs.
type Status struct {
	// Exists tells whether there is a cluster in the state directory, in whatever condition.
	Exists bool
	// Ready tells whether every component runs, the API server is ready and so is the node.
	Ready bool
	// Problem is why the cluster is not ready; nil when it is.
	Problem error
	// RealNode is nil for a cluster whose pods really run; see [Cluster.RealNode].
	RealNode error
	// StateDir is the cluster's directory, Kubeconfig and Kubectl the paths that Cluster has as well.
	StateDir, Kubeconfig, Kubectl string
	// Components are the cluster's daemons.
	Components []ComponentStatus
}

// ComponentStatus is the condition of one daemon.
type ComponentStatus struct {
	Name    string
	PID     int // 0 when it was never started
	Running bool
	Log     string // path
}

// ReadStatus looks at the cluster in o.StateDir; it changes nothing. The error is only for
// what cannot be looked at: a cluster that is down is not an error.
func ReadStatus(ctx context.Context, o Options) (Status, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Status{}, err
	}
	s := Status{StateDir: o.StateDir}
	r, err := readRecord(o.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		s.Problem = ErrNotRunning
		return s, nil
	}
	if err != nil {
		return s, err
	}
	c := &Cluster{layout: r.layout(o.StateDir), record: r}
	s.Exists, s.Kubeconfig, s.Kubectl, s.RealNode = true, c.Kubeconfig(), c.Kubectl(), c.RealNode()
	for _, name := range r.components() {
		p := readProcess(c.layout.pidFile(name))
		one := ComponentStatus{Name: name, PID: p.PID, Running: p.alive(birth), Log: c.layout.log(name)}
		s.Components = append(s.Components, one)
		if !one.Running {
			s.Problem = errors.Join(s.Problem, errors.New(name+" does not run"))
		}
	}
	if s.Problem == nil {
		s.Problem = c.problem(ctx)
	}
	s.Ready = s.Problem == nil
	return s, nil
}

// problem is what keeps a cluster whose processes all run from working.
func (c *Cluster) problem(ctx context.Context) error {
	client, err := clusterClient(c.layout)
	if err != nil {
		return err
	}
	client.Timeout = 3 * time.Second
	if err := answers(client, c.layout.apiServer()+"/readyz")(ctx); err != nil {
		return err
	}
	return nodeReady(ctx, client, c.layout, time.Time{})
}
