package plugin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/internal/plugin"
)

// served are the types that the API server of these tests knows.
var served = []struct {
	version, resource, kind, short string
	cluster                        bool
}{
	{"v1", "pods", "Pod", "po", false},
	{"v1", "events", "Event", "ev", false},
	{"v1", "namespaces", "Namespace", "ns", true},
	{"v1", "nodes", "Node", "no", true},
	{"v1", "secrets", "Secret", "", false},
	{"v1", "services", "Service", "svc", false},
	{"v1", "configmaps", "ConfigMap", "cm", false},
	{"v1", "resourcequotas", "ResourceQuota", "quota", false},
	{"v1", "limitranges", "LimitRange", "limits", false},
	{"v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", false},
	{"v1", "replicationcontrollers", "ReplicationController", "rc", false},
	{"apps/v1", "deployments", "Deployment", "deploy", false},
	{"apps/v1", "replicasets", "ReplicaSet", "rs", false},
	{"apps/v1", "statefulsets", "StatefulSet", "sts", false},
	{"apps/v1", "daemonsets", "DaemonSet", "ds", false},
	{"batch/v1", "jobs", "Job", "", false},
	{"batch/v1", "cronjobs", "CronJob", "cj", false},
	{"storage.k8s.io/v1", "storageclasses", "StorageClass", "sc", true},
	{"coordination.k8s.io/v1", "leases", "Lease", "", false},
	{"discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "", false},
	{"admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", true},
	{"admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", true},
	{"apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", "crd", true},
	{"kube-remedy.io/v1alpha1", "remediations", "Remediation", "rem", false},
}

// apiServer is as much of an API server as the plugin asks.
type apiServer struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	writes  []write
	// absent and forbidden are resources that are not served, or not to this user.
	absent, forbidden map[string]bool
	logs              map[string]string // by pod and container, with "previous" behind it for those
	// admit changes what is written, and warns.
	admit func(manager string, object map[string]any) []string
}

// write is a request that changed something.
type write struct {
	path, manager, kind string
	dry, force          bool
	body                map[string]any
}

// serve starts an API server with objects, given as YAML documents.
func serve(t *testing.T, manifests ...string) *apiServer {
	t.Helper()
	s := &apiServer{t: t, objects: map[string]map[string]any{}, absent: map[string]bool{}, forbidden: map[string]bool{}, logs: map[string]string{}}
	for _, manifest := range manifests {
		s.put(manifest)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	return s
}

// put stores the objects of a YAML stream.
func (s *apiServer) put(manifest string) {
	s.t.Helper()
	for _, document := range strings.Split(manifest, "\n---\n") {
		var value map[string]any
		require.NoError(s.t, yaml.Unmarshal([]byte(document), &value))
		if len(value) == 0 {
			continue
		}
		s.store(value)
	}
}

// store stores an object, with a uid where it has none.
func (s *apiServer) store(value map[string]any) {
	object := unstructured.Unstructured{Object: value}
	if object.GetUID() == "" {
		require.NoError(s.t, unstructured.SetNestedField(value, strings.ToLower(object.GetKind())+"-"+object.GetName(), "metadata", "uid"))
	}
	s.mu.Lock()
	s.objects[pathOf(s.t, object)] = value
	s.mu.Unlock()
}

func pathOf(t *testing.T, object unstructured.Unstructured) string {
	for _, known := range served {
		if known.version == object.GetAPIVersion() && known.kind == object.GetKind() {
			return pathIn(known.version, object.GetNamespace(), known.resource) + "/" + object.GetName()
		}
	}
	require.Failf(t, "a type that is not served", "%s %s", object.GetAPIVersion(), object.GetKind())
	return ""
}

func pathIn(version, namespace, resource string) string {
	prefix := "/apis/"
	if version == "v1" {
		prefix = "/api/"
	}
	if namespace != "" {
		return prefix + version + "/namespaces/" + namespace + "/" + resource
	}
	return prefix + version + "/" + resource
}

// get gives a stored object by its path below the version, as apps/v1 shop deployments web.
func (s *apiServer) get(version, namespace, resource, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[pathIn(version, namespace, resource)+"/"+name]
}

// written gives the writes that were no dry runs.
func (s *apiServer) written() []write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.writes), func(w write) bool { return w.dry })
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if s.discovery(w, r.URL.Path) {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	parts = parts[1:]
	version := parts[0]
	if strings.HasPrefix(r.URL.Path, "/apis/") {
		version, parts = parts[0]+"/"+parts[1], parts[1:]
	}
	parts = parts[1:]
	namespace := ""
	if parts[0] == "namespaces" && len(parts) > 2 {
		namespace, parts = parts[1], parts[2:]
	}
	resource, name := parts[0], ""
	if len(parts) > 1 {
		name = parts[1]
	}
	if s.absent[resource] || !isServed(version, resource) {
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource", "")
		return
	}
	if s.forbidden[resource] || len(parts) > 2 && s.forbidden[resource+"/"+parts[2]] {
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, resource+" is forbidden: User \"tester\" cannot do that", name)
		return
	}
	path := strings.TrimSuffix(r.URL.Path, "/log")
	switch {
	case r.Method == http.MethodPatch:
		s.patch(w, r, path, resource, name)
	case name == "":
		s.list(w, r, version, namespace, resource)
	case s.objects[path] == nil:
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("%s %q not found", resource, name), name)
	case path != r.URL.Path:
		key := name + "/" + r.URL.Query().Get("container")
		if r.URL.Query().Get("previous") == "true" {
			key += " previous"
		}
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, s.logs[key])
	default:
		answer(w, s.objects[path])
	}
}

