package plugin

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/engine/api/v1alpha1"
)

// endsSoon is when a certificate that ends is a problem. Certificates are renewed after two thirds of 90 days.
const endsSoon = 7 * 24 * time.Hour

// webhookStatus is one registered webhook.
type webhookStatus struct {
	Name           string `json:"name"`
	Configuration  string `json:"configuration"`
	Target         string `json:"target"`
	FailurePolicy  string `json:"failure_policy"`
	TimeoutSeconds int32  `json:"timeout_seconds"`
	// Authorities is how many certificates the caBundle has, AuthoritiesEnd when the last of them ends.
	Authorities    int    `json:"ca_bundle_certificates"`
	AuthoritiesEnd string `json:"ca_bundle_ends,omitempty"`
}

func (w webhookStatus) authority() string {
	if w.Authorities == 0 {
		return "missing"
	}
	return "ends " + w.AuthoritiesEnd
}

// registered is what webhooks of both kinds have in common.
type registered struct {
	name, configuration string
	client              admissionregistrationv1.WebhookClientConfig
	policy              *admissionregistrationv1.FailurePolicyType
	timeout             *int32
}

func (c *cluster) lookAtWebhooks(ctx context.Context, found *installation) error {
	var all []registered
	mutating, err := c.typed.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		if err = found.unreadable("mutatingwebhookconfigurations", err); err != nil {
			return err
		}
	} else {
		found.webhooksSeen = true
		for _, configuration := range mutating.Items {
			for _, webhook := range configuration.Webhooks {
				all = append(all, registered{webhook.Name, "mutatingwebhookconfiguration/" + configuration.Name, webhook.ClientConfig, webhook.FailurePolicy, webhook.TimeoutSeconds})
			}
		}
	}
	validating, err := c.typed.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		if err = found.unreadable("validatingwebhookconfigurations", err); err != nil {
			return err
		}
	} else {
		for _, configuration := range validating.Items {
			for _, webhook := range configuration.Webhooks {
				all = append(all, registered{webhook.Name, "validatingwebhookconfiguration/" + configuration.Name, webhook.ClientConfig, webhook.FailurePolicy, webhook.TimeoutSeconds})
			}
		}
	}
	for _, webhook := range all {
		if strings.HasSuffix(webhook.name, "."+v1alpha1.GroupName) {
			c.lookAtWebhook(ctx, found, webhook)
		}
	}
	return nil
}

// lookAtWebhook adds one webhook and what is wrong with it.
func (c *cluster) lookAtWebhook(ctx context.Context, found *installation, webhook registered) {
	status := webhookStatus{Name: webhook.name, Configuration: webhook.configuration, FailurePolicy: "Fail", TimeoutSeconds: 10} // the API's defaults
	if webhook.policy != nil {
		status.FailurePolicy = string(*webhook.policy)
	}
	if webhook.timeout != nil {
		status.TimeoutSeconds = *webhook.timeout
	}
	switch service := webhook.client.Service; {
	case service != nil:
		status.Target = "service " + service.Namespace + "/" + service.Name
		c.lookAtEndpoints(ctx, found, webhook.name, service.Namespace, service.Name)
	case webhook.client.URL != nil:
		status.Target = *webhook.client.URL
	}
	if strings.HasPrefix(webhook.name, "mutate.") {
		found.mutates = true
		if status.FailurePolicy == string(admissionregistrationv1.Fail) {
			found.problem("webhook %s has failurePolicy Fail: while kube-remedy does not answer, no workload can be applied", webhook.name)
		}
	}
	authorities, err := certificatesIn(webhook.client.CABundle)
	status.Authorities = len(authorities)
	now := c.clock.Now()
	var last time.Time
	for _, authority := range authorities {
		if authority.NotAfter.After(last) {
			last = authority.NotAfter
		}
	}
	switch {
	case err != nil:
		found.problem("the caBundle of webhook %s can't be read: %v", webhook.name, err)
	case len(authorities) == 0:
		found.problem("webhook %s has no caBundle: unless its certificate is of a public authority, the API server does not trust it", webhook.name)
	default:
		status.AuthoritiesEnd = last.UTC().Format(time.RFC3339)
		found.ending("the caBundle of webhook "+webhook.name, last, now)
	}
	found.Webhooks = append(found.Webhooks, status)
}

// ending adds a problem when a certificate ended or is about to.
func (i *installation) ending(what string, ends, now time.Time) {
	switch {
	case !ends.After(now):
		i.problem("%s ended at %s: the API server does not trust it any more", what, ends.UTC().Format(time.RFC3339))
	case ends.Sub(now) < endsSoon:
		i.problem("%s ends at %s: it was not renewed", what, ends.UTC().Format(time.RFC3339))
	}
}

// lookAtEndpoints says whether anybody answers behind a service.
func (c *cluster) lookAtEndpoints(ctx context.Context, found *installation, webhook, namespace, service string) {
	slices, err := c.typed.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	if err != nil {
		found.note("whether service %s/%s has endpoints could not be read", namespace, service)
		return
	}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				return
			}
		}
	}
	found.problem("nobody answers for webhook %s: service %s/%s has no endpoint that is ready", webhook, namespace, service)
}

// certificateStatus is a serving certificate in a Secret.
type certificateStatus struct {
	Secret string `json:"secret"`
	Ends   string `json:"ends"`
}

// lookAtSecrets adds the certificates of an installation's namespace that are its own.
func (c *cluster) lookAtSecrets(ctx context.Context, found *installation, status *deploymentStatus) {
	secrets, err := c.typed.CoreV1().Secrets(status.Namespace).List(ctx, metav1.ListOptions{Limit: page})
	if err != nil {
		if apierrors.IsForbidden(err) {
			found.note("you may not read secrets in namespace %s: when the serving certificate ends is not known", status.Namespace)
		} else {
			found.note("secrets in namespace %s could not be read: %v", status.Namespace, err)
		}
		return
	}
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		if !strings.HasPrefix(secret.Name, "kube-remedy") && secret.Labels["app.kubernetes.io/name"] != "kube-remedy" || secret.Data[corev1.TLSCertKey] == nil {
			continue
		}
		certificates, err := certificatesIn(secret.Data[corev1.TLSCertKey])
		if err != nil || len(certificates) == 0 {
			found.problem("the certificate in secret %s/%s can't be read", secret.Namespace, secret.Name)
			continue
		}
		ends := certificates[0].NotAfter
		status.Certificates = append(status.Certificates, certificateStatus{Secret: secret.Name, Ends: ends.UTC().Format(time.RFC3339)})
		found.ending(fmt.Sprintf("the certificate in secret %s/%s", secret.Namespace, secret.Name), ends, c.clock.Now())
	}
}

// certificatesIn reads PEM.
func certificatesIn(data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return found, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found = append(found, certificate)
	}
}
