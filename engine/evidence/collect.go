package evidence

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type nameKey struct{ namespace, name string }

type objectKey struct{ kind, namespace, name string }

// collector sorts observations by workload.
type collector struct {
	pods     map[nameKey]*corev1.Pod
	owners   map[objectKey]metav1.Object
	nodes    map[string]*corev1.Node
	leases   map[string]*coordinationv1.Lease // of nodes
	claims   map[nameKey]*corev1.PersistentVolumeClaim
	classes  []string
	quotas   []*corev1.ResourceQuota
	ranges   []*corev1.LimitRange
	events   []*corev1.Event
	found    map[Workload]*Evidence
	podOwner map[nameKey]Workload
	makers   map[nameKey]objectKey // of pods, as their events tell
}

// Collect sorts observations by workload, in the order of their kind, namespace and name. Nodes, and claims that
// no observed pod names, are workloads of their own. What belongs to nothing known is given to the only workload
// if there is one, and else to a workload without a name.
func (o Observations) Collect() []Evidence {
	c := &collector{
		pods: map[nameKey]*corev1.Pod{}, owners: map[objectKey]metav1.Object{}, nodes: map[string]*corev1.Node{},
		leases: map[string]*coordinationv1.Lease{},
		claims: map[nameKey]*corev1.PersistentVolumeClaim{}, found: map[Workload]*Evidence{}, podOwner: map[nameKey]Workload{}, makers: map[nameKey]objectKey{},
	}
	c.sort(o)
	c.placePods()
	c.placeOwners()
	c.placeNodes()
	c.placeClaims()
	c.placeBounds()
	for _, usage := range o.Usage {
		c.placeUsage(usage)
	}
	for _, event := range c.events {
		c.placeEvent(event)
	}
	for _, log := range o.Logs {
		c.placeLog(log)
	}
	if o.At.IsZero() {
		o.At = c.lastRenewal()
	}
	return c.finish(o.At)
}

// sort keeps each object by its name; of two observations of one object the fuller one.
func (c *collector) sort(o Observations) {
	namespaces := map[string]string{} // of pods, where all that were observed agree
	for _, object := range o.Objects {
		if pod, ok := object.(*corev1.Pod); ok && pod.Namespace != "" {
			namespaces[pod.Name] = pod.Namespace
		}
	}
	for _, object := range o.Objects {
		switch object := object.(type) {
		case *corev1.Pod:
			key := nameKey{cmp.Or(object.Namespace, namespaces[object.Name]), object.Name}
			c.pods[key] = fuller(c.pods[key], object)
		case *corev1.Node:
			if known := c.nodes[object.Name]; known == nil || len(known.Status.Conditions) <= len(object.Status.Conditions) {
				c.nodes[object.Name] = object
			}
		case *coordinationv1.Lease:
			if known := c.leases[object.Name]; object.Namespace == corev1.NamespaceNodeLease && RenewedAt(object).After(RenewedAt(known)) {
				c.leases[object.Name] = object
			}
		case *corev1.Event:
			if object.InvolvedObject.Kind == "Pod" && object.InvolvedObject.Namespace == "" {
				object = object.DeepCopy()
				object.InvolvedObject.Namespace = namespaces[object.InvolvedObject.Name]
			}
			c.events = append(c.events, object)
			c.seeMaker(object)
		case *corev1.PersistentVolumeClaim:
			c.claims[nameKey{object.Namespace, object.Name}] = object
		case *corev1.ResourceQuota:
			c.quotas = append(c.quotas, object)
		case *corev1.LimitRange:
			c.ranges = append(c.ranges, object)
		case *storagev1.StorageClass:
			c.classes = append(c.classes, object.Name)
		case *appsv1.Deployment:
			c.owners[objectKey{"Deployment", object.Namespace, object.Name}] = object
		case *appsv1.ReplicaSet:
			c.owners[objectKey{"ReplicaSet", object.Namespace, object.Name}] = object
		case *appsv1.StatefulSet:
			c.owners[objectKey{"StatefulSet", object.Namespace, object.Name}] = object
		case *appsv1.DaemonSet:
			c.owners[objectKey{"DaemonSet", object.Namespace, object.Name}] = object
		case *batchv1.Job:
			c.owners[objectKey{"Job", object.Namespace, object.Name}] = object
		case *batchv1.CronJob:
			c.owners[objectKey{"CronJob", object.Namespace, object.Name}] = object
		case *corev1.ReplicationController:
			c.owners[objectKey{"ReplicationController", object.Namespace, object.Name}] = object
		}
	}
}

// fuller gives of two observations of one pod the one that says more.
func fuller(known, next *corev1.Pod) *corev1.Pod {
	if known == nil {
		return next
	}
	says := func(pod *corev1.Pod) int {
		return 2*len(pod.Spec.Containers) + len(pod.Status.ContainerStatuses) + len(pod.Status.Conditions) + len(pod.OwnerReferences)
	}
	if says(known) <= says(next) {
		known, next = next, known
	}
	if len(known.Status.ContainerStatuses) == 0 && len(next.Status.ContainerStatuses) > 0 && len(known.Spec.Containers) <= 1 {
		known = known.DeepCopy()
		known.Status.ContainerStatuses = next.Status.ContainerStatuses
		if len(known.Spec.Containers) == 1 {
			known.Status.ContainerStatuses = slices.Clone(next.Status.ContainerStatuses[:1])
			known.Status.ContainerStatuses[0].Name = known.Spec.Containers[0].Name
		}
	}
	return known
}