func isServed(version, resource string) bool {
	for _, known := range served {
		if known.version == version && known.resource == resource {
			return true
		}
	}
	return false
}

func answer(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) }

func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, message, name string) {
	w.WriteHeader(code)
	status := metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code), Reason: reason, Message: message}
	status.Details = &metav1.StatusDetails{Name: name}
	answer(w, status)
}

// discovery answers what types there are.
func (s *apiServer) discovery(w http.ResponseWriter, path string) bool {
	switch path {
	case "/api":
		answer(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
		return true
	case "/apis":
		list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, version := range versions() {
			group, number, _ := strings.Cut(version, "/")
			of := metav1.GroupVersionForDiscovery{GroupVersion: version, Version: number}
			list.Groups = append(list.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{of}, PreferredVersion: of})
		}
		answer(w, list)
		return true
	}
	version := strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
	if version != "v1" && !slices.Contains(versions(), version) {
		return false
	}
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version}
	for _, known := range served {
		if known.version == version && !s.absent[known.resource] {
			resource := metav1.APIResource{Name: known.resource, SingularName: strings.ToLower(known.kind), Kind: known.kind, Namespaced: !known.cluster, Verbs: []string{"get", "list", "patch"}}
			if known.short != "" {
				resource.ShortNames = []string{known.short}
			}
			list.APIResources = append(list.APIResources, resource)
		}
	}
	answer(w, list)
	return true
}

func versions() []string {
	var all []string
	for _, known := range served {
		if known.version != "v1" && !slices.Contains(all, known.version) {
			all = append(all, known.version)
		}
	}
	return all
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, version, namespace, resource string) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	require.NoError(s.t, err)
	field, err := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	require.NoError(s.t, err)
	kind := ""
	for _, known := range served {
		if known.version == version && known.resource == resource {
			kind = known.kind
		}
	}
	items := []any{}
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		object := unstructured.Unstructured{Object: s.objects[path]}
		if object.GetKind() != kind || object.GetAPIVersion() != version || namespace != "" && object.GetNamespace() != namespace ||
			!selector.Matches(labels.Set(object.GetLabels())) {
			continue
		}
		at := fields.Set{}
		for _, name := range []string{"involvedObject.kind", "involvedObject.name", "spec.targetRef.kind", "spec.targetRef.name"} {
			at[name], _, _ = unstructured.NestedString(object.Object, strings.Split(name, ".")...)
		}
		if field.Matches(at) {
			items = append(items, object.Object)
		}
	}
	answer(w, map[string]any{"apiVersion": version, "kind": kind + "List", "metadata": map[string]any{}, "items": items})
}

func (s *apiServer) patch(w http.ResponseWriter, r *http.Request, path, resource, name string) {
	body, err := io.ReadAll(r.Body)
	require.NoError(s.t, err)
	query := r.URL.Query()
	done := write{path: path, manager: query.Get("fieldManager"), kind: r.Header.Get("Content-Type"), dry: query.Get("dryRun") == "All", force: query.Get("force") == "true"}
	if !bytes.HasPrefix(body, []byte("[")) {
		require.NoError(s.t, yaml.Unmarshal(body, &done.body))
	}
	s.writes = append(s.writes, done)
	stored := s.objects[path]
	if stored == nil && done.kind != "application/apply-patch+yaml" {
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("%s %q not found", resource, name), name)
		return
	}
	if stored == nil {
		stored = map[string]any{}
	}
	after, err := s.patched(stored, body, done)
	if err != nil {
		fail(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), name)
		return
	}
	if uid, _, _ := unstructured.NestedString(after, "metadata", "uid"); uid == "" {
		require.NoError(s.t, unstructured.SetNestedField(after, resource+"-"+name, "metadata", "uid"))
	}
	if s.admit != nil {
		for _, warning := range s.admit(done.manager, after) {
			w.Header().Add("Warning", fmt.Sprintf("299 - %q", warning))
		}
	}
	if generation, _, _ := unstructured.NestedFloat64(stored, "metadata", "generation"); !reflect.DeepEqual(stored["spec"], after["spec"]) {
		require.NoError(s.t, unstructured.SetNestedField(after, generation+1, "metadata", "generation"))
	}
	if !done.dry {
		s.objects[path] = after
	}
	answer(w, after)
}

