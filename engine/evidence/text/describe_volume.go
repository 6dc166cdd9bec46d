package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// volumes reads the volumes of a pod. Kinds that tell nothing about failures keep only their name.
func volumes(from *section) []corev1.Volume {
	var all []corev1.Volume
	for _, v := range from.below {
		if v.key == "" || v.val != "" {
			continue
		}
		all = append(all, corev1.Volume{Name: v.key, VolumeSource: volumeSource(v)})
	}
	return all
}

func volumeSource(v *section) corev1.VolumeSource {
	kind, _ := word(v.value("Type"))
	switch kind {
	case "PersistentVolumeClaim":
		return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: v.value("ClaimName"), ReadOnly: v.value("ReadOnly") == "true"}}
	case "ConfigMap":
		return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: v.value("Name")}, Optional: optionalField(v)}}
	case "Secret":
		return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: v.value("SecretName"), Optional: optionalField(v)}}
	case "EmptyDir":
		return corev1.VolumeSource{EmptyDir: emptyDir(v)}
	case "HostPath":
		return corev1.VolumeSource{HostPath: hostPath(v)}
	case "NFS":
		return corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: v.value("Server"), Path: v.value("Path"), ReadOnly: v.value("ReadOnly") == "true"}}
	case "CSI":
		return corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: v.value("Driver"), VolumeAttributes: v.find("VolumeAttributes").pairs()}}
	case "EphemeralVolume":
		return corev1.VolumeSource{Ephemeral: ephemeral(v)}
	case "Image":
		return corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: v.value("Reference"), PullPolicy: corev1.PullPolicy(v.value("PullPolicy"))}}
	case "DownwardAPI":
		return corev1.VolumeSource{DownwardAPI: downwardAPI(v)}
	case "Projected":
		return corev1.VolumeSource{Projected: projected(v)}
	default:
		return corev1.VolumeSource{}
	}
}

func optionalField(v *section) *bool {
	if v.value("Optional") == "true" {
		return new(true)
	}
	return nil
}

func emptyDir(v *section) *corev1.EmptyDirVolumeSource {
	source := &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(v.value("Medium"))}
	if size, ok := parseQuantity(v.value("SizeLimit")); ok {
		source.SizeLimit = &size
	}
	return source
}

func hostPath(v *section) *corev1.HostPathVolumeSource {
	source := &corev1.HostPathVolumeSource{Path: v.value("Path")}
	if kind := v.find("HostPathType"); kind.key != "" && kind.val != "<none>" {
		source.Type = new(corev1.HostPathType(kind.val))
	}
	return source
}

func ephemeral(v *section) *corev1.EphemeralVolumeSource {
	template := &corev1.PersistentVolumeClaimTemplate{}
	if class := v.value("StorageClass"); class != "" {
		template.Spec.StorageClassName = &class
	}
	template.Spec.VolumeName = v.value("Volume")
	return &corev1.EphemeralVolumeSource{VolumeClaimTemplate: template}
}

func downwardAPI(v *section) *corev1.DownwardAPIVolumeSource {
	source := &corev1.DownwardAPIVolumeSource{}
	for _, item := range v.find("Items").below {
		field, where, ok := strings.Cut(item.text, " -> ")
		if !ok {
			continue
		}
		file := corev1.DownwardAPIVolumeFile{Path: where}
		if strings.HasPrefix(field, "limits.") || strings.HasPrefix(field, "requests.") {
			file.ResourceFieldRef = &corev1.ResourceFieldSelector{Resource: field}
		} else {
			file.FieldRef = &corev1.ObjectFieldSelector{FieldPath: field}
		}
		source.Items = append(source.Items, file)
	}
	return source
}

// projected reads the sources, which are told apart by their first line; "Optional" belongs to the one before.
func projected(v *section) *corev1.ProjectedVolumeSource {
	source := &corev1.ProjectedVolumeSource{}
	for _, line := range v.below {
		switch line.key {
		case "SecretName":
			source.Sources = append(source.Sources, corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: line.val}}})
		case "ConfigMapName":
			source.Sources = append(source.Sources, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: line.val}}})
		case "DownwardAPI":
			source.Sources = append(source.Sources, corev1.VolumeProjection{DownwardAPI: &corev1.DownwardAPIProjection{}})
		case "TokenExpirationSeconds":
			source.Sources = append(source.Sources, corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: intOf[int64](line.val)}})
		case "Optional":
			markOptional(source.Sources, line.val == "true")
		}
	}
	return source
}

func markOptional(sources []corev1.VolumeProjection, is bool) {
	if len(sources) == 0 || !is {
		return
	}
	last := &sources[len(sources)-1]
	if last.Secret != nil {
		last.Secret.Optional = new(true)
	}
	if last.ConfigMap != nil {
		last.ConfigMap.Optional = new(true)
	}
}
