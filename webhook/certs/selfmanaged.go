// Package certs keeps the webhook's serving certificate. A Source gives it in one of three ways: Files that
// somebody else writes, SelfManaged ones that the replicas issue and share through a Secret, and those that
// CertManager has cert-manager issue. Trust checks that the registration trusts what is really served.
//
// It promises that no certificate is replaced by one that is not trusted while the old one still is: new
// authorities are added to the old ones, never put in their place, and are served once the API servers have had
// time to read of them.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
)

// Names are what the serving certificate is for.
type Names struct {
	DNS []string
	IP  []net.IP
}

// SelfManaged issues and renews the serving certificate.
type SelfManaged struct {
	// Client reads and writes the Secret and the registration.
	Client kubernetes.Interface
	// Namespace and Secret say where the certificates are kept.
	Namespace, Secret string
	// Configuration names the MutatingWebhookConfiguration whose caBundles are kept up to date, and those of the
	// ValidatingWebhookConfiguration of the same name if there is one.
	Configuration string
	// Names are those under which the API server calls the webhook; at least one.
	Names Names
	// Clock and Log are where the time comes from and lines go.
	Clock clock.WithTicker
	Log   *slog.Logger

	served
	trusted []byte    // the authorities that the registration has, as far as Run knows
	since   time.Time // when it was first seen to have them
}

// settling is how long API servers are given to read that another authority is trusted, before a certificate of it
// is served in place of one that they trust already. They watch the registration: it takes them a moment, or some
// seconds when their watch has just ended.
const settling = 30 * time.Second

var _ Source = (*SelfManaged)(nil)

// Ready reports why nothing valid can be served; nil when it can.
func (s *SelfManaged) Ready() error { return s.ready(s.Clock.Now()) }

// Run keeps Secret, certificate and registration right until ctx ends.
func (s *SelfManaged) Run(ctx context.Context) error {
	secrets := watch(s.Client, s.Namespace, s.Secret).Core().V1().Secrets().Informer()
	keep := &loop{
		informers: append(watchConfigurations(s.Client, s.Configuration), secrets),
		look:      s.look, wait: s.wait, clock: s.Clock, log: s.Log,
	}
	return keep.run(ctx)
}

func (s *SelfManaged) look(ctx context.Context) error {
	err := s.reconcile(ctx)
	s.note(err)
	return err
}

func (s *SelfManaged) wait() time.Duration {
	if left := settling - s.Clock.Since(s.since); left > 0 {
		return left
	}
	return checkEvery
}

// reconcile brings the Secret up to date, the registration after it, and serves the certificate last: nothing
// is served that is not trusted yet, unless there is nothing better.
//
// The registration is read before the Secret, and is written only if nobody wrote it since: another replica that
// has issued anew meanwhile is not undone by what this one still read.
func (s *SelfManaged) reconcile(ctx context.Context) error {
	registered, unread := configurations(ctx, s.Client, s.Configuration)
	secret, err := s.ensureSecret(ctx, registered)
	if err != nil {
		return err
	}
	serving, err := tls.X509KeyPair(secret.Data[certKey], secret.Data[keyKey])
	if err != nil {
		return fmt.Errorf("load the serving certificate: %w", err)
	}
	authorities := secret.Data[caCertKey]
	err = errors.Join(unread, s.trust(ctx, registered, authorities))
	if err == nil && !bytes.Equal(s.trusted, authorities) {
		s.trusted, s.since = authorities, s.Clock.Now()
	}
	if s.mayServe(authorities) {
		s.current.Store(&serving)
	}
	return err
}

// mayServe reports whether a certificate of authorities may take the place of what is served.
func (s *SelfManaged) mayServe(authorities []byte) bool {
	now := s.Clock.Now()
	switch {
	case s.valid(now) != nil:
		return true
	case !bytes.Equal(s.trusted, authorities):
		return false // a certificate of authorities that were written before needs no writing now
	case verified(authorities, s.current.Load(), now) != nil:
		return true // somebody replaced everything at once
	}
	return !now.Before(s.since.Add(settling))
}

// ensureSecret gives the Secret as it should be, writing it if it is not. A replica that writes at the same time
// wins or loses as a whole; the loser takes over what the winner wrote.
//
// When there is no Secret that can be used, the authorities that the registration trusts stay trusted to their
// end: other replicas still serve certificates of them. Who is to be rid of an authority empties the caBundles too.
func (s *SelfManaged) ensureSecret(ctx context.Context, registered []configuration) (*corev1.Secret, error) {
	secrets := s.Client.CoreV1().Secrets(s.Namespace)
	secret, err := secrets.Get(ctx, s.Secret, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	switch {
	case missing:
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Secret}, Type: corev1.SecretTypeTLS}
	case err != nil:
		return nil, fmt.Errorf("read secret %s/%s: %w", s.Namespace, s.Secret, err)
	}
	fresh, why, err := renewed(secret.Data, s.Names, s.Clock.Now(), authorities(registered)...)
	if err != nil || why == "" {
		return secret, err
	}
	secret = secret.DeepCopy()
	secret.Data = fresh
	if missing {
		secret, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
	} else {
		secret, err = secrets.Update(ctx, secret, metav1.UpdateOptions{}) // with the resourceVersion that was read
	}
	if err != nil {
		return nil, fmt.Errorf("write secret %s/%s: %w", s.Namespace, s.Secret, err)
	}
	s.Log.Info("issued a serving certificate", "secret", s.Namespace+"/"+s.Secret, "because", why)
	return secret, nil
}

// authorities are those that configurations trust; what can't be read is left out.
func authorities(registered []configuration) []*x509.Certificate {
	var found []*x509.Certificate
	for _, each := range registered {
		for _, hook := range each.webhooks {
			certificates, err := parseCertificates(hook.client.CABundle)
			if err != nil {
				continue
			}
			for _, certificate := range certificates {
				if certificate.IsCA && !slices.ContainsFunc(found, certificate.Equal) {
					found = append(found, certificate)
				}
			}
		}
	}
	return found
}

// trust writes the certificate authorities into every webhook of the registration that does not have them.
func (s *SelfManaged) trust(ctx context.Context, registered []configuration, authorities []byte) error {
	var failed []error
	for _, each := range registered {
		patch := each.trusting(authorities)
		if len(patch) == 0 {
			continue
		}
		if err := each.patch(ctx, s.Client, types.JSONPatchType, patch); err != nil {
			failed = append(failed, fmt.Errorf("write the caBundle of %s: %w", each, err))
			continue
		}
		s.Log.Info("wrote the caBundle", each.kind, each.meta.Name)
	}
	return errors.Join(failed...)
}
