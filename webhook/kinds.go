package webhook

import (
	"maps"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kube-remedy/kube-remedy/engine/remedy"
	"github.com/kube-remedy/kube-remedy/internal/config"
)

// kind is what must be known of a kind of object.
type kind struct {
	// template is where it has its pod template; empty for one that is or has none itself.
	template remedy.Template
	// resource is its plural, as the API server serves it, and short how kubectl calls it.
	resource, short string
	// frozen says that what a cure changes can't be changed once the object exists.
	frozen bool
	// bare says that there is no pod template: what a user changes in place is not an apply.
	bare bool
}

// builtIn are the kinds of Kubernetes that owners apply.
var builtIn = map[schema.GroupKind]kind{
	{Group: "apps", Kind: "Deployment"}:  {template: remedy.Template{"spec", "template"}, resource: "deployments", short: "deploy"},
	{Group: "apps", Kind: "StatefulSet"}: {template: remedy.Template{"spec", "template"}, resource: "statefulsets", short: "sts"},
	{Group: "apps", Kind: "DaemonSet"}:   {template: remedy.Template{"spec", "template"}, resource: "daemonsets", short: "ds"},
	{Group: "apps", Kind: "ReplicaSet"}:  {template: remedy.Template{"spec", "template"}, resource: "replicasets", short: "rs"},
	{Group: "batch", Kind: "Job"}:        {template: remedy.Template{"spec", "template"}, resource: "jobs", short: "job", frozen: true},
	{Group: "batch", Kind: "CronJob"}:    {template: remedy.Template{"spec", "jobTemplate", "spec", "template"}, resource: "cronjobs", short: "cj"},
	{Kind: "ReplicationController"}:      {template: remedy.Template{"spec", "template"}, resource: "replicationcontrollers", short: "rc"},
	{Kind: "Pod"}:                        {resource: "pods", short: "pod", frozen: true, bare: true},
	{Kind: "PersistentVolumeClaim"}:      {resource: "persistentvolumeclaims", short: "pvc", frozen: true, bare: true},
}

// kindsOf gives the kinds that are healed with the given settings.
func kindsOf(settings *config.Config) map[schema.GroupKind]kind {
	known := maps.Clone(builtIn)
	for _, extra := range settings.Kinds {
		known[extra.GroupKind()] = kind{template: remedy.ParseTemplate(extra.Template), resource: extra.Resource, short: extra.Resource + "." + extra.Group}
	}
	return known
}
