package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// maxSocketPath is the longest path of a Unix socket, terminated by a zero byte.
const maxSocketPath = 107

// Up returns a running cluster: the one in o.StateDir if it is complete, else it starts what is missing,
// after building what the cache lacks (about 15 minutes on 2 cores the first time). When it returns, the
// API server is ready, the node is Ready and pods can be created in the namespace default. After an error
// or the end of ctx, what this call started is stopped; builds go on at the next call.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	release, err := lock(ctx, o, o.StateDir, "start the cluster")
	if err != nil {
		return nil, err
	}
	defer release()
	if c, err := found(ctx, o); err != nil {
		return nil, err
	} else if c != nil {
		return c, nil
	}
	r, err := plan(o)
	if err != nil {
		return nil, err
	}
	if r.Simulated != "" {
		o.say("%s", r.Simulated)
	} else if err := installPackages(ctx, o); err != nil {
		return nil, err
	}
	p, err := buildPrograms(ctx, o, r.Simulated != "")
	if err != nil {
		return nil, err
	}
	r.Kubernetes = p.kubernetes
	c := &Cluster{layout: r.layout(o.StateDir), record: r}
	if err := c.prepare(ctx, o); err != nil {
		return nil, err
	}
	started := &crew{layout: c.layout, options: o}
	if err := c.start(ctx, started, p); err != nil {
		started.stopStarted()
		return nil, err
	}
	return c, nil
}

// found is the complete cluster, nil when there is none, an error when there is one of the other kind.
func found(ctx context.Context, o Options) (*Cluster, error) {
	c, err := Find(o)
	if err != nil {
		return nil, nil //nolint:nilerr // incomplete or unreadable: Up makes it whole
	}
	if o.Simulated && c.RealNode() == nil {
		return nil, fmt.Errorf("a cluster with a real node runs in %s: take it down first, or choose another state directory", o.StateDir)
	}
	client, err := clusterClient(c.layout)
	if err != nil {
		return nil, nil //nolint:nilerr // a lost certificate is made again
	}
	if err := answers(client, c.layout.apiServer()+"/readyz")(ctx); err != nil {
		return nil, nil //nolint:nilerr // not ready: Up waits for it
	}
	o.say("found the running cluster in %s", o.StateDir)
	return c, c.refreshImages(ctx, o)
}

// refreshImages pushes the test images again, so that a changed misbehave reaches the cluster. A tag that
// the node has pulled before is pulled again only by pods whose imagePullPolicy is Always, as :latest is.
func (c *Cluster) refreshImages(ctx context.Context, o Options) error {
	if c.record.Simulated != "" {
		return nil
	}
	if err := claim(claimFile, c.layout.dir); err != nil {
		return err
	}
	source, err := sourceDir(ctx, o)
	if err != nil {
		return err
	}
	own, err := buildOwn(ctx, o, source)
	if err != nil {
		return err
	}
	return pushImages(ctx, c.layout, programs{own: own})
}

// plan decides what kind of cluster this is going to be; one that was started before keeps its kind.
func plan(o Options) (record, error) {
	r, err := readRecord(o.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.say("starting anew: %v", err)
	}
	why := whySimulated(o)
	if err == nil {
		if r.Simulated == "" && why != nil {
			return record{}, fmt.Errorf("the cluster in %s was started with a real node, and now %w: take it down first, or choose another state directory", o.StateDir, why)
		}
		if o.PortBase != 0 && o.PortBase != r.PortBase {
			return record{}, fmt.Errorf("the cluster in %s has the ports from %d on: take it down before choosing others", o.StateDir, r.PortBase)
		}
		return r, nil
	}
	r = record{PortBase: o.PortBase, HostIP: realHostIP}
	first := realPortBase
	if why != nil {
		r.HostIP, r.Simulated, first = simulatedHostIP, why.Error(), simulatedPortBase
	} else {
		r.Settings = readSettings()
		_, statErr := os.Stat(kubeletHome)
		r.DevicePlugins = errors.Is(statErr, fs.ErrNotExist)
		if socket := r.layout(o.StateDir).containerdSocket() + ".ttrpc"; len(socket) > maxSocketPath {
			return record{}, fmt.Errorf("the state directory's name is too long: the socket %s would have %d characters, and %d is the most", socket, len(socket), maxSocketPath)
		}
	}
	if r.PortBase == 0 {
		r.PortBase = first
	}
	return r, nil
}

