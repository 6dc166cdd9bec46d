package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Source is where the serving certificate comes from. A TLS server asks it at each handshake, so a certificate is
// replaced without a restart and without a connection that breaks.
type Source interface {
	// GetCertificate gives the current certificate to a TLS server.
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Ready reports why nothing valid can be served; nil when it can.
	Ready() error
	// NotAfter is when the current certificate ends; zero when there is none.
	NotAfter() time.Time
	// Run keeps the certificate right until ctx ends, and returns nil then. Troubles are logged and tried again:
	// what is served stays as it is meanwhile.
	Run(ctx context.Context) error
}

var errNoCertificate = errors.New("no serving certificate is loaded yet")

// served is the last good certificate of a Source, and why there is none newer.
type served struct {
	current atomic.Pointer[tls.Certificate]
	trouble atomic.Pointer[error]
}

// GetCertificate gives the current certificate to a TLS server.
func (s *served) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if current := s.current.Load(); current != nil {
		return current, nil
	}
	return nil, errNoCertificate
}

// NotAfter is when the current certificate ends; zero when there is none.
func (s *served) NotAfter() time.Time {
	if current := s.current.Load(); current != nil {
		return current.Leaf.NotAfter
	}
	return time.Time{}
}

// note keeps what stands in the way of a newer certificate; nil when nothing does.
func (s *served) note(err error) {
	if err == nil {
		s.trouble.Store(nil)
		return
	}
	s.trouble.Store(&err)
}

// ready says what is wrong with what is served, and what is in the way of something better.
func (s *served) ready(now time.Time) error {
	err := s.valid(now)
	if trouble := s.trouble.Load(); err != nil && trouble != nil {
		return fmt.Errorf("%w: %w", err, *trouble)
	}
	return err
}

// valid is nil when a certificate is served whose time has not run out.
func (s *served) valid(now time.Time) error {
	current := s.current.Load()
	if current == nil {
		return errNoCertificate
	}
	if err := inTime(current.Leaf, now); err != nil {
		return fmt.Errorf("the serving certificate: %w", err)
	}
	return nil
}

// inTime is an error when a certificate is not valid at a time.
func inTime(certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("it is not valid before %s", certificate.NotBefore.Format(time.RFC3339))
	case !now.Before(certificate.NotAfter):
		return fmt.Errorf("it has expired at %s", certificate.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// loaded reads a pair that is valid at a time.
func loaded(certificate, key []byte, now time.Time) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	return &pair, inTime(pair.Leaf, now)
}

// verified is an error when who trusts bundle does not trust a certificate.
func verified(bundle []byte, certificate *tls.Certificate, now time.Time) error {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	options.Roots.AppendCertsFromPEM(bundle)
	for _, der := range certificate.Certificate[1:] {
		intermediate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		options.Intermediates.AddCert(intermediate)
	}
	_, err := certificate.Leaf.Verify(options)
	return err
}
