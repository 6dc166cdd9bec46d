package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// options are what the command line says.
type options struct {
	size
	rate, marks int // events of pods a second in all, and how many of them are of pods that begin to fail
	during      time.Duration
	cores       int
	rounds      int
	profiles    string
	real        bool
	portBase    int
}

// podsOfNode is how many pods a node takes, at most: what a kubelet takes unless told otherwise.
const podsOfNode = 110

// parse reads the command line. What it does not say depends on whether the API server is a real one, which takes far
// fewer updates than a made-up one sends.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench-watcher", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.pods, "pods", 150_000, "pods of the cluster; 20000 with -real")
	flags.IntVar(&o.workloads, "workloads", 5_000, "Deployments that these belong to; with -real pod templates, one for 30 pods")
	flags.IntVar(&o.revisions, "revisions", 6, "ReplicaSets of each Deployment; none with -real")
	flags.IntVar(&o.nodes, "nodes", 2_500, "nodes; one for 100 pods with -real")
	flags.IntVar(&o.events, "events", 20_000, "events about pods; none with -real")
	flags.IntVar(&o.namespaces, "namespaces", 200, "namespaces; with -real one for 100 pods and at most 200")
	flags.IntVar(&o.rate, "rate", 10_000, "updates of pods a second; 100 with -real")
	flags.IntVar(&o.marks, "failing", 10, "how many of these tell of a pod that begins to fail; the lag is measured with them; 2 with -real")
	flags.DurationVar(&o.during, "during", 20*time.Second, "how long updates are sent; 1m with -real")
	flags.IntVar(&o.cores, "cores", 1, "cores of the measured processes (GOMAXPROCS)")
	flags.IntVar(&o.rounds, "rounds", 1, "how often everything is measured; the report has medians")
	flags.StringVar(&o.profiles, "profiles", "", "directory for profiles of the watcher; none are written without")
	flags.BoolVar(&o.real, "real", false, "measure on a real API server, of a cluster that is started for it on this machine")
	flags.IntVar(&o.portBase, "port-base", 23_000, "with -real the first of the twelve ports of that cluster")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if !o.real {
		return o, nil
	}
	said := map[string]bool{}
	flags.Visit(func(one *flag.Flag) { said[one.Name] = true })
	o.revisions, o.events = 0, 0
	perUnit := func(of int) int { return max(1, (o.pods+of-1)/of) }
	for _, unsaid := range []struct {
		name  string
		value *int
		is    func() int
	}{
		{"pods", &o.pods, func() int { return 20_000 }}, // first: others depend on it
		{"workloads", &o.workloads, func() int { return perUnit(30) }},
		{"nodes", &o.nodes, func() int { return perUnit(100) }},
		{"namespaces", &o.namespaces, func() int { return min(200, perUnit(100)) }},
		// A write of a status takes the API server, etcd and kwok 5 to 10 ms of a core, and they share the machine with what
		// is measured.
		{"rate", &o.rate, func() int { return 100 }},
		{"failing", &o.marks, func() int { return min(2, o.rate) }}, // less than mostFailing
	} {
		if !said[unsaid.name] {
			*unsaid.value = unsaid.is()
		}
	}
	if !said["during"] {
		o.during = time.Minute
	}
	return o, o.check()
}

// check refuses what a real cluster can't be asked for.
func (o options) check() error {
	switch failing := o.failures(); {
	case o.pods < 1 || o.workloads < 1 || o.nodes < 1 || o.namespaces < 1 || o.rate < 1 || o.during <= 0:
		return errors.New("-pods, -workloads, -nodes, -namespaces, -rate and -during must be positive")
	case o.marks < 0 || o.marks > o.rate:
		return fmt.Errorf("-failing %d: it must be between none and all of the %d updates a second", o.marks, o.rate)
	case o.pods > o.nodes*podsOfNode:
		return fmt.Errorf("-nodes %d: each takes %d pods, so %d pods need %d nodes", o.nodes, podsOfNode, o.pods, (o.pods+podsOfNode-1)/podsOfNode)
	case failing*max(1, o.rounds) > o.pods/2:
		return fmt.Errorf("-failing %d for %s: %d pods would fail in %d rounds, which is more than half of %d", o.marks, o.during, failing*max(1, o.rounds), max(1, o.rounds), o.pods)
	}
	return nil
}

// updates is how many are sent in one round, and failures how many of them tell of a pod that begins to fail.
func (o options) updates() int { return int(o.during.Seconds() * float64(o.rate)) }

func (o options) failures() int {
	if o.marks < 1 || o.marks > o.rate {
		return 0
	}
	return o.updates() / (o.rate / o.marks)
}
