package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// size is how much there is of everything in a made-up cluster.
type size struct {
	pods, workloads, nodes int
	revisions              int // ReplicaSets of each workload; the first has the pods
	events                 int // about pods
	namespaces             int
}

// cluster makes the objects of a made-up cluster, always the same ones: what has a number is not kept but made again
// whenever it is asked for.
type cluster struct {
	size
	templates []*corev1.Pod // by workload
	since     time.Time
}

func newCluster(of size) *cluster {
	c := &cluster{size: of, since: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	for w := range of.workloads {
		c.templates = append(c.templates, c.template(w))
	}
	return c
}

var (
	teams = []string{"checkout", "catalog", "search", "payments", "identity", "media", "ledger", "shipping"}
	tiers = []string{"gateway", "worker", "api", "indexer", "scheduler", "frontend"}
)

func (c *cluster) namespace(w int) string {
	return fmt.Sprintf("%s-%03d", teams[w%len(teams)], w%c.namespaces)
}

// workload names the Deployment with a number.
func (c *cluster) workload(w int) string {
	return fmt.Sprintf("%s-%s-%04d", teams[w%len(teams)], tiers[w%len(tiers)], w)
}

// revision names one of a workload's ReplicaSets.
func (c *cluster) revision(w, r int) string {
	return fmt.Sprintf("%s-%s", c.workload(w), letters(w*31+r, 10))
}

func (c *cluster) node(i int) string {
	return fmt.Sprintf("ip-10-%03d-%03d-%03d.eu-central-1.compute.internal", i>>12&15, i>>6&63, i&63)
}

// letters is what stands for a number in generated names.
func letters(n, count int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	text := make([]byte, count)
	state := uint64(n)*0x9e3779b97f4a7c15 + 1
	for i := range text {
		state ^= state >> 29
		state *= 0xbf58476d1ce4e5b9
		text[i] = alphabet[state>>33%uint64(len(alphabet))]
	}
	return string(text)
}

// uid is one that looks like those of the API server. Kinds keep those of different objects apart.
func uid(kind byte, n int) types.UID {
	state := uint64(n)*0x9e3779b97f4a7c15 + uint64(kind)
	state ^= state >> 31
	state *= 0xbf58476d1ce4e5b9
	return types.UID(fmt.Sprintf("%08x-%02x%02x-4%03x-a%03x-%012x", n, kind, n&255, state>>52, state>>40&0xfff, state&0xffffffffffff))
}

// template is the pod of a workload without what differs between its pods.
func (c *cluster) template(w int) *corev1.Pod {
	name, namespace := c.workload(w), c.namespace(w)
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: c.revision(w, 0) + "-", Namespace: namespace,
			Labels: map[string]string{
				"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name + "-production", "app.kubernetes.io/part-of": teams[w%len(teams)],
				"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": fmt.Sprintf("2.%d.%d", w%40, w%7),
				"helm.sh/chart": "service-4.7.1", "pod-template-hash": letters(w*31, 10), "topology.example.com/tier": tiers[w%len(tiers)],
			},
			Annotations: map[string]string{
				"checksum/config":                       strings.Repeat(fmt.Sprintf("%04x", w), 16),
				"kubectl.kubernetes.io/restartedAt":     "2026-02-27T17:03:11Z",
				"prometheus.io/scrape":                  "true",
				"prometheus.io/port":                    "9090",
				"cni.projectcalico.org/containerID":     strings.Repeat("5f", 32),
				"cluster-autoscaler.kubernetes.io/safe": "true",
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: c.revision(w, 0), UID: uid('r', w*c.revisions),
				Controller: new(true), BlockOwnerDeletion: new(true),
			}},
			ManagedFields: managedFields(w % 3),
		},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst, SchedulerName: corev1.DefaultSchedulerName,
			ServiceAccountName: name, DeprecatedServiceAccount: name, TerminationGracePeriodSeconds: new(int64(30)),
			EnableServiceLinks: new(true), Priority: new(int32(0)), PreemptionPolicy: new(corev1.PreemptLowerPriority),
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), FSGroup: new(int64(2000))},
			Tolerations: []corev1.Toleration{
				{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(300))},
				{Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(300))},
			},
			Volumes: []corev1.Volume{
				{Name: "kube-api-access-" + letters(w, 5), VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
					DefaultMode: new(int32(420)),
					Sources: []corev1.VolumeProjection{
						{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: new(int64(3607)), Path: "token"}},
						{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
					},
				}}},
				{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-settings"}}}},
			},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, QOSClass: corev1.PodQOSBurstable},
	}
	for i := range 1 + min(w%4, 2) { // half of the workloads have three containers
		container, status := c.container(w, i)
		pod.Spec.Containers = append(pod.Spec.Containers, container)
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	for _, condition := range []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue})
	}
	return pod
}

