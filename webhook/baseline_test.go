package webhook

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"

	jsondiff "gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// typical is what the handler is compared with: a handler as it is written with controller-runtime (v0.25, pkg/webhook/
// admission: http.go, decode.go, response.go), without its log lines, metrics and contexts. The review is decoded, the
// object is decoded into its type, changed, encoded again and compared with what was received.
type typical struct {
	decoder runtime.Decoder
	matches bool // it has something to change
	// defaults says that it is a Defaulter (defaulter_custom.go), which copies the object first. Then an object that
	// was not changed needs no comparing of texts, and of one that was changed what only its type leaves out is not
	// removed.
	defaults bool
}

func newTypical(matches, defaults bool) (*typical, error) {
	scheme := runtime.NewScheme()
	err := errors.Join(admissionv1.AddToScheme(scheme), appsv1.AddToScheme(scheme))
	return &typical{decoder: serializer.NewCodecFactory(scheme).UniversalDeserializer(), matches: matches, defaults: defaults}, err
}

func (t *typical) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(&io.LimitedReader{R: r.Body, N: maxReview})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var review admissionv1.AdmissionReview
	if _, _, err := t.decoder.Decode(body, nil, &review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	operations, err := t.review(review.Request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if len(operations) > 0 {
		if response.Patch, err = json.Marshal(operations); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		kind := admissionv1.PatchTypeJSONPatch
		response.PatchType = &kind
	}
	_ = json.NewEncoder(w).Encode(admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
}

func (t *typical) review(request *admissionv1.AdmissionRequest) ([]jsondiff.Operation, error) {
	var object appsv1.Deployment
	if err := runtime.DecodeInto(t.decoder, request.Object.Raw, &object); err != nil {
		return nil, err
	}
	var original *appsv1.Deployment
	if t.defaults {
		original = object.DeepCopy()
	}
	if t.matches {
		raiseMemory(&object)
	}
	if t.defaults && reflect.DeepEqual(original, &object) {
		return nil, nil
	}
	changed, err := json.Marshal(&object)
	if err != nil {
		return nil, err
	}
	operations, err := jsondiff.CreatePatch(request.Object.Raw, changed)
	if err != nil || !t.defaults {
		return operations, err
	}
	return withoutRemovals(operations, original, request.Object.Raw)
}

// raiseMemory does what the measured Remediation does.
func raiseMemory(object *appsv1.Deployment) {
	for i := range object.Spec.Template.Spec.Containers {
		resources := &object.Spec.Template.Spec.Containers[i].Resources
		resources.Limits[corev1.ResourceMemory] = resource.MustParse("256Mi")
		resources.Requests[corev1.ResourceMemory] = resource.MustParse("256Mi")
	}
	object.Annotations = annotated(object.Annotations, map[string]string{
		v1alpha1.RemediationsAnnotation: "deployment-web-oomkilled-app@1", v1alpha1.AuditAnnotation: auditOfWeb,
	})
	object.Spec.Template.Annotations = annotated(object.Spec.Template.Annotations, map[string]string{
		v1alpha1.RemediationsAnnotation: "deployment-web-oomkilled-app@1",
	})
}

func annotated(annotations, more map[string]string) map[string]string {
	if annotations == nil {
		annotations = map[string]string{}
	}
	for name, value := range more {
		annotations[name] = value
	}
	return annotations
}

// withoutRemovals leaves out the removals that come of decoding and encoding alone.
func withoutRemovals(operations []jsondiff.Operation, original *appsv1.Deployment, raw []byte) ([]jsondiff.Operation, error) {
	removes := func(o jsondiff.Operation) bool { return o.Operation == "remove" }
	if !slices.ContainsFunc(operations, removes) {
		return operations, nil
	}
	encoded, err := json.Marshal(original)
	if err != nil {
		return nil, err
	}
	alone, err := jsondiff.CreatePatch(raw, encoded)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(operations, func(o jsondiff.Operation) bool {
		return removes(o) && slices.ContainsFunc(alone, func(other jsondiff.Operation) bool { return removes(other) && other.Path == o.Path })
	}), nil
}
