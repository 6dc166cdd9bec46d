package text

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func (d described) claim() *corev1.PersistentVolumeClaim {
	object := &corev1.PersistentVolumeClaim{ObjectMeta: d.metadata()}
	object.Finalizers = strings.Fields(strings.Trim(d.root.value("Finalizers"), "[]"))
	object.Spec.StorageClassName = textOf(d.root.value("StorageClass"))
	object.Spec.VolumeName = d.root.value("Volume")
	object.Spec.VolumeMode = volumeMode(d.root.value("VolumeMode"))
	object.Status.AccessModes = accessModes(d.root.value("Access Modes"))
	if size, ok := parseQuantity(d.root.value("Capacity")); ok {
		object.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	if status := d.root.value("Status"); strings.HasPrefix(status, "Terminating") {
		d.terminating(&object.ObjectMeta, status)
	} else if object.Status.Phase = corev1.PersistentVolumeClaimPhase(status); status == "" && len(object.Status.Capacity) > 0 {
		object.Status.Phase = corev1.ClaimBound // what is above was cut off; only a claim that has a volume has a capacity
	}
	for _, line := range d.root.find("Conditions").below {
		if c, ok := d.nodeCondition(line.text); ok {
			object.Status.Conditions = append(object.Status.Conditions, corev1.PersistentVolumeClaimCondition{
				Type: corev1.PersistentVolumeClaimConditionType(c.Type), Status: c.Status, Reason: c.Reason, Message: c.Message,
				LastProbeTime: c.LastHeartbeatTime, LastTransitionTime: c.LastTransitionTime,
			})
		}
	}
	return object
}

// users are the pods that a claim without a volume is used by, of which nothing else is known.
func (d described) users() []runtime.Object {
	if d.root.value("Status") != string(corev1.ClaimPending) {
		return nil
	}
	var pods []runtime.Object
	for _, field := range []string{"Used By", "Mounted By"} { // the second before 1.21
		from := d.root.find(field)
		for _, name := range from.list() {
			if !isObjectName(name) {
				continue
			}
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.root.value("Namespace")}}
			pod.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: d.root.value("Name")}}}}
			pods = append(pods, pod)
		}
	}
	return pods
}

// quota reads the table "Resource Used Hard".
func (d described) quota() *corev1.ResourceQuota {
	object := &corev1.ResourceQuota{ObjectMeta: d.metadata()}
	if scopes := d.root.value("Scopes"); scopes != "" {
		for _, scope := range strings.Split(scopes, ", ") {
			object.Spec.Scopes = append(object.Spec.Scopes, corev1.ResourceQuotaScope(scope))
		}
	}
	hard, used := corev1.ResourceList{}, corev1.ResourceList{}
	for _, line := range d.root.below {
		fields := strings.Fields(line.text)
		if len(fields) != 3 {
			continue
		}
		name := corev1.ResourceName(fields[0])
		if quantity, ok := parseQuantity(fields[2]); ok {
			hard[name] = quantity
			if quantity, ok := parseQuantity(fields[1]); ok {
				used[name] = quantity
			}
		}
	}
	object.Spec.Hard = hard
	object.Status = corev1.ResourceQuotaStatus{Hard: hard.DeepCopy(), Used: used}
	return object
}

// limitRange reads the table "Type Resource Min Max Default-Request Default-Limit Ratio".
func (d described) limitRange() *corev1.LimitRange {
	object := &corev1.LimitRange{ObjectMeta: d.metadata()}
	index := map[string]int{}
	for _, line := range d.root.below {
		fields := strings.Fields(line.text)
		if len(fields) != 7 || line.key != "" {
			continue
		}
		var values [5]corev1.ResourceList
		known := false
		for i, text := range fields[2:] {
			quantity, ok := parseQuantity(text)
			if ok {
				values[i] = corev1.ResourceList{corev1.ResourceName(fields[1]): quantity}
			}
			known = known || ok || text == "-"
		}
		if !known || strings.HasPrefix(fields[0], "---") {
			continue
		}
		at, seen := index[fields[0]]
		if !seen {
			at = len(object.Spec.Limits)
			index[fields[0]] = at
			object.Spec.Limits = append(object.Spec.Limits, corev1.LimitRangeItem{Type: corev1.LimitType(fields[0])})
		}
		item := &object.Spec.Limits[at]
		for i, list := range []*corev1.ResourceList{&item.Min, &item.Max, &item.DefaultRequest, &item.Default, &item.MaxLimitRequestRatio} {
			merge(list, values[i])
		}
	}
	return object
}

func merge(into *corev1.ResourceList, from corev1.ResourceList) {
	for name, quantity := range from {
		if *into == nil {
			*into = corev1.ResourceList{}
		}
		(*into)[name] = quantity
	}
}

func textOf(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func volumeMode(text string) *corev1.PersistentVolumeMode {
	if text == "" {
		return nil
	}
	return new(corev1.PersistentVolumeMode(text))
}

// accessModes reads the short and the long names, separated by commas or spaces.
func accessModes(text string) []corev1.PersistentVolumeAccessMode {
	var modes []corev1.PersistentVolumeAccessMode
	for _, mode := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch mode {
		case "RWO":
			modes = append(modes, corev1.ReadWriteOnce)
		case "ROX":
			modes = append(modes, corev1.ReadOnlyMany)
		case "RWX":
			modes = append(modes, corev1.ReadWriteMany)
		case "RWOP":
			modes = append(modes, corev1.ReadWriteOncePod)
		default:
			modes = append(modes, corev1.PersistentVolumeAccessMode(mode))
		}
	}
	return modes
}