func (c *cluster) container(w, i int) (corev1.Container, corev1.ContainerStatus) {
	name := []string{"app", "istio-proxy", "log-shipper"}[i]
	probe := &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromString("http"), Scheme: "HTTP"}},
		PeriodSeconds: 10, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3,
	}
	container := corev1.Container{
		Name: name, Image: fmt.Sprintf("registry.example.com/%s/%s:2.%d.%d", teams[w%len(teams)], name, w%40, w%7), ImagePullPolicy: "IfNotPresent",
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: "TCP"}, {Name: "metrics", ContainerPort: 9090, Protocol: "TCP"}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(fmt.Sprintf("%dm", 50+w%20*10)), corev1.ResourceMemory: resource.MustParse(fmt.Sprintf("%dMi", 128+w%16*32)),
			},
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(fmt.Sprintf("%dMi", 256+w%16*64))},
		},
		LivenessProbe: probe, ReadinessProbe: probe,
		TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: "File",
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "kube-api-access-" + letters(w, 5), ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"},
			{Name: "settings", ReadOnly: true, MountPath: "/etc/" + name},
		},
	}
	for v := range []int{14, 7, 3}[i] {
		container.Env = append(container.Env, corev1.EnvVar{
			Name: fmt.Sprintf("%s_SETTING_%02d", strings.ToUpper(tiers[v%len(tiers)]), v), Value: fmt.Sprintf("https://%s.%s.svc.cluster.local:8443/v%d", c.workload(w+v), teams[v%len(teams)], v),
		})
	}
	status := corev1.ContainerStatus{
		Name: name, Image: container.Image, ImageID: "registry.example.com/" + teams[w%len(teams)] + "/" + name + "@sha256:" + strings.Repeat("c4", 32),
		Ready: true, Started: new(true),
	}
	return container, status
}

