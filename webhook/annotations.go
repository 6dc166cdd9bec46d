package webhook

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// modeOf reads the workload's mode; the default is heal. A value that is none is ignored, and problem is the
// warning that says so. The namespace's annotation and the install's default come after the workload's own.
func modeOf(object map[string]any) (mode, problem string) {
	switch value := annotationOf(object, v1alpha1.ModeAnnotation); value {
	case v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff:
		return value, ""
	case "":
		return v1alpha1.ModeHeal, ""
	default:
		return v1alpha1.ModeHeal, fitting(fmt.Sprintf("kube-remedy: annotation %s: %q is ignored; use %s, %s or %s",
			v1alpha1.ModeAnnotation, engine.Shorten(value, 64), v1alpha1.ModeHeal, v1alpha1.ModeSuggest, v1alpha1.ModeOff))
	}
}

// annotations are what we wrote on an object before, as it was received.
type annotations struct {
	marks   []string
	records []audit.Record
}

func readAnnotations(object map[string]any) annotations {
	var read annotations
	for mark := range strings.SplitSeq(annotationOf(object, v1alpha1.RemediationsAnnotation), ",") {
		if mark != "" {
			read.marks = append(read.marks, mark)
		}
	}
	// What can't be read was not written by us, or not left as we wrote it: it is written anew.
	read.records, _ = audit.Parse(annotationOf(object, v1alpha1.AuditAnnotation))
	return read
}

// lists reports whether the object carries the Remediation in its current attempt.
func (a annotations) lists(remediation *v1alpha1.Remediation) bool {
	return slices.Contains(a.marks, remediation.Mark())
}

// record finds the record of a Remediation among those on the object.
func (a annotations) record(remediation *v1alpha1.Remediation) (audit.Record, bool) {
	want := audit.NewRecord(remediation, nil)
	at := slices.IndexFunc(a.records, func(have audit.Record) bool {
		return have.FailureType == want.FailureType && have.Timestamp == want.Timestamp && have.RootCause == want.RootCause
	})
	if at < 0 {
		return audit.Record{}, false
	}
	return a.records[at], true
}

// annotationOperations makes our annotations say what is in effect and nothing else; there are none when they
// already do.
func annotationOperations(object map[string]any, marks []string, records []audit.Record) ([]remedy.Operation, error) {
	trail := ""
	if len(records) > 0 {
		var err error
		if trail, err = audit.Annotation(records); err != nil {
			return nil, err
		}
	}
	list := strings.Join(marks, ",")
	operations := annotate(object, "", map[string]string{v1alpha1.AuditAnnotation: trail, v1alpha1.RemediationsAnnotation: list})
	if template, ok := templateOf(object).(map[string]any); ok {
		operations = append(operations, annotate(template, "/spec/template", map[string]string{v1alpha1.RemediationsAnnotation: list})...)
	}
	return operations, nil
}

// annotationsFit reports whether the API server will take the annotations of an object and its pod template:
// when they are too large it rejects the request, and the applier could do nothing about ours.
func annotationsFit(raw []byte) bool {
	object, err := decode(raw)
	if err != nil {
		return false
	}
	template, _ := templateOf(object).(map[string]any)
	for _, annotated := range []map[string]any{object, template} {
		metadata, _ := annotated["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		size := 0
		for name, value := range annotations {
			text, _ := value.(string)
			size += len(name) + len(text)
		}
		if size > validation.TotalAnnotationSizeLimitB {
			return false
		}
	}
	return true
}

// annotate sets annotations of the object or template at a JSON pointer; an empty value removes one.
func annotate(object map[string]any, at string, wanted map[string]string) []remedy.Operation {
	metadata, hasMetadata := object["metadata"].(map[string]any)
	present, hasAnnotations := metadata["annotations"].(map[string]any)
	var operations []remedy.Operation
	added := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value := wanted[name]
		have, exists := present[name]
		path := at + "/metadata/annotations/" + strings.ReplaceAll(name, "/", "~1")
		switch {
		case value == "" && exists:
			operations = append(operations, remedy.Operation{Op: "remove", Path: path})
		case value == "", have == value:
		case hasAnnotations:
			operations = append(operations, remedy.Operation{Op: "add", Path: path, Value: value}) // or replace, if it exists
		default:
			added[name] = value
		}
	}
	switch {
	case len(added) == 0:
		return operations
	case hasMetadata: // annotations are missing or null
		return append(operations, remedy.Operation{Op: "add", Path: at + "/metadata/annotations", Value: added})
	default:
		return append(operations, remedy.Operation{Op: "add", Path: at + "/metadata", Value: map[string]any{"annotations": added}})
	}
}
