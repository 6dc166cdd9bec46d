// Package crash shows that the event watcher never loses what it should remember, and never does it twice: stories of
// workloads that fail are told undisturbed, and then again with one harm each, on a real API server. The Remediations,
// the workload and the Events are in the end the same as in the undisturbed run.
//
// The harms are, at each write that the watcher sends: it is killed before the API server hears of the write, or after
// the write was carried out and before the answer, or is told that the object changed meanwhile; and at each event of
// its watches: the event is lost, or comes twice. A watcher that was killed is started again. An event that is lost is
// made up for by the next change of the object, or when the watcher lists anew: once an hour as it is shipped, a few
// seconds later here. Of the events about nodes, those count that are about a story's own: most stories share one node.
//
// A test tells a part of this, the same one each time: it is killed at each write, and every seventh event is lost or
// doubled. CRASH_MATRIX=all tells the whole (make crash-matrix). CRASH_LOG=1 shows what the watchers log.
//
// Watchers are killed within the test's process, by taking the network from them: what they did not send, nobody sees.
// Pods run on a simulated node, whose place the test takes when their containers fail.
package crash

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/catalog"
	"github.com/kube-remedy/kube-remedy/hack/devcluster"
	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// portBase is the first port of the cluster, away from the usual ones: it disturbs no other cluster.
const portBase = 23400

// atOnce is how many stories are told at once: they mostly wait.
const atOnce = 16

// What all stories share: the cluster, as its administrator, and what the watchers know of failures.
var (
	admin   *rest.Config
	clients *kubernetes.Clientset
	stored  *remediations.Clientset
	known   *catalog.Catalog
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		return 1, err
	}
	klog.SetSlogLogger(slog.New(slog.DiscardHandler)) // killed watchers have much to complain of
	dir, err := os.MkdirTemp("", "kube-remedy-crash-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	options := devcluster.Options{StateDir: filepath.Join(dir, "cluster"), Simulated: true, PortBase: portBase, Progress: os.Stderr}
	if kept := os.Getenv("CRASH_STATE"); kept != "" {
		options.StateDir = kept // a cluster that is used again while one works on this
	}
	cluster, err := devcluster.Up(ctx, options)
	if err != nil {
		return 1, err
	}
	if os.Getenv("CRASH_STATE") == "" {
		defer func() {
			if downErr := devcluster.Down(ctx, options); err == nil {
				err = downErr
			}
		}()
	}
	if err := prepare(ctx, cluster); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// prepare connects, and puts what is needed into the cluster.
func prepare(ctx context.Context, cluster *devcluster.Cluster) (err error) {
	if admin, err = cluster.RESTConfig(); err != nil {
		return err
	}
	admin.QPS = -1 // as many requests as come
	if clients, err = kubernetes.NewForConfig(admin); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if stored, err = remediations.NewClientset(admin); err != nil {
		return err
	}
	if known, err = catalog.BuiltIn(); err != nil {
		return err
	}
	if err := define(ctx); err != nil {
		return err
	}
	return enlarge(ctx)
}

// define installs the custom resource definition.
func define(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join("..", "..", "charts", "kube-remedy", "files", "crds", "kube-remedy.io_remediations.yaml"))
	if err != nil {
		return fmt.Errorf("read the custom resource definition: %w", err)
	}
	var definition unstructured.Unstructured
	if err := yaml.Unmarshal(text, &definition.Object); err != nil {
		return fmt.Errorf("decode the custom resource definition: %w", err)
	}
	objects, err := dynamic.NewForConfig(admin)
	if err != nil {
		return fmt.Errorf("client for the custom resource definition: %w", err)
	}
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	_, err = objects.Resource(resource).Apply(ctx, definition.GetName(), &definition, metav1.ApplyOptions{FieldManager: "crash", Force: true})
	if err != nil {
		return fmt.Errorf("apply the custom resource definition: %w", err)
	}
	for range 100 {
		if _, err = stored.Remediations("default").List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("wait for remediations to be served: %w", err)
}

// enlarge gives the simulated node room for the pods of all stories.
func enlarge(ctx context.Context) error {
	nodes, err := clients.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	room := []byte(`{"status":{"allocatable":{"cpu":"1000","memory":"10Ti","pods":"10000"},"capacity":{"cpu":"1000","memory":"10Ti","pods":"10000"}}}`)
	for _, node := range nodes.Items {
		if _, err := clients.CoreV1().Nodes().Patch(ctx, node.Name, types.StrategicMergePatchType, room, metav1.PatchOptions{}, "status"); err != nil {
			return fmt.Errorf("give node %s more room: %w", node.Name, err)
		}
	}
	return nil
}
