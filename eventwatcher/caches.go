package eventwatcher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/kube-remedy/kube-remedy/internal/remediations"
)

// caches are the informers: what the watcher sees of the cluster without asking.
type caches struct {
	pods, events cache.SharedIndexInformer
	nodes        cache.SharedIndexInformer                      // nil where a namespace alone is watched: nodes are in none
	ownerEvents  cache.SharedIndexInformer                      // warnings about what is not a pod
	between      map[schema.GroupKind]cache.SharedIndexInformer // metadata of ReplicaSets and Jobs
	workloads    map[schema.GroupKind]cache.SharedIndexInformer // metadata of the other kinds that can be targets
	remediations *remediations.Informer
}

// newCaches gives informers of a namespace, or of all when it is empty, that are not yet running.
func newCaches(config *rest.Config, namespace string, clients kubernetes.Interface, partial metadata.Interface, own *remediations.Clientset, now clock.PassiveClock) (*caches, error) {
	pods, err := newPodInformer(config, namespace)
	if err != nil {
		return nil, err
	}
	c := &caches{
		pods: pods,
		events: coreinformers.NewFilteredEventInformer(clients, namespace, 0, eventsByPod, func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("involvedObject.kind", "Pod").String()
		}),
		ownerEvents: coreinformers.NewFilteredEventInformer(clients, namespace, 0, eventsByPod, func(options *metav1.ListOptions) {
			options.FieldSelector = fields.AndSelectors(
				fields.OneTermNotEqualSelector("involvedObject.kind", "Pod"), fields.OneTermNotEqualSelector("involvedObject.kind", "Node"),
				fields.OneTermEqualSelector("type", corev1.EventTypeWarning)).String()
		}),
		between:      map[schema.GroupKind]cache.SharedIndexInformer{},
		workloads:    map[schema.GroupKind]cache.SharedIndexInformer{},
		remediations: remediations.NewInformer(own, namespace, now),
	}
	// How each informer's objects are made smaller on their way in; pods come small from the wire.
	transforms := map[cache.SharedIndexInformer]cache.TransformFunc{
		c.events: compactEvent, c.ownerEvents: compactEvent,
	}
	if namespace == metav1.NamespaceAll {
		c.nodes = coreinformers.NewNodeInformer(clients, 0, cache.Indexers{})
		transforms[c.nodes] = compactNode
	}
	for name, kind := range builtIn {
		if name == podKind {
			continue // they have a cache of their own
		}
		informer := metadatainformer.NewFilteredMetadataInformer(partial, kind.resource, namespace, 0, byController, nil).Informer()
		transforms[informer] = compactMetadata(kind.resource.GroupVersion().WithKind(name.Kind))
		if kind.between {
			c.between[name] = informer
		} else {
			c.workloads[name] = informer
		}
	}
	for informer, compact := range transforms {
		if err := informer.SetTransform(compact); err != nil {
			return nil, fmt.Errorf("set up a cache: %w", err)
		}
	}
	return c, nil
}

// nodeIndexer gives the nodes that are known.
func (c *caches) nodeIndexer() cache.Indexer {
	if c.nodes == nil {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	}
	return c.nodes.GetIndexer()
}

func (c *caches) all() []cache.SharedIndexInformer {
	all := []cache.SharedIndexInformer{c.pods, c.events, c.ownerEvents, c.remediations}
	if c.nodes != nil {
		all = append(all, c.nodes)
	}
	for _, metadata := range []map[schema.GroupKind]cache.SharedIndexInformer{c.workloads, c.between} {
		all = slices.AppendSeq(all, maps.Values(metadata))
	}
	return all
}

// run runs the informers until ctx ends and all have stopped.
func (c *caches) run(ctx context.Context) {
	var running sync.WaitGroup
	for _, informer := range c.all() {
		running.Go(func() { informer.RunWithContext(ctx) })
	}
	running.Wait()
}

func (c *caches) synced() bool {
	for _, informer := range c.all() {
		if !informer.HasSynced() {
			return false
		}
	}
	return true
}

// waitForSync waits until all caches are filled; false when ctx ended first.
func (c *caches) waitForSync(ctx context.Context) bool {
	var filled []cache.InformerSynced
	for _, informer := range c.all() {
		filled = append(filled, informer.HasSynced)
	}
	return cache.WaitForCacheSync(ctx.Done(), filled...)
}
