// Package remediations is the way to the Remediations in a cluster: a typed client, and an informer whose cache
// finds them by their target. The webhook and the event watcher share it; it decides nothing.
package remediations

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// Client reads and writes the Remediations of one namespace, or reads those of all when its namespace is empty.
type Client = gentype.ClientWithList[*v1alpha1.Remediation, *v1alpha1.RemediationList]

// Clientset gives clients for namespaces.
type Clientset struct {
	rest   rest.Interface
	scheme *runtime.Scheme
}

// NewClientset connects with config, which is not changed. It is an error when the config can't be used; the
// API server is not asked.
func NewClientset(config *rest.Config) (*Clientset, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register the kube-remedy API: %w", err)
	}
	// ListOptions and its kin travel as query parameters in the group version they are registered in.
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	own := rest.CopyConfig(config)
	own.APIPath = "/apis"
	own.GroupVersion = &v1alpha1.SchemeGroupVersion
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	own.ContentType = runtime.ContentTypeJSON // custom resources are not served as protobuf
	own.AcceptContentTypes = runtime.ContentTypeJSON
	client, err := rest.RESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("client for %s: %w", v1alpha1.SchemeGroupVersion, err)
	}
	return &Clientset{rest: client, scheme: scheme}, nil
}

// Remediations gives the client for a namespace; empty for all of them, read-only.
func (c *Clientset) Remediations(namespace string) *Client {
	return gentype.NewClientWithList(
		v1alpha1.RemediationResource.Resource, c.rest, runtime.NewParameterCodec(c.scheme), namespace,
		func() *v1alpha1.Remediation { return &v1alpha1.Remediation{} },
		func() *v1alpha1.RemediationList { return &v1alpha1.RemediationList{} },
	)
}

// Target is the workload a Remediation is for. The version of its API is not part of it. All those for prefixes of names
// or for apps in a namespace have the same, without a name.
type Target struct {
	Group, Kind, Namespace, Name string
}

// TargetOf names the target of a Remediation; false when its targetRef can't be read.
func TargetOf(remediation *v1alpha1.Remediation) (Target, bool) {
	ref := remediation.Spec.TargetRef
	version, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return Target{}, false
	}
	return Target{Group: version.Group, Kind: ref.Kind, Namespace: remediation.Namespace, Name: ref.Name}, true
}

// String writes the target as an index key; '|' stands in no part of it.
func (t Target) String() string {
	return t.Group + "|" + t.Kind + "|" + t.Namespace + "|" + t.Name
}

const targetIndex = "target"

// Informer keeps all Remediations in a cache indexed by target.
type Informer struct {
	cache.SharedIndexInformer
	heard atomic.Int64 // in seconds since 1970
}

// Heard is when the API server was last heard of, by an event or by a bookmark, which it sends about once a minute;
// the zero time when never.
func (i *Informer) Heard() time.Time {
	if heard := i.heard.Load(); heard != 0 {
		return time.Unix(heard, 0)
	}
	return time.Time{}
}

// NewInformer gives an informer, not yet running, of the Remediations of a namespace; empty for all of them.
func NewInformer(clients *Clientset, namespace string, clock clock.PassiveClock) *Informer {
	all := clients.Remediations(namespace)
	kept := &Informer{}
	hear := func() { kept.heard.Store(clock.Now().Unix()) }
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := all.List(ctx, options)
			if err == nil {
				hear()
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			watching, err := all.Watch(ctx, options)
			if err != nil {
				return nil, err
			}
			return listen(watching, hear), nil
		},
	}
	kept.SharedIndexInformer = cache.NewSharedIndexInformer(source, &v1alpha1.Remediation{}, 0, cache.Indexers{
		targetIndex: func(object any) ([]string, error) {
			remediation, ok := object.(*v1alpha1.Remediation)
			if !ok {
				return nil, fmt.Errorf("expected a Remediation, not %T", object)
			}
			if target, ok := TargetOf(remediation); ok {
				return []string{target.String()}, nil
			}
			return nil, nil
		},
	})
	return kept
}

// For gives the Remediations of a target, in no particular order. They belong to the cache: copy before
// changing one.
func (i *Informer) For(target Target) ([]*v1alpha1.Remediation, error) {
	objects, err := i.GetIndexer().ByIndex(targetIndex, target.String())
	if err != nil {
		return nil, fmt.Errorf("look up remediations for %s: %w", target, err)
	}
	found := make([]*v1alpha1.Remediation, 0, len(objects))
	for _, object := range objects {
		if remediation, ok := object.(*v1alpha1.Remediation); ok {
			found = append(found, remediation)
		}
	}
	return found, nil
}
