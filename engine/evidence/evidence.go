// Package evidence holds what was observed about one workload: its pods and containers, the events about them
// and their owners, the nodes they run on, what they claim, and what they wrote to their logs.
//
// It promises the same evidence for the same cluster, whether the objects were read from the API or from the
// text that kubectl printed of them: both become Observations, and Collect sorts these by workload. It is a leaf:
// plain values, filled by whoever observes and read by the engine. It promises nothing about truth; texts in it
// were written by strangers and are only ever quoted.
package evidence

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Evidence is everything observed about one workload at one time.
type Evidence struct {
	// Workload is what the pods belong to.
	Workload Workload
	// ObservedAt is when this was observed; zero when nobody knows.
	ObservedAt time.Time
	// Pods are the workload's pods.
	Pods []Pod
	// Containers are the workload's containers, one entry for each container of each pod.
	Containers []Container
	// Events are those about the workload, its pods, its claims and its nodes.
	Events []Event
	// Conditions are those of the workload and of the controllers between it and its pods.
	Conditions []Condition
	// Nodes are those of the cluster, as far as they were observed.
	Nodes []Node
	// Claims are the persistent volume claims that the pods name, as far as they were observed.
	Claims []Claim
	// StorageClasses are the names of those in the cluster, as far as they were observed.
	StorageClasses []string
	// Quotas and LimitRanges are those of the workload's namespace, as far as they were observed.
	Quotas      []Quota
	LimitRanges []LimitRange
	// Images are those that earlier revisions of the workload named, the newest first.
	Images []Image
	// Logs are what the containers wrote last.
	Logs []Log
	// Repositories, Objects, Answers and Entrypoints are answers to what was asked after a diagnosis.
	Repositories []Repository
	Objects      []Object
	Answers      []Answer
	Entrypoints  []Entrypoint
	// Replicas is how many pods the workload's owner asks for; zero when nobody knows.
	Replicas int32
}

// Workload names the object whose owner applies it: the top of the chain of controllers.
type Workload struct {
	// APIVersion is its group and version, for example apps/v1.
	APIVersion string
	// Kind is its kind, for example Deployment; empty when the evidence is text that names no object.
	Kind string
	// Namespace it lives in.
	Namespace string
	// Name of the object.
	Name string
	// GenerateName is the prefix that its name was made from, where the owner gave it no other.
	GenerateName string
	// AppName is the app that a pod is of, where its owner gives it a name that is another each time.
	AppName string
}

// Anonymous reports whether the object's own name means nothing to its owner: there are others of the same prefix or app.
func (w Workload) Anonymous() bool { return w.GenerateName != "" || w.AppName != "" }

// Pod is one pod without its containers.
type Pod struct {
	// Name and UID identify the pod.
	Name, UID string
	// Created is when it was created, or started where only that is known; zero when neither is.
	Created time.Time
	// Deleting is set once its deletion was asked for.
	Deleting bool
	// Spec and Status are as the API has them, as far as they were observed; what is said of containers stands
	// in Evidence.Containers and may be missing here.
	Spec   corev1.PodSpec
	Status corev1.PodStatus
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
	// Ephemeral is one of spec.ephemeralContainers.
	Ephemeral ContainerKind = "ephemeral"
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
	// Spec is what its owner wrote, as far as it was observed; Specified is set when it was.
	Spec      corev1.Container
	Specified bool
	// Resources are its limits and requests as the pod has them.
	Resources corev1.ResourceRequirements
	// MemoryUsage is what it used last, or at most, in bytes; zero when it was not measured.
	MemoryUsage int64
	// CPUUsage is what it used last, in millicores; zero when it was not measured.
	CPUUsage int64
	// Throttled is the share of its periods in which it was throttled at its CPU limit, from 0 to 1; zero when it
	// was not measured.
	Throttled float64
	// Ready and RestartCount are as in its status.
	Ready        bool
	RestartCount int32
	// State is what it does now, LastState how its previous run ended.
	State, LastState corev1.ContainerState
}