// managedFields are as large as those that the Deployment controller and the kubelet leave on a pod.
func managedFields(containers int) []metav1.ManagedFieldsEntry {
	spec := `{"f:metadata":{"f:annotations":{".":{},"f:checksum/config":{},"f:prometheus.io/port":{},"f:prometheus.io/scrape":{}},"f:generateName":{},"f:labels":{".":{},"f:app.kubernetes.io/instance":{},"f:app.kubernetes.io/name":{},"f:helm.sh/chart":{},"f:pod-template-hash":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"0\"}":{}}},"f:spec":{"f:containers":{` +
		strings.Repeat(`"k:{\"name\":\"app\"}":{".":{},"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:livenessProbe":{".":{},"f:httpGet":{}},"f:name":{},"f:resources":{}},`, containers+1) + `"f:dnsPolicy":{}}}}`
	status := `{"f:status":{"f:conditions":{"k:{\"type\":\"ContainersReady\"}":{".":{},"f:lastProbeTime":{},"f:status":{},"f:type":{}},"k:{\"type\":\"Ready\"}":{".":{},"f:status":{},"f:type":{}}},"f:containerStatuses":{},"f:hostIP":{},"f:phase":{},"f:podIP":{},"f:podIPs":{},"f:startTime":{}}}`
	at := metav1.NewTime(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	return []metav1.ManagedFieldsEntry{
		{Manager: "kube-controller-manager", Operation: "Update", APIVersion: "v1", Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(spec)},
		{Manager: "kubelet", Operation: "Update", APIVersion: "v1", Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(status), Subresource: "status"},
	}
}

// variable is what differs between the pods of a workload. All of it is of the same length in all pods.
type variable struct{ suffix, uid, version, node, ip, host, container string }

func (c *cluster) variable(i int, version int64) variable {
	node := i % c.nodes
	return variable{
		suffix: letters(i, 5), uid: string(uid('p', i)), version: fmt.Sprintf("%010d", version), node: c.node(node),
		ip:   fmt.Sprintf("10.%d.%d.%d", 100+i>>14, 100+i>>7&127, 100+i&127),
		host: fmt.Sprintf("10.99.%d.%d", 100+node>>7, 100+node&127), container: fmt.Sprintf("%08x", i),
	}
}

// pod makes one of the pods of a workload.
func (c *cluster) pod(w int, its variable) *corev1.Pod {
	of := c.templates[w]
	pod := *of // what is not written below is shared with the template
	at := metav1.NewTime(c.since.Add(time.Duration(w) * time.Minute))
	pod.Name, pod.UID = of.GenerateName+its.suffix, types.UID(its.uid)
	pod.ResourceVersion, pod.CreationTimestamp = its.version, at
	pod.Spec.NodeName = its.node
	pod.Status.StartTime = &at
	pod.Status.PodIP, pod.Status.PodIPs = its.ip, []corev1.PodIP{{IP: its.ip}}
	pod.Status.HostIP, pod.Status.HostIPs = its.host, []corev1.HostIP{{IP: its.host}}
	pod.Status.Conditions = slices.Clone(of.Status.Conditions)
	for j := range pod.Status.Conditions {
		pod.Status.Conditions[j].LastTransitionTime = metav1.NewTime(at.Add(4 * time.Second))
	}
	pod.Status.ContainerStatuses = slices.Clone(of.Status.ContainerStatuses)
	for j := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[j]
		status.ContainerID = fmt.Sprintf("containerd://%056d%s", j, its.container)
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at.Add(2 * time.Second))}}
	}
	return &pod
}

// failing makes a pod whose first container was killed.
func (c *cluster) failing(i int, version int64) *corev1.Pod {
	pod := c.pod(i%c.workloads, c.variable(i, version))
	first := &pod.Status.ContainerStatuses[0]
	first.RestartCount = 1
	first.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 137, Reason: "OOMKilled", StartedAt: metav1.NewTime(c.since), FinishedAt: metav1.NewTime(c.since.Add(time.Hour)), ContainerID: first.ContainerID,
	}}
	return pod
}

func (c *cluster) nodeObject(i int, version int64) *corev1.Node {
	name := c.node(i)
	quantities := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("15890m"), corev1.ResourceMemory: resource.MustParse("58567Mi"), corev1.ResourcePods: resource.MustParse("110"),
		corev1.ResourceEphemeralStorage: resource.MustParse("95551679124"), "hugepages-1Gi": resource.MustParse("0"), "hugepages-2Mi": resource.MustParse("0"),
	}
	node := &corev1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: uid('n', i), ResourceVersion: fmt.Sprint(version), CreationTimestamp: metav1.NewTime(c.since), ManagedFields: managedFields(2),
			Labels: map[string]string{
				"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": "m6i.4xlarge",
				"topology.kubernetes.io/region": "eu-central-1", "topology.kubernetes.io/zone": "eu-central-1" + string(rune('a'+i%3)), "karpenter.sh/nodepool": "general",
				"karpenter.sh/capacity-type": "on-demand", "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/instance-type": "m6i.4xlarge",
				"failure-domain.beta.kubernetes.io/region": "eu-central-1", "failure-domain.beta.kubernetes.io/zone": "eu-central-1" + string(rune('a'+i%3)),
			},
			Annotations: map[string]string{"csi.volume.kubernetes.io/nodeid": `{"ebs.csi.aws.com":"i-0abcdef0123456789"}`, "node.alpha.kubernetes.io/ttl": "0"},
		},
		Spec: corev1.NodeSpec{ProviderID: "aws:///eu-central-1a/i-0abcdef0123456789"},
		Status: corev1.NodeStatus{
			Capacity: quantities, Allocatable: quantities,
			NodeInfo: corev1.NodeSystemInfo{Architecture: "amd64", OperatingSystem: "linux", KernelVersion: "6.12.40", OSImage: "Bottlerocket", ContainerRuntimeVersion: "containerd://2.4.2", KubeletVersion: "v1.37.2"},
		},
	}
	for kind, words := range map[corev1.NodeConditionType][2]string{
		corev1.NodeReady:          {"KubeletReady", "kubelet is posting ready status"},
		corev1.NodeMemoryPressure: {"KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
		corev1.NodeDiskPressure:   {"KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
		corev1.NodePIDPressure:    {"KubeletHasSufficientPID", "kubelet has sufficient PID available"},
	} {
		status := corev1.ConditionFalse
		if kind == corev1.NodeReady {
			status = corev1.ConditionTrue
		}
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
			Type: kind, Status: status, Reason: words[0], Message: words[1], LastHeartbeatTime: metav1.NewTime(c.since), LastTransitionTime: metav1.NewTime(c.since),
		})
	}
	for j := range 30 {
		node.Status.Images = append(node.Status.Images, corev1.ContainerImage{
			Names: []string{fmt.Sprintf("registry.example.com/team/image-%d@sha256:%s", j, strings.Repeat("ab", 32)), fmt.Sprintf("registry.example.com/team/image-%d:1.0", j)}, SizeBytes: 90_000_000,
		})
	}
	return node
}

