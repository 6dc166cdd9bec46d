package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-remedy/kube-remedy/hack/install"
)

// TestTheCertificateIsReplacedUnderLoad applies as fast as it can while the certificate and its authority are replaced:
// no apply fails, and none goes through without its cure.
func TestTheCertificateIsReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorkload(t, spec{needs: "1Mi"})
	w.declareMore()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	require.NoError(t, err)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var applied, unpatched atomic.Int64
	var failed atomic.Value
	var appliers sync.WaitGroup
	for range 2 {
		appliers.Go(func() {
			for ctx.Err() == nil {
				limit, err := tryApply(context.WithoutCancel(ctx), client, w.namespace)
				applied.Add(1)
				switch {
				case err != nil:
					failed.Store(err)
				case limit != "256Mi":
					unpatched.Add(1)
				}
				time.Sleep(5 * time.Millisecond) // others are tested at the same time
			}
		})
	}
	first := servedSerial(t)
	_, err = pair.Kubectl(t.Context(), "", "delete", "secret", "kube-remedy-webhook-certificate", "-n", install.Namespace)
	require.NoError(t, err)
	w.until("another certificate to be served", func() error {
		if servedSerial(t) == first {
			return fmt.Errorf("it is still %s", first)
		}
		return nil
	})
	time.Sleep(5 * time.Second)
	stop()
	appliers.Wait()
	require.Nil(t, failed.Load())
	require.Zero(t, unpatched.Load(), "of %d applies", applied.Load())
	require.Greater(t, applied.Load(), int64(100))
}

// tryApply creates a Deployment without storing it and gives the memory limit it would have.
func tryApply(ctx context.Context, client dynamic.Interface, namespace string) (string, error) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": namespace},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "app", "image": "misbehave:v1", "resources": map[string]any{"limits": map[string]any{"memory": "128Mi"}},
				}}},
			},
		},
	}}
	created, err := client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).
		Namespace(namespace).Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return "", err
	}
	containers, _, err := unstructured.NestedSlice(created.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return "", err
	}
	limit, _, err := unstructured.NestedString(containers[0].(map[string]any), "resources", "limits", "memory")
	return limit, err
}

// servedSerial is the serial number of the certificate that the webhook serves.
func servedSerial(t *testing.T) string {
	t.Helper()
	connection, err := tls.Dial("tcp", cluster.HostIP()+":"+install.WebhookPort, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // only looked at
	require.NoError(t, err)
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
