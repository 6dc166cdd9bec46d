package evidence_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func meta(namespace, name string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u", OwnerReferences: owners}
}

func ownedBy(apiVersion, kind, name string) metav1.OwnerReference {
	controls := true
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, Controller: &controls}
}

// row is a pod as a table shows it.
func row(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{
		Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{RestartCount: 3}},
	}}
}

func pod(meta metav1.ObjectMeta, containers ...string) *corev1.Pod {
	found := &corev1.Pod{ObjectMeta: meta}
	for _, name := range containers {
		found.Spec.Containers = append(found.Spec.Containers, corev1.Container{Name: name, Image: name + ":1", ImagePullPolicy: corev1.PullAlways})
	}
	return found
}

func event(kind, namespace, name, reason, message string) *corev1.Event {
	return &corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name}, Type: corev1.EventTypeWarning, Reason: reason, Message: message,
	}
}

func TestPodsBelongToTheTopOfTheirControllers(t *testing.T) {
	for _, test := range []struct {
		name    string
		objects []runtime.Object
		want    evidence.Workload
	}{
		{
			name: "a ReplicaSet that was observed names its Deployment",
			objects: []runtime.Object{
				pod(meta("shop", "web-1", ownedBy("apps/v1", "ReplicaSet", "web-abc")), "web"),
				&appsv1.ReplicaSet{ObjectMeta: meta("shop", "web-abc", ownedBy("apps/v1", "Deployment", "web"))},
			},
			want: evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		},
		{
			name:    "a ReplicaSet that was not observed tells its Deployment by its name",
			objects: []runtime.Object{pod(meta("shop", "web-6d5f8b7c9-x2x4z", ownedBy("apps/v1", "ReplicaSet", "web-6d5f8b7c9")), "web")},
			want:    evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		},
		{
			name: "a Job of a CronJob",
			objects: []runtime.Object{
				pod(meta("shop", "sum-x-abcde", ownedBy("batch/v1", "Job", "sum-x")), "sum"),
				&batchv1.Job{ObjectMeta: meta("shop", "sum-x", ownedBy("batch/v1", "CronJob", "sum"))},
			},
			want: evidence.Workload{APIVersion: "batch/v1", Kind: "CronJob", Namespace: "shop", Name: "sum"},
		},
		{
			name:    "a controller of another kind is kept as it is named",
			objects: []runtime.Object{pod(meta("shop", "web-1", ownedBy("argoproj.io/v1alpha1", "Rollout", "web")), "web")},
			want:    evidence.Workload{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: "shop", Name: "web"},
		},
		{
			name:    "a pod of its own",
			objects: []runtime.Object{pod(meta("shop", "web-6d5f8b7c9-x2x4z"), "web")},
			want:    evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "web-6d5f8b7c9-x2x4z"},
		},
		{
			name:    "a static pod",
			objects: []runtime.Object{pod(meta("kube-system", "etcd-n1", ownedBy("v1", "Node", "n1")), "etcd")},
			want:    evidence.Workload{APIVersion: "v1", Kind: "Pod", Namespace: "kube-system", Name: "etcd-n1"},
		},
		{
			name:    "a row of a table names no owner, its name does",
			objects: []runtime.Object{row("web-6d5f8b7c9-x2x4z")},
			want:    evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		},
		{
			name:    "a row of a Deployment of an old release",
			objects: []runtime.Object{row("web-3244713806-x2x4z")},
			want:    evidence.Workload{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		},
		{
			name:    "a row of a CronJob",
			objects: []runtime.Object{row("sum-29387460-x2x4z")},
			want:    evidence.Workload{APIVersion: "batch/v1", Kind: "CronJob", Name: "sum"},
		},
		{
			name:    "a row whose controller stands in another table",
			objects: []runtime.Object{row("agent-x2x4z"), &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}},
			want:    evidence.Workload{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent"},
		},
		{
			name:    "a row whose Job has the name that a CronJob gives",
			objects: []runtime.Object{row("sum-29387460-x2x4z"), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "sum-29387460"}}},
			want:    evidence.Workload{APIVersion: "batch/v1", Kind: "CronJob", Name: "sum"},
		},
		{
			name:    "a row whose controller says that it made the pod",
			objects: []runtime.Object{row("import-q76fq"), event("Job", "", "import", "SuccessfulCreate", "Created pod: import-q76fq")},
			want:    evidence.Workload{APIVersion: "batch/v1", Kind: "Job", Name: "import"},
		},
		{
			name:    "a row with an ordinal",
			objects: []runtime.Object{row("kafka-2")},
			want:    evidence.Workload{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "kafka"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := evidence.Observations{Objects: test.objects}.Collect()
			require.Len(t, found, 1)
			require.Equal(t, test.want, found[0].Workload)
			require.Len(t, found[0].Pods, 1)
		})
	}
}

func TestContainersOfRowsAreNamedByTheirEvents(t *testing.T) {
	found := evidence.Observations{
		Objects: []runtime.Object{
			row("web-6d5f8b7c9-x2x4z"),
			event("Pod", "", "web-6d5f8b7c9-x2x4z", "Started", "Container started"),
			event("Pod", "", "web-6d5f8b7c9-x2x4z", "BackOff", "Back-off restarting failed container app in pod web-6d5f8b7c9-x2x4z_shop(u)"),
		},
		Logs: []evidence.Log{{Text: []byte("panic: x\n")}},
	}.Collect()
	require.Len(t, found, 1)
	require.Equal(t, "app", found[0].Containers[0].Name)
	require.Equal(t, "app", found[0].Logs[0].Container, "the log is that of the only container")
}

