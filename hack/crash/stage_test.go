package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/eventwatcher"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

const (
	// window is how long pods must stay Ready here; times of conditions are whole seconds.
	window = time.Second
	// relist is how long after an event was lost the watcher lists anew: what it would have told is then seen.
	relist = 3 * time.Second
	// patience is how long a step of a story may take, the harm included.
	patience = 2 * time.Minute
	// pause is between two looks at what became of a step.
	pause = 200 * time.Millisecond
	// quiet is how long nothing may change any more at a story's end.
	quiet = 1500 * time.Millisecond
)

// stage is where a story is told once: a namespace with one Deployment, and the watcher that watches it.
type stage struct {
	*testing.T
	network *network
	// last is when a container ended last; the next one ends later, by whole seconds as the API has them.
	last time.Time
}

// stages counts them: their namespaces are named by it, and by the process.
var stages atomic.Int32

// newStage makes a namespace and starts a watcher on it, which is started again whenever it is killed.
func newStage(t *testing.T, fault fault) *stage {
	t.Helper()
	name := fmt.Sprintf("story-%d-%d", os.Getpid(), stages.Add(1))
	s := &stage{T: t, network: &network{namespace: name, fault: fault, events: map[string]int{}}}
	s.network.admits = s.admit
	for _, namespace := range []string{name, s.leases()} {
		_, err := clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	filled := make(chan error, 1)
	running.Go(func() {
		for life := 1; ctx.Err() == nil; life++ {
			if err := s.live(ctx, life, filled); err != nil {
				t.Errorf("life %d of the watcher: %v", life, err)
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	require.NoError(t, <-filled)
	return s
}

func (s *stage) leases() string { return s.network.namespace + "-watcher" }

// live runs one watcher until it is killed or ctx ends. What a dead one left of its lease is taken away first, so that
// nobody has to wait until it runs out.
func (s *stage) live(ctx context.Context, life int, filled chan<- error) error {
	err := clients.CoordinationV1().Leases(s.leases()).Delete(ctx, eventwatcher.LeaseName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		return err
	}
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	connection := rest.CopyConfig(admin)
	connection.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &line{network: s.network, next: next, kill: kill}
	})
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CRASH_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("story", s.network.namespace, "life", life)
	}
	settings, err := config.Open("", clock.RealClock{}, log)
	if err != nil {
		return err
	}
	every := eventwatcher.DefaultRelist
	if s.network.fault.harm == dropped {
		every = relist
	}
	watcher, err := eventwatcher.New(eventwatcher.Options{
		Config: connection, Settings: settings, Namespace: s.leases(), Identity: fmt.Sprint("life-", life),
		StabilizationWindow: window, Expiry: eventwatcher.DefaultExpiry, Relist: every, Workers: 2,
		Engine: engine.New(known), Log: log, Metrics: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		return err
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	if life == 1 {
		waiting.Go(func() {
			for watcher.Ready() != nil && ctx.Err() == nil {
				time.Sleep(20 * time.Millisecond)
			}
			filled <- ctx.Err()
		})
	}
	return watcher.Run(ctx)
}

// until asks until there is no error any more.
func (s *stage) until(what string, ask func() error) {
	s.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || s.Failed() {
			s.Fatalf("waited for %s: %v\n%s", what, err, s.told())
		}
		time.Sleep(pause)
	}
}

// deployment is what the owner writes.
func (s *stage) deployment(annotations map[string]string) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: s.network.namespace, Annotations: annotations},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64(0)),
					Containers: []corev1.Container{{
						Name: "app", Image: "shop/web:1",
						Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")}},
					}},
				},
			},
		},
	}
}

// apply applies a manifest as kubectl does on the client's side: what was applied is kept in an annotation, as JSON with
// a newline. The cures are those that the webhook would put in.
func (s *stage) apply(manifest *appsv1.Deployment, cures ...*v1alpha1.Remediation) {
	s.Helper()
	text, err := json.Marshal(manifest)
	require.NoError(s, err)
	deployments := clients.AppsV1().Deployments(s.network.namespace)
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := deployments.Get(s.Context(), manifest.Name, metav1.GetOptions{})
		created := apierrors.IsNotFound(err)
		if created {
			live = &appsv1.Deployment{ObjectMeta: *manifest.ObjectMeta.DeepCopy()}
		} else if err != nil {
			return err
		}
		manifest.Spec.DeepCopyInto(&live.Spec)
		if live.Annotations == nil {
			live.Annotations = map[string]string{}
		}
		live.Annotations[corev1.LastAppliedConfigAnnotation] = string(text) + "\n"
		for _, cure := range cures {
			if err := heal(live, cure); err != nil {
				return err
			}
		}
		if created {
			_, err = deployments.Create(s.Context(), live, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
		} else {
			_, err = deployments.Update(s.Context(), live, metav1.UpdateOptions{FieldManager: "kubectl-client-side-apply"})
		}
		return err
	})
	require.NoError(s, err)
}