// prepare writes what the components read, and clears away what dead ones left.
func (c *Cluster) prepare(ctx context.Context, o Options) error {
	if c.record.Simulated == "" {
		if err := claim(claimFile, c.layout.dir); err != nil {
			return err
		}
	}
	if err := c.layout.makeDirs(); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	if err := c.record.write(o.StateDir); err != nil {
		return fmt.Errorf("writing the cluster's record: %w", err)
	}
	if err := makeCertificates(c.layout, time.Now()); err != nil {
		return err
	}
	if err := makeKubeconfigs(c.layout); err != nil {
		return err
	}
	if c.record.Simulated != "" {
		return nil
	}
	return c.prepareNode(ctx)
}

// prepareNode makes this machine ready to be a node.
func (c *Cluster) prepareNode(ctx context.Context) error {
	nodeDead := true
	for _, name := range []string{"containerd", "kubelet"} {
		nodeDead = nodeDead && !readProcess(c.layout.pidFile(name)).alive(birth)
	}
	if nodeDead {
		if err := clearNode(ctx, c.layout); err != nil {
			return err
		}
	}
	if err := addHostAddress(ctx, c.layout); err != nil {
		return err
	}
	if err := makeCgroups(); err != nil {
		return err
	}
	return writeCNIConfig(c.layout)
}

// start starts the components in the order in which they need each other.
func (c *Cluster) start(ctx context.Context, started *crew, p programs) error {
	began := time.Now()
	client, err := clusterClient(c.layout)
	if err != nil {
		return err
	}
	apiServer, err := apiServer(c.layout, p, c.record.Simulated != "")
	if err != nil {
		return err
	}
	if c.record.Simulated != "" {
		err = c.startSimulated(ctx, started, p, apiServer)
	} else {
		err = c.startReal(ctx, started, p, apiServer)
	}
	if err != nil {
		return err
	}
	since := time.Time{}
	if slices.Contains(started.started, "kubelet") {
		since = began
	}
	err = eventually(ctx, time.Minute, func(ctx context.Context) error { return nodeReady(ctx, client, c.layout, since) })
	if err != nil {
		return fmt.Errorf("waiting for the node: %w", err)
	}
	err = eventually(ctx, time.Minute, func(ctx context.Context) error { return defaultServiceAccount(ctx, client, c.layout) })
	if err != nil {
		return fmt.Errorf("waiting for the default service account: %w", err)
	}
	return nil
}

func (c *Cluster) startSimulated(ctx context.Context, started *crew, p programs, apiServer component) error {
	client, err := clusterClient(c.layout)
	if err != nil {
		return err
	}
	kwok, err := kwok(c.layout, p)
	if err != nil {
		return err
	}
	if err := started.startAll(ctx, etcd(c.layout, p)); err != nil {
		return err
	}
	if err := started.startAll(ctx, apiServer); err != nil {
		return err
	}
	if err := started.startAll(ctx, controllerManager(c.layout, p, client), scheduler(c.layout, p, client), kwok); err != nil {
		return err
	}
	return apply(ctx, c.layout, p, kwokNode)
}

func (c *Cluster) startReal(ctx context.Context, started *crew, p programs, apiServer component) error {
	l := c.layout
	client, err := clusterClient(l)
	if err != nil {
		return err
	}
	containerd, err := containerd(l, p)
	if err != nil {
		return err
	}
	kubelet, err := kubelet(l, p)
	if err != nil {
		return err
	}
	proxy, err := kubeProxy(l, p)
	if err != nil {
		return err
	}
	if err := started.startAll(ctx, etcd(l, p), registry(l, p), containerd); err != nil {
		return err
	}
	pushed := make(chan error, 1)
	go func() { pushed <- pushImages(ctx, l, p) }()
	err = started.startAll(ctx, apiServer)
	if err = errors.Join(err, <-pushed); err != nil {
		return err
	}
	if err := started.startAll(ctx, controllerManager(l, p, client), scheduler(l, p, client), kubelet, proxy); err != nil {
		return err
	}
	if err := apply(ctx, l, p, realNodeObjects(l)); err != nil {
		return err
	}
	return started.startAll(ctx, metricsServer(l, p, client))
}
