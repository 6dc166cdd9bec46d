package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
)

// The schema of every quantity in this file is written out because that of resource.Quantity has no bound on its
// length, without which the API server refuses the rules as too costly, nor on its exponent: comparing 1e999999999 with
// another writes out all of its digits. The API server evaluates the rules of a value that does not match its pattern
// too (apiextensions-apiserver, pkg/registry/customresource/strategy.go, hasBlockingErr), so each rule looks for such an exponent
// before it computes. For the first reason every text and list has a greatest length.

// Action is one change of the closed set: exactly one member is set. A change that is not a member can't be
// stored.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Action struct {
	// increaseMemory raises the memory or ephemeral-storage limit of one container.
	// +optional
	IncreaseMemory *IncreaseMemory `json:"increaseMemory,omitempty"`
	// adjustHeap moves the heap setting of one container.
	// +optional
	AdjustHeap *AdjustHeap `json:"adjustHeap,omitempty"`
	// raiseRequest raises what one container asks for, without a limit.
	// +optional
	RaiseRequest *RaiseRequest `json:"raiseRequest,omitempty"`
	// raiseCPU raises the CPU limit of one container.
	// +optional
	RaiseCPU *RaiseCPU `json:"raiseCPU,omitempty"`
	// reduceRequests lowers what one container asks for, so that its pod fits a node.
	// +optional
	ReduceRequests *ReduceRequests `json:"reduceRequests,omitempty"`
	// relaxStartup gives one container more time to start.
	// +optional
	RelaxStartup *RelaxStartup `json:"relaxStartup,omitempty"`
	// adjustProbe changes timings or target of one probe.
	// +optional
	AdjustProbe *AdjustProbe `json:"adjustProbe,omitempty"`
	// fixImage replaces one image by another of the same registry.
	// +optional
	FixImage *FixImage `json:"fixImage,omitempty"`
	// fixReference corrects a mistyped name.
	// +optional
	FixReference *FixReference `json:"fixReference,omitempty"`
	// dropCommandOverride removes a command that stops the image from starting.
	// +optional
	DropCommandOverride *DropCommandOverride `json:"dropCommandOverride,omitempty"`
	// avoidNode keeps the pods away from one node.
	// +optional
	AvoidNode *AvoidNode `json:"avoidNode,omitempty"`
}

// Container names the container that the action changes; empty for one that changes the pod as a whole.
func (a *Action) Container() string {
	switch {
	case a.IncreaseMemory != nil:
		return a.IncreaseMemory.Container
	case a.AdjustHeap != nil:
		return a.AdjustHeap.Container
	case a.RaiseRequest != nil:
		return a.RaiseRequest.Container
	case a.RaiseCPU != nil:
		return a.RaiseCPU.Container
	case a.ReduceRequests != nil:
		return a.ReduceRequests.Container
	case a.RelaxStartup != nil:
		return a.RelaxStartup.Container
	case a.AdjustProbe != nil:
		return a.AdjustProbe.Container
	case a.FixImage != nil:
		return a.FixImage.Container
	case a.DropCommandOverride != nil:
		return a.DropCommandOverride.Container
	default:
		return ""
	}
}

// ResourceName is a resource of a container.
//
// +kubebuilder:validation:Enum=memory;ephemeral-storage
type ResourceName string

// The resources whose limit a container can die of.
const (
	Memory           ResourceName = "memory"
	EphemeralStorage ResourceName = "ephemeral-storage"
)

