package v1alpha1_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

func TestNamesThatAreOthersEachTime(t *testing.T) {
	for _, test := range []struct {
		sentence, name string
		want           bool
	}{
		{"eight hexadecimal digits", "worker-3f9c2d1e", true},
		{"six hexadecimal digits", "build-1a2b3c", true},
		{"a digest of twelve", "ci-9c1185a5c5e9", true},
		{"a UUID", "spark-8c5c5a8b-c3d2-41f0-9e4b-0a1b2c3d4e5f", true},
		{"a UUID whose last group is letters and then digits", "spark-8c5c5a8b-c3d2-41f0-9e4b-abcdef123456", true},
		{"a UUID alone", "8c5c5a8b-c3d2-41f0-9e4b-abcdef123456", true},
		{"a UUID without dashes behind a dot", "etl.8c5c5a8bc3d241f09e4b0a1b2c3d4e5f", true},
		{"five characters as Kubernetes makes them", "runner-x7k2p", true},
		{"eight of them", "runner-project-1-concurrent-0-b7xk9dqz", true},
		{"five of them alone", "x7k2p", true},
		{"seconds since 1970", "job-1760000000", true},
		{"a date", "backup-20240101", true},
		{"a date and a time of day", "backup-20240101-120000", true},
		{"a date and a time in one part", "backup-20240101t120000z", true},
		{"milliseconds behind a word", "run.t1760000000123", true},

		{"a number", "web-1", false},
		{"an ordinal of a StatefulSet", "redis-master-0", false},
		{"a version", "my-app-v2", false},
		{"a year", "job-2024", false},
		{"a day with dashes", "backup-2024-01-01", false},
		{"an address", "ip-10-245-12-34", false},
		{"a word", "web-frontend", false},
		{"a word of hexadecimal digits", "web-facade", false},
		{"a word of hexadecimal digits with a number behind it", "web-facade2", false},
		{"a word of the characters of Kubernetes with a number behind it", "proxy-http2", false},
		{"a number of a node", "agent-node01", false},
		{"a port", "proxy-54229", false},
		{"five hexadecimal digits", "web-1a2b3", false},
		{"four characters as Kubernetes makes them", "web-x7k2", false},
		{"a vowel among them", "web-x7a2p", false},
		{"random characters in the middle", "spark-3f9c2d1e-driver", false},
		{"almost a UUID", "8c5c5a8b-c3d2-41f0-9e4b_abcdef", false},
		{"a UUID that goes on in front", "x8c5c5a8b-c3d2-41f0-9e4b-abcdefabcdef", false},
		{"a date and more than a time of day", "backup-20240101-1", false},
		{"a time of day without a date", "backup-120000", false},
		{"a dash and nothing", "web-", false},
		{"nothing", "", false},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			require.Equal(t, test.want, v1alpha1.RandomName(test.name))
			require.Equal(t, test.want, v1alpha1.RandomName([]byte(test.name)))
		})
	}
	for range 1000 {
		name := "worker-" + uuid.NewString()
		require.True(t, v1alpha1.RandomName(name), name)
	}
}

func TestTheAppOfAPod(t *testing.T) {
	pod := func(name string, change ...func(*corev1.Pod)) *corev1.Pod {
		made := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "other", v1alpha1.AppNameLabel: "worker"}}}
		for _, c := range change {
			c(made)
		}
		return made
	}
	owned := func(controls *bool) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "driver", UID: "1", Controller: controls}}
		}
	}
	for _, test := range []struct {
		sentence string
		pod      *corev1.Pod
		want     string
	}{
		{"a random name", pod("worker-3f9c2d1e"), "worker"},
		{"a name that stays", pod("worker-1"), ""},
		{"no name yet", pod(""), ""},
		{"a prefix goes before the app", pod("worker-x7k2p", func(p *corev1.Pod) { p.GenerateName = "worker-" }), ""},
		{"a controller", pod("worker-3f9c2d1e", owned(new(true))), ""},
		{"an owner that does not control it", pod("worker-3f9c2d1e", owned(nil)), "worker"},
		{"no label", pod("worker-3f9c2d1e", func(p *corev1.Pod) { p.Labels = nil }), ""},
	} {
		t.Run(test.sentence, func(t *testing.T) { require.Equal(t, test.want, v1alpha1.AppNameOf(test.pod)) })
	}
}

func TestTargetsAsTheyAreShown(t *testing.T) {
	require.Equal(t, "Deployment/web", v1alpha1.TargetRef{Kind: "Deployment", Name: "web"}.String())
	require.Equal(t, "Job/batch-…", v1alpha1.TargetRef{Kind: "Job", GenerateName: "batch-"}.String())
	require.Equal(t, "Pod/app.kubernetes.io/name=worker", v1alpha1.TargetRef{Kind: "Pod", AppName: "worker"}.String())
}
