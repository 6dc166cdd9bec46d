package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// The types of this file are what conditions and sentences see of the evidence. A value that was not observed
// is the zero value unless said otherwise. Quantities are bytes and millicores, times are seconds.

// ContainerView is a container, of several alike the one that fails.
type ContainerView struct {
	Name           string            `cel:"name"`
	Kind           string            `cel:"kind"`
	Image          string            `cel:"image"`
	Specified      bool              `cel:"specified"` // its spec was observed
	PullPolicy     string            `cel:"pullPolicy"`
	Command        []string          `cel:"command"`
	Args           []string          `cel:"args"`
	Env            map[string]string `cel:"env"`
	State          string            `cel:"state"`
	Reason         string            `cel:"reason"`
	Message        string            `cel:"message"`
	ExitCode       int64             `cel:"exitCode"`
	LastReason     string            `cel:"lastReason"`
	LastMessage    string            `cel:"lastMessage"`
	LastExitCode   int64             `cel:"lastExitCode"`
	LastRunSeconds int64             `cel:"lastRunSeconds"` // -1 unknown
	Restarts       int64             `cel:"restarts"`
	Ready          bool              `cel:"ready"`
	MemoryLimit    int64             `cel:"memoryLimit"`
	MemoryRequest  int64             `cel:"memoryRequest"`
	EphemeralLimit int64             `cel:"ephemeralLimit"`
	MemoryUsage    int64             `cel:"memoryUsage"`
	CPUUsage       int64             `cel:"cpuUsage"`
	MemoryVolumes  []string          `cel:"memoryVolumes"` // those it mounts that live in memory
	CPULimit       int64             `cel:"cpuLimit"`
	CPURequest     int64             `cel:"cpuRequest"`
	Heap           int64             `cel:"heap"`
	HeapPercent    float64           `cel:"heapPercent"`
	HeapSetting    string            `cel:"heapSetting"`
	Ports          []PortView        `cel:"ports"`
	Liveness       ProbeView         `cel:"liveness"`
	Readiness      ProbeView         `cel:"readiness"`
	Startup        ProbeView         `cel:"startup"`
	ReadOnlyRoot   bool              `cel:"readOnlyRoot"`
	RunAsNonRoot   bool              `cel:"runAsNonRoot"`
	User           int64             `cel:"user"` // -1 none
}

// PortView is a port that a container declares.
type PortView struct {
	Name     string `cel:"name"`
	Number   int64  `cel:"number"`
	Protocol string `cel:"protocol"`
}

// ProbeView is a probe of a container.
type ProbeView struct {
	Set      bool     `cel:"set"`
	Kind     string   `cel:"kind"`
	Port     string   `cel:"port"`
	Number   int64    `cel:"number"`
	Path     string   `cel:"path"`
	Scheme   string   `cel:"scheme"`
	Command  []string `cel:"command"`
	Delay    int64    `cel:"delay"`
	Timeout  int64    `cel:"timeout"`
	Period   int64    `cel:"period"`
	Failures int64    `cel:"failures"`
}

// PodView is the pod of the container, or the pod that fails.
type PodView struct {
	Name           string            `cel:"name"`
	Phase          string            `cel:"phase"`
	Reason         string            `cel:"reason"`
	Message        string            `cel:"message"`
	Node           string            `cel:"node"`
	QoS            string            `cel:"qos"`
	RestartPolicy  string            `cel:"restartPolicy"`
	PriorityClass  string            `cel:"priorityClass"`
	ServiceAccount string            `cel:"serviceAccount"`
	Scheduler      string            `cel:"scheduler"`
	HostNetwork    bool              `cel:"hostNetwork"`
	NodeSelector   map[string]string `cel:"nodeSelector"`
	Claims         []string          `cel:"claims"`
	PullSecrets    []string          `cel:"pullSecrets"`
	Gates          []string          `cel:"gates"`
	Containers     int64             `cel:"containers"`
	AgeSeconds     int64             `cel:"ageSeconds"` // -1 unknown
}

// WorkloadView is the workload.
type WorkloadView struct {
	Kind      string `cel:"kind"`
	Name      string `cel:"name"`
	Namespace string `cel:"namespace"`
}

// NodeView is a node.
type NodeView struct {
	Known         bool     `cel:"known"`
	Name          string   `cel:"name"`
	Ready         string   `cel:"ready"` // True, False, Unknown
	Unschedulable bool     `cel:"unschedulable"`
	Taints        []string `cel:"taints"`
	Memory        int64    `cel:"memory"`
	CPU           int64    `cel:"cpu"`
	Arch          string   `cel:"arch"`
	OS            string   `cel:"os"`
}

