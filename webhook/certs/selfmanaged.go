// Package certs keeps the webhook's serving certificate: one that the webhook issues itself, shared by its
// replicas through a Secret, with its certificate authority written into the webhook's registration.
//
// It promises that a replica never serves a certificate that the registration does not trust for longer than
// the registration takes to be read: new authorities are added to the old ones, never put in their place.
package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
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
	// Configuration is the one MutatingWebhookConfiguration whose caBundles are kept up to date.
	Configuration string
	// Names are those under which the API server calls the webhook; at least one.
	Names Names
	// Clock and Log are where the time comes from and lines go.
	Clock clock.WithTicker
	Log   *slog.Logger

	current atomic.Pointer[tls.Certificate]
	trusted []byte // the authorities that the registration has, as far as Run knows
}

// checkEvery is how often everything is looked at without a change: certificates come due by the clock.
const checkEvery = time.Hour

// retryAfter is how long a failed look waits for the next.
const retryAfter = 2 * time.Second

// Looks a second in the long run, and how many may follow each other at once. Replicas that disagree, as in a
// rollout that changes the names, would otherwise answer each other's writes as fast as the API server takes them.
const (
	pace  = 1
	burst = 10
)

var errNoCertificate = errors.New("no serving certificate is loaded yet")

// GetCertificate gives the current certificate to a TLS server.
func (s *SelfManaged) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if current := s.current.Load(); current != nil {
		return current, nil
	}
	return nil, errNoCertificate
}

// Ready reports why nothing can be served yet; nil once a certificate is loaded.
func (s *SelfManaged) Ready() error {
	_, err := s.GetCertificate(nil)
	return err
}

// NotAfter is when the current certificate ends; zero when there is none.
func (s *SelfManaged) NotAfter() time.Time {
	if current := s.current.Load(); current != nil {
		return current.Leaf.NotAfter
	}
	return time.Time{}
}

// Run keeps Secret, certificate and registration right until ctx ends. Troubles are logged and tried again:
// what is served stays as it is meanwhile.
func (s *SelfManaged) Run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	var watching sync.WaitGroup
	defer watching.Wait()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	secrets := s.watch(s.Namespace, s.Secret)
	configurations := s.watch(metav1.NamespaceAll, s.Configuration)
	for _, informer := range []cache.SharedIndexInformer{
		secrets.Core().V1().Secrets().Informer(),
		configurations.Admissionregistration().V1().MutatingWebhookConfigurations().Informer(),
	} {
		if err := signal(informer, changed); err != nil {
			return err
		}
		watching.Go(func() { informer.RunWithContext(inner) })
	}
	paced := flowcontrol.NewTokenBucketRateLimiter(pace, burst)
	for {
		if paced.Wait(ctx) != nil { // ctx ended
			return nil
		}
		wait := checkEvery
		if err := s.reconcile(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("certificates are not as they should be, trying again", "error", err)
			wait = retryAfter
		}
		due := s.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			due.Stop()
			return nil
		case <-changed:
		case <-due.C():
		}
		due.Stop()
	}
}

// watch gives informers for the one object of a name.
func (s *SelfManaged) watch(namespace, name string) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(s.Client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		}))
}

// signal tells changed of every change; one that is not yet taken stands for all after it.
func signal(informer cache.SharedIndexInformer, changed chan<- struct{}) error {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { tell() }, UpdateFunc: func(any, any) { tell() }, DeleteFunc: func(any) { tell() },
	})
	if err != nil {
		return fmt.Errorf("watch certificates: %w", err)
	}
	return nil
}

// reconcile brings the Secret up to date, the registration after it, and serves the certificate last: nothing
// is served that is not trusted yet, unless there is nothing better.
func (s *SelfManaged) reconcile(ctx context.Context) error {
	secret, err := s.ensureSecret(ctx)
	if err != nil {
		return err
	}
	serving, err := tls.X509KeyPair(secret.Data[certKey], secret.Data[keyKey])
	if err != nil {
		return fmt.Errorf("load the serving certificate: %w", err)
	}
	err = s.trust(ctx, secret.Data[caCertKey])
	if err == nil {
		s.trusted = secret.Data[caCertKey]
	}
	// A certificate of authorities that were written before needs no writing now.
	if bytes.Equal(s.trusted, secret.Data[caCertKey]) || !s.Clock.Now().Before(s.NotAfter()) {
		s.current.Store(&serving)
	}
	return err
}

// ensureSecret gives the Secret as it should be, writing it if it is not. A replica that writes at the same time
// wins or loses as a whole; the loser takes over what the winner wrote.
func (s *SelfManaged) ensureSecret(ctx context.Context) (*corev1.Secret, error) {
	secrets := s.Client.CoreV1().Secrets(s.Namespace)
	secret, err := secrets.Get(ctx, s.Secret, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	switch {
	case missing:
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Secret}, Type: corev1.SecretTypeTLS}
	case err != nil:
		return nil, fmt.Errorf("read secret %s/%s: %w", s.Namespace, s.Secret, err)
	}
	fresh, why, err := renewed(secret.Data, s.Names, s.Clock.Now())
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

// trust writes the certificate authorities into every webhook of the registration that does not have them.
func (s *SelfManaged) trust(ctx context.Context, authorities []byte) error {
	configurations := s.Client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration, err := configurations.Get(ctx, s.Configuration, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read mutatingwebhookconfiguration %s: %w", s.Configuration, err)
	}
	if !withAuthorities(configuration, authorities) {
		return nil
	}
	if _, err := configurations.Update(ctx, configuration, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the caBundle of mutatingwebhookconfiguration %s: %w", s.Configuration, err)
	}
	s.Log.Info("wrote the caBundle", "mutatingwebhookconfiguration", s.Configuration)
	return nil
}

// withAuthorities sets the caBundles and reports whether any was different.
func withAuthorities(configuration *admissionregistrationv1.MutatingWebhookConfiguration, authorities []byte) bool {
	different := false
	for i := range configuration.Webhooks {
		client := &configuration.Webhooks[i].ClientConfig
		if !bytes.Equal(client.CABundle, authorities) {
			client.CABundle, different = authorities, true
		}
	}
	return different
}