// event makes one of the events that the start of a pod leaves behind for an hour.
func (c *cluster) event(i int, version int64) *corev1.Event {
	pod := c.pod(i/5%c.workloads, c.variable(i/5, version))
	step := [][2]string{
		{"Scheduled", "Successfully assigned " + pod.Namespace + "/" + pod.Name + " to " + pod.Spec.NodeName},
		{"Pulling", `Pulling image "` + pod.Spec.Containers[0].Image + `"`},
		{"Pulled", `Successfully pulled image "` + pod.Spec.Containers[0].Image + `" in 1.384s (1.384s including waiting). Image size: 90412345 bytes.`},
		{"Created", "Container created"},
		{"Started", "Container started"},
	}[i%5]
	at := metav1.NewTime(c.since.Add(time.Duration(i) * time.Second))
	event := &corev1.Event{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s.18a%013x", pod.Name, i), Namespace: pod.Namespace, UID: uid('e', i), ResourceVersion: fmt.Sprint(version),
			CreationTimestamp: at, ManagedFields: managedFields(0)[1:],
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, FieldPath: "spec.containers{app}",
		},
		Type: corev1.EventTypeNormal, Reason: step[0], Message: step[1], Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName}, ReportingController: "kubelet", ReportingInstance: pod.Spec.NodeName,
	}
	return event
}

// deployment and replicaSet make the metadata of what stands above pods.
func (c *cluster) deployment(w int, version int64) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: metav1.ObjectMeta{
			Name: c.workload(w), Namespace: c.namespace(w), UID: uid('d', w), ResourceVersion: fmt.Sprint(version), Generation: 7, CreationTimestamp: metav1.NewTime(c.since),
			Labels: c.templates[w].Labels, ManagedFields: managedFields(1),
			Annotations: map[string]string{"deployment.kubernetes.io/revision": "7", "meta.helm.sh/release-name": c.workload(w)},
		},
	}
}

func (c *cluster) replicaSet(i int, version int64) *metav1.PartialObjectMetadata {
	w := i / c.revisions
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: metav1.ObjectMeta{
			Name: c.revision(w, i%c.revisions), Namespace: c.namespace(w), UID: uid('r', i), ResourceVersion: fmt.Sprint(version), Generation: 2, CreationTimestamp: metav1.NewTime(c.since),
			Labels: c.templates[w].Labels, ManagedFields: managedFields(1),
			Annotations: map[string]string{"deployment.kubernetes.io/desired-replicas": "30", "deployment.kubernetes.io/max-replicas": "38", "deployment.kubernetes.io/revision": "7"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "Deployment", Name: c.workload(w), UID: uid('d', w), Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
	}
}
