package eventwatcher

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata/metadatainformer"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// kind is what must be known of a kind of workload.
type kind struct {
	// resource is where the API server serves it.
	resource schema.GroupVersionResource
	// template is where it has its pod template.
	template remedy.Template
	// between says that it stands between pods and what an owner applies: it is a workload itself only where nothing
	// controls it.
	between bool
	// configured says that the installation adds it.
	configured bool
}

var underSpec = remedy.Template{"spec", "template"}

// builtIn are the kinds of Kubernetes that owners apply and whose pods fail.
var builtIn = map[schema.GroupKind]kind{
	{Group: "apps", Kind: "Deployment"}:  {resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, template: underSpec},
	{Group: "apps", Kind: "StatefulSet"}: {resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, template: underSpec},
	{Group: "apps", Kind: "DaemonSet"}:   {resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, template: underSpec},
	{Group: "apps", Kind: "ReplicaSet"}:  {resource: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, template: underSpec, between: true},
	{Group: "batch", Kind: "Job"}:        {resource: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, template: underSpec, between: true},
	{Group: "batch", Kind: "CronJob"}:    {resource: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, template: remedy.Template{"spec", "jobTemplate", "spec", "template"}},
	{Kind: "ReplicationController"}:      {resource: schema.GroupVersionResource{Version: "v1", Resource: "replicationcontrollers"}, template: underSpec},
	podKind:                              {resource: schema.GroupVersionResource{Version: "v1", Resource: "pods"}},
}

var (
	replicaSetKind = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	podKind        = schema.GroupKind{Kind: "Pod"}
)

// kind gives what is known of a kind: one of Kubernetes, or one that the installation adds.
func (w *Watcher) kind(of schema.GroupKind) (kind, bool) {
	if known, ok := builtIn[of]; ok {
		return known, true
	}
	for _, extra := range w.options.Settings.Current().Kinds {
		if extra.GroupKind() == of {
			return kind{resource: resourceOf(extra), template: remedy.ParseTemplate(extra.Template), configured: true}, true
		}
	}
	return kind{}, false
}

func resourceOf(extra config.ExtraKind) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: extra.Group, Version: extra.Version, Resource: extra.Resource}
}

// lookForKinds is how often the API server is asked whether it serves kinds that the installation adds by now.
const lookForKinds = 30 * time.Second

// watchExtraKinds watches the metadata of the kinds that the installation adds, each from when the API server serves it,
// until ctx ends. One that is not served, or that may not be watched, keeps nothing else waiting.
func (w *Watcher) watchExtraKinds(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	watched := map[schema.GroupVersionResource]bool{}
	ticker := w.clock.NewTicker(lookForKinds)
	defer ticker.Stop()
	for {
		for _, extra := range w.options.Settings.Current().Kinds {
			resource := resourceOf(extra)
			if watched[resource] {
				continue
			}
			_, err := w.partial.Resource(resource).Namespace(w.options.WatchNamespace).List(ctx, metav1.ListOptions{Limit: 1})
			switch {
			case apierrors.IsNotFound(err):
				w.log.Debug("a configured kind is not served yet", "resource", resource.GroupResource())
				continue
			case err != nil:
				w.log.Warn("a configured kind can't be watched", "resource", resource.GroupResource(), "error", err)
				continue
			}
			informer := metadatainformer.NewFilteredMetadataInformer(w.partial, resource, w.options.WatchNamespace, 0, byController, nil).Informer()
			err = informer.SetTransform(compactMetadata(resource.GroupVersion().WithKind(extra.Kind)))
			if err == nil {
				err = handle(informer, w.workloadChanged)
			}
			if err != nil {
				w.log.Error("a configured kind can't be watched", "resource", resource.GroupResource(), "error", fmt.Errorf("set up a cache: %w", err))
				continue
			}
			watched[resource] = true
			w.owners.caches.add(extra.GroupKind(), informer.GetIndexer())
			w.log.Info("watching a configured kind", "resource", resource.GroupResource())
			running.Go(func() { informer.RunWithContext(ctx) })
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}
