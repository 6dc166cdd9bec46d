package text

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func (d described) deployment() *appsv1.Deployment {
	object := &appsv1.Deployment{ObjectMeta: d.metadata()}
	object.Spec.Selector = d.selector()
	object.Spec.Template = d.template()
	object.Spec.Strategy.Type = appsv1.DeploymentStrategyType(d.root.value("StrategyType"))
	if rolling := strings.Fields(d.root.value("RollingUpdateStrategy")); len(rolling) == 6 {
		unavailable, surge := intstr.Parse(rolling[0]), intstr.Parse(rolling[3])
		object.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &unavailable, MaxSurge: &surge}
	}
	if seconds := intOf[int32](d.root.value("MinReadySeconds")); seconds != nil {
		object.Spec.MinReadySeconds = *seconds
	}
	counts := countsOf(d.root.value("Replicas"), "|")
	object.Spec.Replicas = counts.pointer("desired")
	object.Status.UpdatedReplicas = counts["updated"]
	object.Status.Replicas = counts["total"]
	object.Status.AvailableReplicas = counts["available"]
	object.Status.UnavailableReplicas = counts["unavailable"]
	d.conditions(func(kind string, status corev1.ConditionStatus, reason string) {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DeploymentCondition{Type: appsv1.DeploymentConditionType(kind), Status: status, Reason: reason})
	})
	if desired := counts["desired"]; desired > 0 && counts["unavailable"] >= desired {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DeploymentCondition{
			Type: evidence.ReplicasReady, Status: corev1.ConditionFalse, Message: fmt.Sprintf("0 of %d pods are ready", desired),
		})
	}
	return object
}

func (d described) replicaSet() *appsv1.ReplicaSet {
	object := &appsv1.ReplicaSet{ObjectMeta: d.metadata()}
	object.Spec.Selector = d.selector()
	object.Spec.Template = d.template()
	counts := countsOf(d.root.value("Replicas"), "/")
	object.Spec.Replicas = counts.pointer("desired")
	object.Status.Replicas = counts["current"]
	d.conditions(func(kind string, status corev1.ConditionStatus, reason string) {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.ReplicaSetCondition{Type: appsv1.ReplicaSetConditionType(kind), Status: status, Reason: reason})
	})
	if message := missingNow(counts["desired"], counts["current"]); message != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.ReplicaSetCondition{Type: "ReplicaFailure", Status: corev1.ConditionTrue, Reason: podsMissing, Message: message})
	}
	if message := d.podsStatus(); message != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.ReplicaSetCondition{Type: evidence.ReplicasReady, Status: corev1.ConditionFalse, Message: message})
	}
	return object
}

func (d described) replicationController() *corev1.ReplicationController {
	return asReplicationController(d.replicaSet())
}

// asReplicationController gives the older kind, which kubectl prints in the same fields and columns.
func asReplicationController(set *appsv1.ReplicaSet) *corev1.ReplicationController {
	object := &corev1.ReplicationController{ObjectMeta: set.ObjectMeta}
	object.Spec.Replicas, object.Spec.Template = set.Spec.Replicas, &set.Spec.Template
	if set.Spec.Selector != nil {
		object.Spec.Selector = set.Spec.Selector.MatchLabels
	}
	object.Status.Replicas, object.Status.ReadyReplicas = set.Status.Replicas, set.Status.ReadyReplicas
	for _, c := range set.Status.Conditions {
		object.Status.Conditions = append(object.Status.Conditions, corev1.ReplicationControllerCondition{
			Type: corev1.ReplicationControllerConditionType(c.Type), Status: c.Status, Reason: c.Reason, Message: c.Message,
		})
	}
	return object
}

func (d described) statefulSet() *appsv1.StatefulSet {
	object := &appsv1.StatefulSet{ObjectMeta: d.metadata()}
	object.Spec.Selector = d.selector()
	object.Spec.Template = d.template()
	object.Spec.ServiceName = d.root.value("Service Name")
	object.Spec.PodManagementPolicy = appsv1.PodManagementPolicyType(d.root.value("Pod Management Policy"))
	object.Spec.UpdateStrategy.Type = appsv1.StatefulSetUpdateStrategyType(d.root.value("Update Strategy"))
	counts := countsOf(d.root.value("Replicas"), "|")
	object.Spec.Replicas = counts.pointer("desired")
	object.Status.Replicas = counts["total"]
	object.Spec.VolumeClaimTemplates = claimTemplates(d.root.find("Volume Claims"))
	if message := missingNow(counts["desired"], counts["total"]); message != "" && counts["total"] == 0 {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.StatefulSetCondition{Type: "ReplicaFailure", Status: corev1.ConditionTrue, Reason: podsMissing, Message: message})
	}
	if message := d.podsStatus(); message != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.StatefulSetCondition{Type: evidence.ReplicasReady, Status: corev1.ConditionFalse, Message: message})
	}
	return object
}