// IncreaseMemory raises a container's memory limit, and its request with it. Its values are floors: a
// container that already has as much or more is left alone, and so is one without a limit, unless it failed under the
// default of a LimitRange.
//
// +kubebuilder:validation:XValidation:rule="[self.failedLimit, self.limit].exists(q, q.matches('[eE][+-]?[0-9]{3}')) || quantity(self.failedLimit).isGreaterThan(quantity('0')) && quantity(self.failedLimit).isLessThan(quantity(self.limit))",message="failedLimit must be greater than zero and limit greater than failedLimit"
// +kubebuilder:validation:XValidation:rule="!has(self.request) || [self.request, self.limit].exists(q, q.matches('[eE][+-]?[0-9]{3}')) || !quantity(self.request).isGreaterThan(quantity(self.limit))",message="request can't be greater than limit"
type IncreaseMemory struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// resource whose limit is raised; memory when it is left out.
	// +optional
	Resource ResourceName `json:"resource,omitempty"`
	// failedLimit is the limit, in bytes, under which the container failed.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	FailedLimit resource.Quantity `json:"failedLimit"`
	// limit is the least limit, in bytes, the container is to have.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Limit resource.Quantity `json:"limit"`
	// request is the least request, in bytes, the container is to have if it has one at all. A request
	// equal to the limit stays equal to it, so that the pod's quality of service class stays the same.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Request *resource.Quantity `json:"request,omitempty"`
	// defaulted is set when the owner gives the container no limit and it failed under the default of a LimitRange. A
	// container without a limit is then given this one, and without a request of its own the request above, which is
	// what it had.
	// +optional
	Defaulted bool `json:"defaulted,omitempty"`
}

// AdjustHeap moves a heap setting that a container already has: -Xmx and kin, --max-old-space-size, GOMEMLIMIT, or
// the JVM's share of the memory limit. A setting that is raised is a floor and one that is lowered a ceiling: a
// container beyond it is left alone.
//
// +kubebuilder:validation:XValidation:rule="has(self.heap) == has(self.failedHeap) && has(self.percent) == has(self.failedPercent) && has(self.heap) != has(self.percent)",message="give failedHeap and heap, or failedPercent and percent"
// +kubebuilder:validation:XValidation:rule="!has(self.heap) || !has(self.failedHeap) || [self.heap, self.failedHeap].exists(q, q.matches('[eE][+-]?[0-9]{3}')) || quantity(self.heap).isGreaterThan(quantity('0')) && quantity(self.heap).compareTo(quantity(self.failedHeap)) != 0",message="heap must be greater than zero and not failedHeap"
type AdjustHeap struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// failedHeap is the size of the heap, in bytes, with which the container failed.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	FailedHeap *resource.Quantity `json:"failedHeap,omitempty"`
	// heap is the size the heap is to have.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Heap *resource.Quantity `json:"heap,omitempty"`
	// failedPercent is the share of the memory limit with which the container failed.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	FailedPercent *int32 `json:"failedPercent,omitempty"`
	// percent is the share of the memory limit that the heap is to have at most.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=80
	Percent *int32 `json:"percent,omitempty"`
}

// RaiseRequest makes a container ask for what it was seen to use. It is a floor, never above the container's limit;
// the request is added where there is none.
//
// +kubebuilder:validation:XValidation:rule="self.request.matches('[eE][+-]?[0-9]{3}') || quantity(self.request).isGreaterThan(quantity('0'))",message="request must be greater than zero"
type RaiseRequest struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// resource that is asked for.
	// +required
	Resource ResourceName `json:"resource"`
	// request is the least request, in bytes, the container is to have.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Request resource.Quantity `json:"request"`
}

// RaiseCPU raises a container's CPU limit, and its request with it. Its values are floors, as those of
// IncreaseMemory.
//
// +kubebuilder:validation:XValidation:rule="[self.failedLimit, self.limit].exists(q, q.matches('[eE][+-]?[0-9]{3}')) || quantity(self.failedLimit).isGreaterThan(quantity('0')) && quantity(self.failedLimit).isLessThan(quantity(self.limit))",message="failedLimit must be greater than zero and limit greater than failedLimit"
// +kubebuilder:validation:XValidation:rule="!has(self.request) || [self.request, self.limit].exists(q, q.matches('[eE][+-]?[0-9]{3}')) || !quantity(self.request).isGreaterThan(quantity(self.limit))",message="request can't be greater than limit"
type RaiseCPU struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// failedLimit is the limit under which the container was throttled.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	FailedLimit resource.Quantity `json:"failedLimit"`
	// limit is the least CPU limit the container is to have.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Limit resource.Quantity `json:"limit"`
	// request is the least CPU request the container is to have if it has one at all.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Request *resource.Quantity `json:"request,omitempty"`
}

