package devcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// node is as much of a Node as is asked about here.
type node struct {
	Spec struct {
		Taints []struct {
			Key string `json:"key"`
		} `json:"taints"`
	} `json:"spec"`
	Status struct {
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
			// Heartbeat is when the kubelet last said so, to the second.
			Heartbeat time.Time `json:"lastHeartbeatTime"`
		} `json:"conditions"`
	} `json:"status"`
}

// get reads one object from the API server.
func get(ctx context.Context, client *http.Client, l layout, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.apiServer()+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the API server answers %s to GET %s", response.Status, path)
	}
	return json.Unmarshal(body, into)
}

// nodeReady returns nil once pods can be scheduled to the node. What it said before since does not count:
// a kubelet that was killed leaves a node that is Ready, until somebody notices.
func nodeReady(ctx context.Context, client *http.Client, l layout, since time.Time) error {
	var n node
	if err := get(ctx, client, l, "/api/v1/nodes/"+nodeName, &n); err != nil {
		return err
	}
	for _, taint := range n.Spec.Taints {
		if taint.Key == "node.kubernetes.io/not-ready" || taint.Key == "node.kubernetes.io/unreachable" {
			return fmt.Errorf("the node still has the taint %s", taint.Key)
		}
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == "Ready" {
			if condition.Heartbeat.Before(since.Truncate(time.Second)) {
				return errors.New("the node has not been heard of since its start")
			}
			if condition.Status == "True" {
				return nil
			}
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		}
	}
	return errors.New("the node has not said whether it is ready")
}

func defaultServiceAccount(ctx context.Context, client *http.Client, l layout) error {
	return get(ctx, client, l, "/api/v1/namespaces/default/serviceaccounts/default", &struct{}{})
}

// eventually asks until the answer is nil, every 100 ms, no longer than patience.
func eventually(ctx context.Context, patience time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %s: %w", patience, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// apply applies manifests, with server-side apply so that it may be repeated.
func apply(ctx context.Context, l layout, p programs, manifests string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.kubernetes, "kubectl"), "--kubeconfig="+l.adminKubeconfig(),
		"apply", "--server-side", "--force-conflicts", "--field-manager=devcluster", "-f", "-")
	cmd.Env = append(os.Environ(), "KUBECACHEDIR="+l.path("kubectl-cache"))
	cmd.Stdin = bytes.NewBufferString(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("applying the cluster's first objects: %w\n%s", err, lastLines(string(out), 8))
	}
	return nil
}