// patched applies a patch; of server-side apply as much as annotations need.
func (s *apiServer) patched(stored map[string]any, body []byte, done write) (map[string]any, error) {
	raw, err := json.Marshal(stored)
	require.NoError(s.t, err)
	switch done.kind {
	case "application/strategic-merge-patch+json":
		object := unstructured.Unstructured{Object: stored}
		typed, typeErr := scheme.Scheme.New(schema.FromAPIVersionAndKind(object.GetAPIVersion(), object.GetKind()))
		require.NoError(s.t, typeErr)
		raw, err = strategicpatch.StrategicMergePatch(raw, body, typed)
	case "application/json-patch+json":
		var patch jsonpatch.Patch
		if patch, err = jsonpatch.DecodePatch(body); err == nil {
			raw, err = patch.Apply(raw)
		}
	default:
		raw, err = jsonpatch.MergePatch(raw, body)
	}
	if err != nil {
		return nil, err
	}
	var after map[string]any
	require.NoError(s.t, json.Unmarshal(raw, &after))
	if done.kind == "application/apply-patch+yaml" {
		own(stored, after, done)
	}
	return after, nil
}

// own lets a manager own the annotations that it applied, and takes away those that it applied no more.
func own(stored, after map[string]any, done write) {
	object, applied := unstructured.Unstructured{Object: after}, unstructured.Unstructured{Object: done.body}
	before := unstructured.Unstructured{Object: stored}
	owned := map[string]any{}
	for name := range applied.GetAnnotations() {
		owned["f:"+name] = map[string]any{}
	}
	annotations := object.GetAnnotations()
	entries := slices.DeleteFunc(before.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		if entry.Manager != done.manager {
			return false
		}
		var fields struct {
			Metadata struct {
				Annotations map[string]any `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		_ = json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields)
		for name := range fields.Metadata.Annotations {
			if owned[name] == nil {
				delete(annotations, strings.TrimPrefix(name, "f:"))
			}
		}
		return true
	})
	raw, _ := json.Marshal(map[string]any{"f:metadata": map[string]any{"f:annotations": owned}})
	fields := &metav1.FieldsV1{}
	_ = fields.UnmarshalJSON(raw)
	object.SetAnnotations(annotations)
	object.SetManagedFields(append(entries, metav1.ManagedFieldsEntry{
		Manager: done.manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: object.GetAPIVersion(), FieldsType: "FieldsV1", FieldsV1: fields,
	}))
}

// stepping is a clock that is set on by whoever waits, so that nobody does.
type stepping struct {
	*clocktesting.FakeClock
	step func(time.Time) // called with the new time
}

func (s stepping) NewTimer(d time.Duration) clock.Timer {
	timer := s.FakeClock.NewTimer(d)
	s.Step(d)
	if s.step != nil {
		s.step(s.Now())
	}
	return timer
}

// noon is what the clock shows when a test begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// on runs the plugin against the API server, in namespace shop.
func (s *apiServer) on(args ...string) (out, errs string, err error) {
	return s.with("", nil, args...)
}

// complete asks for what a shell would offer.
func (s *apiServer) complete(args ...string) string {
	s.t.Helper()
	var stdout bytes.Buffer
	command := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &stdout, Err: io.Discard}, clocktesting.NewFakeClock(noon))
	command.SetArgs(append([]string{"__complete", "--server", s.URL, "--cache-dir", s.t.TempDir(), "-n", "shop"}, args...))
	require.NoError(s.t, command.ExecuteContext(s.t.Context()))
	return stdout.String()
}

func (s *apiServer) with(stdin string, step func(time.Time), args ...string) (out, errs string, err error) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	command := plugin.New(plugin.Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr}, stepping{clocktesting.NewFakeClock(noon), step})
	command.SetArgs(append(args, "--server", s.URL, "--cache-dir", s.t.TempDir(), "-n", "shop"))
	err = command.ExecuteContext(s.t.Context())
	return stdout.String(), stderr.String(), err
}
