package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// CertManager has cert-manager issue and renew the serving certificate, and its cainjector write the caBundles.
//
// It needs these rights. On the cluster: get, list, watch and patch mutatingwebhookconfigurations and
// validatingwebhookconfigurations of the name Configuration. In Namespace: create and patch issuers.cert-manager.io
// (not with an Issuer that is there already), create, get, list, watch and patch certificates.cert-manager.io, and
// get, list and watch the secret of the name Secret. All but create can be limited to names: Certificate and
// Certificate with -ca for certificates, Certificate with -ca and with -selfsigned for issuers.
type CertManager struct {
	// Client reads the Secret and the registration, and annotates the latter.
	Client kubernetes.Interface
	// Dynamic reads and writes cert-manager's objects.
	Dynamic dynamic.Interface
	// Namespace, Certificate and Secret say where the Certificate is kept and into which Secret it is issued.
	Namespace, Certificate, Secret string
	// Configuration names the MutatingWebhookConfiguration into whose caBundles the certificate authority is
	// injected, and into those of the ValidatingWebhookConfiguration of the same name if there is one.
	Configuration string
	// Issuer is an Issuer or ClusterIssuer that is there already. It must be one that knows its certificate
	// authority. When it changes that, cainjector puts the new one in the place of the old one: reviews of API
	// servers that have not read it yet fail for a moment. Without a name there is an authority of our own, which
	// does not have that moment.
	Issuer cmmeta.IssuerReference
	// Names are those under which the API server calls the webhook; at least one.
	Names Names
	// Clock and Log are where the time comes from and lines go.
	Clock clock.WithTicker
	Log   *slog.Logger

	served
}

var _ Source = (*CertManager)(nil)

// Ready reports why nothing valid can be served, in cert-manager's words where it has some; nil when it can.
func (c *CertManager) Ready() error { return c.ready(c.Clock.Now()) }

// Run keeps cert-manager's objects and the registration right, and serves what is issued, until ctx ends.
func (c *CertManager) Run(ctx context.Context) error {
	secrets := watch(c.Client, c.Namespace, c.Secret).Core().V1().Secrets().Informer()
	certificates := dynamicinformer.NewFilteredDynamicInformer(
		c.Dynamic, certificatesResource, c.Namespace, 0, cache.Indexers{}, named(c.Certificate)).Informer()
	keep := &loop{
		informers: append(watchConfigurations(c.Client, c.Configuration), secrets, certificates),
		look:      c.look, wait: func() time.Duration { return checkEvery }, clock: c.Clock, log: c.Log,
	}
	return keep.run(ctx)
}

func (c *CertManager) look(ctx context.Context) error {
	err := c.reconcile(ctx)
	c.note(err)
	return err
}

// reconcile does each step even when another fails: what is issued is served also while cert-manager is away.
func (c *CertManager) reconcile(ctx context.Context) error {
	certificate, unensured := c.ensure(ctx)
	registered, unread := configurations(ctx, c.Client, c.Configuration)
	unannotated := c.annotate(ctx, registered)
	unserved := c.serve(ctx, registered)
	if unserved != nil && certificate != nil {
		unserved = fmt.Errorf("%w (certificate %s/%s %s)", unserved, c.Namespace, c.Certificate, conditions(certificate))
	}
	return errors.Join(unensured, unserved, unread, unannotated)
}

// conditions says how far cert-manager is.
func conditions(certificate *certmanagerv1.Certificate) string {
	var said []string
	for _, each := range certificate.Status.Conditions {
		said = append(said, fmt.Sprintf("has %s %s, %s: %s", each.Type, each.Status, each.Reason, each.Message))
	}
	if len(said) == 0 {
		return "has no conditions yet: is cert-manager running?"
	}
	return strings.Join(said, "; ")
}

// annotate tells cainjector from which Certificate each configuration gets its caBundles.
func (c *CertManager) annotate(ctx context.Context, registered []configuration) error {
	from := c.Namespace + "/" + c.Certificate
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]string{certmanagerv1.WantInjectAnnotation: from}}}
	var failed []error
	for _, each := range registered {
		if each.meta.Annotations[certmanagerv1.WantInjectAnnotation] == from {
			continue
		}
		if err := each.patch(ctx, c.Client, types.MergePatchType, patch); err != nil {
			failed = append(failed, fmt.Errorf("annotate %s for cainjector: %w", each, err))
			continue
		}
		c.Log.Info("annotated for cainjector", each.kind, each.meta.Name, "certificate", from)
	}
	return errors.Join(failed...)
}

// serve takes over what the Secret holds. While what is served is trusted, one that is not yet trusted waits for
// cainjector.
func (c *CertManager) serve(ctx context.Context, registered []configuration) error {
	name := c.Namespace + "/" + c.Secret
	secret, err := c.Client.CoreV1().Secrets(c.Namespace).Get(ctx, c.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("nothing is issued into secret %s", name)
	}
	if err != nil {
		return fmt.Errorf("read secret %s: %w", name, err)
	}
	now := c.Clock.Now()
	fresh, err := loaded(secret.Data[certKey], secret.Data[keyKey], now)
	if err != nil {
		return fmt.Errorf("load the serving certificate of secret %s: %w", name, err)
	}
	current := c.current.Load()
	switch {
	case current != nil && current.Leaf.Equal(fresh.Leaf):
		return nil
	case c.valid(now) == nil:
		untrusted := trustedBy(registered, fresh, now)
		if untrusted != nil && trustedBy(registered, current, now) == nil {
			return fmt.Errorf("serve the certificate of secret %s once it is trusted; is cainjector running?: %w", name, untrusted)
		}
	}
	c.current.Store(fresh)
	c.Log.Info("serving the certificate that cert-manager issued", "secret", name, "not_after", c.NotAfter())
	return nil
}

// trustedBy is an error when a webhook's caBundle does not verify a certificate.
func trustedBy(registered []configuration, certificate *tls.Certificate, now time.Time) error {
	for _, each := range registered {
		for _, hook := range each.webhooks {
			if err := verified(hook.client.CABundle, certificate, now); err != nil {
				return fmt.Errorf("%s, webhook %s: %w", each, hook.name, err)
			}
		}
	}
	return nil
}
