package evidence

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names that controllers give. The random part of a pod's name and a pod template's hash have no vowels and none
// of 0, 1 and 3 (k8s.io/apimachinery/pkg/util/rand, alphanums); before 1.8 the hash was a decimal number. A CronJob
// names its Jobs by the minutes since 1970, before 1.21 by the seconds
// (k8s.io/kubernetes/pkg/controller/cronjob/utils.go, getJobName).
var (
	deploymentPod = regexp.MustCompile(`^(.+)-([bcdf0-9ghjklmnpqrstvwxz]{6,10})-[bcdfghjklmnpqrstvwxz2456789]{5}$`)
	templateHash  = regexp.MustCompile(`^(.+)-[bcdf0-9ghjklmnpqrstvwxz]{5,10}$`)
	ordinalPod    = regexp.MustCompile(`^(.+)-[0-9]{1,4}$`)
	scheduledJob  = regexp.MustCompile(`^(.+)-(?:2[3-9][0-9]{6}|1[4-6][0-9]{8})$`)
	scheduledPod  = regexp.MustCompile(`^(.+)-(?:2[3-9][0-9]{6}|1[4-6][0-9]{8})-[bcdfghjklmnpqrstvwxz2456789]{5}$`)
)

// versions of the kinds that control pods.
var versions = map[string]string{
	"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
	"Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1", "ReplicationController": "v1", "Node": "v1",
	"PersistentVolumeClaim": "v1",
}

func workload(kind, namespace, name string) Workload {
	return Workload{APIVersion: versions[kind], Kind: kind, Namespace: namespace, Name: name}
}

// workloadOf climbs from an object to the top of its chain of controllers: by owner references as far as the
// objects between were observed, then by the names that controllers give.
func (c *collector) workloadOf(kind, namespace, name string) Workload {
	return c.workloadAbove(kind, namespace, name, maxOwners)
}

// maxOwners bounds how many owners are followed, so that those that own each other come to an end.
const maxOwners = 8

func (c *collector) workloadAbove(kind, namespace, name string, owners int) Workload {
	if kind == "Pod" {
		pod, known := c.pods[nameKey{namespace, name}]
		if !known {
			return c.podByName(namespace, name, owners-1)
		}
		owner := metav1.GetControllerOf(pod)
		if owner == nil {
			if pod.Labels["pod-template-hash"] != "" || onlyRow(pod) {
				return c.podByName(namespace, name, owners-1)
			}
			return workload("Pod", namespace, name)
		}
		if owner.Kind == "Node" { // a static pod
			return workload("Pod", namespace, name)
		}
		found := c.workloadAbove(owner.Kind, namespace, owner.Name, owners-1)
		if found.APIVersion == "" {
			found.APIVersion = owner.APIVersion
		}
		return found
	}
	if object, known := c.owners[objectKey{kind, namespace, name}]; known {
		if owner := metav1.GetControllerOf(object); owner != nil && owners > 0 {
			return c.workloadAbove(owner.Kind, namespace, owner.Name, owners-1)
		}
		if kind != "ReplicaSet" && kind != "Job" || len(object.GetOwnerReferences()) == 0 && object.GetUID() != "" {
			return workload(kind, namespace, name)
		}
	}
	switch {
	case kind == "ReplicaSet" && templateHash.MatchString(name):
		return workload("Deployment", namespace, templateHash.FindStringSubmatch(name)[1])
	case kind == "Job" && scheduledJob.MatchString(name):
		return workload("CronJob", namespace, scheduledJob.FindStringSubmatch(name)[1])
	default:
		return workload(kind, namespace, name)
	}
}

// onlyRow reports whether no more of a pod was observed than a row of a table and its events, which name no owner.
func onlyRow(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Spec.Containers, func(container corev1.Container) bool { return container.Image != "" })
}

// Names that are generated are cut to so many bytes, before so many random ones
// (k8s.io/apiserver/pkg/storage/names/generate.go).
const maxGenerated, randomBytes = 63, 5

// podByName tells the workload of a pod of which only the name was observed: by the event of a controller that made it, by a
// controller that was observed and whose name it has, or by its name alone.
func (c *collector) podByName(namespace, name string, owners int) Workload {
	if maker, known := c.makers[nameKey{namespace, name}]; known && owners > 0 {
		return c.workloadAbove(maker.kind, maker.namespace, maker.name, owners)
	}
	if stem := len(name) - randomBytes - 1; stem > 0 && name[stem] == '-' && owners > 0 {
		for _, kind := range [...]string{"ReplicaSet", "DaemonSet", "Job", "ReplicationController"} {
			if _, known := c.owners[objectKey{kind, namespace, name[:stem]}]; known {
				return c.workloadAbove(kind, namespace, name[:stem], owners)
			}
		}
	}
	return byName(namespace, name)
}

// seeMaker notes the controller that says that it made a pod (k8s.io/kubernetes/pkg/controller/controller_utils.go, SuccessfulCreatePodReason).
func (c *collector) seeMaker(event *corev1.Event) {
	about := event.InvolvedObject
	if name, ok := strings.CutPrefix(event.Message, "Created pod: "); ok && event.Reason == "SuccessfulCreate" && about.Name != "" && versions[about.Kind] != "" {
		c.makers[nameKey{about.Namespace, name}] = objectKey{about.Kind, about.Namespace, about.Name}
	}
}

// byName guesses the workload of a pod by its name.
func byName(namespace, name string) Workload {
	if cut := maxGenerated - randomBytes; len(name) == maxGenerated && name[cut-1] != '-' {
		if whole := name[:cut] + "-" + name[cut:]; deploymentPod.MatchString(whole) {
			name = whole
		}
	}
	switch {
	case scheduledPod.MatchString(name):
		return workload("CronJob", namespace, scheduledPod.FindStringSubmatch(name)[1])
	case deploymentPod.MatchString(name):
		return workload("Deployment", namespace, deploymentPod.FindStringSubmatch(name)[1])
	case ordinalPod.MatchString(name):
		return workload("StatefulSet", namespace, ordinalPod.FindStringSubmatch(name)[1])
	default:
		return workload("Pod", namespace, name)
	}
}

// DeploymentOf gives the name of the Deployment whose pod has a name; false for a name that no Deployment's pod has.
func DeploymentOf(pod string) (string, bool) {
	parts := deploymentPod.FindStringSubmatch(pod)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

// containerIn gives the container that an event is about: named by its field path
// (spec.containers{app}), or nothing.
func containerIn(reference corev1.ObjectReference) string {
	_, rest, found := strings.Cut(reference.FieldPath, "{")
	if !found {
		return ""
	}
	return strings.TrimSuffix(rest, "}")
}