// claimTemplates are the claims that a StatefulSet makes; each begins with its name.
func claimTemplates(from *section) []corev1.PersistentVolumeClaim {
	var all []corev1.PersistentVolumeClaim
	for _, line := range from.below {
		if line.key == "Name" {
			all = append(all, corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: line.val}})
		}
		if len(all) == 0 {
			continue
		}
		claim := &all[len(all)-1]
		switch line.key {
		case "StorageClass":
			if line.val != "" {
				claim.Spec.StorageClassName = &line.val
			}
		case "Capacity":
			if size, ok := parseQuantity(line.val); ok {
				claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: size}
			}
		case "Access Modes":
			claim.Spec.AccessModes = accessModes(strings.Trim(line.val, "[]"))
		}
	}
	return all
}

func (d described) daemonSet() *appsv1.DaemonSet {
	object := &appsv1.DaemonSet{ObjectMeta: d.metadata()}
	object.Spec.Selector = d.selector()
	object.Spec.Template = d.template()
	if selector := d.root.find("Node-Selector"); len(object.Spec.Template.Spec.NodeSelector) == 0 && selector.val != "<none>" {
		object.Spec.Template.Spec.NodeSelector = commaPairs(selector.val)
	}
	for key, count := range map[string]*int32{
		"Desired Number of Nodes Scheduled":              &object.Status.DesiredNumberScheduled,
		"Current Number of Nodes Scheduled":              &object.Status.CurrentNumberScheduled,
		"Number of Nodes Scheduled with Up-to-date Pods": &object.Status.UpdatedNumberScheduled,
		"Number of Nodes Scheduled with Available Pods":  &object.Status.NumberAvailable,
		"Number of Nodes Misscheduled":                   &object.Status.NumberMisscheduled,
	} {
		if number := intOf[int32](d.root.value(key)); number != nil {
			*count = *number
		}
	}
	object.Status.NumberUnavailable = max(0, object.Status.DesiredNumberScheduled-object.Status.NumberAvailable)
	if message := missingNow(object.Status.DesiredNumberScheduled, object.Status.CurrentNumberScheduled); message != "" && d.root.has("Current Number of Nodes Scheduled") {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DaemonSetCondition{Type: "ReplicaFailure", Status: corev1.ConditionTrue, Reason: podsMissing, Message: message})
	}
	if message := d.podsStatus(); message != "" {
		object.Status.Conditions = append(object.Status.Conditions, appsv1.DaemonSetCondition{Type: evidence.ReplicasReady, Status: corev1.ConditionFalse, Message: message})
	}
	return object
}

func (d described) job() *batchv1.Job {
	object := &batchv1.Job{ObjectMeta: d.metadata()}
	object.Spec.Selector = d.selector()
	d.jobSpec(&object.Spec)
	object.Status.StartTime = d.time(d.root.value("Start Time"))
	object.Status.CompletionTime = d.time(d.root.value("Completed At"))
	statuses := d.root.value("Pods Statuses")
	if before, rest, ok := strings.Cut(statuses, " ("); ok { // "1 Active (0 Ready) / 0 Succeeded / 3 Failed"
		ready, after, _ := strings.Cut(rest, ")")
		object.Status.Ready = countsOf(ready, "/").pointer("ready")
		statuses = before + after
	}
	counts := countsOf(statuses, "/")
	object.Status.Active, object.Status.Succeeded, object.Status.Failed = counts["active"]+counts["running"], counts["succeeded"], counts["failed"]
	d.conditions(func(kind string, status corev1.ConditionStatus, reason string) {
		object.Status.Conditions = append(object.Status.Conditions, batchv1.JobCondition{Type: batchv1.JobConditionType(kind), Status: status, Reason: reason})
	})
	return object
}

func (d described) jobSpec(spec *batchv1.JobSpec) {
	spec.Template = d.template()
	spec.Parallelism = intOf[int32](d.root.value("Parallelism"))
	spec.Completions = intOf[int32](d.root.value("Completions"))
	spec.BackoffLimit = intOf[int32](d.root.value("Backoff Limit"))
	spec.TTLSecondsAfterFinished = intOf[int32](d.root.value("TTL Seconds After Finished"))
	spec.ActiveDeadlineSeconds = intOf[int64](strings.TrimSuffix(d.root.value("Active Deadline Seconds"), "s"))
	if mode := d.root.value("Completion Mode"); mode != "" {
		spec.CompletionMode = new(batchv1.CompletionMode(mode))
	}
	if suspend := d.root.value("Suspend"); suspend != "" {
		spec.Suspend = new(strings.EqualFold(suspend, "true"))
	}
}