func TestContainersOfEveryKindAreGiven(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	observed := pod(meta("shop", "web"), "web")
	observed.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "m"}, {Name: "proxy", Image: "p", RestartPolicy: &always}}
	observed.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
	observed.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", RestartCount: 2}, {Name: "unknown", Image: "x"}}
	kinds := map[string]evidence.ContainerKind{}
	for _, container := range evidence.ContainersOf(observed) {
		kinds[container.Name] = container.Kind
		require.Equal(t, container.Name == "web" || container.Name == "proxy", container.Specified, container.Name)
	}
	require.Equal(t, map[string]evidence.ContainerKind{
		"migrate": evidence.Init, "proxy": evidence.Sidecar, "web": evidence.App, "debug": evidence.Ephemeral, "unknown": evidence.App,
	}, kinds)
}

func TestClaimsBelongToThePodsThatNameThem(t *testing.T) {
	claim := func(name string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
	}
	named := pod(meta("", "web"), "web")
	named.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "pages"}}}}
	found := evidence.Observations{Objects: []runtime.Object{
		named, row("kafka-0"), claim("pages"), claim("data-kafka-0"), claim("spare"),
		event("PersistentVolumeClaim", "", "data-kafka-0", "ProvisioningFailed", "no class"),
	}}.Collect()
	claims := map[string][]string{}
	for _, observed := range found {
		for _, claim := range observed.Claims {
			claims[observed.Workload.Kind] = append(claims[observed.Workload.Kind], claim.Name)
		}
		require.Equal(t, observed.Workload.Name == "kafka", len(observed.Events) == 1, "the event of a claim is that of its user")
	}
	require.Equal(t, map[string][]string{"Pod": {"pages"}, "StatefulSet": {"data-kafka-0"}, "PersistentVolumeClaim": {"spare"}}, claims)
}

func TestBoundsAndUsageReachTheWorkloadsTheyAreAbout(t *testing.T) {
	quota := func(namespace string) *corev1.ResourceQuota {
		return &corev1.ResourceQuota{ObjectMeta: meta(namespace, "team"), Spec: corev1.ResourceQuotaSpec{
			Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("4")},
		}}
	}
	found := evidence.Observations{
		Objects: []runtime.Object{pod(meta("shop", "web"), "app", "proxy"), quota("shop"), quota("bi")},
		Usage: []evidence.Usage{
			{Namespace: "shop", Pod: "web", Container: "app", Memory: 7 << 20, CPU: 30},
			{Namespace: "bi", Pod: "web", Container: "proxy", Memory: 1},
			{Namespace: "shop", Pod: "web", Memory: 2}, // the sum of two says nothing of either
		},
	}.Collect()
	require.Len(t, found, 1)
	require.Len(t, found[0].Quotas, 1)
	require.EqualValues(t, 7<<20, found[0].Containers[0].MemoryUsage)
	require.EqualValues(t, 30, found[0].Containers[0].CPUUsage)
	require.Zero(t, found[0].Containers[1].MemoryUsage)
}

func TestJobsWhosePodsFailSaySo(t *testing.T) {
	for _, test := range []struct {
		name   string
		status batchv1.JobStatus
		want   int
	}{
		{"all failed", batchv1.JobStatus{Failed: 3}, 1},
		{"the first was followed by another", batchv1.JobStatus{Failed: 1, Active: 1}, 0},
		{"one runs after many", batchv1.JobStatus{Failed: 3, Active: 1}, 1},
		{"one succeeded", batchv1.JobStatus{Failed: 3, Succeeded: 1}, 0},
		{"a condition says more", batchv1.JobStatus{Failed: 3, Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := evidence.Observations{Objects: []runtime.Object{&batchv1.Job{ObjectMeta: meta("shop", "sum"), Status: test.status}}}.Collect()
			require.Len(t, found[0].Conditions, test.want)
		})
	}
}

func TestEventsAreGivenAsTodaysKubernetesWritesThem(t *testing.T) {
	old := event("Pod", "shop", "web", "failedScheduling", "Failed for reason PodFitsResources and possibly others")
	old.InvolvedObject.FieldPath = "spec.containers{app}"
	old.Count = 5
	require.Equal(t, evidence.Event{
		Object: "pod/web", Pod: "web", Container: "app", Type: "Warning", Reason: "FailedScheduling",
		Message: "Failed for reason PodFitsResources and possibly others", Count: 5,
	}, evidence.EventOf(old))

	last := metav1.NewMicroTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	series := event("Node", "", "n1", "NodeNotReady", "")
	series.Series = &corev1.EventSeries{Count: 9, LastObservedTime: last}
	given := evidence.EventOf(series)
	require.EqualValues(t, 9, given.Count)
	require.Equal(t, last.Time, given.Time)
	require.Empty(t, given.Pod)
}

func TestPiecesOfALogAreJoinedWhereThereAreMany(t *testing.T) {
	whole := bytes.Repeat([]byte("of the log\nof others\n"), 200)
	before := bytes.Clone(whole)
	var observed evidence.Observations
	for i := range 200 {
		observed.Logs = append(observed.Logs, evidence.Log{Text: whole[21*i : 21*i+11]})
	}
	workloads := observed.Collect()
	require.Len(t, workloads, 1)
	require.Len(t, workloads[0].Logs, 64)
	var joined []byte
	for _, log := range workloads[0].Logs {
		joined = append(joined, log.Text...)
	}
	require.Equal(t, bytes.Repeat([]byte("of the log\n"), 200), joined)
	require.Equal(t, before, whole, "what the pieces were cut from is left as it is")
}