// Event is one event about the workload or something it depends on, or several alike.
type Event struct {
	// Object is the kind and name of what the event is about, for example pod/web-1.
	Object string
	// Pod and Container are set for an event about a pod, or one container of it.
	Pod, Container string
	// Type is Normal or Warning; Reason and Message are as reported.
	Type, Reason, Message string
	// Count is how often it was reported.
	Count int32
	// First and Time are when it was first and last reported; zero when nobody knows.
	First, Time time.Time
}

// UnknownExitCode is the exit code of a container whose run ended, when what was observed doesn't say how: a table has a
// reason at most. Other negative ones are real: those of Windows.
const UnknownExitCode = -1

// UnknownNode is the node of a journal that does not say whose it is.
const UnknownNode = "unknown"

// GatesNotReady is the reason of a pod's condition Ready when its containers are ready and what somebody else is to say of it
// is not (k8s.io/kubernetes/pkg/kubelet/status/generate.go, ReadinessGatesNotReady).
const GatesNotReady = "ReadinessGatesNotReady"

// ReplicasReady is the type of a condition that no controller has: what the counts of pods in a table or a description come
// to, where they are all there is.
const ReplicasReady = "ReplicasReady"

// Condition is one condition of an owner of pods.
type Condition struct {
	// Object is the kind and name of what the condition is about, for example deployment/web.
	Object string
	// Type, Status, Reason and Message are as reported.
	Type, Status, Reason, Message string
	// Time is when it last changed; zero when nobody knows.
	Time time.Time
}

// Node is one node as far as it concerns the pods on it.
type Node struct {
	// Name of the node.
	Name string
	// Created is when it was made; zero when nobody knows.
	Created time.Time
	// Unschedulable is set while the node is cordoned.
	Unschedulable bool
	// Taints keep pods away that don't tolerate them.
	Taints []corev1.Taint
	// Conditions are as reported.
	Conditions []corev1.NodeCondition
	// Allocatable is what pods may request in all, Requested what those on it request; nil when it is not known.
	Allocatable, Requested corev1.ResourceList
	// Labels are as the API has them.
	Labels map[string]string
	// Architecture and OS are those of the node, for example arm64 and linux.
	Architecture, OS string
	// LeaseRenewed is when its kubelet last renewed its Lease, which it does every 10 seconds; zero when nobody knows.
	LeaseRenewed time.Time
}

// Claim is one persistent volume claim.
type Claim struct {
	// Name, Phase (Pending, Bound, Lost), StorageClass and Volume are as the API has them.
	Name, Phase, StorageClass, Volume string
	// AccessModes are those asked for.
	AccessModes []string
	// Request is the storage asked for, in bytes.
	Request int64
	// Created is when it was made; zero when nobody knows.
	Created time.Time
}

// Quota is one ResourceQuota.
type Quota struct {
	// Name of the quota.
	Name string
	// Hard is what the namespace may use of each resource, Used what it uses.
	Hard, Used corev1.ResourceList
}

// LimitRange is one LimitRange.
type LimitRange struct {
	// Name of the object.
	Name string
	// Limits are its bounds and defaults for each type (Container, Pod, PersistentVolumeClaim).
	Limits []corev1.LimitRangeItem
}

// Image is an image that a workload named.
type Image struct {
	// Container that named it; empty when it is not known.
	Container string `json:"container,omitempty"`
	// Image as it was written.
	Image string `json:"image"`
	// Ran is set when a pod of that revision was seen running.
	Ran bool `json:"ran"`
}

// Ran is how long the run of a container lasted that ended, to the second; zero when nobody knows. What could not be
// started began in 1970 for the runtime (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go, toKubeContainerStatus).
func Ran(end *corev1.ContainerStateTerminated) time.Duration {
	if end.StartedAt.Unix() <= 0 || end.FinishedAt.Unix() <= 0 {
		return 0
	}
	return max(end.FinishedAt.Sub(end.StartedAt.Time), 0)
}
