package certs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// The kinds of configuration that make up the registration, as messages have them.
const (
	mutating   = "mutatingwebhookconfiguration"
	validating = "validatingwebhookconfiguration"
)

// configuration is a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration: what they have in common.
type configuration struct {
	kind     string
	meta     metav1.ObjectMeta
	webhooks []webhook
}

// webhook is one of a configuration.
type webhook struct {
	name   string
	client admissionregistrationv1.WebhookClientConfig
}

func ofMutating(object *admissionregistrationv1.MutatingWebhookConfiguration) configuration {
	of := configuration{kind: mutating, meta: object.ObjectMeta}
	for _, each := range object.Webhooks {
		of.webhooks = append(of.webhooks, webhook{each.Name, each.ClientConfig})
	}
	return of
}

func ofValidating(object *admissionregistrationv1.ValidatingWebhookConfiguration) configuration {
	of := configuration{kind: validating, meta: object.ObjectMeta}
	for _, each := range object.Webhooks {
		of.webhooks = append(of.webhooks, webhook{each.Name, each.ClientConfig})
	}
	return of
}

// String is how messages name it.
func (c configuration) String() string { return c.kind + " " + c.meta.Name }

// host is the name under which the API server calls the webhook, and that it wants in the certificate.
func (w webhook) host() (string, error) {
	if service := w.client.Service; service != nil {
		return service.Name + "." + service.Namespace + ".svc", nil
	}
	if w.client.URL == nil {
		return "", errors.New("it has neither a service nor a url")
	}
	parsed, err := url.Parse(*w.client.URL)
	if err != nil {
		return "", fmt.Errorf("read its url: %w", err)
	}
	return parsed.Hostname(), nil
}

// configurations reads both of a name. One that validates may be missing; what can be read is given even when
// something else is an error.
func configurations(ctx context.Context, client kubernetes.Interface, name string) ([]configuration, error) {
	var found []configuration
	api := client.AdmissionregistrationV1()
	mutates, err := api.MutatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		err = fmt.Errorf("read %s %s: %w", mutating, name, err)
	} else {
		found = append(found, ofMutating(mutates))
	}
	validates, errValidating := api.ValidatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
	switch {
	case errValidating == nil:
		found = append(found, ofValidating(validates))
	case !apierrors.IsNotFound(errValidating):
		err = errors.Join(err, fmt.Errorf("read %s %s: %w", validating, name, errValidating))
	}
	return found, err
}

// watchConfigurations gives informers for both of a name.
func watchConfigurations(client kubernetes.Interface, name string) []cache.SharedIndexInformer {
	both := watch(client, metav1.NamespaceAll, name).Admissionregistration().V1()
	return []cache.SharedIndexInformer{both.MutatingWebhookConfigurations().Informer(), both.ValidatingWebhookConfigurations().Informer()}
}

// patch changes a configuration in the cluster.
func (c configuration) patch(ctx context.Context, client kubernetes.Interface, how types.PatchType, patch any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	api := client.AdmissionregistrationV1()
	if c.kind == mutating {
		_, err = api.MutatingWebhookConfigurations().Patch(ctx, c.meta.Name, how, text, metav1.PatchOptions{})
	} else {
		_, err = api.ValidatingWebhookConfigurations().Patch(ctx, c.meta.Name, how, text, metav1.PatchOptions{})
	}
	return err
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// trusting is the JSON patch that gives every webhook a caBundle; empty when all of them have it. It names nothing
// but caBundles, so fields that only the API server knows stay. That a webhook still stands at its place is
// tested, and the resourceVersion makes it a conflict when anybody wrote the configuration after it was read.
func (c configuration) trusting(bundle []byte) []operation {
	var patch []operation
	for i, each := range c.webhooks {
		if bytes.Equal(each.client.CABundle, bundle) {
			continue
		}
		at := fmt.Sprintf("/webhooks/%d", i)
		patch = append(patch,
			operation{"test", at + "/name", each.name},
			operation{"add", at + "/clientConfig/caBundle", bundle}) // adds or replaces: RFC 6902, 4.1
	}
	if patch != nil && c.meta.ResourceVersion != "" {
		patch = append(patch, operation{"replace", "/metadata/resourceVersion", c.meta.ResourceVersion})
	}
	return patch
}
