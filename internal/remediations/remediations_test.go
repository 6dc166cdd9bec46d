package remediations

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// remediation is one of namespace shop for a workload.
func remediation(name string, target v1alpha1.TargetRef) *v1alpha1.Remediation {
	return &v1alpha1.Remediation{
		TypeMeta:   metav1.TypeMeta{APIVersion: "kube-remedy.io/v1alpha1", Kind: "Remediation"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: "1"},
		Spec:       v1alpha1.RemediationSpec{TargetRef: target},
	}
}

func TestTargetOf(t *testing.T) {
	for _, test := range []struct {
		name   string
		ref    v1alpha1.TargetRef
		target Target
		ok     bool
	}{
		{"a group and a version", v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, Target{"apps", "Deployment", "shop", "web"}, true},
		{"another version of the group is the same target", v1alpha1.TargetRef{APIVersion: "apps/v1beta2", Kind: "Deployment", Name: "web"}, Target{"apps", "Deployment", "shop", "web"}, true},
		{"the core group is empty", v1alpha1.TargetRef{APIVersion: "v1", Kind: "Pod", Name: "web-0"}, Target{"", "Pod", "shop", "web-0"}, true},
		{"a group with dots", v1alpha1.TargetRef{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web"}, Target{"argoproj.io", "Rollout", "shop", "web"}, true},
		{"an apiVersion of three parts is none", v1alpha1.TargetRef{APIVersion: "apps/v1/beta", Kind: "Deployment", Name: "web"}, Target{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			target, ok := TargetOf(remediation("r", test.ref))
			require.Equal(t, test.ok, ok)
			require.Equal(t, test.target, target)
		})
	}
}

func TestTargetsThatDifferHaveDifferentKeys(t *testing.T) {
	keys := map[string]Target{}
	for _, target := range []Target{
		{"apps", "Deployment", "shop", "web"},
		{"", "Deployment", "shop", "web"},
		{"apps", "StatefulSet", "shop", "web"},
		{"apps", "Deployment", "bank", "web"},
		{"apps", "Deployment", "shop", "web-2"},
		{"apps", "Deployment", "", "shopweb"},
	} {
		require.NotContains(t, keys, target.String())
		keys[target.String()] = target
	}
}

// names are those of what a lookup found.
func names(t *testing.T, informer *Informer, target Target) []string {
	t.Helper()
	found, err := informer.For(target)
	require.NoError(t, err)
	var names []string
	for _, known := range found {
		names = append(names, known.Name)
	}
	return names
}

var web = Target{"apps", "Deployment", "shop", "web"}

func TestForFindsByTarget(t *testing.T) {
	clients, err := NewClientset(&rest.Config{Host: "https://api.example"})
	require.NoError(t, err)
	informer := NewInformer(clients, metav1.NamespaceAll, clock.RealClock{})
	ref := v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}
	older, otherName, otherKind, unreadable := ref, ref, ref, ref
	older.APIVersion, otherName.Name, otherKind.Kind, unreadable.APIVersion = "apps/v1beta2", "api", "StatefulSet", "a/b/c"
	elsewhere := remediation("elsewhere", ref)
	elsewhere.Namespace = "bank"
	for _, known := range []*v1alpha1.Remediation{
		remediation("app", ref), remediation("sidecar", older), remediation("api", otherName),
		remediation("stateful", otherKind), remediation("unreadable", unreadable), elsewhere,
	} {
		require.NoError(t, informer.GetIndexer().Add(known))
	}
	require.ElementsMatch(t, []string{"app", "sidecar"}, names(t, informer, web))
	require.Equal(t, []string{"elsewhere"}, names(t, informer, Target{"apps", "Deployment", "bank", "web"}))
	require.Equal(t, []string{"stateful"}, names(t, informer, Target{"apps", "StatefulSet", "shop", "web"}))
	require.Empty(t, names(t, informer, Target{"", "Deployment", "shop", "web"}))
	require.Empty(t, names(t, informer, Target{"apps", "Deployment", "shop", "missing"}))
}

// event is one of a watch.
type event struct {
	Type   string                `json:"type"`
	Object *v1alpha1.Remediation `json:"object"`
}

// api serves Remediations: what is there at first, then events as they come.
func api(t *testing.T, first []*v1alpha1.Remediation, events <-chan event) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/apis/kube-remedy.io/v1alpha1/remediations" || r.Header.Get("Accept") != runtime.ContentTypeJSON {
			http.Error(w, "unexpected", http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		send := json.NewEncoder(w)
		if query.Get("watch") == "" {
			list := v1alpha1.RemediationList{TypeMeta: metav1.TypeMeta{APIVersion: "kube-remedy.io/v1alpha1", Kind: "RemediationList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
			for _, known := range first {
				list.Items = append(list.Items, *known)
			}
			_ = send.Encode(list)
			return
		}
		if query.Get("sendInitialEvents") == "true" {
			for _, known := range first {
				_ = send.Encode(event{"ADDED", known})
			}
			end := remediation("", v1alpha1.TargetRef{})
			end.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
			_ = send.Encode(event{"BOOKMARK", end})
		}
		for {
			w.(http.Flusher).Flush()
			select {
			case event := <-events:
				_ = send.Encode(event)
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func TestInformerFollowsTheCluster(t *testing.T) {
	ref := v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}
	first, second := remediation("first", ref), remediation("second", ref)
	second.ResourceVersion = "2"
	events := make(chan event)
	clients, err := NewClientset(api(t, []*v1alpha1.Remediation{first}, events))
	require.NoError(t, err)
	now := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
	informer := NewInformer(clients, metav1.NamespaceAll, now)
	require.False(t, informer.HasSynced())
	require.Zero(t, informer.Heard())
	seen := make(chan string, 10)
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { seen <- "added " + object.(*v1alpha1.Remediation).Name },
		DeleteFunc: func(object any) { seen <- "deleted " + object.(*v1alpha1.Remediation).Name },
	})
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	next := func() string {
		select {
		case change := <-seen:
			return change
		case <-ctx.Done():
			return "nothing for too long"
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		informer.RunWithContext(ctx)
	}()
	defer func() { stop(); <-ended }()

	require.Equal(t, "added first", next())
	require.True(t, cache.WaitForCacheSync(ctx.Done(), informer.HasSynced))
	require.Equal(t, []string{"first"}, names(t, informer, web))
	require.Equal(t, time.Unix(1000, 0), informer.Heard())
	now.SetTime(time.Unix(2000, 0))
	events <- event{"ADDED", second}
	require.Equal(t, "added second", next())
	require.Equal(t, time.Unix(2000, 0), informer.Heard())
	require.ElementsMatch(t, []string{"first", "second"}, names(t, informer, web))
	gone := first.DeepCopy()
	gone.ResourceVersion = "3"
	events <- event{"DELETED", gone}
	require.Equal(t, "deleted first", next())
	require.Equal(t, []string{"second"}, names(t, informer, web))
}

func TestClientReadsAndWritesJSONInItsNamespace(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Content-Type"))
		w.Header().Set("Content-Type", "application/json")
		answer := remediation("first", v1alpha1.TargetRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"})
		answer.UID = "given"
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	config := &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeProtobuf}}
	clients, err := NewClientset(config)
	require.NoError(t, err)
	require.Equal(t, runtime.ContentTypeProtobuf, config.ContentType, "the config is not changed")
	shop := clients.Remediations("shop")
	written, err := shop.Create(t.Context(), remediation("first", v1alpha1.TargetRef{}), metav1.CreateOptions{FieldManager: "test"})
	require.NoError(t, err)
	require.EqualValues(t, "given", written.UID)
	_, err = shop.Get(t.Context(), "first", metav1.GetOptions{ResourceVersion: "0"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST /apis/kube-remedy.io/v1alpha1/namespaces/shop/remediations?fieldManager=test application/json",
		"GET /apis/kube-remedy.io/v1alpha1/namespaces/shop/remediations/first?resourceVersion=0 ",
	}, got)
}

func TestConfigThatCanNotBeUsedIsAnError(t *testing.T) {
	_, err := NewClientset(&rest.Config{Host: "https://api.example", TLSClientConfig: rest.TLSClientConfig{CAFile: "missing"}})
	require.ErrorContains(t, err, "client for kube-remedy.io/v1alpha1: ")
}
