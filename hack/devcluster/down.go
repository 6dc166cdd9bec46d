package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Down stops the cluster in o.StateDir and removes all it made, its data included; the cache stays. It
// does nothing when there is no cluster.
func Down(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.StateDir); errors.Is(err, fs.ErrNotExist) {
		o.say("no cluster in %s", o.StateDir)
		return nil
	}
	release, err := lock(ctx, o, o.StateDir, "take the cluster down")
	if err != nil {
		return err
	}
	defer release()
	r, err := readRecord(o.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		o.say("no cluster in %s", o.StateDir)
	} else if err := r.stop(ctx, o); err != nil {
		return err
	}
	return removeState(r.layout(o.StateDir))
}

// stop stops the components and removes what lies outside the state directory.
func (r record) stop(ctx context.Context, o Options) error {
	l := r.layout(o.StateDir)
	if r.Simulated == "" && os.Geteuid() != 0 {
		return errors.New("the cluster has a real node: only root can take it down")
	}
	for _, name := range componentNames() {
		if err := stopComponent(l, name); err != nil {
			return err
		}
	}
	o.say("stopped the cluster in %s", o.StateDir)
	if r.Simulated != "" {
		return nil
	}
	owner, err := claimant(claimFile)
	if err != nil {
		return err
	}
	if owner != "" && owner != l.dir {
		o.say("this machine has meanwhile become the node of the cluster in %s, which keeps address, bridge and cgroups", owner)
		return nil
	}
	return r.leaveNode(ctx, l)
}

// leaveNode removes everything that a real node has outside the state directory.
func (r record) leaveNode(ctx context.Context, l layout) error {
	if err := clearNode(ctx, l); err != nil {
		return err
	}
	if err := removeNetwork(ctx, l); err != nil {
		return err
	}
	if r.DevicePlugins {
		if err := removeDevicePluginSocket(); err != nil {
			return err
		}
	}
	if err := restoreSettings(r.Settings); err != nil {
		return err
	}
	return removeFiles([]string{claimFile})
}

// removeState removes the cluster's files, the record last: until then Down can be repeated.
func removeState(l layout) error {
	entries := l.contents()
	for i := len(entries) - 1; i >= 0; i-- {
		if err := os.RemoveAll(l.path(entries[i])); err != nil {
			return fmt.Errorf("removing the cluster's files: %w", err)
		}
	}
	dirs := []string{l.dir}
	if parent := filepath.Dir(l.dir); filepath.Base(parent) == "kube-remedy" {
		dirs = append(dirs, parent) // as in the default place
	}
	return removeFiles([]string{l.path("lock")}, dirs...)
}