// heal puts a cure into a Deployment, as the webhook does.
func heal(live *appsv1.Deployment, cure *v1alpha1.Remediation) error {
	live.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return err
	}
	before, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if operations := remedy.Resolve(cure.Spec.Actions, object).Operations; len(operations) > 0 {
		text, err := json.Marshal(operations)
		if err != nil {
			return err
		}
		patch, err := jsonpatch.DecodePatch(text)
		if err != nil {
			return err
		}
		after, err := patch.Apply(before)
		if err != nil {
			return err
		}
		*live = appsv1.Deployment{}
		if err := json.Unmarshal(after, live); err != nil {
			return err
		}
	}
	for _, annotations := range []*map[string]string{&live.Annotations, &live.Spec.Template.Annotations} {
		if *annotations == nil {
			*annotations = map[string]string{}
		}
		(*annotations)[v1alpha1.RemediationsAnnotation] = cure.Mark()
	}
	return nil
}

// admit makes of the watcher's write that changes nothing what the webhook makes of it: the Deployment with its cure.
func (s *stage) admit(request *http.Request) error {
	if request.Method != http.MethodPatch || !strings.HasSuffix(request.URL.Path, "/deployments/web") || request.ContentLength != int64(len("{}")) {
		return nil
	}
	list, err := stored.Remediations(s.network.namespace).List(request.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	live, err := clients.AppsV1().Deployments(s.network.namespace).Get(request.Context(), "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if err := heal(live, &list.Items[i]); err != nil {
			return err
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{
		v1alpha1.RemediationsAnnotation: live.Annotations[v1alpha1.RemediationsAnnotation],
	}}, "spec": map[string]any{"template": live.Spec.Template}})
	if err != nil {
		return err
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(patch)), int64(len(patch))
	return nil
}

// pod waits for the only pod of the newest template to run, and gives it.
func (s *stage) pod(mark string) *corev1.Pod {
	s.Helper()
	var pod *corev1.Pod
	s.until("the pod to run", func() error {
		pods, err := clients.CoreV1().Pods(s.network.namespace).List(s.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 {
			return fmt.Errorf("there are %d pods", len(pods.Items))
		}
		pod = &pods.Items[0]
		if pod.Status.Phase != corev1.PodRunning || pod.Annotations[v1alpha1.RemediationsAnnotation] != mark {
			return fmt.Errorf("it is %s with mark %q", pod.Status.Phase, pod.Annotations[v1alpha1.RemediationsAnnotation])
		}
		return nil
	})
	return pod
}

// ends lets the container of a pod end, as the kubelet reports it while it waits to start it again.
func (s *stage) ends(pod *corev1.Pod, reason string, code int32) {
	s.Helper()
	at := time.Now().Truncate(time.Second)
	if !at.After(s.last) {
		at = s.last.Add(time.Second)
	}
	s.last = at
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: reason, ExitCode: code, StartedAt: metav1.NewTime(at.Add(-time.Second)), FinishedAt: metav1.NewTime(at),
	}}
	s.report(pod, false, func(status *corev1.ContainerStatus) {
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s restarting failed container"}}
		status.LastTerminationState, status.RestartCount = ended, status.RestartCount+1
	})
}

// starts lets the container of a pod run again.
func (s *stage) starts(pod *corev1.Pod) {
	s.Helper()
	s.report(pod, true, func(status *corev1.ContainerStatus) {
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	})
}

// report writes the status of a pod with one container.
func (s *stage) report(pod *corev1.Pod, ready bool, change func(*corev1.ContainerStatus)) {
	s.Helper()
	pods := clients.CoreV1().Pods(pod.Namespace)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := pods.Get(s.Context(), pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		container := &live.Status.ContainerStatuses[0]
		change(container)
		container.Ready = ready
		is := corev1.ConditionFalse
		if ready {
			is = corev1.ConditionTrue
		}
		for i := range live.Status.Conditions {
			condition := &live.Status.Conditions[i]
			if (condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady) && condition.Status != is {
				condition.Status, condition.LastTransitionTime = is, metav1.Now()
			}
		}
		_, err = pods.UpdateStatus(s.Context(), live, metav1.UpdateOptions{FieldManager: "kubelet"})
		return err
	})
	require.NoError(s, err)
}

// remediation waits for the Remediation of the story to be what is asked for.
func (s *stage) remediation(phase v1alpha1.Phase, attempt, occurrences int32) *v1alpha1.Remediation {
	s.Helper()
	var found *v1alpha1.Remediation
	s.until(fmt.Sprintf("phase %s, attempt %d, %d occurrences", phase, attempt, occurrences), func() error {
		list, err := stored.Remediations(s.network.namespace).List(s.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) != 1 {
			return fmt.Errorf("there are %d Remediations", len(list.Items))
		}
		found = &list.Items[0]
		if is := found.Status; is.Phase != phase || is.Outcome.Attempt != attempt || is.Observed.Occurrences != occurrences {
			return fmt.Errorf("it is %s, attempt %d, %d occurrences", is.Phase, is.Outcome.Attempt, is.Observed.Occurrences)
		}
		return nil
	})
	return found
}

// armed waits until the next apply would reach admission.
func (s *stage) armed() {
	s.Helper()
	s.until("the Deployment to be armed", func() error {
		live, err := clients.AppsV1().Deployments(s.network.namespace).Get(s.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		text := live.Annotations[corev1.LastAppliedConfigAnnotation]
		if len(text) == 0 || text[len(text)-1] == '\n' {
			return fmt.Errorf("it is not")
		}
		return nil
	})
}