// at gives the evidence of a workload.
func (c *collector) at(workload Workload) *Evidence {
	known, ok := c.found[workload]
	if !ok {
		known = &Evidence{Workload: workload}
		c.found[workload] = known
	}
	return known
}

func (c *collector) placePods() {
	for _, key := range slices.SortedFunc(maps.Keys(c.pods), func(a, b nameKey) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	}) {
		pod := c.pods[key]
		owner := c.workloadOf("Pod", key.namespace, key.name)
		c.podOwner[key] = owner
		evidence := c.at(owner)
		evidence.Pods = append(evidence.Pods, PodOf(pod))
		evidence.Containers = append(evidence.Containers, ContainersOf(pod)...)
	}
}

// placeOwners gives each workload the conditions of its controllers, and the images they name.
func (c *collector) placeOwners() {
	for _, key := range slices.SortedFunc(maps.Keys(c.owners), func(a, b objectKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	}) {
		evidence := c.at(c.workloadOf(key.kind, key.namespace, key.name))
		object := strings.ToLower(key.kind) + "/" + key.name
		evidence.Conditions = append(evidence.Conditions, ConditionsOf(object, c.owners[key])...)
		if set, ok := c.owners[key].(*appsv1.ReplicaSet); ok {
			for _, container := range set.Spec.Template.Spec.Containers {
				evidence.Images = append(evidence.Images, Image{Image: container.Image, Ran: set.Status.ReadyReplicas > 0})
			}
		}
	}
}

// ConditionsOf gives the conditions of a controller of pods in one shape; object is its kind and name, as
// deployment/web.
func ConditionsOf(object string, owner metav1.Object) []Condition {
	var found []Condition
	add := func(kind, status, reason, message string, at metav1.Time) {
		found = append(found, Condition{Object: object, Type: kind, Status: status, Reason: reason, Message: message, Time: at.Time})
	}
	switch owner := owner.(type) {
	case *appsv1.Deployment:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
	case *appsv1.ReplicaSet:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
	case *appsv1.StatefulSet:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
	case *appsv1.DaemonSet:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
	case *batchv1.Job:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
		if message := failedPods(owner); message != "" {
			add("PodsFailed", "True", "", message, metav1.Time{})
		}
	case *corev1.ReplicationController:
		for _, condition := range owner.Status.Conditions {
			add(string(condition.Type), string(condition.Status), condition.Reason, condition.Message, condition.LastTransitionTime)
		}
	}
	return found
}

// retried is how many failed pods of a Job that has another running are more than bad luck.
const retried = 3

// failedPods says what the counts of a Job mean that has no condition yet; nothing when it may still be well.
func failedPods(job *batchv1.Job) string {
	counts := job.Status
	if counts.Failed == 0 || len(counts.Conditions) > 0 || counts.CompletionTime != nil {
		return ""
	}
	failed := strconv.Itoa(int(counts.Failed)) + " pods failed"
	switch {
	case counts.Active == 0 && counts.Succeeded == 0:
		return failed + ", none runs and none succeeded"
	case counts.Active == 0 && job.Spec.Completions != nil && counts.Succeeded < *job.Spec.Completions:
		return failed + ", none runs, and " + strconv.Itoa(int(counts.Succeeded)) + " of " + strconv.Itoa(int(*job.Spec.Completions)) + " succeeded"
	case counts.Failed >= retried && counts.Succeeded == 0:
		return failed + " and none succeeded; the next runs"
	default:
		return ""
	}
}

// placeNodes makes each node a workload of its own, and shows all nodes to the workloads with pods.
func (c *collector) placeNodes() {
	var nodes []Node
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		node := NodeOf(c.nodes[name])
		node.LeaseRenewed = RenewedAt(c.leases[name])
		nodes = append(nodes, node)
	}
	for _, evidence := range c.found {
		evidence.Nodes = nodes
	}
	for _, node := range nodes {
		c.at(workload("Node", "", node.Name)).Nodes = []Node{node}
	}
}

// NodeOf gives what matters of a node.
func NodeOf(node *corev1.Node) Node {
	return Node{
		Name: node.Name, Created: node.CreationTimestamp.Time, Unschedulable: node.Spec.Unschedulable, Taints: node.Spec.Taints, Conditions: node.Status.Conditions,
		Allocatable: node.Status.Allocatable, Labels: node.Labels,
		Architecture: cmp.Or(node.Status.NodeInfo.Architecture, node.Labels[corev1.LabelArchStable]),
		OS:           cmp.Or(node.Status.NodeInfo.OperatingSystem, node.Labels[corev1.LabelOSStable]),
	}
}

