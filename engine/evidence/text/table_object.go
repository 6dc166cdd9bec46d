package text

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

// goKind is the kind of an object of the types that this package makes.
func goKind(object runtime.Object) string {
	name := fmt.Sprintf("%T", object)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// node reads Ready, NotReady or Unknown, and SchedulingDisabled behind a comma.
func (r tableRow) node() (runtime.Object, bool) {
	m, ok := r.metadata(false)
	ok = ok || r.header.index("AGE") < 0
	words := strings.Split(r.get("STATUS"), ",")
	node := &corev1.Node{ObjectMeta: m}
	switch words[0] {
	case "Ready":
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	case "NotReady": // kubectl prints the same for False and Unknown
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
	case "Unknown":
	default:
		return nil, false
	}
	for _, more := range words[1:] {
		node.Spec.Unschedulable = node.Spec.Unschedulable || more == "SchedulingDisabled"
	}
	r.created(&node.ObjectMeta)
	r.nodeInfo(node)
	return node, ok
}

func (r tableRow) nodeInfo(node *corev1.Node) {
	for _, role := range strings.Split(r.get("ROLES"), ",") {
		if role == "" {
			continue
		}
		if node.Labels == nil {
			node.Labels = map[string]string{}
		}
		node.Labels["node-role.kubernetes.io/"+role] = ""
	}
	info := &node.Status.NodeInfo
	_, info.Architecture, _ = strings.Cut(r.get("KERNEL-VERSION"), " (")
	info.Architecture = strings.TrimSuffix(info.Architecture, ")")
}

// number reads a cell that is a count; 0 when it isn't.
func (r tableRow) number(column string) int32 {
	if n := intOf[int32](r.get(column)); n != nil {
		return *n
	}
	return 0
}

// template has the containers that a wide table names.
func (r tableRow) template() corev1.PodTemplateSpec {
	var template corev1.PodTemplateSpec
	names, images := r.get("CONTAINERS"), r.get("IMAGES")
	if names == "" {
		return template
	}
	image := strings.Split(images, ",")
	for i, name := range strings.Split(names, ",") {
		c := corev1.Container{Name: name}
		if i < len(image) {
			c.Image = image[i]
		}
		template.Spec.Containers = append(template.Spec.Containers, c)
	}
	return template
}

// missingPatience: a controller makes its pods within seconds.
const missingPatience = time.Minute

// missing says that pods do not exist which a controller should have made long ago; nothing where all do. The table has no
// condition that says so, and no reason.
func (r tableRow) missing(desired, exist int32) string {
	if ago, _ := parseAge(r.get("AGE")); exist < desired && exist >= 0 && ago.known && ago.duration >= missingPatience {
		return fmt.Sprintf("%d of %d pods do not exist after %s", desired-exist, desired, r.get("AGE"))
	}
	return ""
}

// replicasReady says whether all pods of a controller are ready, or fewer than half of them are, long after it was made;
// nothing in between, where pods come and go.
func (r tableRow) replicasReady(ready, desired int32) (status corev1.ConditionStatus, message string) {
	ago, _ := parseAge(r.get("AGE"))
	switch {
	case desired <= 0 || ready < 0:
		return "", ""
	case ready >= desired && r.header.index("UP-TO-DATE") >= 0 && r.number("UP-TO-DATE") < desired:
		return "", "" // pods of the revision before
	case ready >= desired:
		return corev1.ConditionTrue, ""
	case 2*ready < desired && ago.known && ago.duration >= readyPatience:
		return corev1.ConditionFalse, fmt.Sprintf("%d of %d pods are ready after %s", ready, desired, r.get("AGE"))
	default:
		return "", ""
	}
}

// readyPatience covers slow programs.
const readyPatience = 10 * time.Minute

// podsMissing is the reason of the condition ReplicaFailure in that case.
const podsMissing = "PodsMissing"

func (r tableRow) selector() *metav1.LabelSelector {
	labels := commaPairs(r.get("SELECTOR"))
	if labels == nil {
		return nil
	}
	return &metav1.LabelSelector{MatchLabels: labels}
}

func (r tableRow) deployment() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &appsv1.Deployment{ObjectMeta: m}
	ready, desired, ok2 := ratio(r.get("READY"))
	if !ok2 { // before 1.15
		ready, desired = int(r.number("AVAILABLE")), int(r.number("DESIRED"))
	}
	object.Spec.Replicas = new(int32(desired))
	object.Spec.Selector = r.selector()
	object.Spec.Template = r.template()
	object.Status.ReadyReplicas = int32(ready)
	object.Status.UpdatedReplicas = r.number("UP-TO-DATE")
	object.Status.AvailableReplicas = r.number("AVAILABLE")
	object.Status.UnavailableReplicas = max(0, int32(desired)-object.Status.AvailableReplicas)
	if status, message := r.replicasReady(int32(ready), int32(desired)); status != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DeploymentCondition{Type: evidence.ReplicasReady, Status: status, Message: message})
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) replicaSet() (*appsv1.ReplicaSet, bool) {
	m, ok := r.metadata(true)
	object := &appsv1.ReplicaSet{ObjectMeta: m}
	object.Spec.Replicas = new(r.number("DESIRED"))
	object.Spec.Selector = r.selector()
	object.Spec.Template = r.template()
	object.Status.Replicas, object.Status.ReadyReplicas = r.number("CURRENT"), r.number("READY")
	if message := r.missing(r.number("DESIRED"), r.number("CURRENT")); message != "" {
		object.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: podsMissing, Message: message}}
	}
	if status, message := r.replicasReady(r.number("READY"), r.number("CURRENT")); status != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.ReplicaSetCondition{Type: evidence.ReplicasReady, Status: status, Message: message})
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) replicationController() (runtime.Object, bool) {
	set, ok := r.replicaSet()
	return asReplicationController(set), ok
}

