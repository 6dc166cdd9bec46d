package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// review is one AdmissionReview as it arrived, with what tells it from others.
type review struct {
	body []byte
	uid  types.UID

	operation   string
	resource    string // with the subresource: deployments/scale
	subresource string
	name        string // or the prefix that a name is generated from
	user        string
	manager     string // the field manager in the request's options
	owners      string // the managers of the object's fields before the request
}

// readReview reads what tells a review from others. The body is kept as it is.
func readReview(body []byte) (review, error) {
	var received admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &received); err != nil {
		return review{}, fmt.Errorf("read an AdmissionReview: %w", err)
	}
	request := received.Request
	if request == nil {
		return review{}, errors.New("read an AdmissionReview: it has no request")
	}
	var options struct {
		FieldManager string `json:"fieldManager"`
	}
	if len(request.Options.Raw) > 0 {
		if err := json.Unmarshal(request.Options.Raw, &options); err != nil {
			return review{}, fmt.Errorf("read the options of a request: %w", err)
		}
	}
	resource := request.Resource.Resource
	if request.SubResource != "" {
		resource += "/" + request.SubResource
	}
	return review{
		body: body, uid: request.UID, operation: string(request.Operation), resource: resource, subresource: request.SubResource,
		name: nameOf(request), user: request.UserInfo.Username, manager: options.FieldManager, owners: ownersOf(request),
	}, nil
}

// nameOf is the object's name. A generated one is made after admission, so that only its prefix is known.
func nameOf(request *admissionv1.AdmissionRequest) string {
	if request.Name != "" {
		return request.Name
	}
	var object metav1.PartialObjectMetadata
	if len(request.Object.Raw) > 0 && json.Unmarshal(request.Object.Raw, &object) == nil {
		return object.Name + object.GenerateName
	}
	return ""
}

// ownersOf lists who managed the object's fields before the request, and how.
func ownersOf(request *admissionv1.AdmissionRequest) string {
	var old metav1.PartialObjectMetadata
	if len(request.OldObject.Raw) == 0 || json.Unmarshal(request.OldObject.Raw, &old) != nil {
		return ""
	}
	var owners []string
	for _, entry := range old.ManagedFields {
		owners = append(owners, entry.Manager+" "+string(entry.Operation)+" "+entry.Subresource)
	}
	return strings.Join(owners, ", ")
}

// retries reports whether a review is of the same request as an earlier one of the same action. When somebody else
// writes the object meanwhile, the API server applies a patch again and asks the webhooks again.
func (r review) retries(earlier review) bool {
	return r.manager == earlier.manager && r.owners == earlier.owners
}