// RenewedAt is when the Lease of a node was last renewed; zero when it never was, or there is none.
func RenewedAt(lease *coordinationv1.Lease) time.Time {
	if lease == nil || lease.Spec.RenewTime == nil {
		return time.Time{}
	}
	return lease.Spec.RenewTime.Time
}

// lastRenewal is when the Lease of a node that is ready was last renewed: no more than 10 seconds before the nodes were
// observed. It is zero when no such Lease was.
func (c *collector) lastRenewal() time.Time {
	var last time.Time
	for name, lease := range c.leases {
		node := c.nodes[name]
		if node != nil && RenewedAt(lease).After(last) && slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		}) {
			last = RenewedAt(lease)
		}
	}
	return last
}

// placeClaims gives each claim to the workloads whose pods name it; one that nobody names stands for itself.
func (c *collector) placeClaims() {
	for _, key := range slices.SortedFunc(maps.Keys(c.claims), func(a, b nameKey) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	}) {
		claim := ClaimOf(c.claims[key])
		users := c.usersOf(key)
		if len(users) == 0 {
			users = []Workload{workload("PersistentVolumeClaim", key.namespace, key.name)}
		}
		for _, user := range users {
			evidence := c.at(user)
			evidence.Claims = append(evidence.Claims, claim)
		}
	}
	for _, evidence := range c.found {
		evidence.StorageClasses = c.classes
	}
}

// usersOf gives the workloads with a pod that names a claim.
func (c *collector) usersOf(claim nameKey) []Workload {
	var users []Workload
	for _, evidence := range c.found {
		if claim.namespace != "" && evidence.Workload.Namespace != "" && claim.namespace != evidence.Workload.Namespace {
			continue
		}
		if slices.ContainsFunc(evidence.Pods, func(pod Pod) bool { return pod.names(claim.name) }) {
			users = append(users, evidence.Workload)
		}
	}
	return users
}

// names reports whether a pod names a claim. Where its volumes were not observed, the name that a StatefulSet
// gives the claims of its pods tells (k8s.io/kubernetes/pkg/controller/statefulset, getPersistentVolumeClaimName).
func (p Pod) names(claim string) bool {
	for _, volume := range p.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
	}
	return len(p.Spec.Volumes) == 0 && strings.HasSuffix(claim, "-"+p.Name) && ordinalPod.MatchString(p.Name)
}

// ClaimOf gives what matters of a claim.
func ClaimOf(claim *corev1.PersistentVolumeClaim) Claim {
	found := Claim{Name: claim.Name, Phase: string(claim.Status.Phase), Volume: claim.Spec.VolumeName, Created: claim.CreationTimestamp.Time}
	if claim.Spec.StorageClassName != nil {
		found.StorageClass = *claim.Spec.StorageClassName
	}
	for _, mode := range claim.Spec.AccessModes {
		found.AccessModes = append(found.AccessModes, string(mode))
	}
	request := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	found.Request = request.Value()
	return found
}

// joinNamespaces gives what was observed without a namespace to the only workload of that kind and name.
func (c *collector) joinNamespaces() {
	placed := map[Workload][]*Evidence{} // by kind and name
	for workload, evidence := range c.found {
		if workload.Namespace != "" {
			anywhere := workload
			anywhere.Namespace = ""
			placed[anywhere] = append(placed[anywhere], evidence)
		}
	}
	for workload, evidence := range c.found {
		if workload.Namespace != "" || workload.Kind == "" || workload.Kind == "Node" {
			continue
		}
		same := placed[workload]
		if len(same) != 1 {
			continue
		}
		same[0].Events = append(same[0].Events, evidence.Events...)
		same[0].Conditions = append(same[0].Conditions, evidence.Conditions...)
		same[0].Logs = append(same[0].Logs, evidence.Logs...)
		same[0].Images = append(same[0].Images, evidence.Images...)
		known, contained := map[string]bool{}, map[string]bool{}
		for _, pod := range same[0].Pods {
			known[pod.Name] = true
		}
		for _, container := range same[0].Containers {
			contained[container.Pod] = true
		}
		for _, pod := range evidence.Pods {
			if !known[pod.Name] {
				same[0].Pods = append(same[0].Pods, pod)
			}
		}
		for _, container := range evidence.Containers {
			if !contained[container.Pod] {
				same[0].Containers = append(same[0].Containers, container)
			}
		}
		delete(c.found, workload)
	}
}

// finish orders what was found.
func (c *collector) finish(at time.Time) []Evidence {
	c.joinNamespaces()
	var all []Evidence
	for _, evidence := range c.found {
		evidence.ObservedAt = at
		evidence.nameContainers()
		slices.SortStableFunc(evidence.Events, func(a, b Event) int { return b.Time.Compare(a.Time) })
		all = append(all, *evidence)
	}
	slices.SortFunc(all, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(a.Workload.Kind, b.Workload.Kind), cmp.Compare(a.Workload.Namespace, b.Workload.Namespace),
			cmp.Compare(a.Workload.Name, b.Workload.Name))
	})
	return all
}