func (d described) cronJob() *batchv1.CronJob {
	object := &batchv1.CronJob{ObjectMeta: d.metadata()}
	object.Spec.Schedule = d.root.value("Schedule")
	object.Spec.ConcurrencyPolicy = batchv1.ConcurrencyPolicy(d.root.value("Concurrency Policy"))
	object.Spec.SuccessfulJobsHistoryLimit = intOf[int32](d.root.value("Successful Job History Limit"))
	object.Spec.FailedJobsHistoryLimit = intOf[int32](d.root.value("Failed Job History Limit"))
	object.Spec.StartingDeadlineSeconds = intOf[int64](strings.TrimSuffix(d.root.value("Starting Deadline Seconds"), "s"))
	if zone := d.root.value("Time Zone"); zone != "" {
		object.Spec.TimeZone = &zone
	}
	d.jobSpec(&object.Spec.JobTemplate.Spec)
	object.Spec.Suspend, object.Spec.JobTemplate.Spec.Suspend = object.Spec.JobTemplate.Spec.Suspend, nil
	object.Status.LastScheduleTime = d.time(d.root.value("Last Schedule Time"))
	for _, name := range strings.Split(d.root.value("Active Jobs"), ", ") {
		if name != "" {
			object.Status.Active = append(object.Status.Active, corev1.ObjectReference{Kind: "Job", Namespace: object.Namespace, Name: name, APIVersion: "batch/v1"})
		}
	}
	return object
}

// template is the pod template of a workload.
func (d described) template() corev1.PodTemplateSpec {
	from := d.root.find("Pod Template")
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: from.find("Labels").pairs(), Annotations: from.find("Annotations").annotations()}}
	d.podSpec(&template.Spec, from)
	return template
}

// selector reads the labels that a workload finds its pods by.
func (d described) selector() *metav1.LabelSelector {
	text := d.root.value("Selector")
	if text == "" || len(text) > 4096 {
		return nil
	}
	if labels := commaPairs(text); strings.Count(text, ",")+1 == len(labels) {
		return &metav1.LabelSelector{MatchLabels: labels}
	}
	selector, err := metav1.ParseToLabelSelector(text)
	if err != nil {
		return nil
	}
	return selector
}

// commaPairs reads "a=b,c=d"; pairs of another form are left out.
func commaPairs(text string) map[string]string {
	var pairs map[string]string
	for _, pair := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || key == "" || strings.ContainsAny(key, " !") || strings.HasPrefix(value, "=") {
			continue
		}
		if pairs == nil {
			pairs = map[string]string{}
		}
		pairs[key] = value
	}
	return pairs
}

// counts are numbers by the word behind them, in lower case.
type counts map[string]int32

// countsOf reads "3 desired | 1 updated | …".
func countsOf(text, separator string) counts {
	found := counts{}
	for _, part := range strings.Split(text, separator) {
		number, name := word(strings.TrimSpace(part))
		if count := intOf[int32](number); count != nil {
			found[strings.ToLower(name)] = *count
		}
	}
	return found
}

func (c counts) pointer(name string) *int32 {
	count, ok := c[name]
	if !ok {
		return nil
	}
	return &count
}

// hasConditionsOfDeployment tells whether the conditions that are shown are of a Deployment.
func (d described) hasConditionsOfDeployment() bool {
	is := false
	d.conditions(func(kind string, _ corev1.ConditionStatus, _ string) {
		switch appsv1.DeploymentConditionType(kind) {
		case appsv1.DeploymentAvailable, appsv1.DeploymentProgressing, appsv1.DeploymentReplicaFailure:
			is = true
		}
	})
	return is
}

// missingNow says that pods do not exist which a controller should have made by the time somebody described it: within
// milliseconds.
func missingNow(desired, exist int32) string {
	if exist >= desired {
		return ""
	}
	return fmt.Sprintf("%d of %d pods do not exist", desired-exist, desired)
}

// podsStatus gives what "0 Running / 2 Waiting / 0 Succeeded / 1 Failed" says where no pod runs; nothing where one does.
func (d described) podsStatus() string {
	counts := countsOf(d.root.value("Pods Status"), "/")
	switch waiting, failed := counts["waiting"], counts["failed"]; {
	case counts["running"]+counts["succeeded"] > 0:
		return ""
	case failed > 0:
		return fmt.Sprintf("0 of %d pods are ready, %d failed", waiting+failed, failed)
	case waiting > 0:
		return fmt.Sprintf("none of %d pods runs, all wait", waiting)
	default:
		return ""
	}
}

// conditions reads "Type Status Reason".
func (d described) conditions(take func(kind string, status corev1.ConditionStatus, reason string)) {
	for _, line := range d.root.find("Conditions").below {
		kind, rest := word(line.text)
		status, reason := word(rest)
		if isConditionStatus(status) {
			take(kind, corev1.ConditionStatus(status), strings.TrimSpace(reason))
		}
	}
}
