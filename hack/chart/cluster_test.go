package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/hack/devcluster"
)

// found gives the running cluster, or starts one for as long as the test takes.
func found(t *testing.T) *devcluster.Cluster {
	t.Helper()
	options := devcluster.Options{Progress: os.Stderr}
	_, notFound := devcluster.Find(options)
	cluster, err := devcluster.Up(t.Context(), options)
	require.NoError(t, err)
	if notFound != nil {
		t.Cleanup(func() { require.NoError(t, devcluster.Down(context.Background(), options)) })
	}
	return cluster
}

// TestTheAPIServerTakesEveryCase sends everything to the real API server of the development cluster, as a dry run: no
// registration and no right comes into force. What really exists is a namespace, under the restricted policy, with the
// account that pods need.
func TestTheAPIServerTakesEveryCase(t *testing.T) {
	cluster := found(t)
	own := fmt.Sprintf("kube-remedy-chart-%d", os.Getpid())
	kubectl := func(ctx context.Context, input string, args ...string) (string, error) {
		command := exec.CommandContext(ctx, cluster.Kubectl(), append(args, "--kubeconfig="+cluster.Kubeconfig())...)
		command.Stdin = strings.NewReader(input)
		var stdout, stderr bytes.Buffer
		command.Stdout, command.Stderr = &stdout, &stderr
		err := command.Run()
		if err != nil {
			err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
		}
		return stdout.String() + stderr.String(), err
	}
	_, err := kubectl(t.Context(), `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+own+`","labels":{
		"pod-security.kubernetes.io/enforce":"restricted","pod-security.kubernetes.io/warn":"restricted"}}}`, "create", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		_, err := kubectl(ctx, "", "delete", "namespace", own, "--wait=false")
		require.NoError(t, err)
	})
	for name, file := range cases(t) {
		t.Run(name, func(t *testing.T) {
			text, err := runHelm(t, "template", release, folder, "--namespace="+own, "--values="+file, "--kube-version="+"v1.37.2")
			require.NoError(t, err)
			said, err := kubectl(t.Context(), text, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
			require.NoError(t, err)
			require.NotContains(t, said, "Warning", "Kubernetes has nothing to say about it")
			// Policies speak of pods, not of what makes them.
			deployment := one[appsv1.Deployment](t, read(t, text), "Deployment")
			account := deployment.Spec.Template.Spec.ServiceAccountName
			_, err = kubectl(t.Context(), "", "create", "serviceaccount", account, "-n", own)
			require.True(t, err == nil || strings.Contains(err.Error(), "already exists"), "%v", err)
			pod := corev1.Pod{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
				ObjectMeta: metav1.ObjectMeta{Name: "replica", Namespace: own, Labels: deployment.Spec.Template.Labels},
				Spec:       deployment.Spec.Template.Spec,
			}
			asJSON, err := json.Marshal(pod)
			require.NoError(t, err)
			_, err = kubectl(t.Context(), string(asJSON), "create", "--dry-run=server", "-f", "-")
			require.NoError(t, err)
		})
	}
}
