// Package evidence holds what was observed about one workload: the state of its containers and the events
// about its pods, each with where and when it was seen.
//
// It is a leaf: plain values, filled by whoever observes (the event watcher from API objects), read by the
// engine. It promises nothing about truth; texts in it were written by strangers and are only ever quoted.
package evidence

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Evidence is everything observed about one workload at one time.
type Evidence struct {
	// Workload is what the pods belong to.
	Workload Workload
	// Containers are the workload's containers, one entry for each container of each pod.
	Containers []Container
	// Events are those about the workload's pods.
	Events []Event
}

// Workload names the object whose owner applies it: the top of the chain of controllers.
type Workload struct {
	// APIVersion is its group and version, for example apps/v1.
	APIVersion string
	// Kind is its kind, for example Deployment.
	Kind string
	// Namespace it lives in.
	Namespace string
	// Name of the object.
	Name string
}

// ContainerKind tells the kinds of containers in a pod apart.
type ContainerKind string

// The kinds of containers.
const (
	// App is one of spec.containers.
	App ContainerKind = "app"
	// Init is one of spec.initContainers that runs to its end before the app starts.
	Init ContainerKind = "init"
	// Sidecar is one of spec.initContainers with restartPolicy Always.
	Sidecar ContainerKind = "sidecar"
)

// Container is one container of one pod.
type Container struct {
	// Pod is the name of the pod.
	Pod string
	// PodUID identifies the pod beyond its name.
	PodUID string
	// Marks are the remediations that the pod's template carried, as Remediation.Mark writes them.
	Marks []string
	// Name of the container; unique in its pod over all kinds of containers.
	Name string
	// Kind of the container.
	Kind ContainerKind
	// Resources are its limits and requests as the pod has them.
	Resources corev1.ResourceRequirements
	// Ready and RestartCount are as in its status.
	Ready        bool
	RestartCount int32
	// State is what it does now, LastState how its previous run ended.
	State, LastState corev1.ContainerState
}

// Event is one event about one of the workload's pods, or several alike.
type Event struct {
	// Object is the kind and name of what the event is about, for example pod/web-1.
	Object string
	// Type is Normal or Warning; Reason and Message are as reported.
	Type, Reason, Message string
	// Count is how often it was reported.
	Count int32
	// Time is when it was last reported.
	Time time.Time
}