// ClaimView is a persistent volume claim.
type ClaimView struct {
	Name         string   `cel:"name"`
	Phase        string   `cel:"phase"`
	StorageClass string   `cel:"storageClass"`
	Volume       string   `cel:"volume"`
	AccessModes  []string `cel:"accessModes"`
	RequestBytes int64    `cel:"requestBytes"`
}

// QuotaView is one resource of a ResourceQuota: millicores of CPU, bytes or pieces of anything else.
type QuotaView struct {
	Name     string `cel:"name"`
	Resource string `cel:"resource"`
	Hard     int64  `cel:"hard"`
	Used     int64  `cel:"used"`
}

// LimitView is one resource of one type in a LimitRange; what it does not bound is zero.
type LimitView struct {
	Name           string `cel:"name"`
	Type           string `cel:"type"`
	Resource       string `cel:"resource"`
	Min            int64  `cel:"min"`
	Max            int64  `cel:"max"`
	Default        int64  `cel:"default"`
	DefaultRequest int64  `cel:"defaultRequest"`
}

// ImageView is an image that an earlier revision named.
type ImageView struct {
	Image string `cel:"image"`
	Ran   bool   `cel:"ran"`
}

func viewContainer(container evidence.Container, volumes []corev1.Volume) ContainerView {
	view := ContainerView{
		Name: container.Name, Kind: string(container.Kind), Image: container.Spec.Image, Specified: container.Specified, PullPolicy: string(container.Spec.ImagePullPolicy),
		Command: container.Spec.Command, Args: container.Spec.Args, Env: map[string]string{},
		LastRunSeconds: -1, Restarts: int64(container.RestartCount), Ready: container.Ready,
		MemoryLimit:    container.Resources.Limits.Memory().Value(),
		MemoryRequest:  container.Resources.Requests.Memory().Value(),
		EphemeralLimit: container.Resources.Limits.StorageEphemeral().Value(),
		CPULimit:       container.Resources.Limits.Cpu().MilliValue(),
		CPURequest:     container.Resources.Requests.Cpu().MilliValue(),
		MemoryUsage:    container.MemoryUsage,
		CPUUsage:       container.CPUUsage,
		User:           -1,
	}
	for _, volume := range volumes {
		if volume.EmptyDir != nil && volume.EmptyDir.Medium == corev1.StorageMediumMemory &&
			slices.ContainsFunc(container.Spec.VolumeMounts, func(mount corev1.VolumeMount) bool { return mount.Name == volume.Name }) {
			view.MemoryVolumes = append(view.MemoryVolumes, volume.Name)
		}
	}
	for _, variable := range container.Spec.Env {
		view.Env[variable.Name] = variable.Value
	}
	viewState(&view, container)
	for _, port := range container.Spec.Ports {
		view.Ports = append(view.Ports, PortView{Name: port.Name, Number: int64(port.ContainerPort), Protocol: string(port.Protocol)})
	}
	view.Liveness = viewProbe(container.Spec.LivenessProbe, view.Ports)
	view.Readiness = viewProbe(container.Spec.ReadinessProbe, view.Ports)
	view.Startup = viewProbe(container.Spec.StartupProbe, view.Ports)
	if security := container.Spec.SecurityContext; security != nil {
		view.ReadOnlyRoot = security.ReadOnlyRootFilesystem != nil && *security.ReadOnlyRootFilesystem
		view.RunAsNonRoot = security.RunAsNonRoot != nil && *security.RunAsNonRoot
		if security.RunAsUser != nil {
			view.User = *security.RunAsUser
		}
	}
	view.Heap, view.HeapPercent, view.HeapSetting = heapOf(container.Spec)
	return view
}

func viewState(view *ContainerView, container evidence.Container) {
	switch state := container.State; {
	case state.Waiting != nil:
		view.State, view.Reason, view.Message = Waiting, state.Waiting.Reason, state.Waiting.Message
	case state.Terminated != nil:
		view.State, view.Reason, view.Message = Terminated, state.Terminated.Reason, state.Terminated.Message
		view.ExitCode = int64(state.Terminated.ExitCode)
	case state.Running != nil:
		view.State = "running"
	}
	last := container.LastState.Terminated
	if last != nil {
		view.LastReason, view.LastMessage, view.LastExitCode = last.Reason, last.Message, int64(last.ExitCode)
	} else {
		last = container.State.Terminated
	}
	if last != nil && last.StartedAt.Unix() > 0 && !last.FinishedAt.IsZero() {
		view.LastRunSeconds = int64(evidence.Ran(last) / time.Second)
	}
}

