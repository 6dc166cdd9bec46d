package engine

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// missing says which kind and signatures the causes are about that name what does not exist.
var missing = map[string]struct {
	kind       v1alpha1.ReferenceKind
	key        bool
	signatures []string
}{
	"missing-configmap":         {v1alpha1.ConfigMap, false, []string{"configmap-not-found", "volume-configmap-not-found"}},
	"missing-secret":            {v1alpha1.Secret, false, []string{"secret-not-found", "volume-secret-not-found"}},
	"missing-configmap-key":     {v1alpha1.ConfigMap, true, []string{"configmap-key-not-found", "volume-configmap-key-missing"}},
	"missing-secret-key":        {v1alpha1.Secret, true, []string{"secret-key-not-found", "volume-secret-key-missing"}},
	"claim-missing":             {v1alpha1.PersistentVolumeClaim, false, nil},
	"storage-class-missing":     {v1alpha1.StorageClass, false, nil},
	"image-pull-secret-missing": {v1alpha1.Secret, false, nil},
}

// fixReference corrects a name that does not exist. What a message says is only used to choose among the names that
// the pod itself has.
func (p *prescriber) fixReference() ([]treatment, error) {
	lost, known := missing[p.Finding.RootCauseID]
	if !known {
		return nil, fmt.Errorf("which name is wrong is not known")
	}
	if len(p.observed.Objects) == 0 {
		return nil, fmt.Errorf("it is not known which %ss exist", lost.kind)
	}
	fix, err := p.corrected(lost.kind, lost.key, p.captured("name", lost.signatures...), p.captured("key", lost.signatures...))
	if err != nil {
		return nil, err
	}
	planned := one(v1alpha1.Action{FixReference: fix})
	for _, action := range p.situation.Before {
		if before := action.FixReference; before != nil && before.Kind == fix.Kind && before.Replacement == fix.Name && before.ReplacementKey == fix.Key {
			fix.Name, fix.Key = before.Name, before.Key // what the owner wrote, and will write again
			planned[0].rewritten = true
		}
	}
	return planned, nil
}

// corrected looks through the names of a kind that the pod has for the one that does not exist.
func (p *prescriber) corrected(kind v1alpha1.ReferenceKind, key bool, name, keyName string) (*v1alpha1.FixReference, error) {
	err := fmt.Errorf("the pod names no %s that is known to be missing", kind)
	for _, named := range p.references(kind) {
		if name != "" && named.name != name {
			continue
		}
		var fix *v1alpha1.FixReference
		if !key {
			if fix, err = remedy.CorrectName(kind, named.name, named.keys, p.observed.Objects); err == nil {
				return fix, nil
			}
			continue
		}
		for _, asked := range named.keys {
			if keyName != "" && asked != keyName {
				continue
			}
			if fix, err = remedy.CorrectKey(kind, named.name, asked, p.observed.Objects); err == nil {
				return fix, nil
			}
		}
	}
	return nil, err
}

// reference is an object that the pod names, with the keys that it asks of it.
type reference struct {
	name string
	keys []string
}

// references gives what the pod names of a kind, in the order in which it does.
func (p *prescriber) references(kind v1alpha1.ReferenceKind) []reference {
	var found []reference
	add := func(name string, keys ...string) {
		if name == "" {
			return
		}
		at := slices.IndexFunc(found, func(r reference) bool { return r.name == name })
		if at < 0 {
			found, at = append(found, reference{name: name}), len(found)
		}
		found[at].keys = append(found[at].keys, keys...)
	}
	pod := p.pod()
	for _, container := range p.observed.Containers {
		if pod != nil && container.Pod != pod.Name {
			continue
		}
		inEnvironment(container.Spec, kind, add)
	}
	if pod == nil {
		return found
	}
	for i := range pod.Spec.Volumes {
		inVolume(&pod.Spec.Volumes[i].VolumeSource, kind, add)
	}
	if kind == v1alpha1.Secret {
		for _, secret := range pod.Spec.ImagePullSecrets {
			add(secret.Name)
		}
	}
	if kind == v1alpha1.StorageClass {
		for _, claim := range p.observed.Claims {
			if claim.Phase != "Bound" {
				add(claim.StorageClass)
			}
		}
	}
	return found
}

func inEnvironment(container corev1.Container, kind v1alpha1.ReferenceKind, add func(string, ...string)) {
	for _, source := range container.EnvFrom {
		switch {
		case kind == v1alpha1.ConfigMap && source.ConfigMapRef != nil:
			add(source.ConfigMapRef.Name)
		case kind == v1alpha1.Secret && source.SecretRef != nil:
			add(source.SecretRef.Name)
		}
	}
	for _, variable := range container.Env {
		switch from := variable.ValueFrom; {
		case from == nil:
		case kind == v1alpha1.ConfigMap && from.ConfigMapKeyRef != nil:
			add(from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key)
		case kind == v1alpha1.Secret && from.SecretKeyRef != nil:
			add(from.SecretKeyRef.Name, from.SecretKeyRef.Key)
		}
	}
}

func inVolume(volume *corev1.VolumeSource, kind v1alpha1.ReferenceKind, add func(string, ...string)) {
	keys := func(items []corev1.KeyToPath) []string {
		named := make([]string, 0, len(items))
		for _, item := range items {
			named = append(named, item.Key)
		}
		return named
	}
	switch {
	case kind == v1alpha1.ConfigMap && volume.ConfigMap != nil:
		add(volume.ConfigMap.Name, keys(volume.ConfigMap.Items)...)
	case kind == v1alpha1.Secret && volume.Secret != nil:
		add(volume.Secret.SecretName, keys(volume.Secret.Items)...)
	case kind == v1alpha1.PersistentVolumeClaim && volume.PersistentVolumeClaim != nil:
		add(volume.PersistentVolumeClaim.ClaimName)
	case volume.Projected != nil:
		for _, source := range volume.Projected.Sources {
			switch {
			case kind == v1alpha1.ConfigMap && source.ConfigMap != nil:
				add(source.ConfigMap.Name, keys(source.ConfigMap.Items)...)
			case kind == v1alpha1.Secret && source.Secret != nil:
				add(source.Secret.Name, keys(source.Secret.Items)...)
			}
		}
	}
}
