package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/eventwatcher"
)

// outcome is what a story leaves behind, without what differs between two undisturbed runs: times, and what the API server
// generates.
type outcome struct {
	Remediations []v1alpha1.Remediation
	// Deployment is the workload: its generation tells of writes that changed it, even if they were undone.
	Annotations map[string]string
	Generation  int64
	Template    corev1.PodTemplateSpec
	// Events are the watcher's, with how often each was told.
	Events map[string]int32
}

// generated are parts of text that the API server or the clock made up: names of pods, times, and confidences, which
// depend on what had become of other cures by then (eventwatcher/past.go).
var generated = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`\bweb-[b-df-hj-np-tv-xz2-9]{6,10}(-[b-df-hj-np-tv-xz2-9]{5})?\b`), "POD"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`\bconfidence:? \d+`), "CONFIDENCE"},
}

// told gives the outcome as text that can be compared.
func (s *stage) told() string {
	found, err := s.outcome()
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(found)
	if err != nil {
		return err.Error()
	}
	// Before lines are broken, which depends on their lengths.
	if text, err = yaml.JSONToYAML(bytes.ReplaceAll(text, []byte(s.network.namespace), []byte("NAMESPACE"))); err != nil {
		return err.Error()
	}
	told := string(text)
	for _, part := range generated {
		told = part.pattern.ReplaceAllString(told, part.stands)
	}
	return told
}

func (s *stage) outcome() (outcome, error) {
	found := outcome{Events: map[string]int32{}}
	list, err := stored.Remediations(s.network.namespace).List(s.Context(), metav1.ListOptions{})
	if err != nil {
		return found, err
	}
	live, err := clients.AppsV1().Deployments(s.network.namespace).Get(s.Context(), "web", metav1.GetOptions{})
	if err != nil {
		return found, err
	}
	template, err := json.Marshal(live.Spec.Template)
	if err != nil {
		return found, err
	}
	for _, remediation := range list.Items {
		if remediation.Status.Outcome.AppliedTemplateHash != "" && bytes.Contains(template, []byte(s.network.namespace)) {
			remediation.Status.Outcome.AppliedTemplateHash = "HASH" // of names that are this run's own
		}
		remediation.ObjectMeta = metav1.ObjectMeta{
			Name: remediation.Name, Annotations: remediation.Annotations, Labels: remediation.Labels, Generation: remediation.Generation,
		}
		for i := range remediation.Status.Conditions {
			remediation.Status.Conditions[i].LastTransitionTime = metav1.Unix(0, 0)
		}
		found.Remediations = append(found.Remediations, remediation)
	}
	sort.Slice(found.Remediations, func(i, j int) bool { return found.Remediations[i].Name < found.Remediations[j].Name })
	found.Annotations, found.Generation, found.Template = live.Annotations, live.Generation, live.Spec.Template
	events, err := clients.CoreV1().Events(s.network.namespace).List(s.Context(), metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("source", eventwatcher.FieldManager).String(),
	})
	if err != nil {
		return found, err
	}
	for _, event := range events.Items {
		found.Events[fmt.Sprintf("%s %s/%s %s: %s", event.Type, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)] += max(event.Count, 1)
	}
	return found, nil
}

// settled waits until nothing changes any more, and gives what there is then.
func (s *stage) settled() string {
	s.Helper()
	told, since := s.told(), time.Now()
	for deadline := time.Now().Add(patience); time.Since(since) < quiet; time.Sleep(pause) {
		if now := s.told(); now != told {
			told, since = now, time.Now()
		}
		if time.Now().After(deadline) {
			s.Fatalf("it never comes to rest:\n%s", told)
		}
	}
	return told
}

// comesTo waits until the outcome is the wanted one, and stays so.
func (s *stage) comesTo(want string) {
	s.Helper()
	for deadline := time.Now().Add(patience); s.told() != want && time.Now().Before(deadline); {
		time.Sleep(pause)
	}
	require.Equal(s, want, s.settled(), "the outcome is not that of the undisturbed run")
}