func (r tableRow) statefulSet() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &appsv1.StatefulSet{ObjectMeta: m}
	ready, desired, ok2 := ratio(r.get("READY"))
	if !ok2 {
		ready, desired = int(r.number("CURRENT")), int(r.number("DESIRED"))
	}
	object.Spec.Replicas = new(int32(desired))
	object.Spec.Template = r.template()
	object.Status.ReadyReplicas = int32(ready)
	if status, message := r.replicasReady(int32(ready), int32(desired)); status != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.StatefulSetCondition{Type: evidence.ReplicasReady, Status: status, Message: message})
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) daemonSet() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &appsv1.DaemonSet{ObjectMeta: m}
	object.Spec.Selector = r.selector()
	object.Spec.Template = r.template()
	nodes := r.get("NODE SELECTOR")
	if nodes == "" {
		nodes = r.get("NODE-SELECTOR")
	}
	object.Spec.Template.Spec.NodeSelector = commaPairs(nodes)
	status := &object.Status
	status.DesiredNumberScheduled, status.CurrentNumberScheduled, status.NumberReady = r.number("DESIRED"), r.number("CURRENT"), r.number("READY")
	status.UpdatedNumberScheduled, status.NumberAvailable = r.number("UP-TO-DATE"), r.number("AVAILABLE")
	status.NumberUnavailable = max(0, status.DesiredNumberScheduled-status.NumberAvailable)
	if message := r.missing(status.DesiredNumberScheduled, status.CurrentNumberScheduled); message != "" {
		status.Conditions = []appsv1.DaemonSetCondition{{Type: "ReplicaFailure", Status: corev1.ConditionTrue, Reason: podsMissing, Message: message}}
	}
	if status, message := r.replicasReady(r.number("READY"), r.number("CURRENT")); status != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DaemonSetCondition{Type: evidence.ReplicasReady, Status: status, Message: message})
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) job() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &batchv1.Job{ObjectMeta: m}
	object.Spec.Template = r.template()
	if done, wanted, ok := ratio(r.get("COMPLETIONS")); ok {
		object.Status.Succeeded = int32(done)
		object.Spec.Completions = new(int32(wanted))
	}
	condition := batchv1.JobCondition{Status: corev1.ConditionTrue}
	switch r.get("STATUS") {
	case "Failed":
		condition.Type = batchv1.JobFailed
	case "Complete":
		condition.Type = batchv1.JobComplete
	case "Suspended":
		condition.Type = batchv1.JobSuspended
		object.Spec.Suspend = new(true)
	case "FailureTarget":
		condition.Type = batchv1.JobFailureTarget
	case "SuccessCriteriaMet":
		condition.Type = batchv1.JobSuccessCriteriaMet
	case "Running":
		object.Status.Active = 1
	}
	if condition.Type != "" {
		object.Status.Conditions = []batchv1.JobCondition{condition}
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) cronJob() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &batchv1.CronJob{ObjectMeta: m}
	object.Spec.Schedule = r.get("SCHEDULE")
	object.Spec.Suspend = new(strings.EqualFold(r.get("SUSPEND"), "true"))
	object.Spec.TimeZone = textOf(r.get("TIMEZONE"))
	object.Spec.JobTemplate.Spec.Template = r.template()
	for range min(r.number("ACTIVE"), maxContainers) {
		object.Status.Active = append(object.Status.Active, corev1.ObjectReference{Kind: "Job", Namespace: m.Namespace})
	}
	if ago, ok := parseAge(r.get("LAST SCHEDULE")); ok {
		r.seen.ago(ago, func(t time.Time) { object.Status.LastScheduleTime = &metav1.Time{Time: t} })
	}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) claim() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	object := &corev1.PersistentVolumeClaim{ObjectMeta: m}
	status := r.get("STATUS")
	if status == "Terminating" {
		object.DeletionTimestamp = &metav1.Time{}
		r.seen.ago(age{known: true}, func(t time.Time) { object.DeletionTimestamp.Time = t })
	} else {
		object.Status.Phase = corev1.PersistentVolumeClaimPhase(status)
	}
	object.Spec.VolumeName = r.get("VOLUME")
	object.Spec.StorageClassName = textOf(r.get("STORAGECLASS"))
	object.Spec.VolumeMode = volumeMode(r.get("VOLUMEMODE"))
	object.Status.AccessModes = accessModes(r.get("ACCESS MODES"))
	if size, ok := parseQuantity(r.get("CAPACITY")); ok {
		object.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	r.created(&object.ObjectMeta)
	return object, ok && status != ""
}

