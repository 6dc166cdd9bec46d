// Package described prints captured evidence of scenarios anew, with the code of kubectl itself: what a person would have seen
// who described the objects instead of asking for their YAML.
//
// It promises that nothing but kubectl words what it prints. What kubectl leaves out of a description is not in it.
package described

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/kubectl/pkg/cmd/events"
	"k8s.io/kubectl/pkg/describe"
	"sigs.k8s.io/yaml"
)

// Captured is what a run on a node wrote down.
type Captured struct {
	objects []*unstructured.Unstructured
	logs    string // as they were printed, each behind its command
}

// Read reads captured evidence. It moves all times of objects so that the newest is now, as kubectl prints ages.
func Read(evidence []byte, now time.Time) (*Captured, error) {
	c := &Captured{}
	for _, part := range strings.Split("\n"+string(evidence), "\n$ kubectl ")[1:] {
		command, printed, _ := strings.Cut(part, "\n")
		if strings.Contains(command, " logs ") {
			c.logs += "$ kubectl " + command + "\n" + printed + "\n"
			continue
		}
		var list struct{ Items []map[string]any }
		if err := yaml.Unmarshal([]byte(printed), &list); err != nil {
			return nil, fmt.Errorf("kubectl %s: %w", command, err)
		}
		for _, item := range list.Items {
			c.objects = append(c.objects, &unstructured.Unstructured{Object: item})
		}
	}
	var newest time.Time
	c.eachTime(func(at time.Time) time.Time {
		if at.After(newest) {
			newest = at
		}
		return at
	})
	moved := now.Sub(newest)
	c.eachTime(func(at time.Time) time.Time { return at.Add(moved).UTC() })
	return c, nil
}

// eachTime replaces every time in the objects.
func (c *Captured) eachTime(replace func(time.Time) time.Time) {
	for _, object := range c.objects {
		timesIn(object.Object, replace)
	}
}

func timesIn(value any, replace func(time.Time) time.Time) any {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			v[key] = timesIn(below, replace)
		}
	case []any:
		for i, below := range v {
			v[i] = timesIn(below, replace)
		}
	case string:
		const micro = "2006-01-02T15:04:05.000000Z07:00" // of metav1.MicroTime
		for _, layout := range []string{time.RFC3339, micro} {
			if at, err := time.Parse(layout, v); err == nil && len(at.Format(layout)) == len(v) {
				return replace(at).Format(layout)
			}
		}
	}
	return value
}

// Describe gives what kubectl describe prints of all objects of some kinds.
func (c *Captured) Describe(kinds ...string) (string, error) {
	config := &rest.Config{Host: "http://captured", Transport: c, QPS: -1}
	var out strings.Builder
	for _, kind := range kinds {
		for _, object := range c.objects {
			if object.GetKind() != kind {
				continue
			}
			describer, ok := describe.DescriberFor(schema.GroupKind{Group: object.GroupVersionKind().Group, Kind: kind}, config)
			if !ok {
				return "", errors.New("kubectl does not describe the kind " + kind)
			}
			printed, err := describer.Describe(object.GetNamespace(), object.GetName(), describe.DescriberSettings{ShowEvents: true})
			if err != nil {
				return "", fmt.Errorf("describe %s/%s: %w", kind, object.GetName(), err)
			}
			fmt.Fprintf(&out, "$ kubectl describe %s %s\n%s\n", strings.ToLower(kind), object.GetName(), printed)
		}
	}
	return out.String(), nil
}

// Events gives what kubectl events prints.
func (c *Captured) Events() (string, error) {
	var list corev1.EventList
	for _, object := range c.objects {
		if object.GetKind() != "Event" {
			continue
		}
		var event corev1.Event
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &event); err != nil {
			return "", fmt.Errorf("event %s: %w", object.GetName(), err)
		}
		list.Items = append(list.Items, event)
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return lastSeen(a).Compare(lastSeen(b)) })
	var out strings.Builder
	out.WriteString("$ kubectl events\n")
	columns := tabwriter.NewWriter(&out, 6, 4, 3, ' ', 0)
	if err := (&events.EventPrinter{}).PrintObj(&list, columns); err != nil {
		return "", fmt.Errorf("events: %w", err)
	}
	err := columns.Flush()
	return out.String(), err
}

func lastSeen(event corev1.Event) time.Time {
	if event.Series != nil {
		return event.Series.LastObservedTime.Time
	}
	if !event.LastTimestamp.IsZero() {
		return event.LastTimestamp.Time
	}
	return event.EventTime.Time
}

// Logs gives the logs as they were printed.
func (c *Captured) Logs() string { return c.logs }

// lists are the kinds that kubectl asks for, by resource.
var lists = map[string]string{
	"pods": "Pod", "events": "Event", "nodes": "Node", "leases": "Lease", "deployments": "Deployment", "replicasets": "ReplicaSet",
	"statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "jobs": "Job", "cronjobs": "CronJob", "persistentvolumeclaims": "PersistentVolumeClaim",
	"resourcequotas": "ResourceQuota", "limitranges": "LimitRange", "storageclasses": "StorageClass", "volumeattributesclasses": "VolumeAttributesClass",
	"horizontalpodautoscalers": "HorizontalPodAutoscaler", "controllerrevisions": "ControllerRevision",
}

// RoundTrip answers kubectl as an API server would that has nothing but these objects.
func (c *Captured) RoundTrip(request *http.Request) (*http.Response, error) {
	path := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	prefix := 2 // api, version
	if path[0] == "apis" {
		prefix = 3
	}
	if len(path) <= prefix {
		return nil, fmt.Errorf("kubectl asked for %s, which nobody knows here", request.URL)
	}
	version, path := strings.Join(path[1:prefix], "/"), path[prefix:]
	namespace, name := "", ""
	if len(path) > 2 && path[0] == "namespaces" {
		namespace, path = path[1], path[2:]
	}
	if len(path) > 1 {
		name = path[1]
	}
	kind, known := lists[path[0]]
	if !known {
		return nil, fmt.Errorf("kubectl asked for %s, which nobody knows here", request.URL)
	}
	labelled, err := labels.Parse(request.URL.Query().Get("labelSelector"))
	if err != nil {
		return nil, err
	}
	selected, err := fields.ParseSelector(request.URL.Query().Get("fieldSelector"))
	if err != nil {
		return nil, err
	}
	found := []any{}
	for _, object := range c.objects {
		if object.GetKind() == kind && (namespace == "" || object.GetNamespace() == namespace) && (name == "" || object.GetName() == name) &&
			labelled.Matches(labels.Set(object.GetLabels())) && selected.Matches(fieldsOf(object, selected)) {
			found = append(found, object.Object)
		}
	}
	var body any = map[string]any{"kind": kind + "List", "apiVersion": version, "items": found}
	status := http.StatusOK
	switch {
	case name != "" && len(found) == 0:
		status = http.StatusNotFound
		body = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": status, "message": path[0] + " " + name + " not found"}
	case name != "":
		body = found[0]
	}
	printed, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(printed)), Request: request}, nil
}

// fieldsOf gives the fields of an object that a selector asks for.
func fieldsOf(object *unstructured.Unstructured, selected fields.Selector) fields.Set {
	set := fields.Set{}
	for _, requirement := range selected.Requirements() {
		value, _, _ := unstructured.NestedFieldNoCopy(object.Object, strings.Split(requirement.Field, ".")...)
		if value == nil {
			value = ""
		}
		set[requirement.Field] = fmt.Sprint(value)
	}
	return set
}