// ReduceRequests lowers what a container asks for. Its values are ceilings: a container that asks for as much or
// less is left alone. Limits stay.
//
// +kubebuilder:validation:XValidation:rule="has(self.cpu) || has(self.memory)",message="give cpu or memory"
// +kubebuilder:validation:XValidation:rule="!has(self.cpu) || self.cpu.matches('[eE][+-]?[0-9]{3}') || !quantity(self.cpu).isLessThan(quantity('10m'))",message="cpu can't be less than 10m"
// +kubebuilder:validation:XValidation:rule="!has(self.memory) || self.memory.matches('[eE][+-]?[0-9]{3}') || !quantity(self.memory).isLessThan(quantity('32Mi'))",message="memory can't be less than 32Mi"
type ReduceRequests struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// cpu is the most CPU the container is to ask for.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// memory is the most memory, in bytes, the container is to ask for.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([KMGTPE]i|[mkMGTPE]|[eE][0-9]{1,2})?$`
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// RelaxStartup gives a container time to start: by a startup probe that is copied from the liveness probe the
// container has, or by the startup probe it has, or, where the kind of workload knows no startup probe, by a later
// first liveness probe.
//
// +kubebuilder:validation:XValidation:rule="has(self.startSeconds) != has(self.initialDelaySeconds)",message="give startSeconds or initialDelaySeconds"
type RelaxStartup struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// startSeconds is the least time the container is to have until its startup probe gives up.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=3600
	StartSeconds *int32 `json:"startSeconds,omitempty"`
	// initialDelaySeconds is the least time before the first liveness probe.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=120
	InitialDelaySeconds *int32 `json:"initialDelaySeconds,omitempty"`
}

// ProbeKind is one of the probes of a container.
//
// +kubebuilder:validation:Enum=liveness;readiness;startup
type ProbeKind string

// The probes.
const (
	Liveness  ProbeKind = "liveness"
	Readiness ProbeKind = "readiness"
	Startup   ProbeKind = "startup"
)

// Handler is how a probe asks.
//
// +kubebuilder:validation:Enum=httpGet;tcpSocket;grpc;exec
type Handler string

// The handlers.
const (
	HTTPGet   Handler = "httpGet"
	TCPSocket Handler = "tcpSocket"
	GRPC      Handler = "grpc"
	Exec      Handler = "exec"
)

// ProbeTarget is what a probe asks.
type ProbeTarget struct {
	// handler is how it asks.
	// +required
	Handler Handler `json:"handler"`
	// scheme it asks with, for httpGet; HTTP when it is left out.
	// +optional
	// +kubebuilder:validation:Enum=HTTP;HTTPS
	Scheme string `json:"scheme,omitempty"`
	// port it asks, by number or by name; empty for exec.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Port string `json:"port,omitempty"`
	// path it asks for, for httpGet; / when it is left out.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/[!-~]*$`
	Path string `json:"path,omitempty"`
}

// AdjustProbe changes one probe, and only as long as it asks what it asked when it failed. Timings are floors. A
// probe is never removed.
//
// +kubebuilder:validation:XValidation:rule="has(self.to) || has(self.initialDelaySeconds) || has(self.timeoutSeconds) || has(self.periodSeconds) || has(self.failureThreshold)",message="give a timing or a target"
// +kubebuilder:validation:XValidation:rule="!has(self.to) || self.to.handler != 'exec' && self.from.handler != 'exec'",message="what an exec probe runs can't be changed"
// +kubebuilder:validation:XValidation:rule="!has(self.to) || has(self.to.port)",message="a target needs a port"
type AdjustProbe struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// probe of the container.
	// +required
	Probe ProbeKind `json:"probe"`
	// from is what the probe asked when it failed.
	// +required
	From ProbeTarget `json:"from"`
	// to is what it is to ask.
	// +optional
	To *ProbeTarget `json:"to,omitempty"`
	// initialDelaySeconds is the least time before the first probe.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=600
	InitialDelaySeconds *int32 `json:"initialDelaySeconds,omitempty"`
	// timeoutSeconds is the least time an answer may take.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// periodSeconds is the least time from one probe to the next.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=120
	PeriodSeconds *int32 `json:"periodSeconds,omitempty"`
	// failureThreshold is the least number of failures in a row that count.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
}

