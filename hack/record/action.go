package main

import (
	"fmt"
	"strings"
)

// action is something that is done to the cluster, and the reviews that come of it.
type action struct {
	name    string // of the files, without what tells several apart
	before  []step // done without being recorded
	do      step
	reviews []wanted
}

// wanted is a review that an action brings, and what the webhook should think of it.
type wanted struct {
	of    string // operation, resource, name or its beginning: UPDATE deployments/scale web
	user  string
	name  string // of the file; empty: the action's
	also  string // tells the files of one action apart
	apply bool   // whether it is an owner's apply
	why   string
}

// Users. The person is the cluster's administrator; controllers have accounts of their own, as in most clusters.
const (
	person       = "kubernetes-admin"
	eventwatcher = "system:serviceaccount:kube-remedy-system:kube-remedy-eventwatcher"
	scheduler    = "system:kube-scheduler"
	kubelet      = "system:node:devcluster"

	controllers           = "system:serviceaccount:kube-system:"
	deploymentController  = controllers + "deployment-controller"
	replicaSetController  = controllers + "replicaset-controller"
	statefulSetController = controllers + "statefulset-controller"
	daemonSetController   = controllers + "daemon-set-controller"
	replicationController = controllers + "replication-controller"
	jobController         = controllers + "job-controller"
	cronJobController     = controllers + "cronjob-controller"
	autoscaler            = controllers + "horizontal-pod-autoscaler"
	garbageCollector      = controllers + "generic-garbage-collector"
)

// applies is a review by the person that is an owner's apply.
func applies(of, why string) wanted { return wanted{of: of, user: person, apply: true, why: why} }

// ignored is a review by the person that is no apply.
func ignored(of, why string) wanted { return wanted{of: of, user: person, why: why} }

// controlled is a review by a controller, with a file name of its own.
func controlled(user, name, of, why string) wanted {
	return wanted{of: of, user: user, name: name, why: why}
}

// as adds what tells the review's file from the others of its action.
func (w wanted) as(also string) wanted {
	w.also = also
	return w
}

// file is the name of the review's file.
func (a action) file(w wanted) string {
	name := w.name
	if name == "" {
		name = a.name
	}
	if w.also != "" {
		name += "." + w.also
	}
	return name + ".json"
}

// is reports whether a review is the wanted one.
func (w wanted) is(r review) bool {
	return r.user == w.user && strings.HasPrefix(fmt.Sprintf("%s %s %s", r.operation, r.resource, r.name), w.of)
}
