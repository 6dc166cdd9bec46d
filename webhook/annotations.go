package webhook

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
	"github.com/kube-remedy/kube-remedy/engine/audit"
	"github.com/kube-remedy/kube-remedy/engine/remedy"
)

// annotationsOf reads our annotations of an object that have texts.
func annotationsOf(object map[string]any) map[string]string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	found := map[string]string{}
	for name, value := range annotations {
		if text, ok := value.(string); ok && strings.HasPrefix(name, v1alpha1.GroupName+"/") {
			found[name] = text
		}
	}
	return found
}

// annotationOf reads an annotation of an object; empty when there is none.
func annotationOf(object map[string]any, name string) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[name].(string)
	return value
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
	if trail := annotationOf(object, v1alpha1.AuditAnnotation); trail != "" {
		read.records, _ = audit.Parse(trail)
	}
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

// annotating are the operations that make our annotations say what is in effect and nothing else, and whether the API
// server will take the annotations afterwards: when they are too large it rejects the request, and the applier could do
// nothing about ours.
type annotating struct {
	operations []remedy.Operation
	fit        bool
	malformed  bool // there is something else where metadata or annotations are expected
}

// annotationOperations gives those for the object and its pod template. There are none when the annotations already
// say what is in effect.
func (s *subject) annotationOperations(marks []string, records []audit.Record) (annotating, error) {
	trail := ""
	if len(records) > 0 {
		var err error
		if trail, err = audit.Annotation(records); err != nil {
			return annotating{}, err
		}
	}
	list := strings.Join(marks, ",")
	done := annotating{fit: true}
	done.annotate(s.object, "", map[string]string{v1alpha1.AuditAnnotation: trail, v1alpha1.RemediationsAnnotation: list})
	if len(s.kind.template) == 0 {
		return done, nil
	}
	template := s.kind.template.Of(s.object)
	if template == nil {
		return done, nil
	}
	if s.kind.frozen && s.old.object() != nil {
		// What a pod template that can't be changed any more was created with stays.
		list = annotationOf(s.kind.template.Of(s.old.object()), v1alpha1.RemediationsAnnotation)
	}
	done.annotate(template, "/"+strings.Join(s.kind.template, "/"), map[string]string{v1alpha1.RemediationsAnnotation: list})
	return done, nil
}

// annotate sets annotations of the object or template at a JSON pointer; an empty value removes one.
func (a *annotating) annotate(object map[string]any, at string, wanted map[string]string) {
	metadata, hasMetadata := object["metadata"].(map[string]any)
	present, hasAnnotations := metadata["annotations"].(map[string]any)
	added := map[string]any{}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value := wanted[name]
		have, exists := present[name]
		path := at + "/metadata/annotations/" + strings.ReplaceAll(name, "/", "~1")
		switch {
		case value == "" && exists:
			a.operations = append(a.operations, remedy.Operation{Op: "remove", Path: path})
		case value == "", have == value:
		case hasAnnotations:
			a.operations = append(a.operations, remedy.Operation{Op: "add", Path: path, Value: value}) // or replace, if it exists
			changed = true
		default:
			added[name] = value
		}
	}
	switch {
	case len(added) > 0 && (!hasMetadata && object["metadata"] != nil || metadata["annotations"] != nil):
		a.malformed = true
	case changed && annotationBytes(present, wanted) > validation.TotalAnnotationSizeLimitB:
		a.fit = false
	case len(added) == 0:
	case hasMetadata: // annotations are missing or null
		a.operations = append(a.operations, remedy.Operation{Op: "add", Path: at + "/metadata/annotations", Value: added})
	default:
		a.operations = append(a.operations, remedy.Operation{Op: "add", Path: at + "/metadata", Value: map[string]any{"annotations": added}})
	}
}

// annotationBytes is the size of annotations as the API server counts it, once some are set.
func annotationBytes(present map[string]any, wanted map[string]string) int {
	size := 0
	for name, value := range present {
		if _, ours := wanted[name]; !ours {
			text, _ := value.(string)
			size += len(name) + len(text)
		}
	}
	for name, value := range wanted {
		if value != "" {
			size += len(name) + len(value)
		}
	}
	return size
}