func viewProbe(probe *corev1.Probe, ports []PortView) ProbeView {
	if probe == nil {
		return ProbeView{}
	}
	view := ProbeView{
		Set: true, Delay: int64(probe.InitialDelaySeconds), Timeout: int64(probe.TimeoutSeconds),
		Period: int64(probe.PeriodSeconds), Failures: int64(probe.FailureThreshold),
	}
	var port intstr.IntOrString
	switch {
	case probe.HTTPGet != nil:
		port = probe.HTTPGet.Port
		view.Kind, view.Path, view.Scheme = "http", probe.HTTPGet.Path, strings.ToUpper(string(probe.HTTPGet.Scheme))
	case probe.TCPSocket != nil:
		port = probe.TCPSocket.Port
		view.Kind = "tcp"
	case probe.GRPC != nil:
		port = intstr.FromInt32(probe.GRPC.Port)
		view.Kind = "grpc"
	case probe.Exec != nil:
		view.Kind, view.Command = "exec", probe.Exec.Command
		return view
	default:
		return view
	}
	view.Port, view.Number = port.String(), int64(port.IntValue())
	if port.Type == intstr.String {
		view.Number = 0
		at := slices.IndexFunc(ports, func(declared PortView) bool { return declared.Name == port.StrVal })
		if at >= 0 {
			view.Number = ports[at].Number
		} else {
			view.Number = int64(port.IntValue()) // a number written as text, as kubectl describe prints it
		}
	}
	return view
}

func viewPod(pod evidence.Pod, containers int, now time.Time) PodView {
	view := PodView{
		Name: pod.Name, Phase: string(pod.Status.Phase), Reason: pod.Status.Reason, Message: pod.Status.Message,
		Node: pod.Spec.NodeName, QoS: string(pod.Status.QOSClass), RestartPolicy: string(pod.Spec.RestartPolicy),
		PriorityClass: pod.Spec.PriorityClassName, ServiceAccount: pod.Spec.ServiceAccountName, Scheduler: pod.Spec.SchedulerName,
		HostNetwork: pod.Spec.HostNetwork, NodeSelector: pod.Spec.NodeSelector, Containers: int64(containers), AgeSeconds: -1,
	}
	if !pod.Created.IsZero() && !now.IsZero() {
		view.AgeSeconds = int64(now.Sub(pod.Created) / time.Second)
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			view.Claims = append(view.Claims, volume.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, secret := range pod.Spec.ImagePullSecrets {
		view.PullSecrets = append(view.PullSecrets, secret.Name)
	}
	for _, gate := range pod.Spec.SchedulingGates {
		view.Gates = append(view.Gates, gate.Name)
	}
	return view
}

func viewNode(node evidence.Node) NodeView {
	view := NodeView{
		Known: true, Name: node.Name, Unschedulable: node.Unschedulable,
		Memory: node.Allocatable.Memory().Value(), CPU: node.Allocatable.Cpu().MilliValue(), Arch: node.Architecture, OS: node.OS,
	}
	for _, condition := range node.Conditions {
		if condition.Type == corev1.NodeReady {
			view.Ready = string(condition.Status)
		}
	}
	for _, taint := range node.Taints {
		view.Taints = append(view.Taints, taint.Key+"="+taint.Value+":"+string(taint.Effect))
	}
	return view
}

// amount gives a quantity in the unit of its resource.
func amount(name corev1.ResourceName, list corev1.ResourceList) int64 {
	quantity := list[name]
	if strings.HasSuffix(string(name), "cpu") {
		return quantity.MilliValue()
	}
	return quantity.Value()
}

func viewQuotas(quotas []evidence.Quota) []QuotaView {
	var views []QuotaView
	for _, quota := range quotas {
		for _, name := range slices.Sorted(maps.Keys(quota.Hard)) {
			views = append(views, QuotaView{
				Name: quota.Name, Resource: string(name), Hard: amount(name, quota.Hard), Used: amount(name, quota.Used),
			})
		}
	}
	return views
}

func viewLimits(ranges []evidence.LimitRange) []LimitView {
	var views []LimitView
	for _, bounds := range ranges {
		for _, item := range bounds.Limits {
			names := map[corev1.ResourceName]bool{}
			for _, list := range []corev1.ResourceList{item.Min, item.Max, item.Default, item.DefaultRequest} {
				for name := range list {
					names[name] = true
				}
			}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				views = append(views, LimitView{
					Name: bounds.Name, Type: string(item.Type), Resource: string(name), Min: amount(name, item.Min), Max: amount(name, item.Max),
					Default: amount(name, item.Default), DefaultRequest: amount(name, item.DefaultRequest),
				})
			}
		}
	}
	return views
}

func viewClaim(claim evidence.Claim) ClaimView {
	return ClaimView{
		Name: claim.Name, Phase: claim.Phase, StorageClass: claim.StorageClass, Volume: claim.Volume,
		AccessModes: claim.AccessModes, RequestBytes: claim.Request,
	}
}
