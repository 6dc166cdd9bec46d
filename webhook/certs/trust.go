package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/admissionregistration/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// Trust checks that the registration trusts what is really served: it calls the server as the API server does, and
// verifies what it gets with each webhook's caBundle.
type Trust struct {
	// Client reads the configurations.
	Client kubernetes.Interface
	// Configuration names the MutatingWebhookConfiguration, and the ValidatingWebhookConfiguration if there is one.
	Configuration string
	// Source is asked whether its certificate is another one; nothing is checked before it is ready.
	Source Source
	// Dial connects to the server's own listener.
	Dial func(context.Context) (net.Conn, error)
	// Clock and Log are where the time comes from and lines go.
	Clock clock.WithTicker
	Log   *slog.Logger

	result atomic.Pointer[error]
	last   checked
}

// checked is what the last check was about, and when it was.
type checked struct {
	certificate *tls.Certificate
	registered  []configuration
	at          time.Time
}

const (
	// trustEvery is how often the same is checked again.
	trustEvery = time.Minute
	// dialFor is how long a connection to the own listener may take.
	dialFor = 5 * time.Second
)

var errUnchecked = errors.New("it is not checked yet whether the registration trusts what is served")

// Ready is what the last check found: nil when every webhook's caBundle verifies what is served.
func (t *Trust) Ready() error {
	if result := t.result.Load(); result != nil {
		return *result
	}
	return errUnchecked
}

// Run checks when a configuration or the certificate has changed, and every minute, until ctx ends. Whether the
// certificate has changed is asked every two seconds: it costs nothing, and needs nothing of a Source.
func (t *Trust) Run(ctx context.Context) error {
	informers := watchConfigurations(t.Client, t.Configuration)
	reader := registrations{
		name:       t.Configuration,
		mutating:   listers.NewMutatingWebhookConfigurationLister(informers[0].GetIndexer()),
		validating: listers.NewValidatingWebhookConfigurationLister(informers[1].GetIndexer()),
	}
	keep := &loop{
		informers: informers, clock: t.Clock, log: t.Log, wait: func() time.Duration { return retryAfter },
		look: func(ctx context.Context) error {
			if synced(informers) {
				t.look(ctx, reader)
			}
			return nil
		},
	}
	return keep.run(ctx)
}

func synced(informers []cache.SharedIndexInformer) bool {
	for _, informer := range informers {
		if !informer.HasSynced() {
			return false
		}
	}
	return true
}

// look checks what may be other than at the last check.
func (t *Trust) look(ctx context.Context, reader registrations) {
	certificate, err := t.Source.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		return // the Source says it
	}
	registered, err := reader.read()
	now := checked{certificate, registered, t.Clock.Now()}
	same := now.certificate == t.last.certificate && reflect.DeepEqual(now.registered, t.last.registered)
	if same && t.Ready() == nil && err == nil && now.at.Before(t.last.at.Add(trustEvery)) {
		return
	}
	if err == nil {
		err = t.check(ctx, registered)
	}
	if ctx.Err() == nil {
		t.last = now
		t.keep(err)
	}
}

// keep keeps a result, and says so when it is another.
func (t *Trust) keep(err error) {
	before := t.Ready()
	t.result.Store(&err)
	switch {
	case err == nil && before != nil:
		t.Log.Info("the registration trusts what is served")
	case err != nil && (before == nil || err.Error() != before.Error()):
		t.Log.Warn("the registration does not trust what is served", "error", err)
	}
}

// check is an error when a webhook's caBundle does not verify what is served.
func (t *Trust) check(ctx context.Context, registered []configuration) error {
	var failed []error
	for _, each := range registered {
		for _, hook := range each.webhooks {
			if err := t.call(ctx, hook); err != nil {
				failed = append(failed, fmt.Errorf("%s, webhook %s: %w", each, hook.name, err))
			}
		}
	}
	return errors.Join(failed...)
}

// call shakes hands as the API server does before it sends a webhook its first request.
func (t *Trust) call(ctx context.Context, hook webhook) error {
	host, err := hook.host()
	if err != nil {
		return err
	}
	if len(hook.client.CABundle) == 0 {
		return errors.New("its caBundle is empty")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(hook.client.CABundle) {
		return errors.New("its caBundle has no certificate in it")
	}
	ctx, stop := context.WithTimeout(ctx, dialFor)
	defer stop()
	connection, err := t.Dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to what is served: %w", err)
	}
	defer connection.Close()
	client := tls.Client(connection, &tls.Config{RootCAs: roots, ServerName: host, Time: t.Clock.Now, MinVersion: tls.VersionTLS12})
	err = client.HandshakeContext(ctx)
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unverified):
		return fmt.Errorf("its caBundle does not verify the certificate that is served: %w", unverified.Err)
	case err != nil:
		return fmt.Errorf("shake hands with what is served: %w", err)
	}
	return nil
}

// registrations reads both configurations of a name from caches.
type registrations struct {
	name       string
	mutating   listers.MutatingWebhookConfigurationLister
	validating listers.ValidatingWebhookConfigurationLister
}

// read gives those that there are; that nothing mutates is an error.
func (r registrations) read() ([]configuration, error) {
	var found []configuration
	mutates, err := r.mutating.Get(r.name)
	if err != nil {
		err = fmt.Errorf("read %s %s: %w", mutating, r.name, err)
	} else {
		found = append(found, ofMutating(mutates))
	}
	validates, errValidating := r.validating.Get(r.name)
	switch {
	case errValidating == nil:
		found = append(found, ofValidating(validates))
	case !apierrors.IsNotFound(errValidating):
		err = errors.Join(err, fmt.Errorf("read %s %s: %w", validating, r.name, errValidating))
	}
	return found, err
}