// ImageSource says where a replacement for an image comes from.
//
// +kubebuilder:validation:Enum=Ran;Tag;Repository;Platform
type ImageSource string

// The sources of replacements.
const (
	// ImageRan: this workload ran the image before.
	ImageRan ImageSource = "Ran"
	// ImageTag: a tag that exists, in place of one that does not.
	ImageTag ImageSource = "Tag"
	// ImageRepository: a repository that exists, in place of one that is mistyped.
	ImageRepository ImageSource = "Repository"
	// ImagePlatform: a tag that was built for the platform of the nodes.
	ImagePlatform ImageSource = "Platform"
)

// FixImage replaces exactly one broken image reference by another of the same registry host.
//
// +kubebuilder:validation:XValidation:rule="self.image != self.replacement",message="the replacement is the same image"
// +kubebuilder:validation:XValidation:rule="self.image.matches('^[^/]*([.:]|localhost)[^/]*/') ? self.replacement.startsWith(self.image.split('/', 2)[0] + '/') : !self.replacement.matches('^[^/]*([.:]|localhost)[^/]*/')",message="the replacement must be on the same registry host"
type FixImage struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// image is the reference that can't be pulled or run.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`
	// replacement is the reference to use.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`
	Replacement string `json:"replacement"`
	// source says where the replacement comes from.
	// +required
	Source ImageSource `json:"source"`
}

// ReferenceKind is a kind of object that a pod template names.
//
// +kubebuilder:validation:Enum=ConfigMap;Secret;PersistentVolumeClaim;StorageClass
type ReferenceKind string

// The kinds.
const (
	ConfigMap             ReferenceKind = "ConfigMap"
	Secret                ReferenceKind = "Secret"
	PersistentVolumeClaim ReferenceKind = "PersistentVolumeClaim"
	StorageClass          ReferenceKind = "StorageClass"
)

// FixReference corrects a name, or a key of a ConfigMap or Secret, wherever the pod template mistypes it.
//
// +kubebuilder:validation:XValidation:rule="has(self.key) == has(self.replacementKey)",message="give key and replacementKey, or neither"
// +kubebuilder:validation:XValidation:rule="!has(self.key) || self.kind in ['ConfigMap', 'Secret']",message="only ConfigMaps and Secrets have keys"
// +kubebuilder:validation:XValidation:rule="self.name != self.replacement || has(self.key) && has(self.replacementKey) && self.key != self.replacementKey",message="nothing would be replaced"
type FixReference struct {
	// kind of what is named.
	// +required
	Kind ReferenceKind `json:"kind"`
	// name that does not exist, or whose key does not.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// replacement is the name that exists.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Replacement string `json:"replacement"`
	// key that does not exist; left out when the name is at fault.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
	// replacementKey is the key that exists.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	ReplacementKey string `json:"replacementKey,omitempty"`
}

// DropCommandOverride removes command and args of a container whose image has a command of its own.
type DropCommandOverride struct {
	// container is the name of the container, whether app, init or sidecar.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Container string `json:"container"`
	// override identifies command and args as they failed, so that no others are removed: a command may hold what
	// is not for everybody who reads Remediations. It is the beginning of a SHA-256, in hexadecimal.
	// +required
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{16}$`
	Override string `json:"override"`
}

// AvoidNode keeps the pods of a workload away from one node: it prefers others, leaves a node that is lost sooner,
// and spreads replicas over nodes.
type AvoidNode struct {
	// node to avoid.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Node string `json:"node"`
	// tolerationSeconds is how long a pod stays on a node that is not ready or unreachable, where its owner does not
	// say; left out for pods that must not be replaced in haste.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=300
	TolerationSeconds *int32 `json:"tolerationSeconds,omitempty"`
	// spread asks the scheduler to spread the pods over nodes, where their owner does not say.
	// +optional
	Spread bool `json:"spread,omitempty"`
}
