package text

import (
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-remedy/kube-remedy/engine/evidence"
)

func TestADescriptionAndAManifestOfAPodGiveTheSame(t *testing.T) {
	for _, name := range []string{"pod-crashing"} {
		t.Run(name, func(t *testing.T) {
			described := Parse(readFile(t, name+".describe.txt"), time.Time{})
			printed := Parse(readFile(t, name+".manifest.yaml"), time.Time{})
			require.Empty(t, described.Logs)
			require.Empty(t, printed.Logs)
			want := only[*corev1.Pod](t, printed)
			hideFromDescription(want)
			require.Equal(t, plain(want), plain(only[*corev1.Pod](t, described)))
			sameEvents(t, all[*corev1.Event](printed), all[*corev1.Event](described))
		})
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return data
}

func all[T runtime.Object](from evidence.Observations) []T {
	var found []T
	for _, object := range from.Objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

func only[T runtime.Object](t *testing.T, from evidence.Observations) T {
	t.Helper()
	found := all[T](from)
	require.Len(t, found, 1)
	return found[0]
}

// plain is an object as the API would print it, so that two that mean the same are the same.
func plain(object runtime.Object) map[string]any {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		panic(err)
	}
	return content
}

// hideFromDescription removes what kubectl describe does not print.
func hideFromDescription(pod *corev1.Pod) {
	pod.UID = ""
	pod.CreationTimestamp = metav1.Time{}
	pod.ManagedFields = nil
	pod.ResourceVersion = ""
	pod.GenerateName = ""
	for i := range pod.OwnerReferences {
		pod.OwnerReferences[i].UID = ""
		pod.OwnerReferences[i].BlockOwnerDeletion = nil
	}
	for key, value := range pod.Annotations {
		if len(value) > 140 {
			pod.Annotations[key] = value[:138] + "..."
		}
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			c := &list[i]
			sort.Slice(c.VolumeMounts, func(a, b int) bool { return c.VolumeMounts[a].MountPath < c.VolumeMounts[b].MountPath })
		}
	}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if v.CSI != nil {
			v.CSI.ReadOnly = nil
		}
		if v.Ephemeral != nil {
			v.Ephemeral.VolumeClaimTemplate.Spec.AccessModes, v.Ephemeral.VolumeClaimTemplate.Spec.Resources = nil, corev1.VolumeResourceRequirements{}
		}
		if v.DownwardAPI != nil {
			v.DownwardAPI.Items[0].FieldRef.APIVersion = ""
		}
		if v.Projected != nil {
			for j := range v.Projected.Sources {
				s := &v.Projected.Sources[j]
				if s.ServiceAccountToken != nil {
					s.ServiceAccountToken.Path = ""
				}
				if s.ConfigMap != nil {
					s.ConfigMap.Items = nil
				}
				if s.DownwardAPI != nil {
					s.DownwardAPI.Items = nil
				}
			}
		}
	}
	sort.Slice(pod.Spec.Tolerations, func(a, b int) bool { return pod.Spec.Tolerations[a].Key < pod.Spec.Tolerations[b].Key })
	sort.Slice(pod.Spec.TopologySpreadConstraints, func(a, b int) bool {
		return pod.Spec.TopologySpreadConstraints[a].TopologyKey < pod.Spec.TopologySpreadConstraints[b].TopologyKey
	})
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			hideState(&list[i].State)
			hideState(&list[i].LastTerminationState)
			list[i].Started = nil
		}
	}
}

func hideState(state *corev1.ContainerState) {
	if state.Waiting != nil {
		state.Waiting.Message = ""
	}
	if state.Terminated != nil {
		state.Terminated.ContainerID = ""
		state.Terminated.Message = strings.TrimRight(state.Terminated.Message, "\n")
	}
}

// sameEvents compares events in the order of their last time, which the ages of a description tell to a minute.
func sameEvents(t *testing.T, want, got []*corev1.Event) {
	t.Helper()
	require.Len(t, got, len(want))
	byReason := func(list []*corev1.Event) {
		sort.Slice(list, func(a, b int) bool { return list[a].Reason+list[a].Message < list[b].Reason+list[b].Message })
	}
	byReason(want)
	byReason(got)
	for i, event := range want {
		require.Equal(t, event.Reason, got[i].Reason)
		require.Equal(t, event.Type, got[i].Type)
		require.Equal(t, event.Message, got[i].Message)
		require.Equal(t, event.Count, got[i].Count)
		require.Equal(t, event.Source.Component, got[i].Source.Component)
		require.Equal(t, event.InvolvedObject, got[i].InvolvedObject)
		require.WithinDuration(t, event.FirstTimestamp.Time, got[i].FirstTimestamp.Time, time.Minute, event.Reason)
		require.WithinDuration(t, event.LastTimestamp.Time, got[i].LastTimestamp.Time, time.Minute, event.Reason)
	}
}