func (r tableRow) volume() (runtime.Object, bool) {
	m, ok := r.metadata(false)
	object := &corev1.PersistentVolume{ObjectMeta: m}
	r.created(&object.ObjectMeta)
	return object, ok
}

func (r tableRow) storageClass() (runtime.Object, bool) {
	m, _ := r.metadata(false)
	m.Name = strings.TrimSuffix(m.Name, " (default)")
	object := &storagev1.StorageClass{ObjectMeta: m}
	r.created(&object.ObjectMeta)
	return object, r.get("PROVISIONER") != ""
}

// quota reads "pods: 3/10, requests.cpu: 1/2".
func (r tableRow) quota() (runtime.Object, bool) {
	m, ok := r.metadata(true)
	hard, used := corev1.ResourceList{}, corev1.ResourceList{}
	for _, cell := range []string{r.get("REQUEST"), r.get("LIMIT")} {
		for _, pair := range strings.Split(cell, ", ") {
			name, amounts, _ := strings.Cut(pair, ": ")
			usedText, hardText, _ := strings.Cut(amounts, "/")
			if quantity, ok := parseQuantity(hardText); ok {
				hard[corev1.ResourceName(name)] = quantity
			}
			if quantity, ok := parseQuantity(usedText); ok {
				used[corev1.ResourceName(name)] = quantity
			}
		}
	}
	object := &corev1.ResourceQuota{ObjectMeta: m, Spec: corev1.ResourceQuotaSpec{Hard: hard}, Status: corev1.ResourceQuotaStatus{Hard: hard.DeepCopy(), Used: used}}
	r.created(&object.ObjectMeta)
	return object, ok
}
